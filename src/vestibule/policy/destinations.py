"""Which application a host and a path belong to: among ten thousand, for the price of ten.

Hosts hang in a tree, from the last label to the first; at each node, paths are looked up by
their literal beginnings. Both ways the work grows with the request, not with the patterns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from vestibule.policy.paths import normalize_path as normalize_path
from vestibule.policy.pattern import Pattern, Rank, canonical_host
from vestibule.policy.pattern import check_no_overlap as check_no_overlap
from vestibule.policy.pattern import parse as parse

T = TypeVar("T")


@dataclass(slots=True)
class _Entry(Generic[T]):
    rank: Rank
    pattern: Pattern
    value: T


@dataclass(slots=True)
class _Paths(Generic[T]):
    """The paths of one host pattern."""

    exact: dict[str, _Entry[T]] = field(default_factory=dict[str, "_Entry[T]"])
    depth: int = 0
    globs: dict[str, list[_Entry[T]]] = field(default_factory=dict[str, "list[_Entry[T]]"])
    lengths: set[int] = field(default_factory=set[int])

    def add(self, entry: _Entry[T]) -> None:
        path = entry.pattern.path
        if "*" not in path:
            self.exact.setdefault(path, entry)
            self.depth = max(self.depth, path.count("/"))
            return
        literal = path.partition("*")[0]
        self.globs.setdefault(literal, []).append(entry)
        self.lengths.add(len(literal))

    def find(self, path: str) -> Iterator[_Entry[T]]:
        for ancestor in _ancestors(path, self.depth):
            if ancestor in self.exact:
                yield self.exact[ancestor]
        for length in self.lengths:
            for entry in self.globs.get(path[:length], ()):
                if entry.pattern.matches_path(path):
                    yield entry


def _ancestors(path: str, depth: int) -> Iterator[str]:
    """The empty path, then each beginning of `path` that ends before a slash or at its end."""
    yield ""
    at = 0
    for _ in range(depth):
        at = path.find("/", at + 1)
        yield path if at < 0 else path[:at]
        if at < 0:
            return


@dataclass(slots=True)
class _Hosts(Generic[T]):
    """A node: the labels to the left of those that led here."""

    literal: dict[str, _Hosts[T]] = field(default_factory=dict[str, "_Hosts[T]"])
    globs: dict[tuple[str, str], _Hosts[T]] = field(
        default_factory=dict[tuple[str, str], "_Hosts[T]"]
    )
    shapes: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    paths: _Paths[T] | None = None

    def child(self, label: str) -> _Hosts[T]:
        before, star, after = label.partition("*")
        if not star:
            return self.literal.setdefault(label, _Hosts())
        self.shapes.add((len(before), len(after)))
        return self.globs.setdefault((before, after), _Hosts())

    def find(self, labels: list[str]) -> Iterator[_Paths[T]]:
        if not labels:
            if self.paths is not None:
                yield self.paths
            return
        *rest, label = labels
        if label in self.literal:
            yield from self.literal[label].find(rest)
        for before, after in self.shapes:
            if len(label) >= max(1, before + after):
                key = label[:before], label[len(label) - after :]
                if key in self.globs:
                    yield from self.globs[key].find(rest)


class DestinationIndex(Generic[T]):
    """Patterns with what they stand for; built once, asked often."""

    def __init__(self, patterns: Iterable[tuple[Pattern, T]]) -> None:
        self._root: _Hosts[T] = _Hosts()
        for pattern, value in patterns:
            node = self._root
            for label in reversed(pattern.host.split(".")):
                node = node.child(label)
            if node.paths is None:
                node.paths = _Paths()
            node.paths.add(_Entry(pattern.rank, pattern, value))

    def find(self, host: str, path: str) -> T | None:
        """What the most specific pattern stands for, or None when none matches.

        Servers differ over whether `/a;x` is `/a`. Where the two readings belong to
        different patterns, nobody can say which policies apply, and None is the answer.
        """
        found = self._find(host, path)
        if ";" in path or "%3B" in path:
            plain = "/".join(
                segment.replace("%3B", ";").partition(";")[0] for segment in path.split("/")
            )
            if self._find(host, plain) is not found:
                return None
        return found.value if found is not None else None

    def _find(self, host: str, path: str) -> _Entry[T] | None:
        labels = canonical_host(host).split(".")
        candidates = (entry for paths in self._root.find(labels) for entry in paths.find(path))
        return min(candidates, key=lambda entry: entry.rank, default=None)


def find(
    patterns: DestinationIndex[T] | Iterable[tuple[Pattern, T]], host: str, path: str
) -> T | None:
    """`DestinationIndex.find`, for whoever asks once only and so needs no index of their own."""
    index = patterns if isinstance(patterns, DestinationIndex) else DestinationIndex(patterns)
    return index.find(host, path)
