"""Continues a login that waits for something: a reason, an approval, a terminal."""

from __future__ import annotations

from dataclasses import dataclass

from vestibule.flows.attempts import peek_attempt, take_attempt
from vestibule.flows.door import Door
from vestibule.flows.login_answers import ShowFailure
from vestibule.flows.question import reference
from vestibule.flows.signed_in import signed_in
from vestibule.flows.visit import Visit, visit_of_attempt
from vestibule.login.browser import Browser
from vestibule.model.identity import User
from vestibule.model.request import RequestFacts
from vestibule.model.session import AttemptStage, GlobalSession, LoginAttempt

INVALID_SESSION = "Invalid session. Please try logging in again"


@dataclass(frozen=True, slots=True)
class Resumed:
    """A login of this browser that waits, with the sign-in that it rests on."""

    attempt: LoginAttempt
    visit: Visit
    session: GlobalSession
    user: User


def resume(
    door: Door,
    facts: RequestFacts,
    id: str,
    browser: Browser,
    stage: AttemptStage,
    *,
    take: bool,
) -> Resumed | None:
    """The login `id` at `stage`; with `take` it serves no more.

    None unless it is this browser's, and whoever is signed in here is who began it.
    """
    configuration = door.store.configuration()
    if take:
        with door.store.transaction() as records:
            found = signed_in(door, records, configuration, facts)
            peeked = peek_attempt(door, records, id, browser, stage)
            if found is None or peeked is None or peeked.session_id != found[0].id:
                return None
            attempt = take_attempt(door, records, id, browser, stage)
    else:
        with door.store.reading() as records:
            found = signed_in(door, records, configuration, facts)
            attempt = peek_attempt(door, records, id, browser, stage)
    if found is None or attempt is None or attempt.session_id != found[0].id:
        return None
    visit = visit_of_attempt(door, configuration, facts, attempt, browser)
    return Resumed(attempt, visit, *found)


def cannot_resume(facts: RequestFacts) -> ShowFailure:
    """What is said when there is nothing to continue."""
    return ShowFailure(
        INVALID_SESSION,
        causes=("This page was left open too long, or belongs to another browser.",),
        reference=reference(facts),
    )
