"""Carries a sign-in from the team domain to an application's host (access.md 5.6)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from vestibule.flows.door import Door, port_of
from vestibule.flows.ports import Records
from vestibule.flows.visit import Visit
from vestibule.model.application import Application
from vestibule.model.organization import Organization
from vestibule.model.session import GlobalSession, Handover

AUTHORIZED_PATH = "/cdn-cgi/access/authorized"
HANDOVER_LIFE = timedelta(seconds=60)
MOST_HOPS = 10


def hand_over(
    door: Door,
    records: Records,
    visit: Visit,
    session: GlobalSession,
    policy_id: str,
    remember: Mapping[str, str],
) -> str:
    """Keep a handover for the visit's host, and return the URL where it is redeemed.

    The requested host comes first and the application's other concrete ones after it:
    terminals take the token from the first reply (access.md 2.4, 12.5).
    """
    handover = Handover(
        id=door.entropy.token(),
        host=visit.host,
        application_id=visit.application.id,
        session_id=session.id,
        policy_id=policy_id,
        return_to=visit.return_to,
        expires_at=door.clock.now() + HANDOVER_LIFE,
        app_session=visit.app_session,
        next_hosts=eager_hosts(visit.application, visit.host),
        facts={**remember, "origin": visit.origin, "final": f"{visit.origin}{visit.return_to}"},
    )
    records.add_handover(handover)
    return authorized_url(visit.configuration.organization, handover)


def authorized_url(organization: Organization, handover: Handover) -> str:
    """Where the browser redeems `handover`. `state` is for people who read URLs, not for us."""
    told = {"hostname": handover.host, "authDomain": organization.auth_domain}
    state = base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
    query = urlencode({"nonce": handover.id, "state": state})
    return f"{handover.facts['origin']}{AUTHORIZED_PATH}?{query}"


def eager_hosts(application: Application, first: str) -> tuple[str, ...]:
    """The application's other concrete hosts, which get their cookie at once."""
    if not application.eager_redirect_cookie:
        return ()
    hosts = [
        destination.partition("/")[0].lower()
        for destination in application.destinations
        if "*" not in destination.partition("/")[0]
    ]
    return tuple(host for host in dict.fromkeys(hosts) if host != first)[: MOST_HOPS - 1]


def neighbour_origin(origin: str, host: str) -> str:
    """The origin of `host`, reached as `origin` is."""
    parts = urlsplit(origin)
    return f"{parts.scheme}://{host}{port_of(parts.netloc)}"
