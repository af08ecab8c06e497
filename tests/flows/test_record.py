"""The access log's writer never delays, and says what it lost."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.fakes.store import MemoryStore
from vestibule.flows.record import LogWriter, plain
from vestibule.model.access_log import AccessRecord
from vestibule.model.state import LogQuery

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def record(number: int) -> AccessRecord:
    return AccessRecord(f"{number:016x}", NOW, "check", allowed=True)


def test_every_record_is_written_before_the_writer_ends() -> None:
    store = MemoryStore()
    writer = LogWriter(store)
    writer.start()
    for number in range(500):
        writer.put(record(number))
    writer.stop()
    with store.reading() as records:
        assert len(records.access_log(LogQuery(limit=1000))) == 500


def test_a_database_that_is_away_loses_records_and_is_counted() -> None:
    store = MemoryStore()
    store.fail()
    lost: list[int] = []
    writer = LogWriter(store, lost=lost.append)
    writer.start()
    for number in range(3):
        writer.put(record(number))
    writer.stop()
    assert sum(lost) == 3


def test_A8_nothing_in_the_log_steers_a_terminal() -> None:
    assert "\x1b" not in plain("/\x1b[2J\r\nforged")
    assert "\n" not in plain("a\nb")
    assert len(plain("x" * 10_000)) == 1000
