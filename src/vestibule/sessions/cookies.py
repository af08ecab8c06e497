"""Every cookie that we set, with its attributes (access.md 4.3; RFC 6265).

All are Secure and host-only. They carry `Expires` beside `Max-Age`: terminals read nothing
else (access.md 12.5).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal, TypeAlias

from vestibule.model.application import Application
from vestibule.sessions.lifetimes import APP_SESSION_LIFE, CSRF_LIFE

AUTHORIZATION = "CF_Authorization"
BINDING = "CF_Binding"
SESSION = "CF_Session"
APP_SESSION = "CF_AppSession"
REDIRECTS = "CF_Redirects"

RESERVED_PATH = "/cdn-cgi/access"
_SLOTS = 32
_APP_SESSION_VALUE = re.compile(r"n[0-9a-f]{32}", re.ASCII)
_UNSAFE = re.compile(r'[\x00-\x20",;\\\x7f-\U0010ffff]')

SameSite: TypeAlias = Literal["None", "Lax", "Strict"]
_SAME_SITE: Mapping[str, SameSite] = {"none": "None", "lax": "Lax", "strict": "Strict"}


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie to be set. It has no Domain, so that it stays on its own host."""

    name: str
    value: str
    expires_at: datetime
    path: str = "/"
    http_only: bool = True
    same_site: SameSite = "None"


def render(cookie: Cookie, now: datetime) -> str:
    """Return the value of a `Set-Cookie` header. Raises ValueError for what cannot stand there."""
    if _UNSAFE.search(cookie.value) or _UNSAFE.search(cookie.name) or "=" in cookie.name:
        raise ValueError(f"the cookie {cookie.name!r} has a value that cannot be sent")
    if _UNSAFE.search(cookie.path) or not cookie.path.startswith("/"):
        raise ValueError(f"the cookie {cookie.name!r} has a path that cannot be sent")
    remaining = max(0, int((cookie.expires_at - now).total_seconds()))
    expires = format_datetime(cookie.expires_at.astimezone(UTC), usegmt=True)
    http_only = "; HttpOnly" if cookie.http_only else ""
    return (
        f"{cookie.name}={cookie.value}; Path={cookie.path}; Expires={expires}; "
        f"Max-Age={remaining}; Secure{http_only}; SameSite={cookie.same_site}"
    )


def deleted(cookie: Cookie) -> Cookie:
    """Return the cookie that takes `cookie` away."""
    return Cookie(
        cookie.name,
        "",
        datetime.fromtimestamp(0, UTC),
        path=cookie.path,
        http_only=cookie.http_only,
        same_site=cookie.same_site,
    )


def global_authorization(token: str, expires_at: datetime) -> Cookie:
    """`CF_Authorization` on the team domain."""
    return Cookie(AUTHORIZATION, token, expires_at)


def csrf_session(value: str, now: datetime) -> Cookie:
    """`CF_Session` on the team domain."""
    return Cookie(SESSION, value, now + CSRF_LIFE)


def authorization(
    token: str, expires_at: datetime, application: Application, *, path: str = "/"
) -> Cookie:
    """`CF_Authorization` on an application's host.

    `path` is that of the destination visited; it counts when the application has a path
    cookie.
    """
    return Cookie(
        AUTHORIZATION,
        token,
        expires_at,
        path=cookie_path(application, path),
        http_only=application.http_only_cookie,
        same_site=_SAME_SITE.get(application.same_site, "None"),
    )


def binding(
    value: str, expires_at: datetime, application: Application, *, path: str = "/"
) -> Cookie:
    """`CF_Binding` on an application's host, beside its `CF_Authorization`."""
    return Cookie(BINDING, value, expires_at, path=cookie_path(application, path))


def cookie_path(application: Application, destination_path: str) -> str:
    """Return the Path of the application's cookies.

    A pattern's literal beginning, up to its first wildcard; a semicolon or the like cannot
    stand in a cookie, so such a path falls back to the whole host.
    """
    if not application.path_cookie:
        return "/"
    literal, wildcard, _ = destination_path.partition("*")
    if wildcard:
        literal = literal[: literal.rfind("/") + 1]
    literal = literal.rstrip("/") or "/"
    return "/" if _UNSAFE.search(literal) or not literal.startswith("/") else literal


def new_app_session(entropy: str) -> str:
    """Return a value for `CF_AppSession` made of 32 random hexadecimal digits."""
    value = f"n{entropy}"
    if not _APP_SESSION_VALUE.fullmatch(value):
        raise ValueError("an application session is made of 32 lower-case hexadecimal digits")
    return value


def app_session_cookies(value: str, now: datetime) -> tuple[Cookie, Cookie]:
    """Return the two cookies that carry `value` on an application's host.

    `CF_AppSession` is the one that terminals read. A browser that opens ten tabs at once
    gets ten values for it and keeps the last; so each also has a slot of its own, of which
    there are few, and any tab's sign-in finds its value again. Both are sent below the
    reserved path only, and so never reach an origin.
    """
    slot = f"{APP_SESSION}_{int(value[-4:], 16) % _SLOTS:02d}"
    expires_at = now + APP_SESSION_LIFE
    return (
        Cookie(APP_SESSION, value, expires_at, path=RESERVED_PATH),
        Cookie(slot, value, expires_at, path=RESERVED_PATH),
    )


def is_app_session(name: str) -> bool:
    """Whether a cookie of that name carries an application session."""
    return name == APP_SESSION or name.startswith(f"{APP_SESSION}_")


def presented_app_sessions(cookies: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return every well-formed application session that a request presents, once each."""
    found = (
        value
        for name, values in cookies.items()
        if is_app_session(name)
        for value in values
        if _APP_SESSION_VALUE.fullmatch(value)
    )
    return tuple(dict.fromkeys(found))


def hash_app_session(value: str) -> str:
    """Return what a handover and a meta token keep of an application session."""
    return hashlib.sha256(value.encode()).hexdigest()


def presents_app_session(cookies: Mapping[str, tuple[str, ...]], hashed: str) -> bool:
    """Whether a request presents the application session with that hash (constant time)."""
    presented = presented_app_sessions(cookies)
    return any(hmac.compare_digest(hash_app_session(value), hashed) for value in presented)
