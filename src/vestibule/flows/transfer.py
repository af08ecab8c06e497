"""A terminal asks for this person's token through the browser (access.md 12.6).

The approval page is shown on the team domain alone: on the application's host, a script of
the application could press its button with a key of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode

from vestibule.flows.access_records import login_record
from vestibule.flows.admission import CLEARED
from vestibule.flows.attempts import begin_attempt
from vestibule.flows.door import Door, host_of
from vestibule.flows.external import external_of
from vestibule.flows.grants import issue
from vestibule.flows.handover import not_after
from vestibule.flows.judgement import Case, case_of, judge
from vestibule.flows.login_answers import (
    Answer,
    GoTo,
    ShowDenied,
    ShowFailure,
    ShowMessage,
    ShowTerminal,
)
from vestibule.flows.ports import Records
from vestibule.flows.question import reference
from vestibule.flows.resume import Resumed, cannot_resume, resume
from vestibule.flows.signed_in import global_cookie, signed_in
from vestibule.flows.visit import AskedLogin, Visit, covers, visit_for
from vestibule.login.browser import Browser
from vestibule.login.transfer_box import KEY_OCTETS, NONCE_OCTETS, is_public_key, seal_tokens
from vestibule.model.configuration import Configuration
from vestibule.model.request import RequestFacts
from vestibule.model.session import AttemptStage
from vestibule.policy.verdict import Outcome

CLI_PATH = "/cdn-cgi/access/cli"
TRANSFER_LIFE = timedelta(minutes=10)
_BLOB = "transfer"
_KEPT = ("aud", "token", "send_org_token", "close_interstitial", "redirect_url")

Parameters = Mapping[str, tuple[str, ...]]


def form_of(id: str) -> str:
    """What the form's token is for."""
    return f"terminal {id}"


def start_at_application(door: Door, facts: RequestFacts, parameters: Parameters) -> Answer:
    """`cli` on an application's host: on to the team domain."""
    configuration = door.store.configuration()
    aud = _one(parameters, "aud")
    here = any(
        application.aud == aud and application.enabled and covers(application, facts.host)
        for application in configuration.applications.values()
    )
    if not here or not is_public_key(_one(parameters, "token")):
        return _not_for_us(facts)
    return GoTo(door.team_url(configuration.organization, _cli_path(parameters)))


def start_at_team_domain(
    door: Door, facts: RequestFacts, parameters: Parameters, browser: Browser
) -> Answer:
    """`cli` on the team domain: a login for that application, then the approval page."""
    key = _one(parameters, "token")
    if not is_public_key(key):
        return _not_for_us(facts)
    configuration = door.store.configuration()
    visit = _visit(door, configuration, facts, parameters, browser)
    with door.store.transaction() as records:
        found = signed_in(door, records, configuration, facts)
        cleared = None
        if found is not None:
            name = f"{found[0].id} {visit.application.id}"
            cleared = records.take_blob(CLEARED, name, door.clock.now())
        if found is None or cleared is None:
            return GoTo(door.team_url(configuration.organization, visit.login_path()))
        attempt = begin_attempt(
            door,
            records,
            visit,
            AttemptStage.HANDED_OVER,
            lasts=TRANSFER_LIFE,
            session_id=found[0].id,
            remember={**cleared, **{f"cli_{name}": _one(parameters, name) for name in _KEPT}},
        )
    resumed = Resumed(attempt, visit, *found)
    if visit.application.skip_interstitial and _typed(facts):
        return approve(door, facts, attempt.id, browser)
    return _page(door, resumed, browser)


def approve(door: Door, facts: RequestFacts, id: str, browser: Browser) -> Answer:
    """The person has approved: seal their tokens for the terminal, once."""
    found = resume(door, facts, id, browser, AttemptStage.HANDED_OVER, take=True)
    if found is None:
        return cannot_resume(facts)
    visit, remembered = found.visit, found.attempt.facts
    case = case_of(
        visit.configuration,
        visit.application,
        facts,
        found.session.identity,
        found.user,
        external_of(remembered),
    )
    with door.store.transaction() as records:
        return _transfer(door, records, found, case)


