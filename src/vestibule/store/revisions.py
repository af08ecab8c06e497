"""Hearing of changes: the counters, and waking when they grow.

SQLite has no way to tell another process, so that one looks: `PRAGMA data_version` takes
microseconds, and says whether anybody else committed. PostgreSQL tells (LISTEN/NOTIFY);
whoever waits looks once a second all the same, in case a message was lost on the way.
Whatever this very process commits wakes its own waiters at once.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any, Protocol

import psycopg
from sqlalchemy import Connection, Engine, select

from vestibule.model.errors import StoreUnavailable
from vestibule.model.state import Revisions
from vestibule.store.engine import BUSY_SECONDS, make_private, prepare_sqlite, translated
from vestibule.store.tables import state

_CHANNEL = "vestibule"
_LOOK_SQLITE = 0.005
_LOOK_POSTGRES = 1.0
_LISTEN_AT_A_TIME = 0.5
_LONGEST_PAUSE = 2.0


class Counters(Protocol):
    """Reads the counters and says when to read them anew."""

    def read(self) -> Revisions:
        """The counters now; raises `StoreUnavailable`."""
        ...

    def announce(self) -> None:
        """This process committed a change: wake everybody who waits in it."""
        ...

    def wait(self, known: Revisions, timeout: float) -> Revisions:
        """The counters as soon as they differ from `known`, or after `timeout` seconds."""
        ...

    def close(self) -> None: ...


class _Waiting:
    """Threads that wait for the next sign of a change."""

    def __init__(self) -> None:
        self._sign = threading.Condition()
        self._signs = 0

    def give(self) -> None:
        with self._sign:
            self._signs += 1
            self._sign.notify_all()

    def until_changed(
        self, counters: Counters, known: Revisions, timeout: float, look: float
    ) -> Revisions:
        """Read whenever a sign was given, and every `look` seconds without one."""
        end = time.monotonic() + timeout
        while True:
            signs = self._signs  # before reading: a sign in between ends the wait at once
            outage: StoreUnavailable | None = None
            now = known
            try:
                now = counters.read()
            except StoreUnavailable as error:
                outage = error
            left = end - time.monotonic()
            if now != known:
                return now
            if left <= 0:
                if outage is not None:
                    raise outage
                return now
            with self._sign:
                pause = min(left, look if outage is None else max(look, 0.1))
                self._sign.wait_for(lambda seen=signs: self._signs != seen, pause)


class SqliteCounters:
    """Over a connection of its own, which never writes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._version = -1
        self._known = Revisions()
        self._waiting = _Waiting()

    def read(self) -> Revisions:
        """Asks for the row only when somebody committed since the last time."""
        with self._lock, translated():
            connection = self._connection or self._connect()
            # The version first: a commit after it is seen the next time, never missed.
            version: int = connection.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                row = connection.execute("SELECT configuration, revocations, keys FROM state")
                self._known = Revisions(*row.fetchone())
                self._version = version
            return self._known

    def announce(self) -> None:
        """Wake the waiters of this process."""
        self._waiting.give()

    def wait(self, known: Revisions, timeout: float) -> Revisions:
        """Look every few milliseconds."""
        return self._waiting.until_changed(self, known, timeout, _LOOK_SQLITE)

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            self._version = -1

    def _connect(self) -> sqlite3.Connection:
        make_private(self._file)
        connection = sqlite3.connect(self._file, timeout=BUSY_SECONDS, check_same_thread=False)
        prepare_sqlite(connection)
        self._connection = connection
        self._version = -1
        return connection


class PostgresCounters:
    """Asks the database each time; a thread that listens begins with the first waiter."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._alone = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._waiting = _Waiting()
        self._lock = threading.Lock()
        self._listener: threading.Thread | None = None
        self._closed = threading.Event()

    def read(self) -> Revisions:
        """One row."""
        query = select(*(state.c[name] for name in ("configuration", "revocations", "keys")))
        with translated(), self._alone.connect() as connection:
            return Revisions(*connection.execute(query).one())

    def announce(self) -> None:
        """Wake the waiters of this process."""
        self._waiting.give()

    def wait(self, known: Revisions, timeout: float) -> Revisions:
        """Until the listener gives a sign."""
        with self._lock:
            if self._listener is None:
                self._listener = threading.Thread(
                    target=self._listen, name="vestibule-store-listener", daemon=True
                )
                self._listener.start()
        return self._waiting.until_changed(self, known, timeout, _LOOK_POSTGRES)

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        with self._lock:
            if self._listener is not None:
                self._listener.join(timeout=2 * _LISTEN_AT_A_TIME)

    def _listen(self) -> None:
        """For ever: listen, pass each message on, connect again when the line is cut."""
        arguments: Any
        options: Any
        arguments, options = self._engine.dialect.create_connect_args(self._engine.url)
        pause = 0.1
        while not self._closed.is_set():
            try:
                with psycopg.connect(*arguments, **options, autocommit=True) as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    self._waiting.give()  # whatever changed before we listened
                    pause = 0.1
                    while not self._closed.is_set():
                        for _ in connection.notifies(timeout=_LISTEN_AT_A_TIME):
                            self._waiting.give()
            except psycopg.Error:
                self._closed.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)


def tell_others(connection: Connection) -> None:
    """PostgreSQL: announce, when this transaction is committed, that a counter has grown."""
    connection.exec_driver_sql(f"NOTIFY {_CHANNEL}")
