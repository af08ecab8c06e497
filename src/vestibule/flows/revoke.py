"""Takes back what was given: sessions end, tokens stop counting (access.md 4.7).

The row is the revocation: once it is committed the gateway rewrites its map from the store,
so a crash in between mends itself.
"""

from __future__ import annotations

from dataclasses import replace

from vestibule.flows.ports import Clock, Entropy, Records, Store
from vestibule.model.access_log import AccessRecord
from vestibule.model.errors import NotFound
from vestibule.model.identity import User
from vestibule.model.session import Grant
from vestibule.sessions.lifetimes import BAR_AFTER_REVOCATION
from vestibule.sessions.revocation import (
    OfApplication,
    OfGrant,
    OfServiceToken,
    OfSession,
    OfUser,
    Reach,
    Revocation,
    reach,
)


def revoke(
    revocation: Revocation, *, store: Store, clock: Clock, entropy: Entropy, reason: str = ""
) -> Reach:
    """End what the revocation reaches, and return it.

    A person whose every session is taken back cannot sign in again for a minute, so that
    no open page signs them in again at once. Raises `NotFound` for a person, a session or a
    grant that is not there.
    """
    with store.transaction() as records:
        return revoke_in(records, revocation, clock=clock, entropy=entropy, reason=reason)


def revoke_user_by_email(
    email: str, *, store: Store, clock: Clock, entropy: Entropy, reason: str = ""
) -> Reach:
    """End everything of the person with that address; raises `NotFound`."""
    with store.transaction() as records:
        user = records.user_by_email(email)
        if user is None:
            raise NotFound(f"nobody with the address {email} has signed in here")
        return revoke_in(records, OfUser(user.id), clock=clock, entropy=entropy, reason=reason)


def revoke_in(
    records: Records,
    revocation: Revocation,
    *,
    clock: Clock,
    entropy: Entropy,
    reason: str = "",
) -> Reach:
    """The same within a transaction that does more than this."""
    now = clock.now()
    user: User | None = None
    match revocation:
        case OfUser(user_id):
            user = records.user(user_id)
            if user is None:
                raise NotFound("there is no such person")
            sessions = records.live_sessions(now, user_id=user_id)
            grants = _unique(
                *records.live_grants(now, user_id=user_id),
                *(grant for s in sessions for grant in records.live_grants(now, session_id=s.id)),
            )
            records.put_user(replace(user, login_barred_until=now + BAR_AFTER_REVOCATION))
        case OfSession(session_id):
            session = records.session(session_id)
            if session is None:
                raise NotFound("there is no such session")
            user = records.user(session.user_id)
            sessions, grants = (session,), records.live_grants(now, session_id=session_id)
        case OfApplication(application_id):
            sessions, grants = (), records.live_grants(now, application_id=application_id)
        case OfGrant(grant_id):
            grant = records.grant(grant_id)
            if grant is None:
                raise NotFound("there is no such grant")
            sessions, grants = (), (grant,)
        case OfServiceToken(service_token_id):
            sessions, grants = (), records.live_grants(now, service_token_id=service_token_id)
    reached = reach(revocation, sessions, grants)
    records.end_sessions(reached.sessions, now)
    records.revoke_grants(reached.grants, now)
    records.log(
        AccessRecord(
            ray_id=entropy.hexadecimal(8),
            created_at=now,
            action="revoke",
            allowed=True,
            reason=reason,
            user_email=user.email if user else "",
            user_id=user.id if user else "",
            application_id=getattr(revocation, "application_id", ""),
            service_token_id=getattr(revocation, "service_token_id", ""),
            facts={"sessions": len(reached.sessions), "grants": len(reached.grants)},
        )
    )
    return reached


def _unique(*grants: Grant) -> tuple[Grant, ...]:
    return tuple({grant.id: grant for grant in grants}.values())
