"""One frozen value for each page a person may see; the templates read nothing else.

Text that comes from the configuration or from a visitor is plain text here; the templates
escape it. URLs in these values were made or judged by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class ProviderChoice:
    """A button of the login page. `type` picks the mark beside the name (`okta`, `oidc`...)."""

    name: str
    type: str
    url: str


@dataclass(frozen=True, slots=True)
class LoginPage:
    """Choose how to sign in. `error` stands above the buttons when the last try failed."""

    application_name: str
    providers: tuple[ProviderChoice, ...]
    error: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class SignInErrorPage:
    """A sign-in went wrong. `causes` are what a person may try; `retry_url` starts again."""

    message: str
    causes: tuple[str, ...] = ()
    retry_url: str = ""
    reference: str = ""
    status: int = 400


@dataclass(frozen=True, slots=True)
class DeniedPage:
    """Signed in, but the policies say no (identity denial).

    `unmet` are plain sentences, such as "Sign in with a security key (hwk). You signed in
    with: pwd, otp." `sign_in_again_url` and `other_account_url` offer the way in.
    """

    application_name: str
    message: str
    email: str = ""
    unmet: tuple[str, ...] = ()
    sign_in_again_url: str = ""
    other_account_url: str = ""
    launcher_url: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class ForbiddenPage:
    """Refused without regard to who it is: place, network, certificate (non-identity)."""

    application_name: str
    reasons: tuple[str, ...] = ()
    reference: str = ""


@dataclass(frozen=True, slots=True)
class PurposePage:
    """Why do you need this? `action` takes the POST with `token` and `purpose`.

    `form_origins` are the other origins to which its answer may redirect, each hop counting
    (`https://wiki.example.com`): browsers refuse a redirect after a POST to any other.
    """

    application_name: str
    prompt: str
    action: str
    token: str
    approval_needed: bool = False
    error: str = ""
    form_origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalWaitingPage:
    """Waiting for approvers; the page asks `poll_url` (JSON `{"state": ...}`).

    `state` is `pending`, `approved` or `denied`. `approval_url` is the link to hand over.
    """

    application_name: str
    approvers: tuple[str, ...]
    approval_url: str
    poll_url: str
    continue_url: str
    state: str = "pending"


@dataclass(frozen=True, slots=True)
class ApprovalDecisionPage:
    """An approver decides. POST `token`, `decision` (approve|deny), `duration` (such as `1h`).

    `decided` is empty, `approved`, `denied`, or a sentence that says what became of it.
    """

    application_name: str
    requester: str
    reason: str
    action: str
    token: str
    durations: tuple[str, ...] = ("15m", "1h", "4h", "8h", "24h")
    decided: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """An application in the launcher."""

    name: str
    url: str
    logo_url: str = ""
    domain: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LauncherPage:
    """The applications that this person may open; filtered by tag and by typing.

    `session_expires` is an ISO 8601 moment with its offset.
    """

    email: str
    name: str
    tiles: tuple[Tile, ...]
    logout_url: str
    tags: tuple[str, ...] = ()
    session_expires: str = ""


@dataclass(frozen=True, slots=True)
class LoggedOutPage:
    """Signed out everywhere. `confirm_action` set means: ask first (a POST with `token`).

    `form_origins` as on `PurposePage`.
    """

    sign_in_url: str = ""
    confirm_action: str = ""
    token: str = ""
    form_origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnmatchedHostPage:
    """No application is configured for this hostname."""

    host: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class NoOriginPage:
    """The application lets this person in, but no service stands behind it."""

    application_name: str
    host: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class LoopPage:
    """Three redirects in a row: the diagnosis. `findings` are plain sentences."""

    application_name: str
    findings: tuple[str, ...]
    retry_url: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class TerminalApprovalPage:
    """A terminal asks for this person's token. POST `token` to `action` approves it.

    `requested_at` is an ISO 8601 moment with its offset. `form_origins` as on `PurposePage`.
    """

    application_name: str
    host: str
    email: str
    requested_at: str
    action: str
    token: str
    form_origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Anything short: a title, a sentence, perhaps one link."""

    title: str
    message: str
    link_url: str = ""
    link_text: str = ""
    close: bool = False
    reference: str = ""
    status: int = 200


Page: TypeAlias = (
    LoginPage
    | SignInErrorPage
    | DeniedPage
    | ForbiddenPage
    | PurposePage
    | ApprovalWaitingPage
    | ApprovalDecisionPage
    | LauncherPage
    | LoggedOutPage
    | UnmatchedHostPage
    | NoOriginPage
    | LoopPage
    | TerminalApprovalPage
    | MessagePage
)
