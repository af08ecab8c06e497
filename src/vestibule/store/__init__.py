"""Where the state lives: one schema on SQLite or PostgreSQL, secrets sealed.

`open_store` gives what the flows know as `Store`, `Archive` what `flows.backup` needs.
`migrate` moves the schema; `Seal` holds the key that is not in the database.
"""

from vestibule.store.backup import Archive
from vestibule.store.opening import open_store
from vestibule.store.schema import SchemaNotCurrent, migrate
from vestibule.store.sealing import CannotUnseal, Seal

__all__ = ["Archive", "CannotUnseal", "SchemaNotCurrent", "Seal", "migrate", "open_store"]
