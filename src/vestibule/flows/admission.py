"""What becomes of somebody who has signed in: the steps that are left, entry, or refusal."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never

from vestibule.flows.access_records import login_record
from vestibule.flows.approval_requests import (
    REQUEST_LIFE,
    approval_mails,
    latest_approval,
    request_approval,
)
from vestibule.flows.attempts import begin_attempt
from vestibule.flows.door import Door
from vestibule.flows.external import ask_external, remembered
from vestibule.flows.handing_over import hand_over
from vestibule.flows.judgement import ExternalAnswers, case_of, judge, needed_evaluations
from vestibule.flows.login_answers import Answer, GoTo, ShowDenied, ShowForbidden
from vestibule.flows.ports import Mail, Records
from vestibule.flows.question import reference
from vestibule.flows.signed_in import global_cookie
from vestibule.flows.visit import Visit, providers_for
from vestibule.login.step_up import acr_values
from vestibule.login.steps import (
    Admit,
    ApprovalRefused,
    AskPurpose,
    AwaitApproval,
    ChooseProvider,
    Demands,
    GoToProvider,
    Proved,
    Refuse,
    RequestApproval,
    Step,
    TurnAway,
    next_step,
)
from vestibule.model.errors import VestibuleError
from vestibule.model.identity import User
from vestibule.model.rules import Policy
from vestibule.model.session import ApprovalRequest, ApprovalState, AttemptStage, GlobalSession
from vestibule.policy.verdict import Verdict
from vestibule.sessions.cookies import Cookie

PURPOSE_PATH = "/cdn-cgi/access/purpose"
WAITING_PATH = "/cdn-cgi/access/waiting"
PURPOSE_LIFE = timedelta(minutes=30)
CLEARED = "cleared-for-terminal"
CLEARED_LIFE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Entrant:
    """Somebody who has signed in, and what they have told of this application.

    A `fresh` session is not stored before its owner is let in or asked for more, and then
    ends the one that it `replaces`.
    """

    session: GlobalSession
    user: User
    fresh: bool = False
    replaces: GlobalSession | None = None
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class _Scene:
    """All that the steps below need."""

    door: Door
    visit: Visit
    entrant: Entrant
    verdict: Verdict
    external: ExternalAnswers


def advance(door: Door, visit: Visit, entrant: Entrant) -> Answer:
    """Decide what comes next for `entrant`, do it, and write it down."""
    configuration, application = visit.configuration, visit.application
    external = ask_external(
        door,
        configuration,
        needed_evaluations(configuration, application),
        session=entrant.session,
        user=entrant.user,
        facts=visit.judged_facts,
    )
    identity = entrant.session.identity
    verdict = judge(
        case_of(configuration, application, visit.judged_facts, identity, entrant.user, external)
    )
    scene = _Scene(door, visit, entrant, verdict, external)
    mails: list[Mail] = []
    with door.store.transaction() as records:
        approval = latest_approval(records, entrant.user, application, door.clock.now())
        proved = Proved(
            identity=identity,
            purpose=entrant.purpose or (approval.reason if approval else ""),
            approval=approval,
        )
        demands = Demands(providers_for(door, visit), verdict, door.clock.now())
        answer = _take(scene, records, next_step(proved, demands), proved, mails)
    for mail in mails:
        # The link is shown to whoever asks, so mail that is lost keeps nobody out.
        with suppress(VestibuleError):
            if door.post is not None:
                door.post.send(mail)
    return answer


def _take(scene: _Scene, records: Records, step: Step, proved: Proved, mails: list[Mail]) -> Answer:
    if _unbound(scene.visit) and isinstance(step, Admit | AskPurpose | RequestApproval):
        # Without a session of the application's own nothing binds a handover to this
        # browser: its host is visited first, gives it one, and sends it back here.
        cookies = _keep(scene, records)
        return GoTo(f"{scene.visit.origin}{scene.visit.return_to}", cookies)
    match step:
        case Admit(policy, approval):
            return _admit(scene, records, policy, approval, proved.purpose)
        case AskPurpose(policy):
            return _ask_purpose(scene, records, policy)
        case RequestApproval(policy):
            return _request_approval(scene, records, policy, proved.purpose, mails)
        case AwaitApproval(_, approval):
            return _wait(scene, records, approval)
        case ApprovalRefused(approval):
            records.put_approval(replace(approval, state=ApprovalState.USED))
            return _refuse(scene, records, ("An approver has said no to your request.",))
        case TurnAway():
            return _turn_away(scene, records)
        case Refuse() | ChooseProvider() | GoToProvider():
            # Of these, somebody who has signed in can only meet the first.
            return _refuse(scene, records, scene.verdict.unmet())
        case _:
            assert_never(step)


def _unbound(visit: Visit) -> bool:
    return not visit.app_session and not visit.at_team_domain


def _admit(
    scene: _Scene,
    records: Records,
    policy: Policy | None,
    approval: ApprovalRequest | None,
    purpose: str,
) -> Answer:
    door, visit, entrant = scene.door, scene.visit, scene.entrant
    cookies = _keep(scene, records)
    records.log(
        login_record(
            visit.judged_facts,
            door.clock.now(),
            allowed=True,
            application=visit.application,
            identity=entrant.session.identity,
            user=entrant.user,
            verdict=scene.verdict,
            purpose_prompt=policy.purpose_justification_prompt if policy and purpose else "",
            purpose=purpose,
            approval=approval,
        )
    )
    if policy is None:
        return GoTo(f"{visit.origin}{visit.return_to}", cookies)
    remember = {"purpose": purpose} if purpose else {}
    remember |= remembered(scene.external)
    if approval is not None:
        records.put_approval(replace(approval, state=ApprovalState.USED))
        until = door.clock.now() + timedelta(seconds=approval.granted_seconds)
        remember["not_after"] = until.isoformat()
    if visit.at_team_domain:
        cleared = f"{entrant.session.id} {visit.application.id}"
        until = door.clock.now() + CLEARED_LIFE
        records.put_blob(CLEARED, cleared, {"policy": policy.id, **remember}, until)
        return GoTo(f"{visit.origin}{visit.return_to}", cookies)
    return GoTo(hand_over(door, records, visit, entrant.session, policy.id, remember), cookies)


def _ask_purpose(scene: _Scene, records: Records, policy: Policy) -> Answer:
    cookies = _keep(scene, records)
    attempt = begin_attempt(
        scene.door,
        records,
        scene.visit,
        AttemptStage.PURPOSE,
        lasts=PURPOSE_LIFE,
        session_id=scene.entrant.session.id,
        remember={"policy": policy.id},
    )
    return GoTo(_team(scene, f"{PURPOSE_PATH}/{attempt.id}"), cookies)


def _request_approval(
    scene: _Scene, records: Records, policy: Policy, purpose: str, mails: list[Mail]
) -> Answer:
    visit = scene.visit
    approval = request_approval(
        scene.door,
        records,
        visit.application,
        policy,
        session=scene.entrant.session,
        user=scene.entrant.user,
        reason=purpose,
    )
    mails += approval_mails(scene.door, visit.configuration, visit.application, policy, approval)
    return _wait(scene, records, approval)


def _wait(scene: _Scene, records: Records, approval: ApprovalRequest) -> Answer:
    cookies = _keep(scene, records)
    attempt = begin_attempt(
        scene.door,
        records,
        scene.visit,
        AttemptStage.APPROVAL,
        lasts=REQUEST_LIFE,
        session_id=scene.entrant.session.id,
        remember={"approval": approval.id},
    )
    return GoTo(_team(scene, f"{WAITING_PATH}/{attempt.id}"), cookies)


def _refuse(scene: _Scene, records: Records, unmet: tuple[str, ...]) -> Answer:
    visit, entrant = scene.visit, scene.entrant
    _log_refusal(scene, records, unmet)
    identity = entrant.session.identity
    again = {"again": "1", "idp": identity.idp_id}
    if acr := acr_values(identity.idp_type, scene.verdict.missing_amr):
        again["acr"] = " ".join(acr)
    return ShowDenied(
        application=visit.application,
        email=entrant.user.email,
        unmet=unmet,
        reference=reference(visit.facts),
        sign_in_again_url=visit.login_path(**again),
        other_account_url=visit.login_path(again="1"),
    )


def _turn_away(scene: _Scene, records: Records) -> Answer:
    unmet = scene.verdict.unmet()
    _log_refusal(scene, records, unmet)
    visit = scene.visit
    return ShowForbidden(visit.application, unmet, reference(visit.facts))


def _log_refusal(scene: _Scene, records: Records, unmet: tuple[str, ...]) -> None:
    records.log(
        login_record(
            scene.visit.judged_facts,
            scene.door.clock.now(),
            allowed=False,
            application=scene.visit.application,
            identity=scene.entrant.session.identity,
            user=scene.entrant.user,
            verdict=scene.verdict,
            reason=" ".join(unmet),
        )
    )


def _keep(scene: _Scene, records: Records) -> tuple[Cookie, ...]:
    """Store a fresh session, end the one before it, and return its cookie."""
    entrant, door = scene.entrant, scene.door
    if not entrant.fresh:
        return ()
    now = door.clock.now()
    before = entrant.replaces
    if before is not None:
        records.end_sessions([before.id], now)
        if before.user_id != entrant.user.id:
            grants = records.live_grants(now, session_id=before.id)
            records.revoke_grants([grant.id for grant in grants], now)
    records.add_session(entrant.session)
    cookie = global_cookie(
        door, records, scene.visit.configuration, entrant.session, entrant.user.email
    )
    return (cookie,)


def _team(scene: _Scene, path: str) -> str:
    return scene.door.team_url(scene.visit.configuration.organization, path)
