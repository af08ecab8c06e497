"""Which revoked ids go into the long list, and which into the short one beside it."""

from __future__ import annotations

_FEW = 500
_READ_BY_THEN = 30.0


class RevokedLists:
    """Remembers the long list. Every revoked id is in a list that Envoy has read or will at once.

    The short list is read in milliseconds, the long one in seconds when it is very long: until
    it certainly was, only what all long lists of late had in common counts as read.
    """

    def __init__(self) -> None:
        self._long: frozenset[str] | None = None
        self._read: frozenset[str] = frozenset()
        self._written_at = 0.0

    def split(
        self, revoked: frozenset[str], now: float
    ) -> tuple[frozenset[str], frozenset[str] | None]:
        """Return the short list, and the long one where it has to be written anew.

        `now` is any clock's seconds.
        """
        if self._long is None:
            # There is no Envoy yet that could be slow to read it.
            self._long = self._read = revoked
            return frozenset(), revoked
        if now - self._written_at >= _READ_BY_THEN:
            self._read = self._long
        expired = self._long - revoked
        if len(revoked - self._long) > _FEW or len(expired) > max(_FEW, len(revoked)):
            self._read &= revoked
            self._long, self._written_at = revoked, now
            return revoked - self._read, revoked
        return revoked - self._read, None
