"""What somebody is told whom the check flow does not let in (access.md 2.6, 2.7, 9.3)."""

from __future__ import annotations

from vestibule.flows.answers import (
    Answer,
    Decided,
    Denied,
    Forbidden,
    Looping,
    SentAway,
    Unauthenticated,
)
from vestibule.flows.login_redirect import login_url, send_to_login
from vestibule.flows.ports import Entropy
from vestibule.flows.question import Question, challenge, is_navigation, is_token_check
from vestibule.flows.record import NOBODY, Whose, check_record
from vestibule.policy.verdict import Outcome, Verdict

DEFAULT_DENIAL = "That account does not have access"
_SIGN_IN = "Sign in to use this application."
_NO_MACHINE = "This application wants a service token, and none that it accepts was presented."


def refuse(
    question: Question,
    verdict: Verdict,
    *,
    entropy: Entropy,
    flaws: tuple[str, ...] = (),
    whose: Whose = NOBODY,
    credentials_failed: bool = False,
) -> Decided:
    """Turn a verdict that does not admit into an answer."""
    facts = question.facts
    if is_token_check(facts) and flaws:
        # A terminal reads anything but a redirect as "the token is good" (access.md 12.7).
        return _login(question, verdict, entropy, flaws, whose)
    if _answers_machines(question, credentials_failed) and verdict.outcome is not Outcome.DENIED:
        return _unauthenticated(question, verdict, _NO_MACHINE, whose)
    if verdict.outcome is Outcome.LOGIN:
        if is_navigation(facts):
            return _login(question, verdict, entropy, flaws, whose)
        return _unauthenticated(question, verdict, _SIGN_IN, whose)
    if verdict.outcome is Outcome.DENIED:
        return denied(question, verdict, whose)
    return forbidden(question, verdict, whose)


def _login(
    question: Question, verdict: Verdict, entropy: Entropy, flaws: tuple[str, ...], whose: Whose
) -> Decided:
    """A redirect is no decision yet; the page that ends a row of them is, and is recorded."""
    answer = send_to_login(question, entropy, flaws)
    if not isinstance(answer, Looping):
        return Decided(answer)
    reason = f"sent to the login page too often: {answer.findings[0]}"
    record = check_record(question, allowed=False, reason=reason, verdict=verdict, whose=whose)
    return Decided(answer, record)


def denied(question: Question, verdict: Verdict, whose: Whose) -> Decided:
    """403, or the application's own page: this person is not among those who may enter."""
    application = question.application
    message = application.custom_deny_message or DEFAULT_DENIAL
    record = check_record(question, allowed=False, reason=message, verdict=verdict, whose=whose)
    if application.custom_deny_url and is_navigation(question.facts):
        return Decided(SentAway(application.custom_deny_url), record)
    answer = Denied(
        application_name=application.name,
        application_aud=application.aud,
        application_domain=question.destination.host,
        message=message,
        reference=question.reference,
        email=whose.email,
        unmet=verdict.unmet(),
        sign_in_again_url=login_url(question),
        launcher_url=f"{question.view.issuer}/",
    )
    return Decided(answer, record)


def forbidden(
    question: Question, verdict: Verdict | None, whose: Whose = NOBODY, *, reason: str = ""
) -> Decided:
    """403, or the application's own page: nobody may enter from there, or like that."""
    application = question.application
    reasons = verdict.unmet() if verdict else ()
    record = check_record(
        question,
        allowed=False,
        reason=reason or (reasons[0] if reasons else "no policy lets this request in"),
        verdict=verdict,
        whose=whose,
    )
    answer: Answer = Forbidden(
        application_name=application.name,
        application_aud=application.aud,
        application_domain=question.destination.host,
        reference=question.reference,
        reasons=reasons,
    )
    if application.custom_non_identity_deny_url and is_navigation(question.facts):
        answer = SentAway(application.custom_non_identity_deny_url)
    return Decided(answer, record)


def unauthenticated(question: Question, message: str) -> Unauthenticated:
    """401 with the way in, for programs."""
    return Unauthenticated(
        message=message,
        challenge=challenge(question.facts),
        application_aud=question.application.aud,
        application_domain=question.destination.host,
        reference=question.reference,
    )


def _unauthenticated(question: Question, verdict: Verdict, message: str, whose: Whose) -> Decided:
    record = check_record(question, allowed=False, reason=message, verdict=verdict, whose=whose)
    return Decided(unauthenticated(question, message), record)


def _answers_machines(question: Question, credentials_failed: bool) -> bool:
    """Whether the application answers 401 where a machine's credentials are missing (2.7)."""
    return (
        question.application.service_auth_401_redirect
        and question.protected.asks_for_machines
        and (credentials_failed or not is_navigation(question.facts))
    )
