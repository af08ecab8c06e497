"""What the flows at the team domain answer; the web layer turns each into HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vestibule.model.application import Application
from vestibule.model.identity import IdentityProvider
from vestibule.sessions.cookies import Cookie


@dataclass(frozen=True, slots=True)
class GoTo:
    """Send the browser to `url`."""

    url: str
    cookies: tuple[Cookie, ...] = ()


@dataclass(frozen=True, slots=True)
class ShowChooser:
    """Let the visitor choose how to sign in: each provider with the path that goes there."""

    application: Application
    host: str
    choices: tuple[tuple[IdentityProvider, str], ...]


@dataclass(frozen=True, slots=True)
class ShowDenied:
    """Signed in, and not allowed; `unmet` says what was missing."""

    application: Application
    email: str
    unmet: tuple[str, ...]
    reference: str
    sign_in_again_url: str = ""
    other_account_url: str = ""


@dataclass(frozen=True, slots=True)
class ShowForbidden:
    """Refused whoever it is."""

    application: Application
    reasons: tuple[str, ...]
    reference: str


@dataclass(frozen=True, slots=True)
class ShowFailure:
    """The sign-in went wrong; `causes` are what a person may try."""

    message: str
    causes: tuple[str, ...] = ()
    retry_url: str = ""
    reference: str = ""
    status: int = 400


@dataclass(frozen=True, slots=True)
class ShowPurpose:
    """Ask for the reason; the answer is posted to `action` with `token`."""

    application: Application
    prompt: str
    action: str
    token: str
    approval_needed: bool
    form_origins: tuple[str, ...]
    error: str = ""


@dataclass(frozen=True, slots=True)
class ShowWaiting:
    """The approvers have been asked."""

    application: Application
    approvers: tuple[str, ...]
    approval_url: str
    poll_url: str
    continue_url: str
    state: str


@dataclass(frozen=True, slots=True)
class ShowDecision:
    """An approver is asked; `decided` says what came of it."""

    application: Application
    requester: str
    reason: str
    action: str
    token: str
    decided: str = ""


@dataclass(frozen=True, slots=True)
class ShowTerminal:
    """A terminal wants this person's token; approving it is a POST."""

    application: Application
    host: str
    email: str
    requested_at: str
    action: str
    token: str


@dataclass(frozen=True, slots=True)
class Tile:
    """An application in the launcher."""

    name: str
    url: str
    logo_url: str
    domain: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShowLauncher:
    """The applications that this person may open."""

    email: str
    name: str
    tiles: tuple[Tile, ...]
    expires_at: str


@dataclass(frozen=True, slots=True)
class ShowLoggedOut:
    """Signed out; or, with `token`, ask whether that is wanted. `sign_in_url` leads back."""

    sign_in_url: str = ""
    action: str = ""
    token: str = ""
    form_origins: tuple[str, ...] = ()
    cookies: tuple[Cookie, ...] = ()


@dataclass(frozen=True, slots=True)
class ShowMessage:
    """Anything short."""

    title: str
    message: str
    link_url: str = ""
    link_text: str = ""
    close: bool = False
    status: int = 200


Answer: TypeAlias = (
    GoTo
    | ShowChooser
    | ShowDenied
    | ShowForbidden
    | ShowFailure
    | ShowPurpose
    | ShowWaiting
    | ShowDecision
    | ShowTerminal
    | ShowLauncher
    | ShowLoggedOut
    | ShowMessage
)
