"""The three values in which everything is judged: `NO < UNKNOWN < YES` (access.md 3.3).

They are ordered so that `max` is any-of and `min` is all-of. A missing fact, a silent
service and a broken selector are UNKNOWN, never NO: under a `deny` or in an `exclude` a
NO would let somebody past a rule that could not tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Match(IntEnum):
    """How well a rule, a rule group or a policy fits the facts."""

    NO = 0
    UNKNOWN = 1
    YES = 2

    def inverted(self) -> Match:
        """NO for YES, YES for NO; a doubt stays a doubt."""
        return _INVERTED[self]


_INVERTED = (Match.YES, Match.UNKNOWN, Match.NO)


def any_of(matches: Iterable[Match]) -> Match:
    """The best of them; NO when there is none, so that an empty include admits nobody."""
    return max(matches, default=Match.NO)


def all_of(matches: Iterable[Match]) -> Match:
    """The worst of them; YES when there is none, so that an empty require is neutral."""
    return min(matches, default=Match.YES)


def formula(include: Iterable[Match], require: Iterable[Match], exclude: Iterable[Match]) -> Match:
    """`any(include) AND all(require) AND NOT any(exclude)`."""
    return min(any_of(include), all_of(require), any_of(exclude).inverted())
