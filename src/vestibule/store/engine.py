"""Connections: what each database needs to be told, and what its errors mean to us.

SQLite runs in WAL mode with `synchronous=FULL`: a commit that was acknowledged survives
not only `kill -9` (NORMAL gives that too) but also a power failure. A revocation must not
come back to life with the machine, and what SCIM or the API answered 2xx to is on disk.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from vestibule.model.errors import Conflict, InvalidConfiguration, StoreUnavailable

BUSY_SECONDS = 5
"""How long a writer waits for another one before it gives up."""

_OLDEST_SQLITE = (3, 35, 0)  # the first with RETURNING
_READ_ONLY = "vestibule_read_only"
_WRITERS_LOCK = 0x7665_7374  # "vest": the advisory lock that lets one writer in at a time


def make_engine(address: str) -> Engine:
    """The engine of a database URL; raises `InvalidConfiguration` for one we cannot use."""
    try:
        url = make_url(address)
    except ArgumentError:
        raise InvalidConfiguration(
            "the database URL cannot be read: expected sqlite:///FILE or postgresql://..."
        ) from None
    match url.get_backend_name():
        case "sqlite":
            return _sqlite(url)
        case "postgresql":
            return _postgres(url)
        case other:
            raise InvalidConfiguration(
                f"the database {other} is not supported: expected sqlite or postgresql"
            )


def is_sqlite(engine: Engine) -> bool:
    """Whether this is SQLite; otherwise it is PostgreSQL."""
    return engine.dialect.name == "sqlite"


@contextmanager
def writing(engine: Engine) -> Generator[Connection]:
    """A transaction that nobody else writes beside, committed when the block ends well."""
    with translated(), engine.connect() as connection, connection.begin():
        if not is_sqlite(engine):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS_LOCK})")
        yield connection


@contextmanager
def reading(engine: Engine) -> Generator[Connection]:
    """A transaction that sees one moment, and waits for no writer."""
    with translated(), engine.connect() as connection:
        if is_sqlite(engine):
            connection = connection.execution_options(**{_READ_ONLY: True})
        else:
            connection = connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        with connection.begin():
            yield connection


@contextmanager
def translated() -> Generator[None]:
    """Errors of the database, in our words. The statement's values are not repeated."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict("this collides with something that is stored already") from error
    except DBAPIError as error:
        lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
        raise StoreUnavailable(f"the database cannot be used: {lines[0]}") from error
    except PoolTimeout as error:
        raise StoreUnavailable("the database is too busy: no connection became free") from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StoreUnavailable(f"the database cannot be used: {error}") from error


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:" or url.query:
        raise InvalidConfiguration("the database URL should name a file: sqlite:///FILE")
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise InvalidConfiguration(
            f"SQLite {sqlite3.sqlite_version} is too old: expected 3.35 or newer"
        )
    file = Path(url.database)
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=16,
        max_overflow=48,
        pool_timeout=BUSY_SECONDS,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "do_connect")
    def _private(*_: Any) -> None:  # pyright: ignore[reportUnusedFunction] - SQLAlchemy calls it
        make_private(file)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:  # pyright: ignore[reportUnusedFunction] - SQLAlchemy calls it
        prepare_sqlite(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction] - SQLAlchemy calls it
        # A deferred transaction that reads and then writes may fail halfway when somebody
        # wrote meanwhile (SQLITE_BUSY_SNAPSHOT); taking the lock at once cannot.
        read_only = connection.get_execution_options().get(_READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def prepare_sqlite(connection: sqlite3.Connection) -> None:
    """Settings that SQLite keeps for each connection; transactions are ours to begin."""
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA journal_size_limit=67108864")


def make_private(file: Path) -> None:
    """Create the database file for its owner alone; SQLite gives its -wal the same mode.

    A file that is there is never opened by us. POSIX drops all locks of a process when it
    closes any descriptor of the file: another process would then take itself for the last,
    and delete the -wal beneath us, and with it what we commit and hear of from then on
    (sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StoreUnavailable(
            f"the database file {file} cannot be opened: {error.strerror}"
        ) from error


def _postgres(url: URL) -> Engine:
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_size=8,
        max_overflow=24,
        pool_timeout=BUSY_SECONDS,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": BUSY_SECONDS,
            "application_name": "vestibule",
            "options": f"-c lock_timeout={BUSY_SECONDS}s",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
        },
    )
