"""The data plane's question: may this request pass? (access.md 2.5-2.7, 4.4, 8.1, 12)

Asked of whatever Envoy could not prove by itself. What memory can answer is answered at
once; what needs the database is asked again from a worker thread. Nothing is let in but by
a verdict that says so.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from vestibule.flows.admit import admit, admit_unprotected, token_cookies
from vestibule.flows.answers import Admitted, Answered, Decided, Unmatched
from vestibule.flows.issuer import Issued, Issuer, RecordsNeeded
from vestibule.flows.machines import Judged, admit_machine, decide_strictly, judge_credentials
from vestibule.flows.ports import Clock, Entropy, Store
from vestibule.flows.preflight import is_preflight, preflight_answer
from vestibule.flows.present import (
    Forwarder,
    Holder,
    Machine,
    Person,
    Presented,
    context_of,
    holders,
    presented_tokens,
)
from vestibule.flows.question import Question, is_token_check, reference
from vestibule.flows.record import Whose, check_record, unmatched_record
from vestibule.flows.refuse import forbidden, refuse
from vestibule.flows.reissue import for_forwarder, for_person, is_up_to_date
from vestibule.flows.view import LiveView, View
from vestibule.model.request import RequestFacts
from vestibule.model.rules import Policy
from vestibule.policy.context import Context
from vestibule.policy.destinations import normalize_path
from vestibule.policy.evaluate import evaluate
from vestibule.policy.verdict import Outcome, Verdict
from vestibule.tokens.metadata import sign_metadata
from vestibule.tokens.service import SecretCheck

METADATA_REQUEST = "cf-access-metadata-request"


class Check:
    """Answers the data plane. One instance serves the whole process, from any thread."""

    def __init__(
        self, *, live: LiveView, store: Store, clock: Clock, entropy: Entropy, issuer: Issuer
    ) -> None:
        self._live = live
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._issuer = issuer

    def at_once(self, facts: RequestFacts) -> Decided | None:
        """Return the decision if memory alone can tell it, None when the database must."""
        view = self._live.fresh()
        if view is None:
            return None
        try:
            return self._decide(facts, view, None)
        except RecordsNeeded:
            return None

    def decide(self, facts: RequestFacts) -> Decided:
        """Return the decision; may wait for the database.

        Raises `StoreUnavailable` and `NoSigningKey`: whoever asked must let nobody in then.
        """
        return self._decide(facts, self._live.current(), self._store)

    def _decide(self, facts: RequestFacts, view: View, store: Store | None) -> Decided:
        path = normalize_path(facts.path)
        if path is None:
            return Decided(Answered(400))
        facts = replace(facts, path=path)
        destination = view.destination(facts.host, path)
        if destination is None:
            return _unmatched(facts, view, self._clock.now())
        protected = view.protected(destination.application_id)
        question = Question(facts, view, destination, protected, self._clock.now())
        if not question.application.enabled:
            return forbidden(question, None, reason="the application is switched off")
        if facts.method == "HEAD" and facts.headers.get(METADATA_REQUEST, "").lower() == "true":
            return _metadata(question)
        if is_preflight(facts):
            return _preflight(question)
        return self._by_credentials(question, store)

    def _by_credentials(self, question: Question, store: Store | None) -> Decided:
        judged = judge_credentials(question)
        if judged is None:
            return self._by_tokens(question, store)
        if question.is_strict:
            return decide_strictly(question, judged, self._issuer, store)
        if isinstance(judged, Judged) and judged.check is SecretCheck.VALID and judged.token:
            context = replace(context_of(question), service_token_id=judged.token.id)
            whose = Whose(service_token_id=judged.token.id)
            return self._by_context(question, context, store, whose=whose)
        return self._by_tokens(question, store, credentials_failed=True)

    def _by_tokens(
        self, question: Question, store: Store | None, *, credentials_failed: bool = False
    ) -> Decided:
        presented = presented_tokens(question)
        refusal = None
        flaws = presented.flaws
        if presented.proven:
            found, flaws = self._look_up(question, presented, store)
            for holder in found:
                decided = self._by_holder(question, holder, store)
                if decided is not None and isinstance(decided.answer, Admitted | Answered):
                    return decided
                refusal = refusal or decided
        if refusal is not None:
            return refusal
        return self._by_context(
            question,
            context_of(question),
            store,
            flaws=flaws,
            whose=Whose(had_token=bool(flaws)),
            credentials_failed=credentials_failed,
        )

    def _look_up(
        self, question: Question, presented: Presented, store: Store | None
    ) -> tuple[list[Holder], tuple[str, ...]]:
        if store is None:
            raise RecordsNeeded
        with store.reading() as records:
            result = holders(question, presented, records)
        return result.found, tuple(result.flaws)

    def _by_context(
        self,
        question: Question,
        context: Context,
        store: Store | None,
        *,
        whose: Whose,
        flaws: tuple[str, ...] = (),
        credentials_failed: bool = False,
    ) -> Decided:
        """Decide without an identity: what the request itself shows, and its machine."""
        verdict = evaluate(question.protected.policies, context)
        if verdict.outcome is Outcome.BYPASS:
            return _passed(question)
        if verdict.outcome is Outcome.SERVICE_AUTH and verdict.policy is not None:
            by_token = context.service_token_id is not None
            return admit_machine(
                question,
                verdict,
                verdict.policy,
                context,
                self._issuer,
                store,
                may_keep=not by_token or question.protected.may_keep_machine_tokens,
            )
        return refuse(
            question,
            verdict,
            entropy=self._entropy,
            flaws=flaws,
            whose=whose,
            credentials_failed=credentials_failed,
        )

    def _by_holder(self, question: Question, holder: Holder, store: Store | None) -> Decided | None:
        """Decide about whoever presented a living token; None: as if they had not."""
        context = context_of(question, holder)
        verdict = evaluate(question.protected.policies, context)
        if verdict.outcome is Outcome.BYPASS:
            return _passed(question)
        match holder:
            case Person():
                return self._by_person(question, holder, context, verdict, store)
            case Machine():
                return self._by_machine(question, holder, context, verdict, store)
            case Forwarder():
                return self._by_forwarder(question, holder, verdict, store)
            case _:
                assert_never(holder)

    def _by_person(
        self,
        question: Question,
        person: Person,
        context: Context,
        verdict: Verdict,
        store: Store | None,
    ) -> Decided:
        whose = Whose(person.session, person.user.email, person.user.id, had_token=True)
        if verdict.policy is not None and verdict.outcome is Outcome.SERVICE_AUTH:
            return admit_machine(
                question, verdict, verdict.policy, context, self._issuer, store, may_keep=False
            )
        if verdict.policy is None or verdict.outcome is not Outcome.ALLOW:
            return refuse(question, verdict, entropy=self._entropy, whose=whose)
        if not _was_asked(question, person, verdict.policy):
            login = replace(verdict, outcome=Outcome.LOGIN)
            return refuse(question, login, entropy=self._entropy, whose=whose)
        draft = for_person(question, person, verdict.policy, context)
        record = check_record(question, allowed=True, verdict=verdict, whose=whose)
        if is_token_check(question.facts):
            return Decided(Answered(204), record)
        if is_up_to_date(person.token.claims.all, draft):
            issued, set_cookies = Issued(person.token.raw, person.grant), ()
        else:
            issued = self._issuer.issue(question, draft, store)
            set_cookies = token_cookies(question, issued) if person.token.by_cookie else ()
        answer = admit(
            question,
            issued,
            email=person.user.email,
            keep_cookie=person.token.by_cookie,
            set_cookies=set_cookies,
        )
        return Decided(answer, record)

    def _by_machine(
        self,
        question: Question,
        machine: Machine,
        context: Context,
        verdict: Verdict,
        store: Store | None,
    ) -> Decided | None:
        if verdict.outcome is not Outcome.SERVICE_AUTH or verdict.policy is None:
            return None
        return admit_machine(
            question, verdict, verdict.policy, context, self._issuer, store, may_keep=True
        )

    def _by_forwarder(
        self, question: Question, forwarder: Forwarder, verdict: Verdict, store: Store | None
    ) -> Decided | None:
        if verdict.outcome is not Outcome.SERVICE_AUTH or verdict.policy is None:
            return None
        issued = self._issuer.issue(
            question, for_forwarder(question, forwarder, verdict.policy), store
        )
        email = forwarder.user.email if forwarder.user else ""
        whose = Whose(
            forwarder.session,
            email,
            forwarder.user.id if forwarder.user else "",
            forwarder.grant.service_token_id or "",
            had_token=True,
        )
        record = check_record(question, allowed=True, verdict=verdict, whose=whose)
        return Decided(admit(question, issued, email=email), record)


def _passed(question: Question) -> Decided:
    """Bypass: nobody is asked, nothing is recorded."""
    if is_token_check(question.facts):
        return Decided(Answered(204))
    return Decided(admit(question))


def _was_asked(question: Question, person: Person, policy: Policy) -> bool:
    """Whether the policy's questions (purpose, approval) were answered for this session.

    They were if the token was given under it, as it is now; else the login flow asks them.
    """
    if not (policy.purpose_justification_required or policy.approval_required):
        return True
    version = person.token.claims.all.get("policy_version")
    return person.grant.policy_id == policy.id and version in (question.protected.plan.version, "")


def _preflight(question: Question) -> Decided:
    application = question.application
    bypassed = evaluate(question.protected.policies, context_of(question))
    if application.options_preflight_bypass or bypassed.outcome is Outcome.BYPASS:
        return Decided(admit(question))
    return Decided(preflight_answer(question.facts, application.cors))


def _metadata(question: Question) -> Decided:
    """Answer a terminal that asks what stands here, before any policy (access.md 12.2)."""
    signed = sign_metadata(
        hostname=question.facts.host,
        configured_hostname=question.destination.host,
        auth_domain=question.view.configuration.organization.auth_domain,
        aud=question.application.aud,
        key=question.view.key,
        now=question.now,
    )
    return Decided(Answered(204, {"cf-access-metadata": signed}))


def _unmatched(facts: RequestFacts, view: View, now: datetime) -> Decided:
    """No application is there. An ambiguous path is refused also where others may pass."""
    ambiguous = ";" in facts.path or "%3B" in facts.path
    if view.configuration.organization.deny_unmatched_requests or ambiguous:
        return Decided(Unmatched(facts.host, reference(facts)), unmatched_record(facts, now))
    return Decided(admit_unprotected(facts))