def _transfer(door: Door, records: Records, found: Resumed, case: Case) -> Answer:
    verdict, visit, facts = judge(case), found.visit, found.visit.facts
    remembered = found.attempt.facts
    policy = verdict.policy
    allowed = verdict.outcome is Outcome.ALLOW and policy is not None
    records.log(
        login_record(
            facts,
            door.clock.now(),
            allowed=allowed,
            application=visit.application,
            identity=found.session.identity,
            user=found.user,
            verdict=verdict,
            reason="a terminal was let in" if allowed else " ".join(verdict.unmet()),
        )
    )
    if policy is None or not allowed:
        return ShowDenied(visit.application, found.user.email, verdict.unmet(), reference(facts))
    if policy.id != remembered.get("policy") and (
        policy.purpose_justification_required or policy.approval_required
    ):
        return cannot_resume(facts)
    issued = issue(
        door,
        records,
        case,
        policy,
        session=found.session,
        user=found.user,
        not_after=not_after(remembered),
    )
    org_token = ""
    if remembered.get("cli_send_org_token") == "true":
        configuration, email = visit.configuration, found.user.email
        org_token = global_cookie(door, records, configuration, found.session, email).value
    key = str(remembered.get("cli_token", ""))
    sealed = seal_tokens(
        key,
        app_token=issued.token,
        org_token=org_token,
        seed_hex=door.entropy.hexadecimal(KEY_OCTETS),
        nonce_hex=door.entropy.hexadecimal(NONCE_OCTETS),
    )
    blob = {"body": sealed.body, "key": sealed.public_key}
    records.put_blob(_BLOB, key, blob, door.clock.now() + TRANSFER_LIFE)
    return ShowMessage(
        "Your terminal is signed in",
        "You can close this page and go back to your terminal.",
        close=remembered.get("cli_close_interstitial") == "true",
    )


def collect(door: Door, key: str) -> tuple[str, str] | None:
    """What waits for the terminal with this key: body and our public key; once."""
    if not is_public_key(key):
        return None
    with door.store.transaction() as records:
        blob = records.take_blob(_BLOB, key, door.clock.now())
    return None if blob is None else (blob["body"], blob["key"])


def _page(door: Door, found: Resumed, browser: Browser) -> ShowTerminal:
    visit = found.visit
    destination = next(iter(visit.application.destinations), "")
    return ShowTerminal(
        application=visit.application,
        host=destination,
        email=found.user.email,
        requested_at=door.clock.now().isoformat(),
        action=f"{CLI_PATH}/{found.attempt.id}",
        token=browser.token(form_of(found.attempt.id)),
    )


def _visit(
    door: Door,
    configuration: Configuration,
    facts: RequestFacts,
    parameters: Parameters,
    browser: Browser,
) -> Visit:
    host = host_of(configuration.organization.auth_domain)
    asked = AskedLogin(host, _one(parameters, "aud"), _cli_path(parameters))
    return visit_for(door, configuration, facts, asked, browser)


def _cli_path(parameters: Parameters) -> str:
    kept = {name: _one(parameters, name) for name in _KEPT if _one(parameters, name)}
    return f"{CLI_PATH}?{urlencode(kept)}"


def _typed(facts: RequestFacts) -> bool:
    """Whether a terminal opened the browser here, and no other site led to it."""
    return facts.headers.get("sec-fetch-site", "").lower() == "none"


def _one(parameters: Parameters, name: str) -> str:
    values = parameters.get(name, ())
    return values[0] if len(values) == 1 else ""


def _not_for_us(facts: RequestFacts) -> ShowFailure:
    return ShowFailure(
        "This sign-in was not begun by a terminal that is known here.",
        causes=("Start it again in your terminal.",),
        reference=reference(facts),
    )
