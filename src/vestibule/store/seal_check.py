"""One sealed word in the database, by which a wrong key is met before any secret is needed."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from vestibule.store.sealing import Seal
from vestibule.store.tables import state

_PLACE = {"table": "state", "row": "1", "column": "seal_check"}


def check_seal(connection: Connection, seal: Seal) -> bool:
    """Raise `CannotUnseal` when `seal` is another installation's; False while there is no word."""
    sealed = connection.execute(select(state.c.seal_check)).scalar_one()
    if sealed:
        seal.unseal(sealed, **_PLACE)
    return bool(sealed)


def write_seal_check(connection: Connection, seal: Seal) -> None:
    """Seal the word with the newest key."""
    value = seal.seal("vestibule", **_PLACE)
    connection.execute(update(state).values(seal_check=value))
