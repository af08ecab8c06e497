"""Published keys, and the one refetch that a rotation needs (identity.md 8.1, row 14)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from vestibule.protocols.exchange import Exchange, Request
from vestibule.protocols.jose import KeySet, Reason, TokenRejected, parse_key_set
from vestibule.protocols.oauth2.errors import OAuthFailure

T = TypeVar("T")

_KEEP_FOR = 3600.0


def fetch_keys(url: str, *, refresh: bool = False, keep_for: float = _KEEP_FOR) -> Exchange[KeySet]:
    """Read the key set at `url`. Raises `OAuthFailure` when there is none."""
    answer = yield Request(
        "GET",
        url,
        headers={"Accept": "application/json"},
        cache_for=keep_for,
        refresh=refresh,
    )
    if answer.status != 200:
        raise OAuthFailure(f"the key set {url} answered {answer.status}", code="keys_unavailable")
    try:
        return parse_key_set(answer.body)
    except TokenRejected as error:
        raise OAuthFailure(error.message, code="keys_unavailable") from error


def verify_with_published_keys(
    url: str, verify: Callable[[KeySet], T], *, keep_for: float = _KEEP_FOR
) -> Exchange[T]:
    """Verify with the keys at `url`; when the key is unknown, look again once.

    The driver throttles how often it really looks, so an unknown key may stay unknown.
    Raises what `verify` raises.
    """
    keys = yield from fetch_keys(url, keep_for=keep_for)
    try:
        return verify(keys)
    except TokenRejected as rejection:
        if rejection.reason is not Reason.UNKNOWN_KEY:
            raise
    keys = yield from fetch_keys(url, refresh=True, keep_for=keep_for)
    return verify(keys)
