"""Small values that travel through every layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = Any  # A JSON document as the standard library reads it.


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret in memory. It never shows in a `repr`, a log or a traceback; call `reveal()`."""

    _value: str

    def reveal(self) -> str:
        """Return the secret itself, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__
