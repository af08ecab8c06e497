"""The stores that must all behave alike."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.fakes.postgres import new_postgres_database
from tests.fakes.store import MemoryStore
from vestibule.flows.ports import Store
from vestibule.store import Seal, migrate, open_store
from vestibule.store.tables import metadata

KEY = {"0badc0de": bytes(range(32))}


@pytest.fixture(scope="session")
def empty_sqlite() -> Iterator[Path]:
    """A migrated SQLite file, to be copied: quicker than migrating for each test."""
    with tempfile.TemporaryDirectory(prefix="v-") as directory:
        file = Path(directory) / "empty.db"
        migrate(f"sqlite:///{file}")
        yield file


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A migrated database for this test process."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    url = new_postgres_database(f"conformance_{worker}")
    migrate(url)
    return url


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the same, at first empty, store: each time as another process would."""
    opened: list[Store] = []

    def remember(store: Store) -> Store:
        opened.append(store)
        return store

    if request.param == "memory":
        memory = MemoryStore()
        yield lambda: memory
    elif request.param == "sqlite":
        file = tmp_path / "vestibule.db"
        shutil.copy(request.getfixturevalue("empty_sqlite"), file)
        yield lambda: remember(open_store(f"sqlite:///{file}", Seal(KEY)))
    else:
        url = request.getfixturevalue("postgres_url")
        _empty(url)
        yield lambda: remember(open_store(url, Seal(KEY)))
    for store in opened:
        store.close()


@pytest.fixture
def store(opener: Callable[[], Store]) -> Store:
    """A store with nothing in it."""
    return opener()


def _empty(url: str) -> None:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        names = ", ".join(name for name in metadata.tables if name != "state")
        connection.execute(text(f"TRUNCATE {names}"))
        connection.execute(
            text("UPDATE state SET configuration=0, revocations=0, keys=0, seal_check=''")
        )
    engine.dispose()
