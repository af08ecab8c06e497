"""What a field of the document is, and the kinds of value that fields hold.

Each field reads (document to value, with the path of whatever is wrong) and writes (value
to document), so that `export` and `apply` cannot drift apart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar, cast

from vestibule.model.durations import format_duration, parse_duration
from vestibule.model.errors import InvalidConfiguration
from vestibule.model.values import Json, Secret

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Scope:
    """What names stand for. `ids` maps a section and a name to an id, `names` back.

    `read_secret` turns `{env: NAME}`, `{file: PATH}` or a literal into the secret.
    """

    ids: Mapping[str, Mapping[str, str]]
    names: Mapping[str, Mapping[str, str]]
    read_secret: Callable[[Json, str], Secret]

    def to_id(self, section: str, reference: str, path: str) -> str:
        """The id that `reference` (a name or an id) stands for; raises when there is none."""
        if reference in self.names.get(section, {}):
            return reference
        found = self.ids.get(section, {}).get(reference)
        if found is None:
            raise InvalidConfiguration(f"{reference!r} is no name or id in {section}", path=path)
        return found

    def to_name(self, section: str, id: str) -> str:
        """The name of `id` where it is the only one so named, else the id."""
        name = self.names.get(section, {}).get(id, id)
        return name if self.ids.get(section, {}).get(name) == id else id


Read = Callable[[Json, str, Scope], Any]
Write = Callable[[Any, Scope], Json]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its key in the document, the attribute of the value, and how to convert."""

    key: str
    read: Read
    write: Write
    attribute: str = ""
    required: bool = False
    schema: Mapping[str, Json] = field(default_factory=dict[str, Json])

    @property
    def name(self) -> str:
        """The attribute of the value that this field fills."""
        return self.attribute or self.key


def _same(value: Any, _: Scope) -> Json:
    return value


def _expect(kind: type, word: str) -> Read:
    def read(value: Json, path: str, _: Scope) -> Any:
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            raise InvalidConfiguration(f"expected {word}, found {shown(value)}", path=path)
        return value

    return read


