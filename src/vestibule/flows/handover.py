"""`authorized` on an application's host: the sign-in arrives (access.md 5.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from vestibule.flows.access_records import login_record
from vestibule.flows.door import Door
from vestibule.flows.external import external_of
from vestibule.flows.grants import issue, token_cookies
from vestibule.flows.handing_over import HANDOVER_LIFE, authorized_url, neighbour_origin
from vestibule.flows.judgement import Case, case_of, judge
from vestibule.flows.login_answers import Answer, GoTo, ShowDenied, ShowFailure, ShowForbidden
from vestibule.flows.ports import Records
from vestibule.flows.question import reference
from vestibule.flows.visit import covers
from vestibule.model.application import Application
from vestibule.model.configuration import Configuration
from vestibule.model.identity import User
from vestibule.model.request import RequestFacts
from vestibule.model.rules import Policy
from vestibule.model.session import GlobalSession, Handover
from vestibule.model.values import Json
from vestibule.policy.verdict import Outcome, Verdict
from vestibule.sessions.cookies import REDIRECTS, presents_app_session
from vestibule.sessions.loops import came_back, circle_of
from vestibule.sessions.loops import cookie as loop_cookie

INVALID_LOGIN = "Invalid login session – Please try going to the URL of your application again"  # noqa: RUF001 - the reference's own dash


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A handover with everything that it names, all of it still good."""

    handover: Handover
    configuration: Configuration
    application: Application
    session: GlobalSession
    user: User
    facts: RequestFacts


def redeem(door: Door, facts: RequestFacts, parameters: Mapping[str, tuple[str, ...]]) -> Answer:
    """Trade the one-time nonce for an application token on this host.

    The policies are judged once more, by what this host sees of the request: its address
    and its certificate are not those that the team domain was shown.
    """
    configuration = door.store.configuration()
    nonces = parameters.get("nonce", ())
    with door.store.transaction() as records:
        handover = records.take_handover(nonces[0]) if len(nonces) == 1 else None
        arrival = _arrival(door, records, configuration, facts, handover)
        if arrival is None:
            return ShowFailure(INVALID_LOGIN, reference=reference(facts), status=400)
        case = case_of(
            configuration,
            arrival.application,
            facts,
            arrival.session.identity,
            arrival.user,
            external_of(arrival.handover.facts),
        )
        return _decide(door, records, arrival, case, judge(case))


def _arrival(
    door: Door,
    records: Records,
    configuration: Configuration,
    facts: RequestFacts,
    handover: Handover | None,
) -> _Arrival | None:
    now = door.clock.now()
    if handover is None or handover.expires_at <= now or handover.host != facts.host:
        return None
    if handover.app_session:
        if not presents_app_session(facts.cookies, handover.app_session):
            return None
    elif not handover.facts.get("chained"):
        return None
    application = configuration.applications.get(handover.application_id)
    session = records.session(handover.session_id)
    if application is None or not application.enabled or session is None:
        return None
    provider = configuration.identity_providers.get(session.identity.idp_id)
    user = records.user(session.user_id)
    if (
        not covers(application, facts.host)
        or session.ended_at is not None
        or session.expires_at <= now
        or provider is None
        or not provider.enabled
        or user is None
    ):
        return None
    return _Arrival(handover, configuration, application, session, user, facts)


def _decide(
    door: Door, records: Records, arrival: _Arrival, case: Case, verdict: Verdict
) -> Answer:
    policy, handover = verdict.policy, arrival.handover
    if verdict.outcome in (Outcome.BYPASS, Outcome.SERVICE_AUTH):
        return GoTo(_target(handover))
    if verdict.outcome is Outcome.ALLOW and policy is not None:
        if policy.id != handover.policy_id and _wants_more(policy):
            # Another policy speaks here, whose questions were not asked: begin again.
            return GoTo(_target(handover))
        return _let_in(door, records, arrival, case, policy)
    unmet = verdict.unmet()
    records.log(
        login_record(
            arrival.facts,
            door.clock.now(),
            allowed=False,
            application=arrival.application,
            identity=arrival.session.identity,
            user=arrival.user,
            verdict=verdict,
            reason=" ".join(unmet),
        )
    )
    code = reference(arrival.facts)
    if verdict.outcome is Outcome.FORBIDDEN:
        return ShowForbidden(arrival.application, unmet, code)
    return ShowDenied(arrival.application, arrival.user.email, unmet, code)


def _let_in(door: Door, records: Records, arrival: _Arrival, case: Case, policy: Policy) -> Answer:
    handover = arrival.handover
    issued = issue(
        door,
        records,
        case,
        policy,
        session=arrival.session,
        user=arrival.user,
        not_after=not_after(handover.facts),
    )
    cookies = token_cookies(issued, arrival.application, handover.host, handover.return_to)
    page = urlsplit(handover.return_to).path
    circle = circle_of(arrival.facts.cookies.get(REDIRECTS, ()), page, door.clock.now())
    return GoTo(_next(door, records, arrival), (*cookies, loop_cookie(came_back(circle))))


def _next(door: Door, records: Records, arrival: _Arrival) -> str:
    """The next host of an eager chain, or at last where the visitor wanted to go."""
    handover = arrival.handover
    if not handover.next_hosts:
        return str(handover.facts.get("final") or _target(handover))
    host, *rest = handover.next_hosts
    onward = replace(
        handover,
        id=door.entropy.token(),
        host=host,
        return_to="/",
        expires_at=door.clock.now() + HANDOVER_LIFE,
        # That host has not seen this browser yet, so it has given it no session of its own.
        app_session="",
        next_hosts=tuple(rest),
        facts={
            **handover.facts,
            "chained": "1",
            "origin": neighbour_origin(str(handover.facts["origin"]), host),
        },
    )
    records.add_handover(onward)
    return authorized_url(arrival.configuration.organization, onward)


def _target(handover: Handover) -> str:
    return f"{handover.facts['origin']}{handover.return_to}"


def _wants_more(policy: Policy) -> bool:
    return policy.purpose_justification_required or policy.approval_required


def not_after(remembered: Mapping[str, Json]) -> datetime | None:
    """The end that approvers set; None where they were not asked."""
    text = remembered.get("not_after")
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None
