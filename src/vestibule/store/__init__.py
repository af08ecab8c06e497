"""Where the state lives: one schema on SQLite or PostgreSQL, secrets sealed.

`open_store` gives what the flows know as `Store`. `migrate` and `downgrade` move the
schema; `Seal` holds the key that is not in the database.
"""

from vestibule.store.opening import open_store
from vestibule.store.schema import SchemaNotCurrent, downgrade, migrate
from vestibule.store.sealing import CannotUnseal, Seal

__all__ = ["CannotUnseal", "SchemaNotCurrent", "Seal", "downgrade", "migrate", "open_store"]
