"""Who is signed in to the team domain, by the global token in a cookie."""

from __future__ import annotations

from datetime import datetime

from vestibule.flows.door import Door
from vestibule.flows.ports import Records
from vestibule.model.configuration import Configuration
from vestibule.model.identity import User
from vestibule.model.request import RequestFacts
from vestibule.model.session import GlobalSession
from vestibule.sessions.cookies import AUTHORIZATION, Cookie, global_authorization
from vestibule.tokens.keys import current
from vestibule.tokens.organization import organization_claims
from vestibule.tokens.signing import sign
from vestibule.tokens.verify import TokenKind, TokenRejected, verify


def signed_in(
    door: Door, records: Records, configuration: Configuration, facts: RequestFacts
) -> tuple[GlobalSession, User] | None:
    """The live session that the request's global token names, and its user.

    None when there is no token, or more than one, or it proves nothing, or the session has
    ended, or the provider that it rests on was disabled.
    """
    presented = facts.cookies.get(AUTHORIZATION, ())
    if len(presented) != 1 or not presented[0]:
        return None
    organization = configuration.organization
    now = door.clock.now()
    try:
        claims = verify(
            presented[0],
            records.signing_keys(),
            kind=TokenKind.ORGANIZATION,
            issuer=door.team_url(organization),
            audiences=(organization.auth_domain,),
            now=now,
        )
    except TokenRejected:
        return None
    session = records.session(claims.text("identity_nonce"))
    if session is None or not _live(session, configuration, now):
        return None
    user = records.user(session.user_id)
    return None if user is None or user.id != claims.subject else (session, user)


def _live(session: GlobalSession, configuration: Configuration, now: datetime) -> bool:
    provider = configuration.identity_providers.get(session.identity.idp_id)
    return (
        session.ended_at is None
        and session.expires_at > now
        and provider is not None
        and provider.enabled
    )


def global_cookie(
    door: Door, records: Records, configuration: Configuration, session: GlobalSession, email: str
) -> Cookie:
    """The cookie that carries `session` on the team domain."""
    organization = configuration.organization
    claims = organization_claims(
        issuer=door.team_url(organization),
        auth_domain=organization.auth_domain,
        session=session,
        email=email,
        token_id=door.entropy.token(16),
    )
    token = sign(claims, current(records.signing_keys()))
    return global_authorization(token, session.expires_at)
