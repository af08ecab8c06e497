"""The store: transactions over the database, and the configuration as it was read last."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine

from vestibule.model.configuration import Configuration
from vestibule.model.errors import StoreUnavailable
from vestibule.model.state import Revisions
from vestibule.store.attempts import AttemptRecords
from vestibule.store.configuration import KINDS, ConfigurationRecords
from vestibule.store.engine import BUSY_SECONDS, is_sqlite, reading, writing
from vestibule.store.keys import KeyRecords
from vestibule.store.log import LogRecords
from vestibule.store.people import PeopleRecords
from vestibule.store.pruning import PruningRecords
from vestibule.store.revisions import Counters, PostgresCounters, SqliteCounters, tell_others
from vestibule.store.seal_check import write_seal_check
from vestibule.store.sealing import Seal
from vestibule.store.sessions import SessionRecords
from vestibule.store.unit import Parsed


class SqlRecords(
    ConfigurationRecords,
    PeopleRecords,
    AttemptRecords,
    SessionRecords,
    KeyRecords,
    LogRecords,
    PruningRecords,
):
    """Everything that one transaction can do (`flows.ports.Records`)."""

    def reseal(self) -> None:
        """Write anew what holds a secret, with the newest key."""
        configuration = self.configuration()
        for kind in KINDS:
            for resource in getattr(configuration, kind).values():
                self.put(resource)
        for key in self.signing_keys():
            self.put_signing_key(key)
        write_seal_check(self._connection, self._seal)


class SqlStore:
    """The store on SQLite or PostgreSQL (`flows.ports.Store`); for use from many threads."""

    def __init__(self, engine: Engine, seal: Seal) -> None:
        """`engine` must have the current schema: see `opening.open_store`."""
        self._engine = engine
        self._seal = seal
        self._counters: Counters = (
            SqliteCounters(Path(engine.url.database or ""))
            if is_sqlite(engine)
            else PostgresCounters(engine)
        )
        # Threads of one process queue here, in turn, before they queue at the database,
        # where SQLite would have them sleep and try again.
        self._writer = threading.Lock()
        self._writer_thread: int | None = None
        self._loading = threading.Lock()
        self._known: Configuration | None = None
        self._parsed: Parsed = {}

    @contextmanager
    def transaction(self) -> Generator[SqlRecords]:
        """Read and write; see the port."""
        me = threading.get_ident()
        if self._writer_thread == me:
            raise RuntimeError("transactions do not nest: one is open in this thread")
        if not self._writer.acquire(timeout=2 * BUSY_SECONDS):
            raise StoreUnavailable("the store is too busy: other changes take too long")
        try:
            self._writer_thread = me
            with writing(self._engine) as connection:
                records = self._records(connection, writable=True)
                try:
                    yield records
                finally:
                    records.close()
                if records.grown and not is_sqlite(self._engine):
                    tell_others(connection)
        finally:
            self._writer_thread = None
            self._writer.release()
        if records.grown:
            self._counters.announce()

    @contextmanager
    def reading(self) -> Generator[SqlRecords]:
        """Read only, one moment; see the port."""
        with reading(self._engine) as connection:
            yield self._records(connection, writable=False)

    def revisions(self) -> Revisions:
        """The counters now."""
        return self._counters.read()

    def wait_for_change(self, known: Revisions, timeout: float) -> Revisions:
        """The counters as soon as they differ from `known`, or after `timeout` seconds."""
        return self._counters.wait(known, timeout)

    def configuration(self) -> Configuration:
        """The present configuration; read anew only when its revision grew."""
        known = self._known
        if known is not None and known.revision == self._counters.read().configuration:
            return known
        with self._loading:  # of many threads that ask after a change, one reads
            known = self._known
            if known is None or known.revision != self._counters.read().configuration:
                with self.reading() as records:
                    known = self._known = records.configuration()
            return known

    def reseal(self) -> None:
        """Seal everything lasting with the newest key, so that older ones can be retired.

        Sign-ins in flight stay as they are; they are over within the hour.
        """
        with self.transaction() as records:
            records.reseal()

    def close(self) -> None:
        """Let go of every connection."""
        self._counters.close()
        self._engine.dispose()

    def _records(self, connection: Connection, *, writable: bool) -> SqlRecords:
        return SqlRecords(
            connection, self._seal, writable=writable, known=self._known, parsed=self._parsed
        )
