"""Opening a store: the right schema, the right key."""

from __future__ import annotations

from vestibule.store.database import SqlStore
from vestibule.store.engine import make_engine, reading, writing
from vestibule.store.schema import migrate as migrate_schema
from vestibule.store.schema import require_current
from vestibule.store.seal_check import check_seal, write_seal_check
from vestibule.store.sealing import Seal


def open_store(url: str, seal: Seal, migrate: bool = False) -> SqlStore:
    """Open the database at `url`; `migrate` brings its schema forward first.

    Raises `StoreUnavailable` when it cannot be reached or has another schema,
    `CannotUnseal` when its secrets were sealed with a key that `seal` does not have.
    """
    if migrate:
        migrate_schema(url)
    engine = make_engine(url)
    try:
        require_current(engine)
        with reading(engine) as connection:
            sealed = check_seal(connection, seal)
        if not sealed:
            with writing(engine) as connection:  # the first to open a new database
                if not check_seal(connection, seal):
                    write_seal_check(connection, seal)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine, seal)
