"""Keeps secrets out of the logs, whoever wrote them there (design.md, invariant 5)."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any, cast

REDACTED = "***"

_SECRET_NAMES = re.compile(
    r"secret|password|passwd|authorization|cookie|token|private|assertion|api_?key|credential"
    r"|code_verifier|client_assertion|seed|otp",
    re.IGNORECASE,
)
_HARMLESS_NAMES = frozenset(("token_id", "service_token_id", "token_kind", "tokens", "event"))
_SECRET_VALUES = re.compile(
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"  # a JWT
    r"|vst_[A-Za-z0-9]{8,}"  # a service token's secret
    r"|(?i:bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----"
    r"|(?<=://)[^/@\s:]+:[^/@\s]+(?=@)"  # name and password in a URL
)
_DEEPEST = 6


def redact(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: return `event` with what looks like a secret blotted out."""
    return {name: _named(name, value, 0) for name, value in event.items()}


def redact_text(text: str) -> str:
    """Return `text` with what looks like a secret blotted out."""
    return _SECRET_VALUES.sub(REDACTED, text)


def _named(name: str, value: Any, depth: int) -> Any:
    if name not in _HARMLESS_NAMES and _SECRET_NAMES.search(name) and value is not None:
        return REDACTED
    return _value(value, depth)


def _value(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return redact_text(value)
    if depth >= _DEEPEST:
        return REDACTED
    if isinstance(value, Mapping):
        held = cast("Mapping[Any, Any]", value)
        return {key: _named(str(key), inner, depth + 1) for key, inner in held.items()}
    if isinstance(value, list | tuple):
        return [_value(inner, depth + 1) for inner in cast("list[Any]", value)]
    if isinstance(value, bytes):
        return redact_text(value.decode("utf-8", "replace"))
    return value
