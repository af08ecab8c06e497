"""One request to be decided, with everything that was worked out about it on the way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from vestibule.flows.view import Destination, Protected, View
from vestibule.model.application import Application
from vestibule.model.request import RequestFacts
from vestibule.model.rules import Policy

_WEB_SOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class Question:
    """May this request pass? `destination` is the pattern that it was found by."""

    facts: RequestFacts
    view: View
    destination: Destination
    protected: Protected
    now: datetime

    @property
    def application(self) -> Application:
        """What the request is for."""
        return self.protected.application

    @property
    def reference(self) -> str:
        """What a page shows and the log is searched by."""
        return reference(self.facts)

    @property
    def is_strict(self) -> bool:
        """Whether service credentials are taken strictly (access.md 8.1)."""
        return self.view.configuration.organization.strict_service_token_auth

    def policy(self, policy_id: str) -> Policy | None:
        """The application's policy with that id."""
        return next((p for p in self.protected.policies if p.id == policy_id), None)


def reference(facts: RequestFacts) -> str:
    """Return the reference code of a request: the first 16 hex digits of its id."""
    return re.sub(r"[^0-9a-f]", "", facts.request_id.lower())[:16]


def is_token_check(facts: RequestFacts) -> bool:
    """Whether a terminal only asks if its token is good (access.md 12.7)."""
    return "cloudflared_token_check=true" in facts.query.split("&")


def is_web_socket(facts: RequestFacts) -> bool:
    """Whether the request asks to become a WebSocket (RFC 6455; RFC 8441 over HTTP/2).

    The data plane's question has no `Upgrade` of its own; over HTTP/2 there is no key either.
    """
    upgrade = facts.headers.get("upgrade", "").lower()
    return upgrade == _WEB_SOCKET or "sec-websocket-version" in facts.headers


def is_navigation(facts: RequestFacts) -> bool:
    """Whether whoever sent the request can follow a redirect to the login page.

    Terminals do, whatever they ask for: their HEAD and WebSocket requests count on a 302
    (access.md 12.5, 12.8). Of a browser, only a navigation does. Clients that say nothing
    of themselves, such as `curl`, accept anything.
    """
    headers = facts.headers
    if is_web_socket(facts) or facts.method == "HEAD" or is_token_check(facts):
        return True
    if headers.get("user-agent", "").startswith("cloudflared/"):
        return True
    if headers.get("x-requested-with", "").lower() == "xmlhttprequest":
        return False
    if mode := headers.get("sec-fetch-mode"):
        return mode.lower() == "navigate"
    accept = headers.get("accept", "*/*").lower()
    if headers.get("content-type", "").startswith("application/grpc"):
        return False
    return "text/html" in accept or "*/*" in accept


def wants_page(facts: RequestFacts) -> bool:
    """Whether a refusal is read by a person, not by a program."""
    return is_navigation(facts) and "text/html" in facts.headers.get("accept", "").lower()


def challenge(facts: RequestFacts) -> str:
    """Return the `WWW-Authenticate` that tells a program how to get in (access.md 2.6)."""
    path = quote(facts.path, safe="/~!$&'()*+,=:@-._%")
    metadata = (
        f"{facts.scheme}://{facts.authority}/.well-known/cloudflare-access-protected-resource{path}"
    )
    return f'Cloudflare-Access resource_metadata="{metadata}"'
