"""Requests that carry service credentials (access.md 8.1).

Strictly, which is the default: the credentials alone count, a failure is a 401 or a 403 and
never a redirect, and no cookie is given. In the classic manner a failure makes the request
a stranger's, and a success may be kept in a cookie.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from vestibule.flows.admit import admit, token_cookies
from vestibule.flows.answers import Answered, Decided
from vestibule.flows.issuer import Issuer
from vestibule.flows.ports import Store
from vestibule.flows.present import context_of
from vestibule.flows.question import Question, is_token_check
from vestibule.flows.record import NOBODY, Whose, check_record
from vestibule.flows.refuse import forbidden, unauthenticated
from vestibule.flows.reissue import for_machine
from vestibule.model.machine import ServiceToken
from vestibule.model.rules import Policy
from vestibule.policy.context import Context
from vestibule.policy.evaluate import evaluate
from vestibule.policy.verdict import Outcome, Verdict
from vestibule.tokens.presented import Credentials, Malformed, presented_credentials
from vestibule.tokens.service import SecretCheck, check_secret

_NOT_ACCEPTED = "The service token was not accepted."


@dataclass(frozen=True, slots=True)
class Judged:
    """What the credentials of a request came to; `token` is set when it is known whose."""

    check: SecretCheck
    token: ServiceToken | None = None


def judge_credentials(question: Question) -> Judged | Malformed | None:
    """Return what the request's service credentials are worth, None when there are none."""
    single = question.application.read_service_tokens_from_header
    presented = presented_credentials(question.facts.headers, single)
    if not isinstance(presented, Credentials):
        return presented
    token = question.view.service_token(presented.client_id)
    if token is None:
        return Judged(SecretCheck.UNKNOWN)
    return Judged(check_secret(token, presented.secret.reveal(), question.now), token)


def decide_strictly(
    question: Question, judged: Judged | Malformed, issuer: Issuer, store: Store | None
) -> Decided:
    """Return the answer to a request with service credentials, where they are taken strictly.

    Malformed ones and unknown client ids are not recorded: anybody could fill the log.
    """
    if isinstance(judged, Malformed):
        return Decided(unauthenticated(question, judged.reason.capitalize() + "."))
    answer = unauthenticated(question, _NOT_ACCEPTED)
    if judged.token is None:
        return Decided(answer)
    whose = Whose(service_token_id=judged.token.id)
    if judged.check is not SecretCheck.VALID:
        reason = f"service token: {judged.check}"
        record = check_record(question, allowed=False, reason=reason, whose=whose)
        return Decided(answer, record)
    context = replace(context_of(question), service_token_id=judged.token.id)
    verdict = evaluate(question.protected.machine_policies, context)
    if verdict.outcome is Outcome.BYPASS:
        return Decided(admit(question))
    if verdict.outcome is Outcome.SERVICE_AUTH and verdict.policy is not None:
        return admit_machine(
            question, verdict, verdict.policy, context, issuer, store, may_keep=False
        )
    return forbidden(question, verdict, whose, reason="service token: not authorized")


def admit_machine(
    question: Question,
    verdict: Verdict,
    policy: Policy,
    context: Context,
    issuer: Issuer,
    store: Store | None,
    *,
    may_keep: bool,
) -> Decided:
    """Let in what a Service Auth policy lets in. Raises `RecordsNeeded`."""
    issued = issuer.issue(question, for_machine(question, policy, context, kept=may_keep), store)
    whose = NOBODY
    if context.service_token_id is not None:
        whose = Whose(service_token_id=context.service_token_id)
    record = check_record(question, allowed=True, verdict=verdict, whose=whose)
    if is_token_check(question.facts):
        return Decided(Answered(204), record)
    set_cookies = token_cookies(question, issued) if may_keep else ()
    return Decided(admit(question, issued, set_cookies=set_cookies), record)
