"""Turns what a flow answered into HTTP: a redirect or a page, and its cookies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import assert_never

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from vestibule.flows import login_answers as said
from vestibule.flows.door import Door
from vestibule.flows.visit import launcher_of
from vestibule.login.browser import slot_of
from vestibule.model.application import Application
from vestibule.model.configuration import Configuration
from vestibule.model.values import Json
from vestibule.sessions.cookies import Cookie, csrf_session, render
from vestibule.web.pages import render as render_page
from vestibule.web.pages import views
from vestibule.web.team.calls import Call, browser_cookie

NO_STORE = "private, max-age=0, no-store, no-cache, must-revalidate"
_PLAIN_HEADERS = {
    "Cache-Control": NO_STORE,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_DENIED = "That account does not have access"


def respond(door: Door, configuration: Configuration, call: Call, answer: said.Answer) -> Response:
    """The response to `call`."""
    cookies: tuple[Cookie, ...] = ()
    match answer:
        case said.GoTo(url, cookies):
            response = redirect(url, call)
        case said.ShowDenied() if answer.application.custom_deny_url:
            response = redirect(answer.application.custom_deny_url, call)
        case said.ShowForbidden() if answer.application.custom_non_identity_deny_url:
            response = redirect(answer.application.custom_non_identity_deny_url, call)
        case said.ShowLoggedOut():
            cookies = answer.cookies
            response = page(configuration, call, view(door, configuration, answer))
        case _:
            response = page(configuration, call, view(door, configuration, answer))
    now = door.clock.now()
    for cookie in cookies:
        response.headers.append("set-cookie", render(cookie, now))
    if call.is_new and call.at_team_domain:
        name = browser_cookie(door)
        cookie = csrf_session(call.browser.cookie, now)
        for given in (name, slot_of(cookie.value, name)):
            response.headers.append("set-cookie", render(replace(cookie, name=given), now))
    return response


def view(door: Door, configuration: Configuration, answer: said.Answer) -> views.Page:
    """The page that shows `answer`."""
    match answer:
        case said.GoTo():
            raise TypeError("a redirect has no page")
        case said.ShowChooser(application, _, choices):
            buttons = tuple(
                views.ProviderChoice(provider.name, provider.type, url) for provider, url in choices
            )
            return views.LoginPage(application.name, buttons)
        case said.ShowDenied():
            return _denied(door, configuration, answer)
        case said.ShowForbidden(application, reasons, reference):
            return views.ForbiddenPage(application.name, reasons, reference)
        case said.ShowFailure(message, causes, retry_url, reference, status):
            return views.SignInErrorPage(message, causes, retry_url, reference, status)
        case said.ShowPurpose(application, prompt, action, token, approval, origins, error):
            return views.PurposePage(
                application.name, prompt, action, token, approval, error, form_origins=origins
            )
        case said.ShowWaiting(application, approvers, url, poll_url, continue_url, state):
            return views.ApprovalWaitingPage(
                application.name, approvers, url, poll_url, continue_url, state
            )
        case said.ShowDecision(application, requester, reason, action, token, decided):
            return views.ApprovalDecisionPage(
                application.name, requester, reason, action, token, decided=decided
            )
        case said.ShowTerminal(application, host, email, requested_at, action, token):
            return views.TerminalApprovalPage(
                application.name, host, email, requested_at, action, token
            )
        case said.ShowLauncher():
            return _launcher(answer)
        case said.ShowLoggedOut(sign_in_url, action, token, origins):
            return views.LoggedOutPage(sign_in_url, action, token, form_origins=origins)
        case said.ShowMessage(title, message, link_url, link_text, close, status):
            return views.MessagePage(title, message, link_url, link_text, close, status=status)
        case _:
            assert_never(answer)


def page(configuration: Configuration, call: Call, shown: views.Page) -> Response:
    """A rendered page, in the visitor's language."""
    organization = configuration.organization
    rendered = render_page(
        shown,
        brand=organization.brand,
        locale=organization.default_locale,
        accept_language=call.facts.headers.get("accept-language", ""),
    )
    return HTMLResponse(rendered.html, rendered.status, headers=dict(rendered.headers))


def redirect(url: str, call: Call) -> Response:
    """To `url`: 302, which terminals expect (access.md 12.5); 303 after a form."""
    status = 303 if call.facts.method == "POST" else 302
    return Response(status_code=status, headers={**_PLAIN_HEADERS, "Location": url})


def json_document(document: Json, status: int = 200) -> Response:
    """A JSON document that nobody keeps."""
    return JSONResponse(document, status, headers=_PLAIN_HEADERS)


def text(body: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Plain text that nobody keeps."""
    return PlainTextResponse(body, status, headers={**_PLAIN_HEADERS, **(headers or {})})


def name_application(response: Response, application: Application, domain: str) -> Response:
    """Add what terminals look for on the login page (access.md 12.2)."""
    response.headers["Cf-Access-Aud"] = application.aud
    response.headers["Cf-Access-Domain"] = domain
    return response


def _denied(door: Door, configuration: Configuration, answer: said.ShowDenied) -> views.DeniedPage:
    has_launcher = launcher_of(configuration) is not None
    return views.DeniedPage(
        application_name=answer.application.name,
        message=answer.application.custom_deny_message or _DENIED,
        email=answer.email,
        unmet=answer.unmet,
        sign_in_again_url=answer.sign_in_again_url,
        other_account_url=answer.other_account_url,
        launcher_url=door.team_url(configuration.organization, "/") if has_launcher else "",
        reference=answer.reference,
    )


def _launcher(answer: said.ShowLauncher) -> views.LauncherPage:
    return views.LauncherPage(
        email=answer.email,
        name=answer.name,
        tiles=tuple(
            views.Tile(tile.name, tile.url, tile.logo_url, tile.domain, tile.tags)
            for tile in answer.tiles
        ),
        logout_url="/cdn-cgi/access/logout",
        tags=_tags(answer.tiles),
        session_expires=answer.expires_at,
    )


def _tags(tiles: Iterable[said.Tile]) -> tuple[str, ...]:
    return tuple(sorted({tag for tile in tiles for tag in tile.tags}))
