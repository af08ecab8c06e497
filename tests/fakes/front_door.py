"""A whole front door in memory: the check app, the web app, a provider and browsers."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx2
from starlette.testclient import TestClient

from tests.fakes.store import MemoryStore
from vestibule.connectors import Connector, Expected, ProbeResult, SignIn, SignInFailed
from vestibule.flows.check import Check
from vestibule.flows.door import Door
from vestibule.flows.issuer import Issuer
from vestibule.flows.ports import Mail
from vestibule.flows.view import LiveView
from vestibule.model.access_log import AccessRecord
from vestibule.model.application import Application, ApplicationType
from vestibule.model.configuration import Configuration
from vestibule.model.identity import Identity, IdentityGroup, IdentityProvider
from vestibule.model.organization import Organization
from vestibule.model.rules import Decision, Policy, Rule
from vestibule.model.state import LogQuery
from vestibule.protocols.exchange import Exchange, OutboundError, Request, Response
from vestibule.tokens.keys import generate
from vestibule.web.check import CheckApp
from vestibule.web.team.app import WebDeps, create_web_app

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TEAM = "team.example"
KEY = generate(START - timedelta(days=1))
EVERYONE = (Rule("everyone", {}),)


@dataclass
class SteadyClock:
    """Time that passes only when a test says so."""

    time: datetime = START

    def now(self) -> datetime:
        return self.time

    def pass_by(self, **duration: float) -> None:
        self.time += timedelta(**duration)


class Dice:
    """Real randomness, as the control plane has it."""

    def token(self, octets: int = 32) -> str:
        return secrets.token_urlsafe(octets)

    def hexadecimal(self, octets: int = 32) -> str:
        return secrets.token_hex(octets)

    def uuid(self) -> str:
        return str(uuid.uuid4())


@dataclass
class Person:
    """Whom the fake provider vouches for."""

    email: str = "ada@example.com"
    groups: tuple[str, ...] = ("engineering",)
    amr: tuple[str, ...] | None = ("pwd", "otp")


@dataclass
class FakeConnector:
    """A provider that vouches for `person`, once the browser comes back with the right code."""

    person: Person = field(default_factory=Person)
    begun: list[SignIn] = field(default_factory=list)
    completed: list[tuple[str, Mapping[str, tuple[str, ...]], Expected]] = field(
        default_factory=list
    )
    fails: list[Exception] = field(default_factory=list)

    def validate(self, config: Mapping[str, Any], secrets: frozenset[str], path: str) -> Any:
        return config

    def begin(self, provider: IdentityProvider, sign_in: SignIn) -> Exchange[str]:
        yield from ()
        self.begun.append(sign_in)
        sent = {
            "state": sign_in.state,
            "nonce": sign_in.nonce,
            "code_challenge": sign_in.code_challenge,
            "prompt": sign_in.prompt,
            "acr_values": " ".join(sign_in.acr_values),
        }
        return f"https://idp.example/authorize/{provider.id}?{urlencode(sent)}"

    def complete(
        self, provider: IdentityProvider, answer: Mapping[str, tuple[str, ...]], expected: Expected
    ) -> Exchange[Identity]:
        yield from ()
        self.completed.append((provider.id, answer, expected))
        if self.fails:
            raise self.fails.pop(0)
        if answer.get("code") != ("a-code",):
            raise SignInFailed("The identity provider refused the sign-in: access_denied")
        return Identity(
            idp_id=provider.id,
            idp_type=provider.type,
            subject=f"00u-{self.person.email}",
            email=self.person.email,
            name="Ada Lovelace",
            groups=tuple(IdentityGroup(name, name) for name in self.person.groups),
            amr=self.person.amr,
        )

    def probe(self, provider: IdentityProvider) -> Exchange[ProbeResult]:
        yield from ()
        return ProbeResult({})


class Silence:
    """A network where nobody answers."""

    def send(self, request: Request) -> Response:
        raise OutboundError(f"nobody answers {request.url}")


@dataclass
class Mailbox:
    """A relay that keeps what it was given."""

    mails: list[Mail] = field(default_factory=list)

    def send(self, mail: Mail) -> None:
        self.mails.append(mail)


class Unwatched:
    """Counts nothing."""

    def decided(self, outcome: str, seconds: float) -> None:
        """Nothing to do."""


@dataclass
class Memory:
    """An access log that keeps what the check flow tells it."""

    records: list[AccessRecord] = field(default_factory=list)

    def put(self, record: AccessRecord) -> None:
        self.records.append(record)


def allow(id: str = "p-all", include: tuple[Rule, ...] = EVERYONE, **more: Any) -> Policy:
    """An Allow policy, of everyone by default."""
    return Policy(id, id, Decision.ALLOW, include, **more)


def application(
    id: str, *destinations: str, policies: tuple[str, ...] = ("p-all",), **more: Any
) -> Application:
    """A self-hosted application with an AUD tag that says which."""
    aud = (id.encode().hex() * 32)[:64]
    given = {"type": ApplicationType.SELF_HOSTED, **more}
    return Application(id, aud, id.title(), destinations=destinations, policy_ids=policies, **given)


def configuration(
    *applications: Application,
    policies: tuple[Policy, ...] = (allow(),),
    providers: tuple[str, ...] = ("okta-1",),
    **more: Any,
) -> Configuration:
    """A configuration with these, each provider being of type okta."""
    return Configuration(
        revision=1,
        organization=Organization(
            "org-1", "Example", TEAM, auto_redirect_to_identity=more.pop("straight", False)
        ),
        identity_providers={id: IdentityProvider(id, id.title(), "okta") for id in providers},
        applications={one.id: one for one in applications},
        policies={one.id: one for one in policies},
        **more,
    )


WIKI = application("wiki", "wiki.example")
LAUNCHER = application("launcher", TEAM, type=ApplicationType.APP_LAUNCHER)


class FrontDoor:
    """Everything between a browser and an application, in memory."""

    def __init__(
        self,
        config: Configuration,
        *,
        connector: Connector | None = None,
        network: Any = None,
        scheme: str = "https",
        long_poll: float = 0.0,
    ) -> None:
        self.clock = SteadyClock()
        self.store = MemoryStore(config)
        with self.store.transaction() as records:
            records.put_signing_key(KEY)
        self.provider = FakeConnector()
        self.post = Mailbox()
        self.door = Door(
            store=self.store,
            clock=self.clock,
            entropy=Dice(),
            network=network or Silence(),
            connectors={"okta": connector or self.provider},
            post=self.post,
            scheme=scheme,
        )
        self.scheme = scheme
        live = LiveView(self.store, self.clock, scheme=scheme)
        check = Check(
            live=live,
            store=self.store,
            clock=self.clock,
            entropy=Dice(),
            issuer=Issuer(Dice()),
        )
        self.checks = Memory()
        self.check = TestClient(
            CheckApp(check, live=live, access_log=self.checks, observer=Unwatched()),
            follow_redirects=False,
        )
        self.web = TestClient(
            create_web_app(WebDeps(self.door, long_poll=long_poll)),
            follow_redirects=False,
            raise_server_exceptions=False,
        )

    def browser(self, **more: Any) -> Browser:
        return Browser(self, **more)

    def change(self, *resources: Any) -> None:
        """Configure something anew; it counts at once."""
        with self.store.transaction() as records:
            for resource in resources:
                records.put(resource)
        self.clock.pass_by(seconds=1)

    def log(self) -> list[AccessRecord]:
        with self.store.reading() as records:
            return list(records.access_log(LogQuery(ascending=True)))


@dataclass
class Browser:
    """Keeps cookies by host and path, and follows redirects when asked to."""

    door: FrontDoor
    ip: str = "192.0.2.7"
    country: str = "PT"
    certificate: str = ""
    cookies: dict[tuple[str, str, str], str] = field(default_factory=dict)
    hops: list[str] = field(default_factory=list)

    def get(self, url: str, **more: Any) -> httpx2.Response:
        return self.send("GET", url, **more)

    def send(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """One request, as the data plane forwards it."""
        parts = urlsplit(url)
        host = parts.netloc
        sent = {
            "host": host,
            "accept": "text/html",
            "x-vestibule-client-ip": self.ip,
            "x-vestibule-scheme": self.door.scheme,
            "x-vestibule-mode": "gateway",
            "x-request-id": str(uuid.uuid4()),
        }
        if self.country:
            sent["x-vestibule-country"] = self.country
        if self.certificate:
            sent["x-forwarded-client-cert"] = (
                f'Hash={"ab" * 32};Subject="CN={self.certificate},O=Example"'
            )
        if cookie := self._cookie_header(parts.hostname or "", parts.path or "/"):
            sent["cookie"] = cookie
        if form is not None:
            sent |= {"sec-fetch-site": "same-origin", "origin": "null"}
        sent |= headers or {}
        target = url.partition(host)[2].partition("#")[0] or "/"
        web = parts.path.startswith(("/cdn-cgi/", "/.well-known/cloudflare-")) or (
            parts.hostname == TEAM
        )
        client, prefix = (self.door.web, "") if web else (self.door.check, "/check")
        client.cookies.clear()
        response = client.request(
            method,
            f"https://inside{prefix}{target}",
            headers=sent,
            data=dict(form) if form is not None else None,
        )
        self._keep(parts.hostname or "", response)
        return response

    def follow(self, url: str, *, until: str = "idp.example", most: int = 25) -> httpx2.Response:
        """Follow redirects until a page, or until one leads to the host `until`."""
        self.hops = [url]
        response = self.get(url)
        for _ in range(most):
            if response.status_code not in (302, 303):
                return response
            url = urljoin(url, response.headers["location"])
            self.hops.append(url)
            if urlsplit(url).hostname == until:
                return response
            response = self.get(url)
        raise AssertionError(f"too many redirects: {self.hops}")

    def answer(self, at_provider: httpx2.Response, **changes: str) -> str:
        """The callback URL to which the fake provider sends the browser back."""
        sent = parse_qs(urlsplit(at_provider.headers["location"]).query)
        query = {"code": "a-code", "state": sent["state"][0], **changes}
        return f"{self.door.scheme}://{TEAM}/cdn-cgi/access/callback?{urlencode(query)}"

    def choose(self, chooser: httpx2.Response, name: str = "okta-1") -> str:
        """The URL of a provider's button on the login page."""
        return self.link(chooser, f"idp={name}")

    def link(self, shown: httpx2.Response, part: str) -> str:
        for href in re.findall(r'href="([^"]+)"', shown.text):
            if part in unescape(href):
                return urljoin(f"{self.door.scheme}://{TEAM}/", unescape(href))
        raise AssertionError(f"no link with {part!r} on the page:\n{shown.text}")

    def form(self, shown: httpx2.Response) -> tuple[str, dict[str, str]]:
        """The form of a page: where it goes, and its hidden fields."""
        action = re.search(r'<form method="post" action="([^"]+)"', shown.text)
        assert action, shown.text
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', shown.text)
        return (
            urljoin(f"{self.door.scheme}://{TEAM}/", unescape(action[1])),
            {name: unescape(value) for name, value in hidden},
        )

    def sign_in(self, url: str, provider: str = "okta-1") -> httpx2.Response:
        """From a first visit through the provider to whatever page comes in the end."""
        shown = self.follow(url)
        if shown.status_code == 200 and f"idp={provider}" in unescape(shown.text):
            shown = self.get(self.choose(shown, provider))
        assert urlsplit(shown.headers.get("location", "")).hostname == "idp.example", shown.text
        return self.follow(self.answer(shown))

    def set_cookie(self, host: str, name: str, value: str, path: str = "/") -> None:
        self.cookies[host, name, path] = value

    def cookie(self, host: str, name: str) -> str:
        """The value of a cookie; empty when there is none."""
        return next((v for (h, n, _), v in self.cookies.items() if (h, n) == (host, name)), "")

    def _cookie_header(self, host: str, path: str) -> str:
        return "; ".join(
            f"{name}={value}"
            for (owner, name, below), value in self.cookies.items()
            if owner == host and path.startswith(below)
        )

    def _keep(self, host: str, response: httpx2.Response) -> None:
        for line in response.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            value, *attributes = rest.split("; ")
            said = dict(one.partition("=")[::2] for one in attributes)
            key = (host, name, said["Path"])
            if said["Max-Age"] == "0":
                self.cookies.pop(key, None)
            else:
                self.cookies[key] = value


def without(config: Configuration, id: str) -> IdentityProvider:
    """A provider of `config`, switched off."""
    return replace(config.identity_providers[id], enabled=False)
