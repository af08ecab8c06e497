"""One pattern of hosts and paths: how it is written, what it covers (access.md 2.3).

A pattern is `host[/path]`. In a host, `*` stays inside one label; in a path it crosses
slashes. Hosts are compared lower-case after IDNA, paths with case, on whole segments. Both
are expected normalised (`policy.paths`). The most specific pattern wins and inherits
nothing: exact host before wildcard host, then more literal labels, then the longer literal
path, then fewer wildcards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import NamedTuple

import idna

from vestibule.model.errors import InvalidConfiguration
from vestibule.policy.paths import normalize_path

_LABEL_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_*")


class Rank(NamedTuple):
    """Sorts the more specific pattern first; the text makes the order total."""

    wildcard_host: bool
    fewer_labels: int
    shorter_path: int
    wildcards: int
    fewer_letters: int
    text: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed `host[/path]`. `path` is empty for a whole host; it never ends in a slash."""

    host: str
    path: str = ""

    @staticmethod
    def parse(text: str, path: str = "") -> Pattern:
        """The same as the module's `parse`."""
        return parse(text, path)

    @property
    def text(self) -> str:
        """The normalised pattern; two applications may not have the same."""
        return self.host + self.path

    @property
    def rank(self) -> Rank:
        """Sorts the most specific pattern first."""
        labels = self.host.split(".")
        literal = self.path.partition("*")[0]
        return Rank(
            "*" in self.host,
            -sum("*" not in label for label in labels),
            -len(literal),
            self.text.count("*"),
            -len(self.text.replace("*", "")),
            self.text,
        )

    def matches(self, host: str, path: str) -> bool:
        """Whether a request for `host` (no port) and normalised `path` is the pattern's."""
        return self.matches_host(host) and self.matches_path(path)

    def matches_host(self, host: str) -> bool:
        """Whether the pattern covers `host`."""
        labels, wanted = canonical_host(host).split("."), self.host.split(".")
        return len(labels) == len(wanted) and all(
            label_matches(glob, label) for glob, label in zip(wanted, labels, strict=True)
        )

    def matches_path(self, path: str) -> bool:
        """Whether the pattern covers `path`, or something that `path` lies under."""
        if "*" not in self.path:
            return path.startswith(self.path) and path[len(self.path) : len(self.path) + 1] in (
                "",
                "/",
            )
        return _glob_matches(self.path, path)


def parse(text: str, path: str = "") -> Pattern:
    """Read a pattern. `path` is the place to name in `InvalidConfiguration`."""
    written = text.strip()
    if not written or any(ord(character) <= 32 for character in written):
        raise InvalidConfiguration("expected a host and an optional path", path=path)
    for sign, what in (("://", "a scheme"), ("?", "a query"), ("#", "a fragment"), ("@", "a user")):
        if sign in written:
            raise InvalidConfiguration(f"a host and path, without {what}: {written}", path=path)
    host, slash, rest = written.partition("/")
    return Pattern(_parse_host(host, path), _parse_path(slash + rest, path))


def _parse_host(host: str, path: str) -> str:
    if host.startswith("["):
        try:
            return f"[{IPv6Address(host[1:].removesuffix(']')).compressed}]"
        except ValueError:
            raise InvalidConfiguration(f"{host} is not an IPv6 address", path=path) from None
    if ":" in host:
        raise InvalidConfiguration(f"a host without a port: {host}", path=path)
    labels = [_parse_label(label, host, path) for label in host.removesuffix(".").split(".")]
    if len(".".join(labels)) > 253:
        raise InvalidConfiguration("a host has at most 253 characters", path=path)
    return ".".join(labels)


def _parse_label(label: str, host: str, path: str) -> str:
    if label.count("*") > 1:
        raise InvalidConfiguration(f"at most one * in each label: {host}", path=path)
    if not label.isascii() and "*" not in label:
        try:
            return idna.encode(label, uts46=True).decode("ascii")
        except idna.IDNAError:
            raise InvalidConfiguration(f"{label} is not a valid name", path=path) from None
    lower = label.lower()
    if not lower or len(lower) > 63 or not _LABEL_CHARACTERS.issuperset(lower):
        raise InvalidConfiguration(f"{host or 'nothing'} is not a valid host name", path=path)
    return lower


def _parse_path(written: str, path: str) -> str:
    if written in ("", "/", "/*"):
        return ""
    if any(segment.count("*") > 1 for segment in written.split("/")):
        raise InvalidConfiguration(f"at most one * in each path segment: {written}", path=path)
    normal = normalize_path(written)
    if normal is None or ";" in normal:
        raise InvalidConfiguration(f"{written} is not an unambiguous path", path=path)
    return normal.rstrip("/")


def canonical_host(host: str) -> str:
    """The host as it is compared: lower-case, without a trailing dot."""
    lower = host.lower() if host.isascii() else host
    return lower.removesuffix(".")


def label_matches(glob: str, label: str) -> bool:
    """Whether one label fits; a `*` alone wants at least one character."""
    before, star, after = glob.partition("*")
    if not star:
        return glob == label
    return (
        len(label) >= max(1, len(before) + len(after))
        and label.startswith(before)
        and label.endswith(after)
    )


def _glob_matches(glob: str, path: str) -> bool:
    """Whether `glob` covers `path` or one of its ancestors; no regex, so no blow-up."""
    first, *middle, last = glob.split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    for part in middle:
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    while (found := path.find(last, at)) >= 0 and last:
        end = found + len(last)
        if path[end : end + 1] in ("", "/"):
            return True
        at = found + 1
    return not last


def check_no_overlap(claims: Iterable[tuple[Pattern, str]], path: str = "") -> None:
    """Raise `InvalidConfiguration` when two owners claim the same normalised pattern."""
    owners: dict[str, str] = {}
    for pattern, owner in claims:
        other = owners.setdefault(pattern.text, owner)
        if other != owner:
            raise InvalidConfiguration(
                f"{pattern.text} belongs to {other} already; {owner} cannot have it too",
                path=path,
            )
