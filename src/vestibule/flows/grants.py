"""Issues application tokens to people, and says with which cookies they travel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from vestibule.flows.door import Door
from vestibule.flows.judgement import Case, standing_under
from vestibule.flows.ports import Records
from vestibule.model.application import Application
from vestibule.model.identity import User
from vestibule.model.rules import Policy
from vestibule.model.session import GlobalSession, Grant
from vestibule.policy.destinations import parse
from vestibule.sessions.cookies import Cookie, authorization, binding
from vestibule.sessions.lifetimes import token_expiry
from vestibule.tokens.application import person_claims
from vestibule.tokens.binding import binding_of
from vestibule.tokens.keys import current
from vestibule.tokens.signing import sign


@dataclass(frozen=True, slots=True)
class Issued:
    """An application token with the grant that stands for it."""

    token: str
    grant: Grant
    binding: str


def issue(
    door: Door,
    records: Records,
    case: Case,
    policy: Policy,
    *,
    session: GlobalSession,
    user: User,
    not_after: datetime | None = None,
) -> Issued:
    """Record a grant for `user` under `policy`, and sign its token."""
    now = door.clock.now()
    key = current(records.signing_keys())
    grant = Grant(
        id=door.entropy.token(16),
        application_id=case.application.id,
        policy_id=policy.id,
        issued_at=now,
        expires_at=token_expiry(now, policy, case.application, not_after=not_after),
        session_id=session.id,
        user_id=user.id,
        ip=case.facts.client_ip,
        country=case.facts.country or "",
        external={
            asked.evaluate_url: answer
            for asked, answer in case.external.items()
            if answer is not None
        },
    )
    claims = person_claims(
        issuer=door.team_url(case.configuration.organization),
        application=case.application,
        session=session,
        grant=grant,
        email=user.email,
        standing=standing_under(case, policy),
    )
    records.add_grant(grant)
    return Issued(sign(claims, key), grant, binding_of(grant.id, key))


def token_cookies(
    issued: Issued, application: Application, host: str, return_to: str
) -> tuple[Cookie, ...]:
    """The cookies that carry a token on `host`."""
    path = destination_path(application, host, urlsplit(return_to).path or "/")
    expires_at = issued.grant.expires_at
    token = authorization(issued.token, expires_at, application, path=path)
    if not application.enable_binding_cookie:
        return (token,)
    return (token, binding(issued.binding, expires_at, application, path=path))


def destination_path(application: Application, host: str, path: str) -> str:
    """The path of the application's destination under which `path` lies; `/` for none."""
    for destination in application.destinations:
        if parse(destination).matches(host, path):
            _, slash, rest = destination.partition("/")
            return f"{slash}{rest}" or "/"
    return "/"
