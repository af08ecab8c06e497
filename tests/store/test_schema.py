"""The schema goes forward and back on both databases, and a wrong one is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from tests.fakes.postgres import new_postgres_database
from tests.fakes.samples import sample
from vestibule.model.errors import InvalidConfiguration, StoreUnavailable
from vestibule.model.organization import Organization
from vestibule.store import CannotUnseal, SchemaNotCurrent, Seal, migrate, open_store, schema
from vestibule.store.engine import make_engine, reading, writing
from vestibule.store.tables import metadata

SEAL = Seal({"0badc0de": bytes(32)})


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'v.db'}"
    return new_postgres_database("schema")


def _tables(url: str) -> set[str]:
    engine = make_engine(url)
    with reading(engine) as connection:
        names = set(inspect(connection).get_table_names())
    engine.dispose()
    return names


def _execute(url: str, statement: str) -> None:
    engine = make_engine(url)
    with writing(engine) as connection:
        connection.execute(text(statement))
    engine.dispose()


def _other_type(context: MigrationContext, *found: Any) -> bool:
    """Whether the type in the database differs from the type in the code, as written in SQL."""
    *_, here, there = found
    dialect = context.dialect
    return here.compile(dialect) != there.compile(dialect)


def test_forward_back_and_forward_again(url: str) -> None:
    assert migrate(url) == schema.HEAD
    assert _tables(url) == {*metadata.tables, "alembic_version"}
    assert migrate(url) == schema.HEAD  # nothing to do
    assert migrate(url, "base") == ""
    assert _tables(url) == {"alembic_version"}
    assert migrate(url) == schema.HEAD
    store = open_store(url, SEAL)
    with store.transaction() as records:
        records.put_organization(sample(Organization))
    store.close()


def test_the_migrations_make_the_tables_that_the_code_uses(url: str) -> None:
    migrate(url)
    engine = make_engine(url)
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": _other_type})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_the_version_that_the_code_asks_for_is_the_last_migration() -> None:
    scripts = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
    assert scripts.get_current_head() == schema.HEAD


def test_a_step_that_does_not_exist_is_refused(url: str) -> None:
    migrate(url)
    with pytest.raises(InvalidConfiguration, match="9999"):
        migrate(url, "9999")
    assert "users" in _tables(url)


def test_an_empty_database_says_what_to_do(url: str) -> None:
    with pytest.raises(SchemaNotCurrent, match="vestibule init"):
        open_store(url, SEAL)
    open_store(url, SEAL, migrate=True).close()


def test_an_older_schema_says_what_to_do(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(url)
    monkeypatch.setattr(schema, "HEAD", "0002")
    with pytest.raises(SchemaNotCurrent, match="vestibule migrate"):
        open_store(url, SEAL)


def test_a_newer_schema_is_refused_and_left_alone(url: str) -> None:
    migrate(url)
    _execute(url, "UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(SchemaNotCurrent, match="newer"):
        open_store(url, SEAL)
    with pytest.raises(InvalidConfiguration):
        migrate(url)
    assert "users" in _tables(url)


def test_a_wrong_sealing_key_is_met_when_the_store_is_opened(url: str) -> None:
    """F3."""
    open_store(url, SEAL, migrate=True).close()
    with pytest.raises(CannotUnseal, match="0badc0de"):
        open_store(url, Seal({"deadbeef": bytes(32)}))
    with pytest.raises(CannotUnseal):
        open_store(url, Seal({"0badc0de": b"1" * 32}))
    open_store(url, SEAL).close()


@pytest.mark.parametrize(
    "bad",
    ["", "nonsense", "mysql://localhost/x", "sqlite://", "sqlite:///:memory:", "sqlite:///x?a=b"],
)
def test_a_url_that_cannot_serve_is_refused(bad: str) -> None:
    with pytest.raises(InvalidConfiguration):
        open_store(bad, SEAL)


@pytest.mark.parametrize("attempt", [migrate, lambda url: open_store(url, SEAL)])
@pytest.mark.parametrize(
    "nowhere",
    [
        "postgresql://nobody:hunter2@127.0.0.1:1/none?connect_timeout=1",
        "sqlite:////proc/no-such-directory/v.db",
    ],
    ids=["postgres", "sqlite"],
)
def test_an_unreachable_database_is_an_error_that_shows_no_password(
    nowhere: str, attempt: Callable[[str], object]
) -> None:
    """F2, A2."""
    with pytest.raises(StoreUnavailable) as refused:
        attempt(nowhere)
    assert "hunter2" not in str(refused.value)
