"""What is committed survives; what cannot be reached says so; nothing is half written."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.fakes.postgres import new_postgres_database
from tests.fakes.samples import sample
from vestibule.model.errors import StoreUnavailable
from vestibule.model.identity import User
from vestibule.model.organization import Organization
from vestibule.store import Seal, migrate, open_store

SEAL = Seal({"0badc0de": bytes(32)})
NOW = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)

_WRITER = """
import sys
from datetime import UTC, datetime
from vestibule.model.identity import User
from vestibule.store import Seal, open_store
store = open_store(sys.argv[1], Seal({"0badc0de": bytes(32)}))
now = datetime.now(UTC)
n = 0
while True:
    with store.transaction() as records:
        records.put_user(User(f"{n:06}", f"{n}a@example.com", "", now))
        records.put_user(User(f"{n:06}-twin", f"{n}b@example.com", "", now))
    print(n, flush=True)
    n += 1
"""


def test_what_was_acknowledged_survives_kill_9_and_nothing_is_half_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'v.db'}"
    open_store(url, SEAL, migrate=True).close()
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, url], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    acknowledged = [writer.stdout.readline() for _ in range(50)][-1]
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged = writer.stdout.read().splitlines()[-1:] or [acknowledged]
    writer.wait()
    store = open_store(url, SEAL)
    with store.reading() as records:
        for n in range(int(acknowledged[-1]) + 1):
            assert records.user(f"{n:06}") is not None
        users = [user.id for user in records.users(limit=1_000_000)]
    assert len(users) % 2 == 0
    assert users[-1].endswith("-twin")
    store.close()


def test_a_commit_reaches_the_disk(tmp_path: Path) -> None:
    """Invariant 4: a power failure must not bring a revoked session back."""
    store = open_store(f"sqlite:///{tmp_path / 'v.db'}", SEAL, migrate=True)
    with store.transaction() as records:
        connection = records._connection
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    store.close()


def test_a_writer_that_holds_on_does_not_keep_readers_waiting(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'v.db'}"
    store = open_store(url, SEAL, migrate=True)
    with store.transaction() as records:
        records.put_organization(sample(Organization))
    other = open_store(url, SEAL)
    with store.transaction() as records:
        records.put_user(sample(User))
        began = time.monotonic()
        with ThreadPoolExecutor(20) as pool:
            found = list(pool.map(lambda _: other.configuration().revision, range(100)))
            revisions = list(pool.map(lambda _: store.revisions().configuration, range(100)))
        assert time.monotonic() - began < 3
    assert set(found) == set(revisions) == {1}
    store.close()
    other.close()


def test_a_database_locked_by_others_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F2."""
    monkeypatch.setattr("vestibule.store.engine.BUSY_SECONDS", 0.05)
    file = tmp_path / "v.db"
    migrate(f"sqlite:///{file}")
    store = open_store(f"sqlite:///{file}", SEAL)
    foreign = sqlite3.connect(file, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"), store.transaction():
        pytest.fail("the transaction must not begin")
    foreign.execute("ROLLBACK")
    foreign.close()
    with store.transaction() as records:
        records.put_user(sample(User))
    store.close()


def test_a_damaged_database_is_unavailable(tmp_path: Path) -> None:
    """F1, F3."""
    file = tmp_path / "v.db"
    migrate(f"sqlite:///{file}")
    file.write_bytes(b"no database at all " * 500)
    file.with_name("v.db-wal").unlink(missing_ok=True)
    with pytest.raises(StoreUnavailable):
        open_store(f"sqlite:///{file}", SEAL)


def _cut_connections(url: str) -> None:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    engine.dispose()


@pytest.mark.postgres
def test_connections_that_were_cut_are_made_anew() -> None:
    url = new_postgres_database("faults_cut")
    store, other = open_store(url, SEAL, migrate=True), open_store(url, SEAL)
    with store.transaction() as records:
        records.put_organization(sample(Organization))
    known = store.wait_for_change(store.revisions(), 0.1)
    _cut_connections(url)
    assert store.configuration().revision == known.configuration
    found: list[int] = []
    waiting = threading.Thread(
        target=lambda: found.append(store.wait_for_change(known, 20).configuration)
    )
    waiting.start()
    with other.transaction() as records:
        records.put_organization(sample(Organization))
    waiting.join()
    assert found == [known.configuration + 1]
    store.close()
    other.close()


@pytest.mark.postgres
def test_a_connection_cut_in_a_transaction_leaves_nothing() -> None:
    """F2."""
    url = new_postgres_database("faults_half")
    store = open_store(url, SEAL, migrate=True)
    user = sample(User)
    with pytest.raises(StoreUnavailable):  # noqa: SIM117, PT012 - the cut lies within
        with store.transaction() as records:
            records.put_user(user)
            _cut_connections(url)
    with store.transaction() as records:
        assert records.user(user.id) is None
        records.put_user(user)
    store.close()


@pytest.mark.postgres
def test_an_outage_is_told_to_whoever_waits_and_ends_by_itself() -> None:
    """F2: waiting through it raises; afterwards all goes on."""
    url = new_postgres_database("faults_outage")
    store = open_store(url, SEAL, migrate=True)
    known = store.revisions()
    name = make_url(url).database
    admin = create_engine(
        make_url(url).set(drivername="postgresql+psycopg", database="postgres"),
        isolation_level="AUTOCOMMIT",
    )
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false"))
        connection.execute(
            text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname='{name}'")  # noqa: S608 - the test's own names
        )
        with pytest.raises(StoreUnavailable):
            store.wait_for_change(known, 0.3)
        with pytest.raises(StoreUnavailable), store.transaction():
            pytest.fail("the transaction must not begin")
        with pytest.raises(StoreUnavailable):
            store.configuration()
        connection.execute(text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true"))
    assert store.wait_for_change(known, 0.1) == known
    store.close()
    admin.dispose()
