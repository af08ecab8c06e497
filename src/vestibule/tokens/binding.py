"""The value of `CF_Binding`: what must come with an application token (access.md 4.3)."""

from __future__ import annotations

import hashlib
import hmac

from vestibule.model.machine import SigningKey
from vestibule.tokens.signing import derived


def binding_of(token_id: str, key: SigningKey) -> str:
    """Return the binding of the token with that `jti`, signed by `key`: 64 hex digits."""
    secret = derived(key, "binding")
    return hmac.new(secret, token_id.encode(), hashlib.sha256).hexdigest()


def is_bound(token_id: str, key: SigningKey, presented: str) -> bool:
    """Whether `presented` is the token's binding, compared in constant time."""
    return hmac.compare_digest(binding_of(token_id, key).encode(), presented.encode())
