"""The three values in which everything is judged: `NO < UNKNOWN < YES` (access.md 3.3).

They are ordered so that `max` is any-of and `min` is all-of. A missing fact, a silent
service and a broken selector are UNKNOWN, never NO: under a `deny` or in an `exclude` a
NO would let somebody past a rule that could not tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum


class Match(IntEnum):
    """How well a rule, a rule group or a policy fits the facts."""

    NO = 0
    UNKNOWN = 1
    YES = 2

    def inverted(self) -> Match:
        """NO for YES, YES for NO; a doubt stays a doubt."""
        return _INVERTED[self]


_NO, _UNKNOWN, _YES = Match
_INVERTED = (_YES, _UNKNOWN, _NO)


def any_of(matches: Iterable[Match]) -> Match:
    """The best of them; NO when there is none, so that an empty include admits nobody."""
    return max(matches, default=_NO)


def all_of(matches: Iterable[Match]) -> Match:
    """The worst of them; YES when there is none, so that an empty require is neutral."""
    return min(matches, default=_YES)


def formula(include: Sequence[Match], require: Sequence[Match], exclude: Sequence[Match]) -> Match:
    """`any(include) AND all(require) AND NOT any(exclude)`."""
    matched = any_of(include)
    if require:
        matched = min(matched, *require)
    if exclude:
        matched = min(matched, any_of(exclude).inverted())
    return matched
