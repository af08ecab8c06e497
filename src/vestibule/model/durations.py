"""Durations as the configuration writes them: Go's, such as `2h45m` (access.md 2.2)."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

from vestibule.model.errors import InvalidConfiguration

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3600 * 1_000_000_000,
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_LONGEST_TEXT = 64
_LONGEST = 2**63 - 1
"""Go keeps a duration in 63 bits of nanoseconds: some 292 years."""


def parse_duration(text: str, path: str = "") -> timedelta:
    """Return the duration that `text` says, to the microsecond.

    A sequence of numbers with units (`ns`, `us`, `ms`, `s`, `m`, `h`), or a bare `0`. There
    is no unit for days, and a negative duration is refused. Raises `InvalidConfiguration`.
    """
    if text == "0":
        return timedelta(0)
    if not 0 < len(text) <= _LONGEST_TEXT:
        raise _invalid(text, path)
    total = Decimal(0)
    position = 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            raise _invalid(text, path)
        total += Decimal(part[1]) * _NANOSECONDS[part[2]]
        position = part.end()
    if total > _LONGEST:
        raise InvalidConfiguration(f"the duration {text!r} is longer than 292 years", path=path)
    return timedelta(microseconds=int(total / 1000))


def format_duration(duration: timedelta) -> str:
    """Return `duration` in the shortest form that reads back as itself: `24h`, `1h30m`, `0s`."""
    microseconds = duration // timedelta(microseconds=1)
    if microseconds < 0:
        raise ValueError("a duration is not negative")
    if microseconds == 0:
        return "0s"
    minutes, rest = divmod(microseconds, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    seconds, fraction = divmod(rest, 1_000_000)
    text = f"{hours}h" if hours else ""
    text += f"{minutes}m" if minutes else ""
    if fraction:
        text += f"{seconds}.{fraction:06d}".rstrip("0") + "s"
    elif seconds:
        text += f"{seconds}s"
    return text


def _invalid(text: str, path: str) -> InvalidConfiguration:
    shown = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "..."
    return InvalidConfiguration(
        f"expected a duration such as 30m, 24h or 1h30m, found {shown!r}", path=path
    )
