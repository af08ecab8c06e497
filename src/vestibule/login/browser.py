"""What binds a login, and each form, to the browser that began it.

A browser that opens ten tabs at once, without a cookie yet, is given ten and keeps the last
under the cookie's name; so each also has a slot of its own, of which there are few, and any
tab's sign-in finds its value again.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

_VALUE = re.compile(r"[A-Za-z0-9_-]{20,128}")
_SLOTS = 32


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser, by the value of its cookie; `others` are those of its further slots."""

    cookie: str
    others: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """What the store keeps: enough to recognise the browser, not to forge its cookie."""
        return _hash(self.cookie)

    def owns(self, hash: str) -> bool:
        """Whether what is kept under `hash` began in this browser."""
        return any(
            hmac.compare_digest(_hash(cookie), hash) for cookie in (self.cookie, *self.others)
        )

    def token(self, purpose: str) -> str:
        """The token of a form for `purpose`, which only pages shown to this browser contain."""
        return _token(self.cookie, purpose)

    def token_fits(self, token: str, purpose: str) -> bool:
        """Whether `token` was made for this browser and this purpose."""
        return any(
            hmac.compare_digest(_token(cookie, purpose).encode(), token.encode())
            for cookie in (self.cookie, *self.others)
        )


def presented_browser(cookies: Mapping[str, tuple[str, ...]], name: str) -> Browser | None:
    """The browser that a request's cookies speak of; None when none of them is ours.

    A cookie that was sent twice is not believed: another host of the same domain has set
    one for us too ("tossing"), and nobody can tell which is ours.
    """
    names = (name, *(slot_name(name, number) for number in range(_SLOTS)))
    found = dict.fromkeys(_one(cookies, each) for each in names)
    values = [value for value in found if value]
    return Browser(values[0], tuple(values[1:])) if values else None


def slot_of(cookie: str, name: str) -> str:
    """The name of the slot that a new cookie also goes to."""
    return slot_name(name, int(_hash(cookie)[:8], 16) % _SLOTS)


def slot_name(name: str, number: int) -> str:
    """The name of a slot."""
    return f"{name}_{number:02d}"


def _one(cookies: Mapping[str, tuple[str, ...]], name: str) -> str:
    values = cookies.get(name, ())
    return values[0] if len(values) == 1 and _VALUE.fullmatch(values[0]) else ""


def _hash(cookie: str) -> str:
    return hashlib.sha256(f"vestibule browser\n{cookie}".encode()).hexdigest()


def _token(cookie: str, purpose: str) -> str:
    text = f"vestibule form\n{purpose}"
    return hmac.new(cookie.encode(), text.encode(), hashlib.sha256).hexdigest()