def shown(value: Json) -> str:
    """`value` as an error message may show it: short, and never a secret's whole text."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def text(key: str, *, required: bool = False, attribute: str = "") -> Field:
    """A string."""
    return Field(key, _expect(str, "text"), _same, attribute, required, {"type": "string"})


def flag(key: str) -> Field:
    """True or false."""
    return Field(key, _expect(bool, "true or false"), _same, schema={"type": "boolean"})


def integer(key: str, low: int, high: int) -> Field:
    """A whole number within bounds, both included."""

    def read(value: Json, path: str, scope: Scope) -> int:
        number = cast("int", _expect(int, "a whole number")(value, path, scope))
        if not low <= number <= high:
            raise InvalidConfiguration(f"expected {low} to {high}, found {number}", path=path)
        return number

    return Field(key, read, _same, schema={"type": "integer", "minimum": low, "maximum": high})


def seconds(key: str) -> Field:
    """A number of seconds, fractions allowed."""

    def read(value: Json, path: str, _: Scope) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise InvalidConfiguration(f"expected seconds, found {shown(value)}", path=path)
        return float(value)

    return Field(key, read, _same, schema={"type": "number", "minimum": 0})


def duration(key: str, *, required: bool = False) -> Field:
    """A Go-style duration such as `24h` (access.md 2.2)."""

    def read(value: Json, path: str, _: Scope) -> timedelta:
        try:
            return parse_duration(str(value))
        except (InvalidConfiguration, ValueError) as error:
            raise InvalidConfiguration(
                f"expected a duration such as 24h or 30m, found {shown(value)}", path=path
            ) from error

    def write(value: timedelta | None, _: Scope) -> Json:
        return None if value is None else format_duration(value)

    return Field(key, read, write, required=required, schema={"type": "string"})


def choice(key: str, kind: type[E], *, required: bool = False) -> Field:
    """One of the words of an enumeration."""
    words = [member.value for member in kind]

    def read(value: Json, path: str, _: Scope) -> E:
        if value not in words:
            raise InvalidConfiguration(
                f"expected one of {', '.join(words)}, found {shown(value)}", path=path
            )
        return kind(value)

    def write(value: E, _: Scope) -> Json:
        return value.value

    return Field(key, read, write, required=required, schema={"enum": words})


def word(key: str, words: tuple[str, ...]) -> Field:
    """One of a few words."""

    def read(value: Json, path: str, _: Scope) -> str:
        if value not in words:
            raise InvalidConfiguration(
                f"expected one of {', '.join(words)}, found {shown(value)}", path=path
            )
        return cast("str", value)

    return Field(key, read, _same, schema={"enum": list(words)})


def texts(key: str, *, required: bool = False, attribute: str = "") -> Field:
    """A list of strings."""

    def read(value: Json, path: str, scope: Scope) -> tuple[str, ...]:
        one = _expect(str, "text")
        return tuple(one(item, at, scope) for item, at in items(value, path))

    def write(value: Iterable[str], _: Scope) -> Json:
        return list(value)

    schema = {"type": "array", "items": {"type": "string"}}
    return Field(key, read, write, attribute, required, schema)


def references(key: str, section: str, *, attribute: str = "") -> Field:
    """A list of names (or ids) of things in another section."""

    def read(value: Json, path: str, scope: Scope) -> tuple[str, ...]:
        return tuple(scope.to_id(section, str(item), at) for item, at in items(value, path))

    def write(value: Iterable[str], scope: Scope) -> Json:
        return [scope.to_name(section, id) for id in value]

    schema = {"type": "array", "items": {"type": "string"}}
    return Field(key, read, write, attribute, schema=schema)


def nested(key: str, kind: type, fields: tuple[Field, ...]) -> Field:
    """A value made of fields of its own, or nothing."""

    def write(value: Any, scope: Scope) -> Json:
        return None if value is None else write_fields(value, fields, scope)

    def read(value: Json, path: str, scope: Scope) -> Any:
        return kind(**read_fields(value, fields, path, scope))

    return Field(key, read, write, schema=object_schema(fields))


def nested_list(key: str, kind: type, fields: tuple[Field, ...]) -> Field:
    """A list of values made of fields of their own."""

    def read(value: Json, path: str, scope: Scope) -> tuple[Any, ...]:
        return tuple(
            kind(**read_fields(item, fields, at, scope)) for item, at in items(value, path)
        )

    def write(value: Iterable[Any], scope: Scope) -> Json:
        return [write_fields(item, fields, scope) for item in value]

    return Field(key, read, write, schema={"type": "array", "items": object_schema(fields)})


def items(value: Json, path: str) -> list[tuple[Json, str]]:
    """The items of a list with their paths; raises when `value` is none."""
    if not isinstance(value, list):
        raise InvalidConfiguration(f"expected a list, found {shown(value)}", path=path)
    return [(item, f"{path}[{i}]") for i, item in enumerate(cast("list[Json]", value))]


def mapping(value: Json, path: str) -> dict[str, Json]:
    """`value` as names and values; raises when it is something else."""
    if not isinstance(value, dict):
        raise InvalidConfiguration(f"expected names and values, found {shown(value)}", path=path)
    return {str(name): item for name, item in cast("dict[Any, Json]", value).items()}


def read_fields(
    document: Json, fields: tuple[Field, ...], path: str, scope: Scope
) -> dict[str, Any]:
    """The attributes that `document` gives; unknown and missing fields are refused."""
    given = mapping(document, path)
    known = {field.key: field for field in fields}
    for key in given:
        if key not in known:
            raise InvalidConfiguration(
                f"unknown field; known are {', '.join(sorted(known))}", path=f"{path}.{key}"
            )
    values: dict[str, Any] = {}
    for field_ in fields:
        value = given.get(field_.key)
        if value is not None:
            values[field_.name] = field_.read(value, f"{path}.{field_.key}", scope)
        elif field_.required:
            raise InvalidConfiguration("is required", path=f"{path}.{field_.key}")
    return values


def write_fields(value: Any, fields: tuple[Field, ...], scope: Scope) -> dict[str, Json]:
    """The document of `value`, without the fields that hold their default."""
    document: dict[str, Json] = {}
    for field_ in fields:
        present = getattr(value, field_.name)
        if not field_.required and present == default_of(value, field_.name):
            continue
        written = field_.write(present, scope)
        if written is not None:
            document[field_.key] = written
    return document


def default_of(value: Any, attribute: str) -> Any:
    """The default of an attribute of a dataclass's value."""
    spec = next(one for one in dataclasses.fields(value) if one.name == attribute)
    factory = spec.default_factory
    return spec.default if factory is dataclasses.MISSING else factory()


def object_schema(fields: tuple[Field, ...]) -> dict[str, Json]:
    """The JSON schema of a thing made of `fields`."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {field.key: dict(field.schema) for field in fields},
        "required": [field.key for field in fields if field.required],
    }
