"""Frozen values to JSON documents and back, by the types of their fields.

Reading is strict: an unknown field, an unknown word of an enumeration or a value of another
type refuses the whole document, because what a newer version wrote might be a restriction
that this one would drop (fail closed). A `Secret` is only ever written through `SecretBox`.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Protocol, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from vestibule.model.errors import InvalidConfiguration
from vestibule.model.values import Json, Secret

T = TypeVar("T")

_MICROSECOND = timedelta(microseconds=1)


class SecretBox(Protocol):
    """Seals the secrets of one row; `path` is a secret's place in the document."""

    def close(self, path: str, secret: str) -> str: ...
    def open(self, path: str, sealed: str) -> str: ...


@dataclass(frozen=True, slots=True)
class _Codec:
    """How one type is written and read. Paths start with a dot, except at the root."""

    write: Callable[[Any, str, SecretBox | None], Json]
    read: Callable[[Json, str, SecretBox | None], Any]


def dump(value: object, box: SecretBox | None = None) -> str:
    """The document of a frozen value, as JSON text."""
    document = _codec(type(value)).write(value, "", box)
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def load(kind: type[T], text: str, box: SecretBox | None = None) -> T:
    """The value that `text` holds. Raises `InvalidConfiguration` naming the place."""
    return cast(T, _codec(kind).read(json.loads(text), "", box))


@cache
def _codec(kind: Any) -> _Codec:
    """The codec of a type; raises TypeError for one that documents cannot hold."""
    if kind is Any:
        return _Codec(lambda value, _path, _box: value, lambda value, _path, _box: value)
    if kind in _PLAIN:
        return _plain(*_PLAIN[kind])
    if kind in _MADE:
        return _MADE[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType) and len(arguments) == 2 and arguments[1] is type(None):
        return _optional(_codec(arguments[0]))
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _sequence(_codec(arguments[0]))
    if origin is Mapping and arguments[0] is str:
        return _mapping(_codec(arguments[1]))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _enumeration(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return _record(kind)
    raise TypeError(f"a document cannot hold {kind}")


_PLAIN: Mapping[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "text"),
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
}


def _plain(accepted: tuple[type, ...], words: str) -> _Codec:
    def read(value: Json, path: str, _box: SecretBox | None) -> Any:
        # Python counts True as 1; a document does not.
        if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
            raise _wrong(path, words)
        return value

    return _Codec(lambda value, _path, _box: value, read)


def _write_time(value: datetime, path: str, _box: SecretBox | None) -> Json:
    if value.tzinfo is None:
        raise ValueError(f"{path}: a time without a time zone cannot be stored")
    return value.astimezone(UTC).isoformat()


def _read_time(value: Json, path: str, _box: SecretBox | None) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _wrong(path, "a time") from None
    if moment.tzinfo is None:
        raise _wrong(path, "a time with its zone")
    return moment


def _write_duration(value: timedelta, _path: str, _box: SecretBox | None) -> Json:
    return value // _MICROSECOND


def _read_duration(value: Json, path: str, _box: SecretBox | None) -> timedelta:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(path, "a whole number of microseconds")
    return timedelta(microseconds=value)


def _write_secret(value: Secret, path: str, box: SecretBox | None) -> Json:
    if box is None:
        raise TypeError(f"{path}: a secret must not be written unsealed")
    return box.close(path, value.reveal())


def _read_secret(value: Json, path: str, box: SecretBox | None) -> Secret:
    if box is None or not isinstance(value, str):
        raise _wrong(path, "a sealed secret")
    return Secret(box.open(path, value))


_MADE: Mapping[Any, _Codec] = {
    datetime: _Codec(_write_time, _read_time),
    timedelta: _Codec(_write_duration, _read_duration),
    Secret: _Codec(_write_secret, _read_secret),
}


def _optional(inner: _Codec) -> _Codec:
    def write(value: Any, path: str, box: SecretBox | None) -> Json:
        return None if value is None else inner.write(value, path, box)

    def read(value: Json, path: str, box: SecretBox | None) -> Any:
        return None if value is None else inner.read(value, path, box)

    return _Codec(write, read)


def _sequence(inner: _Codec) -> _Codec:
    def write(value: tuple[Any, ...], path: str, box: SecretBox | None) -> Json:
        return [inner.write(item, f"{path}[{n}]", box) for n, item in enumerate(value)]

    def read(value: Json, path: str, box: SecretBox | None) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _wrong(path, "a list")
        items = cast("list[Json]", value)
        return tuple(inner.read(item, f"{path}[{n}]", box) for n, item in enumerate(items))

    return _Codec(write, read)


def _mapping(inner: _Codec) -> _Codec:
    def write(value: Mapping[str, Any], path: str, box: SecretBox | None) -> Json:
        return {name: inner.write(item, f"{path}.{name}", box) for name, item in value.items()}

    def read(value: Json, path: str, box: SecretBox | None) -> dict[str, Any]:
        items = _object(value, path)
        return {name: inner.read(item, f"{path}.{name}", box) for name, item in items.items()}

    return _Codec(write, read)


def _enumeration(kind: type[StrEnum]) -> _Codec:
    words = {member.value: member for member in kind}

    def read(value: Json, path: str, _box: SecretBox | None) -> StrEnum:
        if not isinstance(value, str) or value not in words:
            raise _wrong(path, f"one of {', '.join(words)} (did a newer version write this?)")
        return words[value]

    return _Codec(lambda value, _path, _box: value.value, read)


def _record(kind: type) -> _Codec:
    hints = get_type_hints(kind)
    codecs = {field.name: _codec(hints[field.name]) for field in fields(kind)}
    required = {
        field.name
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    }

    def write(value: Any, path: str, box: SecretBox | None) -> Json:
        return {
            name: codec.write(getattr(value, name), f"{path}.{name}", box)
            for name, codec in codecs.items()
        }

    def read(value: Json, path: str, box: SecretBox | None) -> Any:
        items = _object(value, path)
        if unknown := items.keys() - codecs.keys():
            name = min(unknown)
            raise _wrong(f"{path}.{name}", "no such field (did a newer version write this?)")
        if missing := required - items.keys():
            raise _wrong(f"{path}.{min(missing)}", "a value")
        return kind(
            **{name: codecs[name].read(item, f"{path}.{name}", box) for name, item in items.items()}
        )

    return _Codec(write, read)


def _object(value: Json, path: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _wrong(path, "values by name")
    return cast("dict[str, Json]", value)


def _wrong(path: str, expected: str) -> InvalidConfiguration:
    """What was found is not repeated: it may be a secret."""
    return InvalidConfiguration(f"expected {expected}", path=path.removeprefix("."))
