"""What each address does: it reads the call, and asks one flow."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from vestibule.flows import (
    approval,
    callback,
    handover,
    identity,
    launcher,
    login,
    logout,
    published,
    purpose,
    transfer,
)
from vestibule.flows.door import Door
from vestibule.flows.login_answers import Answer, ShowMessage
from vestibule.flows.question import reference
from vestibule.flows.visit import AskedLogin
from vestibule.model.application import Application
from vestibule.model.errors import NotFound
from vestibule.policy.destinations import parse
from vestibule.web.pages import views
from vestibule.web.team.calls import Call
from vestibule.web.team.responses import json_document, name_application, page, respond, text

Endpoint = Callable[[Door, Call], Response]
_ANSWERS = Callable[[Door, Call], Answer]


def shows(flow: _ANSWERS) -> Endpoint:
    """An endpoint that shows what `flow` answers."""

    def endpoint(door: Door, call: Call) -> Response:
        answer = flow(door, call)
        return respond(door, door.store.configuration(), call, answer)

    return endpoint


def login_page(door: Door, call: Call) -> Response:
    """`/cdn-cgi/access/login/<host>`: also terminals read who it is for."""
    asked = AskedLogin(
        host=call.path.get("host", ""),
        kid=call.one("kid"),
        redirect_url=call.one("redirect_url") or "/",
        fragment=call.one("fragment"),
        meta=call.one("meta"),
        chosen=call.one("idp"),
        again=call.one("again") == "1",
        acr=call.one("acr"),
    )
    configuration = door.store.configuration()
    answer = login.start_login(door, call.facts, asked, call.browser)
    response = respond(door, configuration, call, answer)
    for application in configuration.applications.values():
        if application.aud == asked.kid:
            domain = _domain(application, asked.host)
            return name_application(response, application, domain)
    return response


def _domain(application: Application, host: str) -> str:
    """The application's domain as configured, wildcard included, by which `host` was found."""
    hosts = [destination.partition("/")[0] for destination in application.destinations]
    name = host.partition(":")[0]
    return next((one for one in hosts if parse(one).matches_host(name)), (hosts or [""])[0])


def _callback(door: Door, call: Call) -> Answer:
    return callback.complete_login(door, call.facts, call.parameters, call.browser)


def _refresh(door: Door, call: Call) -> Answer:
    if call.one("success") == "true":
        return ShowMessage("Your identity is up to date", "Your groups were read once more.")
    return login.start_refresh(door, call.facts, call.browser)


def _redeem(door: Door, call: Call) -> Answer:
    return handover.redeem(door, call.facts, call.parameters)


def _logout(door: Door, call: Call) -> Answer:
    return logout.log_out_here(door, call.facts, call.parameters, call.browser)


def _logout_confirmed(door: Door, call: Call) -> Answer:
    call.must_be_ours(logout.FORM)
    return logout.log_out_confirmed(door, call.facts, call.parameters)


def _purpose(door: Door, call: Call) -> Answer:
    return purpose.show_purpose(door, call.facts, call.path["id"], call.browser)


def _purpose_given(door: Door, call: Call) -> Answer:
    call.must_be_ours(purpose.form_of(call.path["id"]))
    said = call.posted("purpose")
    return purpose.give_purpose(door, call.facts, call.path["id"], call.browser, said)


def _waiting(door: Door, call: Call) -> Answer:
    return approval.show_waiting(door, call.facts, call.path["id"], call.browser)


def waiting_state(door: Door, call: Call) -> Response:
    """What the waiting page asks."""
    state = approval.waiting_state(door, call.facts, call.path["id"], call.browser)
    return json_document({"state": state or "unknown"}, 200 if state else 404)


def _waited(door: Door, call: Call) -> Answer:
    return approval.continue_after_approval(door, call.facts, call.path["id"], call.browser)


def _decision(door: Door, call: Call) -> Answer:
    return approval.show_decision(door, call.facts, call.path["id"], call.browser)


def _decided(door: Door, call: Call) -> Answer:
    call.must_be_ours(approval.form_of(call.path["id"]))
    return approval.decide(
        door,
        call.facts,
        call.path["id"],
        call.browser,
        decision=call.posted("decision"),
        duration=call.posted("duration"),
    )


def _terminal(door: Door, call: Call) -> Answer:
    if call.at_team_domain:
        return transfer.start_at_team_domain(door, call.facts, call.parameters, call.browser)
    return transfer.start_at_application(door, call.facts, call.parameters)


def _terminal_approved(door: Door, call: Call) -> Answer:
    call.must_be_ours(transfer.form_of(call.path["id"]))
    return transfer.approve(door, call.facts, call.path["id"], call.browser)


def get_identity(door: Door, call: Call) -> Response:
    """Who is signed in, as JSON; 401 when nobody is."""
    find = (
        identity.identity_at_team_domain
        if call.at_team_domain
        else identity.identity_at_application
    )
    document = find(door, call.facts)
    if document is None:
        return json_document({"err": "you are not signed in here"}, 401)
    return json_document(document)


def certs(door: Door, _call: Call) -> Response:
    """The keys that our tokens are signed with."""
    return json_document(published.certs(door))


def public_cert(door: Door, _call: Call) -> Response:
    """The current key's certificate."""
    return text(published.public_certificate(door))


def protected_resource(door: Door, call: Call) -> Response:
    """How a program finds out where it can get in."""
    return json_document(published.protected_resource(door, call.facts))


def unmatched(door: Door, call: Call) -> Response:
    """A host that no application is configured for."""
    shown = views.UnmatchedHostPage(call.facts.host, reference(call.facts))
    return page(door.store.configuration(), call, shown)


def no_origin(door: Door, call: Call) -> Response:
    """An application with nothing behind it. The header is the data plane's own."""
    configuration = door.store.configuration()
    id = call.facts.headers.get("x-vestibule-application", "")
    application = configuration.applications.get(id)
    name = application.name if application else call.facts.host
    return page(
        configuration, call, views.NoOriginPage(name, call.facts.host, reference(call.facts))
    )


def nothing_here(_door: Door, _call: Call) -> Response:
    """An address that does not exist; never forwarded to an origin."""
    raise NotFound("there is nothing at this address")


show_launcher = shows(lambda door, call: launcher.show_launcher(door, call.facts))
complete_login = shows(_callback)
refresh_identity = shows(_refresh)
authorized = shows(_redeem)
log_out = shows(_logout)
log_out_confirmed = shows(_logout_confirmed)
ask_purpose = shows(_purpose)
give_purpose = shows(_purpose_given)
wait = shows(_waiting)
go_on = shows(_waited)
show_decision = shows(_decision)
decide = shows(_decided)
terminal = shows(_terminal)
approve_terminal = shows(_terminal_approved)
