"""What must hold on every request of a running session, as an expression.

The policy engine derives these from policies; the compiler turns them into Envoy RBAC. A
token lists the ids of the clauses that its policy relies on (claim `conditions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class AllOf:
    """True when every part is; true when there is none."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when some part is; false when there is none."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when the part is not."""

    part: Expression


@dataclass(frozen=True, slots=True)
class InRanges:
    """The client's address lies in one of these CIDR ranges."""

    ranges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InCountry:
    """The client's address lies in this country (ISO 3166-1 alpha-2, upper case)."""

    country_code: str


@dataclass(frozen=True, slots=True)
class HasCountry:
    """Some country is known for the client's address.

    Without it, `Not(InCountry(...))` would let in an address whose country nobody knows.
    """


@dataclass(frozen=True, slots=True)
class HasCertificate:
    """A client certificate was verified for the hostname asked."""


@dataclass(frozen=True, slots=True)
class HasCommonName:
    """A verified client certificate bears this common name."""

    common_name: str


Expression: TypeAlias = (
    AllOf | AnyOf | Not | InRanges | InCountry | HasCountry | HasCertificate | HasCommonName
)


@dataclass(frozen=True, slots=True)
class Clause:
    """An expression with a name that depends on its content alone."""

    id: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class ContinuousPlan:
    """What Envoy must check, for one application, of a token that names a policy.

    `version` is a hash of all that the application's policies say; a token of another
    version is not proven. `clauses` are all that any token of this version may name.
    `compilable` are the policies whose tokens Envoy may accept; a token of another policy
    is asked about on each request. `bypass` is what lets a request in that carries no
    credential at all, None when nothing does; `public` says that everybody is let in.
    """

    version: str
    clauses: tuple[Clause, ...] = ()
    compilable: tuple[str, ...] = ()
    bypass: Expression | None = None
    public: bool = False
