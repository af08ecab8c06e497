"""What binds a login, and each form, to the browser that began it."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

_VALUE = re.compile(r"[A-Za-z0-9_-]{20,128}")


def browser_hash(cookie: str) -> str:
    """What the store keeps of a browser's cookie: enough to recognise it, not to forge it."""
    return hashlib.sha256(f"vestibule browser\n{cookie}".encode()).hexdigest()


def form_token(cookie: str, purpose: str) -> str:
    """The token of a form for `purpose`, which only pages shown to this browser contain."""
    text = f"vestibule form\n{purpose}"
    return hmac.new(cookie.encode(), text.encode(), hashlib.sha256).hexdigest()


def form_token_fits(token: str, cookie: str, purpose: str) -> bool:
    """Whether `token` was made for this browser and this purpose."""
    if not cookie:
        return False
    return hmac.compare_digest(token.encode(), form_token(cookie, purpose).encode())


def one_cookie(cookies: Mapping[str, tuple[str, ...]], name: str) -> str:
    """The value of the cookie `name`; empty when it is absent, odd, or was sent twice.

    Twice means that another host of the same domain has set one for us too ("tossing"),
    and nobody can tell which is ours.
    """
    values = cookies.get(name, ())
    if len(values) != 1 or not _VALUE.fullmatch(values[0]):
        return ""
    return values[0]
