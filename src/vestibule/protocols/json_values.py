"""Reading members of a stranger's JSON: what is not of the wanted shape counts as absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from vestibule.model.values import Json


def as_object(value: Json) -> dict[str, Json] | None:
    """`value` when it is a JSON object, else None."""
    return cast("dict[str, Json]", value) if isinstance(value, dict) else None


def as_list(value: Json) -> list[Json] | None:
    """`value` when it is a JSON array, else None."""
    return cast("list[Json]", value) if isinstance(value, list) else None


def as_texts(value: Json) -> tuple[str, ...] | None:
    """`value` as texts when it is an array of nothing else, or one text; else None."""
    items = [value] if isinstance(value, str) else as_list(value)
    if items is None or not all(isinstance(item, str) for item in items):
        return None
    return tuple(items)


def text(members: Mapping[str, Json], name: str) -> str:
    """The text called `name`, or the empty one."""
    value: Json = members.get(name)
    return value if isinstance(value, str) else ""
