"""Opening a store: the right schema, the right key."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from vestibule.store.database import SqlStore
from vestibule.store.engine import make_engine, reading, writing
from vestibule.store.schema import migrate as migrate_schema
from vestibule.store.schema import require_current
from vestibule.store.sealing import Seal
from vestibule.store.tables import state

_PLACE = {"table": "state", "row": "1", "column": "seal_check"}


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
                _seal_once(connection, seal)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine, seal)


def check_seal(connection: Connection, seal: Seal) -> bool:
    """Meet a wrong key now, and not at the first secret that somebody needs.

    False while nothing was sealed yet. Raises `CannotUnseal`.
    """
    sealed = connection.execute(select(state.c.seal_check)).scalar_one()
    if sealed:
        seal.unseal(sealed, **_PLACE)
    return bool(sealed)


def _seal_once(connection: Connection, seal: Seal) -> None:
    if not check_seal(connection, seal):
        value = seal.seal("vestibule", **_PLACE)
        connection.execute(update(state).values(seal_check=value))
