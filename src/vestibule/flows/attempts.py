"""Logins in flight: kept in the store, bound to the browser, few for each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from vestibule.flows.door import Door
from vestibule.flows.ports import Records
from vestibule.flows.visit import Visit, attempt_facts
from vestibule.login.browser import Browser
from vestibule.model.session import AttemptStage, LoginAttempt

AT_PROVIDER_LIFE = timedelta(minutes=10)
"""For so long a provider's answer is waited for (identity.md 8.1)."""
MOST_PER_BROWSER = 20
_RING = "attempts-of-browser"


def begin_attempt(
    door: Door,
    records: Records,
    visit: Visit,
    stage: AttemptStage,
    *,
    lasts: timedelta = AT_PROVIDER_LIFE,
    idp_id: str | None = None,
    session_id: str | None = None,
    remember: Mapping[str, str] | None = None,
) -> LoginAttempt:
    """Keep a login of `visit` at `stage`; the browser's oldest gives way when it has too many."""
    now = door.clock.now()
    attempt = LoginAttempt(
        id=door.entropy.token(),
        browser=visit.browser.hash,
        host=visit.host,
        return_to=visit.return_to,
        stage=stage,
        created_at=now,
        expires_at=now + lasts,
        application_id=visit.application.id or None,
        idp_id=idp_id,
        nonce=door.entropy.token(),
        code_verifier=door.entropy.token(),
        session_id=session_id,
        facts=attempt_facts(visit, **(remember or {})),
    )
    ring = (records.take_blob(_RING, attempt.browser, now) or {}).get("ids", "").split()
    kept = [*ring, attempt.id]
    for old in kept[:-MOST_PER_BROWSER]:
        records.take_attempt(old)
    until = now + timedelta(days=1)
    records.put_blob(_RING, attempt.browser, {"ids": " ".join(kept[-MOST_PER_BROWSER:])}, until)
    records.add_attempt(attempt)
    return attempt


def peek_attempt(
    door: Door, records: Records, id: str, browser: Browser, stage: AttemptStage
) -> LoginAttempt | None:
    """The attempt `id`, if it is this browser's, alive and at `stage`."""
    attempt = records.attempt(id)
    if (
        attempt is None
        or not browser.owns(attempt.browser)
        or attempt.stage is not stage
        or attempt.expires_at <= door.clock.now()
    ):
        return None
    return attempt


def take_attempt(
    door: Door, records: Records, id: str, browser: Browser, stage: AttemptStage
) -> LoginAttempt | None:
    """As `peek_attempt`, and it serves no more.

    Looked at first, so that nobody who merely saw an id can end another browser's login.
    """
    if peek_attempt(door, records, id, browser, stage) is None:
        return None
    return records.take_attempt(id)
