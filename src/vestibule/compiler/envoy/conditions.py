"""Turns a policy's continuous conditions into RBAC (design.md, "The hot path").

What Envoy cannot decide exactly becomes "does not hold", so that the control plane is
asked. That is right under `Not` as well, hence the two directions: `holds` is true only if
the expression certainly does, `fails` only if it certainly does not.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import cache
from typing import assert_never

from vestibule.compiler.envoy import names
from vestibule.compiler.envoy.principals import (
    NOBODY,
    every,
    has_header,
    header_is,
    no,
    some,
)
from vestibule.compiler.envoy.shapes import Resource, exact
from vestibule.model.conditions import (
    AllOf,
    AnyOf,
    Expression,
    HasCertificate,
    HasCommonName,
    HasCountry,
    InCountry,
    InRanges,
    Not,
)


@dataclass(frozen=True, slots=True)
class Means:
    """What Envoy can tell: `country` with a database, `certificate` on this hostname."""

    country: bool = False
    certificate: bool = False


def holds(expression: Expression, means: Means) -> Resource:
    """Return a principal that is true only when `expression` certainly holds."""
    match expression:
        case AllOf(parts):
            return every(holds(part, means) for part in parts)
        case AnyOf(parts):
            return some(holds(part, means) for part in parts)
        case Not(part):
            return fails(part, means)
        case InRanges(ranges):
            return some(_in_range(written) for written in ranges)
        case InCountry(code):
            # Without a database the header is never set, and the condition never holds.
            return header_is(names.COUNTRY_HEADER, exact(code)) if means.country else NOBODY
        case HasCountry():
            return has_header(names.COUNTRY_HEADER) if means.country else NOBODY
        case HasCertificate():
            return has_header(names.CERTIFICATE) if means.certificate else NOBODY
        case HasCommonName():
            # Envoy matches a certificate's alternative names before its subject, and its
            # subject only as a whole: a common name alone cannot be told exactly.
            return NOBODY
    assert_never(expression)


def fails(expression: Expression, means: Means) -> Resource:
    """Return a principal that is true only when `expression` certainly does not hold."""
    match expression:
        case AllOf(parts):
            return some(fails(part, means) for part in parts)
        case AnyOf(parts):
            return every(fails(part, means) for part in parts)
        case Not(part):
            return holds(part, means)
        case InRanges():
            return no(holds(expression, means))
        case InCountry() | HasCountry():
            return no(holds(expression, means)) if means.country else NOBODY
        case HasCertificate():
            return no(has_header(names.CERTIFICATE))
        case HasCommonName():
            return no(has_header(names.CERTIFICATE))
    assert_never(expression)


@cache
def _in_range(written: str) -> Resource:
    network = ipaddress.ip_network(written, strict=False)
    return {
        "remote_ip": {
            "address_prefix": str(network.network_address),
            "prefix_len": network.prefixlen,
        }
    }
