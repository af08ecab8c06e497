"""Boolean expressions over a request, as RBAC principals."""

from __future__ import annotations

from collections.abc import Iterable

from vestibule.compiler.envoy import names
from vestibule.compiler.envoy.shapes import Resource, exact, header, header_present
from vestibule.model.values import Json

ANYBODY: Resource = {"any": True}
NOBODY: Resource = {"not_id": ANYBODY}


def every(parts: Iterable[Resource]) -> Resource:
    """Return what holds when all of `parts` do."""
    present = [part for part in parts if part != ANYBODY]
    if NOBODY in present:
        return NOBODY
    if len(present) <= 1:
        return present[0] if present else ANYBODY
    return {"and_ids": {"ids": present}}


def some(parts: Iterable[Resource]) -> Resource:
    """Return what holds when one of `parts` does."""
    present = [part for part in parts if part != NOBODY]
    if ANYBODY in present:
        return ANYBODY
    if len(present) <= 1:
        return present[0] if present else NOBODY
    return {"or_ids": {"ids": present}}


def no(part: Resource) -> Resource:
    """Return what holds when `part` does not."""
    if part == NOBODY:
        return ANYBODY
    return {"not_id": part}


def has_header(name: str) -> Resource:
    """Return: the request carries this header."""
    return {"header": header_present(name)}


def header_is(name: str, matcher: Resource) -> Resource:
    """Return: the header is there and fits `matcher`."""
    return {"header": header(name, matcher)}


def claim(path: Iterable[str], value: Resource) -> Resource:
    """Return: the verified token has, at `path`, something that fits `value`."""
    return _metadata(names.JWT_METADATA, ("token", *path), value)


def claim_is(name: str, value: str) -> Resource:
    """Return: the verified token's claim `name` is this string."""
    return claim((name,), {"string_match": exact(value)})


def claim_lists(name: str, value: str) -> Resource:
    """Return: the verified token's claim `name` is a list that holds this string."""
    return claim((name,), {"list_match": {"one_of": {"string_match": exact(value)}}})


def decided(key: str, values: Iterable[str]) -> Resource:
    """Return: an RBAC filter before this one left one of `values` under `key`."""
    return some(
        _metadata(names.RBAC_METADATA, (key,), {"string_match": exact(value)}) for value in values
    )


def _metadata(filter_name: str, path: Iterable[str], value: Json) -> Resource:
    return {
        "sourced_metadata": {
            "metadata_matcher": {
                "filter": filter_name,
                "path": [{"key": key} for key in path],
                "value": value,
            }
        }
    }


def shadow(policies: dict[str, Resource], stat_prefix: str) -> Resource:
    """Return an RBAC configuration that only notes which policy held, and refuses nobody."""
    return {
        "shadow_rules": {
            "action": "ALLOW",
            "policies": {
                name: {"permissions": [{"any": True}], "principals": [principal]}
                for name, principal in policies.items()
            },
        },
        "shadow_rules_stat_prefix": stat_prefix,
    }
