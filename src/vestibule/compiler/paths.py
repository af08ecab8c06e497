"""Tests of a path, as the patterns of destinations and origins write them (access.md 2.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, TypeAlias


@dataclass(frozen=True, slots=True)
class Covered:
    """The path is `pattern` or lies under it; `*` crosses slashes, empty covers everything."""

    pattern: str

    @property
    def everything(self) -> bool:
        """Whether every path passes."""
        return not self.pattern

    @property
    def literal(self) -> bool:
        """Whether Envoy can compare it as it stands: no `*`, and no escape, whose case varies."""
        return "*" not in self.pattern and "%" not in self.pattern

    @property
    def regex(self) -> str:
        """A RE2 pattern for the whole path, without a query."""
        written = ".*".join(_literal(part) for part in self.pattern.split("*"))
        return written if self.pattern.endswith("*") else f"{written}(?:/.*)?"


@dataclass(frozen=True, slots=True)
class Reserved:
    """The path is ours on every application's host, and never an origin's (access.md, intro)."""

    regex: ClassVar[str] = r"/(?:cdn-cgi|\.well-known/cloudflare-access-protected-resource)(?:/.*)?"


@dataclass(frozen=True, slots=True)
class Parametrized:
    """Some segment of the path has a parameter (`;`)."""

    regex: ClassVar[str] = r".*(?:;|%3[bB]).*"


PathTest: TypeAlias = Covered | Reserved | Parametrized

_ESCAPE = re.compile(r"(%[0-9A-Fa-f]{2})")


def _literal(text: str) -> str:
    """RE2 for `text`, in which an escape may be written in either case."""
    return "".join(
        f"(?i:{piece})" if _ESCAPE.fullmatch(piece) else re.escape(piece)
        for piece in _ESCAPE.split(text)
    )


def meet(outer: Covered, inner: Covered) -> tuple[Covered, ...] | None:
    """Return tests that hold exactly where both do, as few as can be; None if nowhere."""
    if inner.everything or inner == outer:
        return (outer,)
    if outer.everything:
        return (inner,)
    if outer.literal and inner.literal:
        if _under(inner.pattern, outer.pattern):
            return (inner,)
        return (outer,) if _under(outer.pattern, inner.pattern) else None
    return (outer, inner)


def _under(path: str, parent: str) -> bool:
    return path.startswith(parent + "/")
