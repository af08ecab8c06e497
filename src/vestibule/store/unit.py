"""One unit of work: a connection inside a transaction, and what all repositories share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any, Literal, TypeAlias, cast

from sqlalchemy import (
    Connection,
    CursorResult,
    Executable,
    Insert,
    RowMapping,
    Table,
    insert,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from vestibule.model.configuration import Configuration
from vestibule.store.sealing import Seal
from vestibule.store.tables import state

Counter = Literal["configuration", "revocations", "keys"]

Parsed: TypeAlias = dict[tuple[str, str], tuple[str, Any]]

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class RowBox:
    """Seals the secrets inside the document of one row (`documents.SecretBox`)."""

    seal: Seal
    table: str
    row: str

    def close(self, path: str, secret: str) -> str:
        """Seal the secret that stands at `path`."""
        return self.seal.seal(secret, table=self.table, row=self.row, column=f"document{path}")

    def open(self, path: str, sealed: str) -> str:
        """Open it again."""
        return self.seal.unseal(sealed, table=self.table, row=self.row, column=f"document{path}")


class Unit:
    """What a repository works with. It ends with its transaction."""

    def __init__(
        self,
        connection: Connection,
        seal: Seal,
        *,
        writable: bool,
        known: Configuration | None = None,
        parsed: Parsed | None = None,
    ) -> None:
        """`known` is the configuration as it was committed and read last, of whatever revision.

        `parsed` remembers each resource with the text that it was read from, so that after
        a change only what has changed is read anew.
        """
        self._connection = connection
        self._seal = seal
        self._writable = writable
        self._known: Configuration | None = known
        self._parsed: Parsed = {} if parsed is None else parsed
        self.grown: set[Counter] = set()

    def close(self) -> None:
        """The `with` has ended: whoever kept the records may write no more."""
        self._writable = False

    def _rows(self, query: Executable) -> Sequence[RowMapping]:
        return self._connection.execute(query).mappings().all()

    def _row(self, query: Executable) -> RowMapping | None:
        return self._connection.execute(query).mappings().first()

    def _write(
        self, statement: Executable, *grows: Counter, row: Mapping[str, Any] | None = None
    ) -> int:
        """Change something; says how many rows. If any, each counter grows, but only once."""
        self._must_be_writable()
        result = cast("CursorResult[Any]", self._connection.execute(statement, row))
        if result.rowcount != 0:
            for counter in set(grows) - self.grown:
                self._connection.execute(update(state).values({counter: state.c[counter] + 1}))
                self.grown.add(counter)
        return result.rowcount

    def _take(self, statement: Executable) -> RowMapping | None:
        """What a `DELETE ... RETURNING` deleted, if anything."""
        self._must_be_writable()
        return self._connection.execute(statement).mappings().first()

    def _put(self, table: Table, row: dict[str, Any], *grows: Counter) -> None:
        """Replace the row with this primary key, or insert it."""
        self._write(upsert(table, self._connection.dialect.name), *grows, row=row)

    def _add(self, table: Table, row: dict[str, Any]) -> None:
        """Insert a row; raises `Conflict` when its key is taken."""
        self._write(_insertion(table), row=row)

    def _must_be_writable(self) -> None:
        if not self._writable:
            raise RuntimeError("these records are read only, or their transaction has ended")


@cache
def upsert(table: Table, dialect: str, keep: tuple[str, ...] = ()) -> Insert:
    """Insert a row, or replace the one with its primary key, all but the columns to `keep`.

    Made once for each table, since making a statement costs more than running it.
    """
    keys = [column.name for column in table.primary_key]
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    changed = [c.name for c in table.columns if c.name not in (*keys, *keep)]
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in changed}
    )


@cache
def _insertion(table: Table) -> Insert:
    return insert(table)


def chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    """Portions that fit into one statement's parameters."""
    rest = iter(ids)
    while portion := list(islice(rest, _CHUNK)):
        yield portion


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two times, of which either may be unknown."""
    return max((at for at in (one, other) if at is not None), default=None)
