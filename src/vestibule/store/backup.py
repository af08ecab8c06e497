"""Backup and restore of the whole state, while it is in use; secrets stay sealed.

A restored installation must not believe what was issued since the backup was made, nor
what was revoked since then and is not known any more. So everybody signs in again: the
sessions and sign-ins in flight are left out, and so are the signing keys (the control plane
makes a new one as it starts). `keep_sessions` is for moving to another, empty database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnClause,
    Connection,
    Table,
    column,
    delete,
    func,
    insert,
    inspect,
    select,
    table,
    update,
)

from vestibule.model.errors import Conflict, InvalidConfiguration
from vestibule.model.state import BackupContents
from vestibule.model.values import Json
from vestibule.store import archive, tables
from vestibule.store.engine import is_sqlite, make_engine, reading, translated, writing
from vestibule.store.revisions import tell_others
from vestibule.store.schema import HEAD, migrate, present_revision, require_current
from vestibule.store.seal_check import check_seal
from vestibule.store.sealing import Seal

_PORTION = 500
_OF_SESSIONS = frozenset(
    t.name
    for t in (
        tables.sessions,
        tables.grants,
        tables.login_attempts,
        tables.handovers,
        tables.blobs,
        tables.signing_keys,
    )
)
_NOT_KEPT = frozenset({tables.gateways.name})
_ORDERED_BY_ARRIVAL = frozenset({(tables.access_log.name, "seq")})
"""Columns that the database counts itself; rows are written in their order instead."""


class Archive:
    """The state of one database, to and from a file (`flows.backup.Archive`)."""

    def __init__(self, url: str, seal: Seal) -> None:
        """`seal` must open what the archive holds."""
        self._url = url
        self._seal = seal

    def write(self, target: Path) -> BackupContents:
        """Write everything, as it was at one moment."""
        return write(self._url, target)

    def restore(self, source: Path, *, keep_sessions: bool = False) -> BackupContents:
        """Replace everything, in one transaction."""
        return restore(self._url, source, self._seal, keep_sessions=keep_sessions)


def write(url: str, target: Path) -> BackupContents:
    """Write the state as it is at one moment; writers go on meanwhile."""
    engine = make_engine(url)
    try:
        require_current(engine)
        with reading(engine) as connection:
            kept = [t for t in tables.metadata.sorted_tables if t.name not in _NOT_KEPT]
            return archive.write(target, HEAD, (_rows_of(connection, t) for t in kept))
    finally:
        engine.dispose()


def restore(
    url: str, source: Path, seal: Seal | None = None, *, keep_sessions: bool = False
) -> BackupContents:
    """Replace the state by that of `source`, in one transaction: all of it, or nothing.

    An empty database gets its schema first. Raises `InvalidConfiguration` for a file that
    is not a whole backup, `CannotUnseal` when `seal` is not the key its secrets need,
    `Conflict` when sessions are to be kept in a database that has some of its own.
    """
    with archive.opened(source) as reader:
        _prepare_schema(url, reader.schema)
        engine = make_engine(url)
        try:
            with writing(engine) as connection:
                if keep_sessions:
                    _require_no_sessions(connection)
                counts = _replace(
                    connection, reader, frozenset() if keep_sessions else _OF_SESSIONS
                )
                if seal is not None:
                    check_seal(connection, seal)
                if not is_sqlite(engine):
                    tell_others(connection)
        finally:
            engine.dispose()
        if reader.schema != HEAD:
            migrate(url)
        return BackupContents(reader.schema, reader.made_at, counts)


def _rows_of(connection: Connection, kept: Table) -> archive.Rows:
    """The rows as the database holds them: whole numbers for times, text for documents."""
    names = [c.name for c in kept.columns if (kept.name, c.name) not in _ORDERED_BY_ARRIVAL]
    columns: list[ColumnClause[Any]] = [
        column(name, Boolean()) if isinstance(kept.c[name].type, Boolean) else column(name)
        for name in names
    ]
    query = select(*columns).select_from(table(kept.name))
    ordered = query.order_by(*kept.primary_key)
    found = connection.execution_options(yield_per=_PORTION).execute(ordered)
    return archive.Rows(kept.name, tuple(names), (tuple(row) for row in found))


def _prepare_schema(url: str, schema: str) -> None:
    """Bring an empty database to the archive's schema; any other must have it already."""
    engine = make_engine(url)
    try:
        with translated(), engine.connect() as connection:
            present = present_revision(connection)
    finally:
        engine.dispose()
    if not present:
        migrate(url, schema)
    elif present != schema:
        raise InvalidConfiguration(
            f"the backup has schema {schema}, and the database {present}: "
            "restore it into an empty database"
        )


def _require_no_sessions(connection: Connection) -> None:
    for held in (tables.sessions, tables.grants):
        if connection.execute(select(func.count()).select_from(held)).scalar_one():
            raise Conflict(
                "sessions can be kept only in a database that has none: "
                "what was revoked in this one would be forgotten"
            )


def _replace(
    connection: Connection, reader: archive.ArchiveReader, left_out: frozenset[str]
) -> Mapping[str, int]:
    here = {name for name in inspect(connection).get_table_names() if name != "alembic_version"}
    counters = connection.execute(select(tables.state)).mappings().one()
    used = {tuple(row) for row in connection.execute(_used_pairs())}
    for name in here - {tables.used_once.name}:
        connection.execute(delete(table(name)))
    counts: dict[str, int] = {}
    rows = reader.rows()
    while portion := list(islice(rows, _PORTION)):
        for name, held in _by_table(portion):
            if name not in here:
                raise InvalidConfiguration(f"the backup holds {name}, which has no place here")
            if name == tables.used_once.name:
                # What was used before the restore stays used (replay).
                held = [row for row in held if (row["kind"], row["value_hash"]) not in used]
            if name not in left_out and held:
                columns: list[ColumnClause[Any]] = [column(one) for one in held[0]]
                connection.execute(insert(table(name, *columns)), held)
                counts[name] = counts.get(name, 0) + len(held)
    restored = connection.execute(select(tables.state)).mappings().one_or_none()
    if restored is None:
        raise InvalidConfiguration("the backup holds no counters")
    grown = {
        name: max(counters[name], restored[name]) + 1
        for name in ("configuration", "revocations", "keys")
    }
    connection.execute(update(tables.state).values(grown))
    return counts


def _used_pairs() -> Any:
    return select(tables.used_once.c.kind, tables.used_once.c.value_hash)


def _by_table(
    portion: Sequence[tuple[str, Mapping[str, Json]]],
) -> Iterator[tuple[str, list[dict[str, Json]]]]:
    """Rows of one table together; they came one table after the other."""
    names = dict.fromkeys(name for name, _ in portion)
    for name in names:
        yield name, [dict(row) for one, row in portion if one == name]
