"""Temporary access: the requester waits, the approvers vote (access.md 3.7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from vestibule.flows.access_records import login_record
from vestibule.flows.admission import WAITING_PATH, Entrant, advance
from vestibule.flows.approval_requests import (
    APPROVAL_PATH,
    approval_url,
    approvers,
    is_approved,
)
from vestibule.flows.door import Door
from vestibule.flows.judgement import case_of, judge
from vestibule.flows.launcher import LAUNCHER_OFF, login_to_launcher, refused
from vestibule.flows.login_answers import Answer, GoTo, ShowDecision, ShowMessage, ShowWaiting
from vestibule.flows.ports import Records
from vestibule.flows.resume import cannot_resume, resume
from vestibule.flows.signed_in import signed_in
from vestibule.flows.visit import launcher_of
from vestibule.login.browser import Browser
from vestibule.model.configuration import Configuration
from vestibule.model.durations import parse_duration
from vestibule.model.errors import InvalidConfiguration
from vestibule.model.identity import User
from vestibule.model.request import RequestFacts
from vestibule.model.session import ApprovalRequest, ApprovalState, AttemptStage

LONGEST_GRANT = timedelta(hours=24)
_NOT_YOURS = ShowMessage(
    "Nothing to decide here",
    "This request does not exist any more, or it is not yours to decide.",
    status=404,
)
_DECIDED = {
    ApprovalState.APPROVED: "approved",
    ApprovalState.USED: "approved",
    ApprovalState.DENIED: "denied",
}


def form_of(id: str) -> str:
    """What the form's token is for."""
    return f"approval {id}"


def show_waiting(door: Door, facts: RequestFacts, id: str, browser: Browser) -> Answer:
    """The requester's page while nobody has decided."""
    found = resume(door, facts, id, browser, AttemptStage.APPROVAL, take=False)
    approval = _approval(door, str(found.attempt.facts.get("approval", ""))) if found else None
    if found is None or approval is None:
        return cannot_resume(facts)
    configuration = found.visit.configuration
    policy = configuration.policies.get(approval.policy_id)
    return ShowWaiting(
        application=found.visit.application,
        approvers=approvers(configuration, policy) if policy else (),
        approval_url=approval_url(door, configuration, approval),
        poll_url=f"{WAITING_PATH}/{id}/state",
        continue_url=f"{WAITING_PATH}/{id}/continue",
        state=_DECIDED.get(approval.state, "pending"),
    )


def waiting_state(door: Door, facts: RequestFacts, id: str, browser: Browser) -> str | None:
    """`pending`, `approved` or `denied`, for the page that asks; None for a stranger."""
    found = resume(door, facts, id, browser, AttemptStage.APPROVAL, take=False)
    approval = _approval(door, str(found.attempt.facts.get("approval", ""))) if found else None
    return None if approval is None else _DECIDED.get(approval.state, "pending")


def continue_after_approval(door: Door, facts: RequestFacts, id: str, browser: Browser) -> Answer:
    """Go on: to the application if enough have agreed, else to where one waits."""
    found = resume(door, facts, id, browser, AttemptStage.APPROVAL, take=True)
    if found is None:
        return cannot_resume(facts)
    return advance(door, found.visit, Entrant(found.session, found.user))


def show_decision(door: Door, facts: RequestFacts, id: str, browser: Browser) -> Answer:
    """The approver's page. They are signed in and pass the App Launcher's policies."""
    approver = _approver(door, facts, id)
    if not isinstance(approver, User):
        return approver
    configuration = door.store.configuration()
    approval = _approval(door, id)
    if approval is None or not _may_decide(configuration, approval, approver):
        return _NOT_YOURS
    return _decision(door, configuration, approval, approver, browser)


