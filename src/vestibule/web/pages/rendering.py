"""From a view value to the page: its template, status, language and headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from markupsafe import Markup

from vestibule.model.organization import Brand
from vestibule.web.pages.locales import negotiate, speech
from vestibule.web.pages.protection import page_headers
from vestibule.web.pages.static import whole_stylesheet
from vestibule.web.pages.templating import environment
from vestibule.web.pages.views import (
    ApprovalDecisionPage,
    ApprovalWaitingPage,
    DeniedPage,
    ForbiddenPage,
    LauncherPage,
    LoggedOutPage,
    LoginPage,
    LoopPage,
    MessagePage,
    NoOriginPage,
    Page,
    PurposePage,
    SignInErrorPage,
    TerminalApprovalPage,
    UnmatchedHostPage,
)


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """A page as it goes out; `headers` include the content type."""

    html: str
    headers: Mapping[str, str]
    status: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a kind of page is shown and what it may do."""

    template: str
    status: int = 200
    scripts: tuple[str, ...] = ()
    forms: bool = False
    fetches: bool = False
    form_origins: tuple[str, ...] = ()
    carries_style: bool = False


def render(
    page: Page, *, brand: Brand, locale: str = "en", accept_language: str = ""
) -> RenderedPage:
    """The page in the visitor's language, `locale` being the organization's own.

    Statuses: 403 for every refusal; 503 where no service stands behind an application;
    400 for a redirect loop (the browser's state is at fault, and 508 would make monitoring
    blame the server) and for a form that was filled in wrongly; `SignInErrorPage` and
    `MessagePage` say their own; 200 otherwise, also for a login page with an error.
    """
    plan = _plan(page)
    chosen = speech(negotiate(accept_language, locale))
    style = whole_stylesheet(brand) if plan.carries_style else ""
    html = (
        environment(chosen.tag)
        .get_template(plan.template)
        .render(page=page, brand=brand, scripts=plan.scripts, style=Markup(style))  # noqa: S704 - our own file and judged colours
    )
    headers = page_headers(
        language=chosen.tag,
        scripts=bool(plan.scripts),
        forms=plan.forms,
        fetches=plan.fetches,
        images=_images(page, brand),
        form_origins=plan.form_origins,
        inline_style=style,
    )
    return RenderedPage(html, headers, plan.status)


def _plan(page: Page) -> _Plan:
    match page:
        case LoginPage():
            return _Plan("login.html", scripts=("fragment.js",))
        case SignInErrorPage():
            return _Plan("sign_in_error.html", page.status)
        case DeniedPage():
            return _Plan("denied.html", 403)
        case ForbiddenPage():
            return _Plan("forbidden.html", 403)
        case PurposePage():
            status = 400 if page.error else 200
            return _Plan("purpose.html", status, forms=True, form_origins=page.form_origins)
        case ApprovalWaitingPage():
            waiting = page.state == "pending"
            scripts = ("approval.js",) if waiting else ()
            return _Plan("approval_waiting.html", scripts=scripts, fetches=waiting)
        case ApprovalDecisionPage():
            return _Plan("approval_decision.html", forms=not page.decided)
        case LauncherPage():
            return _Plan("launcher.html", scripts=("launcher.js", "moment.js"))
        case LoggedOutPage():
            asking = bool(page.confirm_action)
            return _Plan("logged_out.html", forms=asking, form_origins=page.form_origins)
        case UnmatchedHostPage():
            # The data plane answers every path of such a host with this page, so there is
            # nowhere to fetch a stylesheet from.
            return _Plan("unmatched_host.html", 403, carries_style=True)
        case NoOriginPage():
            return _Plan("no_origin.html", 503)
        case LoopPage():
            return _Plan("loop.html", 400)
        case TerminalApprovalPage():
            return _Plan(
                "terminal_approval.html",
                scripts=("moment.js",),
                forms=True,
                form_origins=page.form_origins,
            )
        case MessagePage():
            scripts = ("close.js",) if page.close else ()
            return _Plan("message.html", page.status, scripts=scripts)
        case _:
            assert_never(page)


def _images(page: Page, brand: Brand) -> tuple[str, ...]:
    tiles = page.tiles if isinstance(page, LauncherPage) else ()
    return (brand.logo_url, *(tile.logo_url for tile in tiles))
