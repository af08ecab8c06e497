"""Reading a provider's `config`, so that a mistake is found when it is saved (identity.md 1.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from vestibule.model.errors import InvalidConfiguration
from vestibule.model.values import Json
from vestibule.protocols.json_values import as_object, as_texts

_READ_ONLY = frozenset({"redirect_url"})
_SECRET = frozenset({"client_secret", "api_token", "okta_api_token"})
_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,255}")


class Fields:
    """The fields of one `config`. Each is taken once; `finish` refuses what nobody took.

    A key of another kind of provider is passed over while it says nothing (null, false or
    empty), since clients of the API send whole forms.
    """

    def __init__(self, config: Mapping[str, Json], path: str) -> None:
        self._left = {name: value for name, value in config.items() if name not in _READ_ONLY}
        self._path = path
        self._kept: dict[str, Json] = {}
        if misplaced := sorted(_SECRET & self._left.keys()):
            self.refuse(misplaced[0], "is a secret, and is not kept among the others")

    def refuse(self, name: str, message: str) -> None:
        """Raise `InvalidConfiguration` about one field."""
        place = f"{self._path}.{name}" if name else self._path
        raise InvalidConfiguration(message, path=place)

    def text(self, name: str, *, required: bool = False) -> str:
        """A text of one line; the empty one when it is absent."""
        value: Json = self._left.pop(name, None)
        if value in (None, ""):
            if required:
                self.refuse(name, "is needed")
            return ""
        if not isinstance(value, str) or not value.isprintable() or len(value) > 2000:
            self.refuse(name, f"expected a text of one line, found {type(value).__name__}")
        self._kept[name] = value.strip()
        return value.strip()

    def client_id(self) -> str:
        """The client id, which goes into URLs and headers."""
        value = self.text("client_id", required=True)
        if not _CLIENT_ID.fullmatch(value):
            self.refuse("client_id", "expected printable characters without spaces")
        return value

    def url(self, name: str, *, required: bool = False) -> str:
        """An https URL; http is taken for names that can only be this machine or a test."""
        value = self.text(name, required=required)
        if value and not is_url(value):
            self.refuse(name, f"expected an https URL without user and fragment, found {value!r}")
        return value

    def texts(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of texts; `default` when absent or empty."""
        value: Json = self._left.pop(name, None)
        if value in (None, [], ()):
            return default
        found = as_texts(list(value) if isinstance(value, tuple) else value)  # pyright: ignore[reportUnknownArgumentType] - a tuple of JSON
        if found is None or not all(text and text.isprintable() for text in found):
            self.refuse(name, "expected a list of texts")
            return default
        self._kept[name] = list(found)
        return found

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false."""
        value: Json = self._left.pop(name, None)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.refuse(name, "expected true or false")
        self._kept[name] = value
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of `choices`, the first when absent."""
        value = self.text(name)
        if value and value not in choices:
            self.refuse(name, f"expected {' or '.join(choices)}, found {value!r}")
        return value or choices[0]

    def mapping(self, name: str) -> Mapping[str, str]:
        """Texts by text; empty when absent."""
        value: Json = self._left.pop(name, None)
        if not value:
            return {}
        members = as_object(value)
        if members is None or not all(isinstance(item, str) and item for item in members.values()):
            self.refuse(name, "expected texts by name")
            return {}
        self._kept[name] = dict(members)
        return members

    def keep(self, name: str, value: Json) -> None:
        """Keep a normalised value under `name`."""
        self._kept[name] = value

    def finish(self) -> dict[str, Json]:
        """The fields that were taken, as they are kept."""
        if unknown := sorted(name for name, value in self._left.items() if value):
            self.refuse(unknown[0], "is not a field of this kind of identity provider")
        return self._kept


def is_url(value: str) -> bool:
    """Whether `value` may be called or sent to: https, or http where nothing leaves a machine."""
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        return False
    return bool(
        parts.hostname
        and value.isascii()
        and not any(sign in value for sign in ' \\"<>#')
        and "@" not in parts.netloc
        and (parts.scheme == "https" or (parts.scheme == "http" and is_local(parts)))
    )


def is_local(parts: SplitResult) -> bool:
    """Whether the host can only be this machine, or a name reserved for tests (RFC 6761)."""
    host = (parts.hostname or "").rstrip(".")
    return (
        host in ("localhost", "::1")
        or host.endswith((".localhost", ".test"))
        or bool(re.fullmatch(r"127(\.\d{1,3}){3}", host))
    )
