"""What may become of a request that the data plane asks about: a closed list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from vestibule.model.access_log import AccessRecord
from vestibule.sessions.cookies import Cookie


@dataclass(frozen=True, slots=True)
class Admitted:
    """It passes: `headers` replace the request's own, those in `remove` are dropped."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    remove: tuple[str, ...] = ()
    cookies: tuple[Cookie, ...] = ()


@dataclass(frozen=True, slots=True)
class SentToLogin:
    """302 to the login page (access.md 5.1)."""

    location: str
    challenge: str
    cookies: tuple[Cookie, ...]


@dataclass(frozen=True, slots=True)
class SentAway:
    """302 to the address that the application has for those it refuses (access.md 9.3)."""

    location: str


@dataclass(frozen=True, slots=True)
class Unauthenticated:
    """401: whoever it is has not proved it, and cannot follow a redirect to do so."""

    message: str
    challenge: str
    application_aud: str
    application_domain: str
    reference: str


@dataclass(frozen=True, slots=True)
class Denied:
    """403: signed in, and not among those who may enter."""

    application_name: str
    application_aud: str
    application_domain: str
    message: str
    reference: str
    email: str = ""
    unmet: tuple[str, ...] = ()
    sign_in_again_url: str = ""
    launcher_url: str = ""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """403: refused without regard to who it is."""

    application_name: str
    application_aud: str
    application_domain: str
    reference: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unmatched:
    """403: no application is configured there."""

    host: str
    reference: str


@dataclass(frozen=True, slots=True)
class Looping:
    """The browser came back from the login page too often: a page that says why."""

    application_name: str
    findings: tuple[str, ...]
    retry_url: str
    reference: str
    cookies: tuple[Cookie, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """The gateway answers by itself, without a body: a preflight, a terminal's question."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Answer: TypeAlias = (
    Admitted
    | SentToLogin
    | SentAway
    | Unauthenticated
    | Denied
    | Forbidden
    | Unmatched
    | Looping
    | Answered
)


@dataclass(frozen=True, slots=True)
class Decided:
    """An answer, and what the access log is told of it: nothing of bypassed traffic."""

    answer: Answer
    record: AccessRecord | None = None
