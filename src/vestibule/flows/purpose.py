"""Purpose justification: why somebody needs an application (access.md 3.6)."""

from __future__ import annotations

from vestibule.flows.admission import PURPOSE_PATH, Entrant, advance
from vestibule.flows.door import Door
from vestibule.flows.handing_over import eager_hosts, neighbour_origin
from vestibule.flows.login_answers import Answer, ShowPurpose
from vestibule.flows.resume import Resumed, cannot_resume, resume
from vestibule.flows.visit import Visit
from vestibule.login.browser import Browser
from vestibule.model.request import RequestFacts
from vestibule.model.session import AttemptStage

LONGEST_PURPOSE = 1000
_MISSING = "Please write why you need this application."
_TOO_LONG = f"Please use at most {LONGEST_PURPOSE} characters."


def form_of(id: str) -> str:
    """What the form's token is for."""
    return f"purpose {id}"


def show_purpose(door: Door, facts: RequestFacts, id: str, browser: Browser) -> Answer:
    """Show the form."""
    found = resume(door, facts, id, browser, AttemptStage.PURPOSE, take=False)
    return _form(found, browser) if found else cannot_resume(facts)


def give_purpose(
    door: Door, facts: RequestFacts, id: str, browser: Browser, purpose: str
) -> Answer:
    """Take the reason, and go on. An empty one is asked for again (F5)."""
    reason = " ".join(purpose.split())
    error = _MISSING if not reason else _TOO_LONG if len(reason) > LONGEST_PURPOSE else ""
    found = resume(door, facts, id, browser, AttemptStage.PURPOSE, take=not error)
    if found is None:
        return cannot_resume(facts)
    if error:
        return _form(found, browser, error)
    return advance(door, found.visit, Entrant(found.session, found.user, purpose=reason))


def _form(found: Resumed, browser: Browser, error: str = "") -> ShowPurpose:
    visit = found.visit
    policy = visit.configuration.policies.get(str(found.attempt.facts.get("policy", "")))
    return ShowPurpose(
        application=visit.application,
        prompt=policy.purpose_justification_prompt if policy else "",
        action=f"{PURPOSE_PATH}/{found.attempt.id}",
        token=browser.token(form_of(found.attempt.id)),
        approval_needed=policy.approval_required if policy else False,
        form_origins=onward_origins(visit),
        error=error,
    )


def onward_origins(visit: Visit) -> tuple[str, ...]:
    """Every origin that the redirects after a form may pass: browsers judge each hop."""
    others = eager_hosts(visit.application, visit.host)
    return (visit.origin, *(neighbour_origin(visit.origin, host) for host in others))
