"""What one check found: a verdict, a sentence, and the remedy where there is one to take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How things stand. `unknown` could not be looked at, which is not the same as good."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one thing; `remedy` says what to do about it."""

    verdict: Verdict
    said: str
    remedy: str = ""


def ok(said: str) -> Finding:
    """All is well."""
    return Finding(Verdict.OK, said)


def warn(said: str, remedy: str) -> Finding:
    """It works, and is rarely meant so."""
    return Finding(Verdict.WARN, said, remedy)


def bad(said: str, remedy: str) -> Finding:
    """Somebody will be turned away, or let in, because of this."""
    return Finding(Verdict.BAD, said, remedy)


def unknown(said: str, remedy: str = "") -> Finding:
    """It could not be looked at."""
    return Finding(Verdict.UNKNOWN, said, remedy)
