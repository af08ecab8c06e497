"""Noticing a browser that goes in circles between a page and the login (attacks.md R3).

A cookie on the application's host remembers the last turn. Only a full turn counts: a
sign-in arrived, and still the same page sent the browser to the login page again. Ten tabs
that ask for one page at once make no turn at all.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from vestibule.sessions.cookies import REDIRECTS, Cookie, deleted

WINDOW = timedelta(seconds=30)
TURNS = 2
"""The third redirect to the login page, after two sign-ins that arrived, becomes a page."""

_VALUE = re.compile(r"([0-9])\.([0-9]{10})\.([0-9a-f]{12})\.([ar])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Circle:
    """How often one page was left for the login in vain, since when (seconds, Unix)."""

    page: str
    since: int
    turns: int = 0
    arrived: bool = False

    @property
    def closed(self) -> bool:
        """Whether it is time to stop and to say why."""
        return self.turns >= TURNS


def circle_of(values: Iterable[str], path: str, now: datetime) -> Circle:
    """Return what the cookie says of the page at `path`; what it cannot say counts as nothing."""
    page = hashlib.sha256(path.encode()).hexdigest()[:12]
    moment = int(now.timestamp())
    for value in list(values)[:8]:
        match = _VALUE.fullmatch(value)
        if match is None or match[3] != page:
            continue
        since = int(match[2])
        if since <= moment < since + WINDOW.total_seconds():
            return Circle(page, since, int(match[1]), match[4] == "a")
    return Circle(page, moment)


def sent_away(circle: Circle) -> Circle:
    """The page sends the browser to the login page."""
    return replace(circle, turns=min(circle.turns + circle.arrived, 9), arrived=False)


def came_back(circle: Circle) -> Circle:
    """A sign-in for the page has arrived."""
    return replace(circle, arrived=True)


def cookie(circle: Circle) -> Cookie:
    """The cookie that remembers `circle`."""
    value = f"{circle.turns}.{circle.since:010d}.{circle.page}.{'a' if circle.arrived else 'r'}"
    expires_at = datetime.fromtimestamp(circle.since, tz=UTC) + WINDOW
    return Cookie(REDIRECTS, value, expires_at, same_site="Lax")


def forgotten(circle: Circle) -> Cookie:
    """The cookie that takes it away."""
    return deleted(cookie(circle))
