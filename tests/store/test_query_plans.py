"""What is asked often is answered by an index, however much there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from tests.fakes.postgres import new_postgres_database
from vestibule.flows.ports import Records
from vestibule.model.state import LogQuery
from vestibule.store import Seal, migrate
from vestibule.store.database import SqlRecords
from vestibule.store.engine import is_sqlite, make_engine, writing

NOW = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)
SEAL = Seal({"0badc0de": bytes(32)})

ASKED: dict[str, Callable[[Records], object]] = {
    "user": lambda r: r.user("id"),
    "user-by-email": lambda r: r.user_by_email("ada@example.com"),
    "users-page": lambda r: r.users(limit=100, after="m"),
    "attempt": lambda r: r.attempt("id"),
    "take-attempt": lambda r: r.take_attempt("id"),
    "take-handover": lambda r: r.take_handover("id"),
    "session": lambda r: r.session("id"),
    "live-sessions": lambda r: r.live_sessions(NOW),
    "live-sessions-of-user": lambda r: r.live_sessions(NOW, user_id="ada"),
    "end-sessions": lambda r: r.end_sessions(["one", "two"], NOW),
    "grant": lambda r: r.grant("id"),
    "grants-of-user": lambda r: r.live_grants(NOW, user_id="ada"),
    "grants-of-session": lambda r: r.live_grants(NOW, session_id="s"),
    "grants-of-application": lambda r: r.live_grants(NOW, application_id="wiki"),
    "grants-of-service-token": lambda r: r.live_grants(NOW, service_token_id="t"),
    "grants-of-user-and-application": lambda r: r.live_grants(
        NOW, user_id="ada", application_id="wiki"
    ),
    "revoke-grants": lambda r: r.revoke_grants(["one", "two"], NOW),
    "revoked-grants": lambda r: r.revoked_grants(NOW),
    "approvals": lambda r: r.approvals_of("ada", "wiki"),
    "api-token": lambda r: r.api_token_by_hash("ab"),
    "use-once": lambda r: r.use_once("kind", "value", NOW),
    "take-blob": lambda r: r.take_blob("kind", "id", NOW),
    "log-newest": lambda r: r.access_log(LogQuery()),
    "log-since": lambda r: r.access_log(LogQuery(since=NOW - timedelta(hours=1))),
    "log-ray": lambda r: r.access_log(LogQuery(ray_id="ray")),
    "log-email": lambda r: r.access_log(LogQuery(user_email="ada@example.com")),
    "log-application": lambda r: r.access_log(LogQuery(application_id="wiki")),
    "log-refused": lambda r: r.access_log(LogQuery(allowed=False)),
    "prune": lambda r: r.prune(NOW, log_before=NOW - timedelta(days=180)),
}


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    file: Path = tmp_path_factory.mktemp("plans") / "v.db"
    url = f"sqlite:///{file}" if request.param == "sqlite" else new_postgres_database("query_plans")
    migrate(url)
    made = make_engine(url)
    yield made
    made.dispose()


def _plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    words = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    cursor = connection.connection.cursor()
    cursor.execute(f"{words} {statement}", parameters)
    return [str(row[-1]) for row in cursor.fetchall()]


@pytest.mark.parametrize("ask", ASKED.values(), ids=list(ASKED))
def test_no_table_is_read_from_end_to_end(engine: Engine, ask: Callable[[Records], object]) -> None:
    """D: 100,000 users and a million grants cost what ten cost."""
    plans: list[tuple[str, bool]] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            limited = "LIMIT" in statement
            plans.extend((line, limited) for line in _plan(connection, statement, parameters))

    with writing(engine) as connection:
        if not is_sqlite(engine):
            # Empty tables are read whole, unless that is made to look dear.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        event.listen(connection, "before_cursor_execute", explain)
        ask(SqlRecords(connection, SEAL, writable=True, known=None))
    assert plans
    whole = [line for line, limited in plans if _reads_a_whole_table(line, limited)]
    assert whole == []


def _reads_a_whole_table(line: str, limited: bool) -> bool:
    """Walking along an index from its end is well, as long as there is a limit."""
    along = "USING" in line and limited
    sqlite = line.startswith("SCAN") and "LIST SUBQUERY" not in line and not along
    return sqlite or "Seq Scan on" in line
