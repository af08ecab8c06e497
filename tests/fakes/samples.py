"""Values with every field set to something else than its default, for round trips."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from vestibule.model.values import Secret

T = TypeVar("T")

_NUMBERS = count(1)


def sample(kind: type[T], **given: Any) -> T:
    """A `kind` whose fields are all filled, each differently; `given` fields as they are."""
    hints = get_type_hints(kind)
    filled = {f.name: _sample(hints[f.name], f.name) for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**{**filled, **given})


def _sample(kind: Any, name: str) -> Any:
    number = next(_NUMBERS)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _sample(arguments[0], name)
    if origin is tuple:
        return (_sample(arguments[0], name), _sample(arguments[0], name))
    if origin is Mapping:
        return {
            f"{name}-a": _sample(arguments[1], name),
            "é\u2028\U0001f511": _sample(arguments[1], name),
        }
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return list(kind)[-1]
    if isinstance(kind, type) and is_dataclass(kind) and kind is not Secret:
        return sample(kind)
    plain: dict[Any, Any] = {
        Any: {"list": [1, 2.5, None, True, {"deep": "é"}], "number": number},
        str: f"{name} {number} é\U0001f511",
        int: number,
        float: number + 0.25,
        bool: True,
        datetime: datetime(2026, 11, 22, 18, 0, tzinfo=UTC) + timedelta(microseconds=number),
        timedelta: timedelta(hours=1, microseconds=number),
        Secret: Secret(f"secret {number}"),
    }
    return plain[kind]
