"""The middle form: which virtual hosts there are, and where each of their routes leads.

A host that some pattern names exactly has a virtual host of its own, which holds every
pattern that covers it. All other hosts fall to the virtual host of the longest literal
ending of a wildcard pattern, where routes also test the host by regular expression: Envoy's
own wildcards cross labels, ours do not (access.md 2.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from vestibule.compiler.paths import Covered, Parametrized, PathTest, Reserved, meet
from vestibule.compiler.snapshot import Snapshot
from vestibule.model.application import Application, ApplicationType, Origin
from vestibule.policy.pattern import Pattern, parse


@dataclass(frozen=True, slots=True)
class ToOrigin:
    """Through the application's checks, to a service."""

    application: Application
    origin: Origin


@dataclass(frozen=True, slots=True)
class ToNowhere:
    """Through the application's checks, to a page that says that no service is configured."""

    application: Application


@dataclass(frozen=True, slots=True)
class ToControlPlane:
    """To the pages of the control plane, unchecked."""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """To the page that says that nothing is published here."""


Target: TypeAlias = ToOrigin | ToNowhere | ToControlPlane | Unmatched


@dataclass(frozen=True, slots=True)
class PlannedRoute:
    """`hosts` are patterns that must all cover the host; `paths` tests that must all hold."""

    paths: tuple[PathTest, ...]
    target: Target
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedHost:
    """A virtual host of the hosts that `domain` names, as Envoy writes it."""

    domain: str
    routes: tuple[PlannedRoute, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All virtual hosts, those of the team domain first."""

    hosts: tuple[PlannedHost, ...]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A pattern with whose it is: an application's or an origin's."""

    pattern: Pattern
    owner: Application | Origin

    @property
    def wildcard(self) -> bool:
        return "*" in self.pattern.host

    @property
    def ending(self) -> str:
        """What every covered host ends in, from a label's start; empty for none."""
        labels = self.pattern.host.split(".")
        literal: list[str] = []
        for label in reversed(labels):
            if "*" in label:
                break
            literal.insert(0, label)
        return "." + ".".join(literal) if literal else ""


def plan(snapshot: Snapshot) -> Plan:
    """Lay out the virtual hosts of `snapshot`.

    A disabled application keeps its patterns, and what they cover is unmatched: it must not
    fall to a broader application.
    """
    configuration = snapshot.configuration
    applications = [
        _Claim(parse(destination), application)
        for application in configuration.applications.values()
        if application.type is ApplicationType.SELF_HOSTED
        for destination in application.destinations
    ]
    origins = [_Claim(parse(origin.match), origin) for origin in configuration.origins.values()]
    team = _team_domains(snapshot)
    named = _certificate_hosts(snapshot)
    return Plan(
        (
            *(PlannedHost(domain, (_control_plane(),)) for domain in team),
            *_exact_hosts(applications, origins, named, set(team)),
            *_wildcard_hosts(applications, origins),
        )
    )


def _team_domains(snapshot: Snapshot) -> list[str]:
    named = [snapshot.configuration.organization.auth_domain, *snapshot.edge.aliases]
    hosts = [name.rsplit(":", 1)[0] if _has_port(name) else name for name in named]
    return list(dict.fromkeys(host.lower().removesuffix(".") for host in hosts))


def _certificate_hosts(snapshot: Snapshot) -> set[str]:
    authorities = snapshot.configuration.mtls_certificates.values()
    return {host.lower().removesuffix(".") for each in authorities for host in each.hostnames}


def _has_port(name: str) -> bool:
    return name.rpartition(":")[2].isdigit() and not name.endswith("]")


def _control_plane() -> PlannedRoute:
    return PlannedRoute((Covered(""),), ToControlPlane())


def _exact_hosts(
    applications: Sequence[_Claim], origins: Sequence[_Claim], named: set[str], taken: set[str]
) -> Iterator[PlannedHost]:
    """Virtual hosts for all that is named exactly: by a pattern, or by `named`."""
    exact_applications, wild_applications = _by_host(applications), _wild(applications)
    exact_origins, wild_origins = _by_host(origins), _wild(origins)
    for host in sorted((exact_applications.keys() | exact_origins.keys() | named) - taken):
        entered = [
            *exact_applications.get(host, ()),
            *(claim for claim in wild_applications if claim.pattern.matches_host(host)),
        ]
        if entered:
            behind = [
                *exact_origins.get(host, ()),
                *(claim for claim in wild_origins if claim.pattern.matches_host(host)),
            ]
            yield PlannedHost(host, tuple(_routes(entered, behind, test_hosts=False)))


def _wildcard_hosts(
    applications: Sequence[_Claim], origins: Sequence[_Claim]
) -> Iterator[PlannedHost]:
    """Virtual hosts for the endings of wildcard patterns, and the last one for all the rest."""
    wild_applications, wild_origins = _wild(applications), _wild(origins)
    by_ending: dict[str, tuple[list[_Claim], list[_Claim]]] = {}
    for claim in (*wild_applications, *wild_origins):
        by_ending.setdefault(claim.ending, ([], []))
    for claim in wild_applications:
        by_ending[claim.ending][0].append(claim)
    for claim in wild_origins:
        by_ending[claim.ending][1].append(claim)
    for ending in sorted(by_ending.keys() | {""}):
        # A host that falls here ends in `ending`, so shorter endings of it count as well.
        shorter = [by_ending[e] for e in _endings(ending) if e in by_ending]
        entered = [claim for applications_, _ in shorter for claim in applications_]
        behind = [claim for _, origins_ in shorter for claim in origins_]
        yield PlannedHost(f"*{ending}", tuple(_routes(entered, behind, test_hosts=True)))


def _endings(ending: str) -> Iterator[str]:
    """`.b.example.com` gives itself, `.example.com`, `.com` and the empty one."""
    while ending:
        yield ending
        _, dot, rest = ending[1:].partition(".")
        ending = dot + rest
    yield ""


def _by_host(claims: Sequence[_Claim]) -> dict[str, list[_Claim]]:
    by_host: dict[str, list[_Claim]] = {}
    for claim in claims:
        if not claim.wildcard:
            by_host.setdefault(claim.pattern.host, []).append(claim)
    return by_host


def _wild(claims: Iterable[_Claim]) -> list[_Claim]:
    return [claim for claim in claims if claim.wildcard]


def _routes(
    applications: Sequence[_Claim], origins: Sequence[_Claim], *, test_hosts: bool
) -> Iterator[PlannedRoute]:
    """The routes of one virtual host, in the order in which Envoy tries them."""
    ranked = sorted(applications, key=lambda claim: claim.pattern.rank)
    behind = sorted(origins, key=lambda claim: claim.pattern.rank)
    for host in dict.fromkeys(claim.pattern.host for claim in ranked):
        tested = (host,) if test_hosts else ()
        yield PlannedRoute((Reserved(),), ToControlPlane(), tested)
        if not test_hosts:
            break
    if any(claim.pattern.path for claim in ranked):
        # Servers differ over whether `/a;x` is `/a`; where paths decide, neither is let in.
        yield PlannedRoute((Parametrized(),), Unmatched())
    for claim in ranked:
        yield from _application_routes(claim, behind, test_hosts=test_hosts)
    if test_hosts or ranked[-1].pattern.path:
        yield PlannedRoute((Covered(""),), Unmatched())


def _application_routes(
    claim: _Claim, origins: Sequence[_Claim], *, test_hosts: bool
) -> Iterator[PlannedRoute]:
    application = claim.owner
    assert isinstance(application, Application)  # noqa: S101 - told by the caller
    entered = Covered(claim.pattern.path)
    hosts = (claim.pattern.host,) if test_hosts else ()
    if not application.enabled:
        yield PlannedRoute((entered,), Unmatched(), hosts)
        return
    for behind in origins:
        origin = behind.owner
        assert isinstance(origin, Origin)  # noqa: S101 - told by the caller
        paths = meet(entered, Covered(behind.pattern.path))
        if paths is None:
            continue
        both = (*hosts, behind.pattern.host) if test_hosts else ()
        yield PlannedRoute(paths, ToOrigin(application, origin), tuple(dict.fromkeys(both)))
        same_hosts = not test_hosts or behind.pattern.host == claim.pattern.host
        if paths == (entered,) and same_hosts:
            # This origin stands behind all that the application's pattern covers.
            return
    yield PlannedRoute((entered,), ToNowhere(application), hosts)
