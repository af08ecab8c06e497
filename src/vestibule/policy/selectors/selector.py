"""What a selector is: one kind of test, its values' shape, and the words that explain it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from vestibule.model.identity import Identity
from vestibule.model.values import Json
from vestibule.policy.context import Context
from vestibule.policy.match import Match

Body: TypeAlias = Mapping[str, Json]


class Finding(NamedTuple):
    """What came of comparing a rule with the facts.

    `found` is the fact that was looked at. `broken` says that the rule refers to something
    that does not exist: whoever evaluates turns that against the visitor. A tuple, because
    several are made on every request that is decided.
    """

    match: Match
    found: str = ""
    note: str = ""
    broken: bool = False


Judge: TypeAlias = Callable[[Body, Context], Finding]
Sentence: TypeAlias = Callable[[Body, Context], str]


@dataclass(frozen=True, slots=True)
class Field:
    """A value that a rule's body holds. `complaint` returns what is wrong with it, or ""."""

    name: str
    complaint: Callable[[Json], str]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Selector:
    """One kind of test (access.md 3.4).

    `identity`: it asks about who somebody is, which nobody knows before login.
    `continuous`: it is judged anew on every request, not only at login.
    `machine`: it asks about a machine's credential, which counts under `non_identity` and
    `bypass` alone. `meaning` is a sentence for the trace, with the body's values in braces.
    `advice` tells the visitor what to do when the rule had to match and did not, `objection`
    why they are kept out when it ought not to match and may; neither names anybody else.
    """

    name: str
    meaning: str
    judge: Judge
    advice: Sentence
    objection: Sentence
    fields: tuple[Field, ...] = ()
    identity: bool = False
    continuous: bool = False
    machine: bool = False

    def wanted(self, body: Body) -> str:
        """What a rule of this kind asks for, in plain words."""
        return self.meaning.format_map(_Values(body))


class _Values(dict[str, Json]):
    """A body's values; what is missing shows as a question mark."""

    def __missing__(self, key: str) -> str:
        return "?"


def of_identity(judge: Callable[[Body, Identity], Finding]) -> Judge:
    """Make a judge of `judge`, which needs somebody to be identified."""

    def judge_somebody(body: Body, context: Context) -> Finding:
        if context.identity is None:
            return Finding(Match.UNKNOWN, note="nobody has signed in yet")
        return judge(body, context.identity)

    return judge_somebody


def says(sentence: str) -> Sentence:
    """The same sentence for every visitor."""

    def always(_body: Body, _context: Context) -> str:
        return sentence

    return always


def decided(holds: bool, found: str = "") -> Finding:
    """YES or NO, with the fact that decided it."""
    return Finding(Match.YES if holds else Match.NO, found)


def text(value: Json) -> str:
    """Complain unless `value` is a text that is not empty."""
    return "" if isinstance(value, str) and value.strip() else "a text that is not empty"
