"""How long sessions and tokens last (access.md 6): the most specific setting counts."""

from __future__ import annotations

from datetime import datetime, timedelta

from vestibule.model.application import Application
from vestibule.model.organization import Organization
from vestibule.model.rules import Policy

SINGLE_USE = timedelta(seconds=60)
"""What an immediate timeout (`0`) means: enough for the redirect to complete."""

LONGEST = timedelta(hours=730)
SHORTEST_GLOBAL = timedelta(minutes=15)

CSRF_LIFE = timedelta(hours=4)
"""Of `CF_Session`."""
APP_SESSION_LIFE = timedelta(hours=24)
"""Of `CF_AppSession`."""
BAR_AFTER_REVOCATION = timedelta(minutes=1)
"""For so long a person whose sessions were revoked cannot sign in again (access.md 4.7)."""


def token_lifetime(policy: Policy | None, application: Application) -> timedelta:
    """Return how long an application token lasts under `policy`."""
    chosen = application.session_duration
    if policy is not None and policy.session_duration is not None:
        chosen = policy.session_duration
    return _bounded(chosen)


def token_expiry(
    now: datetime,
    policy: Policy | None,
    application: Application,
    *,
    not_after: datetime | None = None,
) -> datetime:
    """Return when a token issued `now` expires.

    `not_after` is an end that was set before: an approval's, a service token's, or that of
    the token which this one replaces.
    """
    expiry = now + token_lifetime(policy, application)
    return expiry if not_after is None else min(expiry, not_after)


def session_expiry(now: datetime, organization: Organization) -> datetime:
    """Return when a global session that begins `now` ends."""
    return now + max(_bounded(organization.session_duration), SHORTEST_GLOBAL)


def _bounded(duration: timedelta) -> timedelta:
    if duration <= timedelta(0):
        return SINGLE_USE
    return min(duration, LONGEST)