def decide(
    door: Door,
    facts: RequestFacts,
    id: str,
    browser: Browser,
    *,
    decision: str,
    duration: str,
) -> Answer:
    """Count a vote. The request is read and written in one transaction, so none is lost."""
    approver = _approver(door, facts, id)
    if not isinstance(approver, User):
        return approver
    configuration = door.store.configuration()
    seconds = _seconds(duration) if decision == "approve" else 0
    if decision not in ("approve", "deny") or seconds is None:
        return ShowMessage(
            "That is no decision",
            "Choose approve or decline, and a duration of at most 24 hours.",
            link_url=f"{APPROVAL_PATH}/{id}",
            link_text="Back",
            status=400,
        )
    with door.store.transaction() as records:
        approval = records.approval(id)
        if approval is None or not _may_decide(configuration, approval, approver):
            return _NOT_YOURS
        if _open(door, approval):
            approval = _vote(configuration, approval, approver, seconds)
            records.put_approval(approval)
            _log(door, records, configuration, facts, approval, approver, decision)
    return _decision(door, configuration, approval, approver, browser)


def _vote(
    configuration: Configuration, approval: ApprovalRequest, approver: User, seconds: int
) -> ApprovalRequest:
    policy = configuration.policies[approval.policy_id]
    votes = {**approval.votes, approver.email.lower(): seconds > 0}
    if not seconds:
        return replace(approval, votes=votes, state=ApprovalState.DENIED)
    granted = min(approval.granted_seconds or seconds, seconds)
    voted = replace(approval, votes=votes, granted_seconds=granted)
    if is_approved(configuration, policy, voted):
        return replace(voted, state=ApprovalState.APPROVED)
    return voted


def _approver(door: Door, facts: RequestFacts, id: str) -> User | Answer:
    """Who is about to decide, or what must happen first."""
    configuration = door.store.configuration()
    launcher = launcher_of(configuration)
    if launcher is None:
        return LAUNCHER_OFF
    with door.store.reading() as records:
        found = signed_in(door, records, configuration, facts)
    if found is None:
        back = f"{APPROVAL_PATH}/{id}"
        return GoTo(login_to_launcher(door, configuration, facts, launcher, back))
    session, user = found
    verdict = judge(case_of(configuration, launcher, facts, session.identity, user, {}))
    return refused(door, configuration, facts, launcher, user, verdict) or user


def _may_decide(configuration: Configuration, approval: ApprovalRequest, approver: User) -> bool:
    """Whether they are listed. Nobody decides about themselves."""
    policy = configuration.policies.get(approval.policy_id)
    return (
        policy is not None
        and approval.application_id in configuration.applications
        and approver.id != approval.user_id
        and approver.email.lower() in approvers(configuration, policy)
    )


def _decision(
    door: Door,
    configuration: Configuration,
    approval: ApprovalRequest,
    approver: User,
    browser: Browser,
) -> ShowDecision:
    decided = _DECIDED.get(approval.state, "")
    if not decided and approver.email.lower() in approval.votes:
        decided = "You have approved. Others are asked too."
    elif not decided and not _open(door, approval):
        decided = "This request has expired."
    return ShowDecision(
        application=configuration.applications[approval.application_id],
        requester=approval.email,
        reason=approval.reason,
        action=f"{APPROVAL_PATH}/{approval.id}",
        token=browser.token(form_of(approval.id)),
        decided=decided,
    )


def _open(door: Door, approval: ApprovalRequest) -> bool:
    return approval.state is ApprovalState.PENDING and approval.expires_at > door.clock.now()


def _approval(door: Door, id: str) -> ApprovalRequest | None:
    with door.store.reading() as records:
        return records.approval(id)


def _seconds(duration: str) -> int | None:
    """The seconds granted, from one to a day's; None for anything else."""
    try:
        parsed = parse_duration(duration)
    except InvalidConfiguration:
        return None
    return int(parsed.total_seconds()) if timedelta(seconds=1) <= parsed <= LONGEST_GRANT else None


def _log(
    door: Door,
    records: Records,
    configuration: Configuration,
    facts: RequestFacts,
    approval: ApprovalRequest,
    approver: User,
    decision: str,
) -> None:
    records.log(
        login_record(
            facts,
            door.clock.now(),
            allowed=decision == "approve",
            application=configuration.applications.get(approval.application_id),
            user=approver,
            reason=f"{decision} temporary access of {approval.email}",
            purpose=approval.reason,
            approval=approval,
            action="approval",
        )
    )
