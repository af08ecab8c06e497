"""Our signing keys (sealed) and the credentials of the administration API (hashed)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select

from vestibule.model.machine import SigningKey
from vestibule.model.state import ApiToken
from vestibule.store import documents
from vestibule.store.tables import api_tokens, signing_keys
from vestibule.store.unit import RowBox, Unit


class KeyRecords(Unit):
    """Keys and credentials."""

    def signing_keys(self) -> Sequence[SigningKey]:
        """All of them, oldest first."""
        query = select(signing_keys).order_by(signing_keys.c.created_at, signing_keys.c.kid)
        return [
            documents.load(SigningKey, row["document"], self._box(row["kid"]))
            for row in self._rows(query)
        ]

    def put_signing_key(self, key: SigningKey) -> None:
        """Create or replace it; grows `Revisions.keys`."""
        row = {
            "kid": key.kid,
            "created_at": key.created_at,
            "document": documents.dump(key, self._box(key.kid)),
        }
        self._put(signing_keys, row, "keys")

    def delete_signing_key(self, kid: str) -> None:
        """Forget it; grows `Revisions.keys` if it was there."""
        self._write(delete(signing_keys).where(signing_keys.c.kid == kid), "keys")

    def api_token_by_hash(self, secret_hash: str) -> ApiToken | None:
        """The token whose secret hashes to this."""
        query = select(api_tokens.c.document).where(api_tokens.c.secret_hash == secret_hash)
        row = self._row(query)
        return documents.load(ApiToken, row["document"]) if row else None

    def put_api_token(self, token: ApiToken) -> None:
        """Create or replace it; raises `Conflict` when another one has this secret."""
        row = {
            "id": token.id,
            "secret_hash": token.secret_hash,
            "document": documents.dump(token),
        }
        self._put(api_tokens, row)

    def _box(self, kid: str) -> RowBox:
        return RowBox(self._seal, "signing_keys", kid)
