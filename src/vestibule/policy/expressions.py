"""Conditions on a request: put together without loss, and judged (model/conditions.py)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

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
from vestibule.model.request import RequestFacts
from vestibule.policy.selectors.network import ranges, read_address

TRUE: Expression = AllOf(())
FALSE: Expression = AnyOf(())


def every(parts: Iterable[Expression]) -> Expression:
    """True when every part is, in its shortest form."""
    kept = dict.fromkeys(part for part in parts if part != TRUE)
    if FALSE in kept:
        return FALSE
    return next(iter(kept)) if len(kept) == 1 else AllOf(tuple(kept))


def some(parts: Iterable[Expression]) -> Expression:
    """True when some part is, in its shortest form."""
    kept = dict.fromkeys(part for part in parts if part != FALSE)
    if TRUE in kept:
        return TRUE
    return next(iter(kept)) if len(kept) == 1 else AnyOf(tuple(kept))


def negated(part: Expression) -> Expression:
    """True when `part` is not, in its shortest form."""
    if part == TRUE:
        return FALSE
    if part == FALSE:
        return TRUE
    return part.part if isinstance(part, Not) else Not(part)


def holds(expression: Expression, request: RequestFacts) -> bool:
    """Whether `expression` is true of `request`, whose address has to be a valid one."""
    match expression:
        case AllOf(parts):
            return all(holds(part, request) for part in parts)
        case AnyOf(parts):
            return any(holds(part, request) for part in parts)
        case Not(part):
            return not holds(part, request)
        case InRanges(cidrs):
            address = read_address(request.client_ip)
            return address is not None and address in ranges(cidrs)
        case InCountry(code):
            return (request.country or "").upper() == code
        case HasCountry():
            return bool(request.country)
        case HasCertificate():
            return request.certificate is not None
        case HasCommonName(name):
            return request.certificate is not None and request.certificate.common_name == name
        case _:
            assert_never(expression)
