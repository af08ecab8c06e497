"""Signing keys and their rotation, one ring for each authorization server.

Okta publishes the next key weeks before it signs with it, keeps the previous one listed, and
can rotate at once in an emergency ("Key rotation").
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import RSAKey

# Okta's own sample: 44 days. A relying party is wise to cap it.
CACHE_CONTROL: Final = "max-age=3832304, must-revalidate"

Mint = Callable[[], RSAKey]


def mint() -> RSAKey:
    """Make a fresh RSA key with an id in Okta's manner."""
    return named(RSAKey.generate_key(2048, private=True))


def named(key: RSAKey) -> RSAKey:
    """Return `key` with a random `kid`, `use` and `alg`."""
    parameters = {"kid": secrets.token_urlsafe(32), "use": "sig", "alg": "RS256"}
    return RSAKey.import_key(key.as_dict(private=True) | parameters)


class KeyRing:
    """The keys of one authorization server. Made when first used: RSA keys take a while."""

    def __init__(self, make: Mint = mint) -> None:
        self._make = make
        self._listed: list[RSAKey] = []
        self._current: RSAKey | None = None
        self._next: RSAKey | None = None

    @property
    def current(self) -> RSAKey:
        """The key that signs now."""
        if self._current is None:
            self._current = self._make()
            self._listed.append(self._current)
        return self._current

    def publish_next(self) -> str:
        """List the key that will sign after the next rotation; return its `kid`."""
        if self._next is None:
            self._next = self._make()
            # First in the list, because the order of a key set means nothing.
            self._listed.insert(0, self._next)
        return str(self._next.kid)

    def rotate(self, *, emergency: bool = False) -> str:
        """Sign with the next key from now on; return its `kid`.

        An emergency takes a key that nobody has seen and stops listing all others.
        """
        previous = self.current
        if emergency:
            self._next = None
            self._current = self._make()
            self._listed = [self._current]
            return str(self._current.kid)
        self.publish_next()
        self._current, self._next = self._next, None
        self._listed = [key for key in self._listed if key in (self._current, previous)]
        return str(self.current.kid)

    def public(self) -> list[dict[str, Any]]:
        """Return the listed keys as a relying party may see them."""
        _ = self.current
        return [dict(key.as_dict(private=False)) for key in self._listed]

    def sign(self, claims: dict[str, Any]) -> str:
        """Return `claims` as a JWT by the current key."""
        key = self.current
        return jwt.encode({"alg": "RS256", "kid": str(key.kid)}, claims, key)
