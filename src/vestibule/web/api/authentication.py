"""Who calls the API: a bearer token, kept as a hash (api.md 1.3)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from vestibule.flows.ports import ApiToken, Clock, Store
from vestibule.web.api.envelope import ApiError

_TOKEN = re.compile(r"[0-9A-Za-z_-]{40,80}", re.ASCII)


def bearer(headers: Mapping[str, str]) -> str:
    """Return the token that a request presents. Raises `ApiError`."""
    presented = headers.get("authorization")
    if presented is None:
        raise ApiError(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
    scheme, _, token = presented.partition(" ")
    if scheme.lower() != "bearer" or not _TOKEN.fullmatch(token):
        raise ApiError(400, 6003, "Invalid request headers")
    return token


def token_of(headers: Mapping[str, str], store: Store, clock: Clock) -> ApiToken | None:
    """Return the credential that a request proves; None for an unknown or expired one."""
    hashed = hashlib.sha256(bearer(headers).encode()).hexdigest()
    with store.reading() as records:
        token = records.api_token_by_hash(hashed)
    if token is None or (token.expires_at is not None and token.expires_at <= clock.now()):
        return None
    return token
