"""Each view in its fullest, its barest and its most hostile form."""

from __future__ import annotations

import dataclasses
from typing import Any

from vestibule.model.organization import Brand, FooterLink
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
    ProviderChoice,
    PurposePage,
    SignInErrorPage,
    TerminalApprovalPage,
    Tile,
    UnmatchedHostPage,
)

PLAIN = Brand()
BRANDED = Brand(
    organization_name="Northwind Observatory",
    header_text="Welcome to the observatory.",
    footer_text="Use of these applications is logged.",
    background_color="#1f2a4d",
    text_color="#f4f1e8",
    button_color="#e0a526",
    footer_links=(
        FooterLink("Privacy", "https://www.example.com/privacy"),
        FooterLink("House rules", "https://www.example.com/rules"),
    ),
    support_contact="help@example.com",
)
REFERENCE = "9f86d081-884c-4d65-9a2f-eaa0c55ad015"

_TILES = (
    Tile("Wiki", "https://wiki.example.com/", domain="wiki.example.com", tags=("docs",)),
    Tile("Grafana", "https://graphs.example.com/", domain="graphs.example.com", tags=("ops",)),
    Tile("Payroll", "https://payroll.example.com/", domain="payroll.example.com", tags=("people",)),
    Tile("Deploy Board", "https://deploy.example.com/", domain="deploy.example.com", tags=("ops",)),
    Tile("Café Résumé", "https://cafe.example.com/", domain="cafe.example.com", tags=("people",)),
    Tile("Source", "https://git.example.com/", domain="git.example.com", tags=("ops", "docs")),
    Tile("Expenses", "https://expenses.example.com/eu", domain="expenses.example.com/eu"),
)

FULL: dict[str, Page] = {
    "login": LoginPage(
        "Wiki",
        (
            ProviderChoice("Okta", "okta", "/cdn-cgi/access/choose?idp=1"),
            ProviderChoice("Contractors", "oidc", "/cdn-cgi/access/choose?idp=2"),
            ProviderChoice("Partner University", "saml", "/cdn-cgi/access/choose?idp=3"),
            ProviderChoice("One-time PIN by e-mail", "onetimepin", "/cdn-cgi/access/choose?idp=4"),
        ),
        error="That account does not have access",
        reference=REFERENCE,
    ),
    "sign_in_error": SignInErrorPage(
        "Failed to fetch user/group information from the identity provider",
        causes=(
            "The API token that reads your groups has expired; an administrator can renew it.",
            "The identity provider was too busy to answer; trying again in a minute may help.",
        ),
        retry_url="/retry",
        reference=REFERENCE,
        status=502,
    ),
    "denied": DeniedPage(
        "Payroll",
        "That account does not have access",
        email="grace.hopper@example.com",
        unmet=(
            "Sign in with a security key (hwk). You signed in with: pwd, otp.",
            "Be a member of the group “Payroll administrators”.",
        ),
        sign_in_again_url="/again",
        other_account_url="/other",
        launcher_url="/launcher",
        reference=REFERENCE,
    ),
    "forbidden": ForbiddenPage(
        "Deploy Board",
        reasons=(
            "Connect from one of the allowed networks. Your address is 198.51.100.7.",
            "Present a client certificate. None was sent.",
        ),
        reference=REFERENCE,
    ),
    "purpose": PurposePage(
        "Payroll",
        "Which ticket are you working on?",
        "/cdn-cgi/access/purpose",
        "token-1",
        approval_needed=True,
        error="Please write a reason.",
    ),
    "approval_waiting": ApprovalWaitingPage(
        "Payroll",
        ("ada.lovelace@example.com", "edsger.dijkstra@example.com"),
        "https://team.example.com/cdn-cgi/access/approve/6b3a55e0261b0304143f805a24924d0c",
        "/poll",
        "/onward",
    ),
    "approval_granted": ApprovalWaitingPage(
        "Payroll", ("ada.lovelace@example.com",), "", "/poll", "/onward", state="approved"
    ),
    "approval_refused": ApprovalWaitingPage(
        "Payroll", ("ada.lovelace@example.com",), "", "/poll", "/onward", state="denied"
    ),
    "approval_decision": ApprovalDecisionPage(
        "Payroll",
        "grace.hopper@example.com",
        "Ticket 4711: correct the October bonus.\nNeeded before noon.",
        "/cdn-cgi/access/approve",
        "token-2",
    ),
    "approval_decided": ApprovalDecisionPage(
        "Payroll", "grace.hopper@example.com", "Ticket 4711", "/x", "token-2", decided="approved"
    ),
    "launcher": LauncherPage(
        "grace.hopper@example.com",
        "Grace Hopper",
        _TILES,
        "/cdn-cgi/access/logout",
        tags=("docs", "ops", "people"),
        session_expires="2026-11-23T18:19:00+00:00",
    ),
    "logged_out": LoggedOutPage("/sign-in"),
    "log_out": LoggedOutPage(confirm_action="/cdn-cgi/access/logout", token="token-3"),
    "unmatched_host": UnmatchedHostPage("forgotten.example.com", REFERENCE),
    "no_origin": NoOriginPage("Wiki", "wiki.example.com", REFERENCE),
    "loop": LoopPage(
        "Wiki",
        (
            "Your browser does not send back the cookie that was set on wiki.example.com.",
            "The application redirects /cdn-cgi/ to another hostname.",
        ),
        "/retry",
        REFERENCE,
    ),
    "terminal_approval": TerminalApprovalPage(
        "Deploy Board",
        "deploy.example.com",
        "grace.hopper@example.com",
        "2026-11-22T18:19:00+00:00",
        "/cdn-cgi/access/cli",
        "token-4",
    ),
    "message": MessagePage(
        "Your terminal is signed in",
        "Go back to your terminal; it has everything it needs.",
        link_url="/onward",
        link_text="Open my applications",
        close=True,
        reference=REFERENCE,
    ),
}

BARE: dict[str, Page] = {
    "login": LoginPage("Wiki", ()),
    "sign_in_error": SignInErrorPage("Invalid session. Please try logging in again"),
    "denied": DeniedPage("Payroll", "That account does not have access"),
    "forbidden": ForbiddenPage("Deploy Board"),
    "purpose": PurposePage("Payroll", "", "/purpose", "t"),
    "approval_waiting": ApprovalWaitingPage("Payroll", (), "", "", ""),
    "approval_decision": ApprovalDecisionPage("Payroll", "a@example.com", "", "/a", "t", ()),
    "launcher": LauncherPage("a@example.com", "", (), ""),
    "logged_out": LoggedOutPage(),
    "unmatched_host": UnmatchedHostPage(""),
    "no_origin": NoOriginPage("", ""),
    "loop": LoopPage("Wiki", (), ""),
    "terminal_approval": TerminalApprovalPage("Wiki", "", "", "", "/a", "t"),
    "message": MessagePage("Done", ""),
}


def hostile(page: Page, text: str) -> Page:
    """The same page with `text` wherever a stranger's words may stand."""
    made = _hostile(page, text)
    assert isinstance(made, type(page))
    return made


def _hostile(value: Any, text: str) -> Any:
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(_hostile(part, text) for part in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {
            field.name: _hostile(getattr(value, field.name), text)
            for field in dataclasses.fields(value)
            # These decide the kind of page rather than being shown.
            if field.name not in {"state", "status", "decided", "form_origins"}
        }
        return dataclasses.replace(value, **changes)
    return value
