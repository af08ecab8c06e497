"""Whatever the store: what happened is found again, and what is over is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.samples import sample
from vestibule.flows.ports import Store
from vestibule.model.access_log import AccessRecord
from vestibule.model.session import ApprovalRequest, GlobalSession, Grant, Handover, LoginAttempt
from vestibule.model.state import GatewayStatus, LogQuery

NOW = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_every_field_of_a_record_comes_back(store: Store) -> None:
    records_put = [sample(AccessRecord), sample(AccessRecord, trace=None, facts={})]
    with store.transaction() as records:
        for record in records_put:
            records.log(record)
    with store.reading() as records:
        assert records.access_log(LogQuery(ascending=True)) == records_put


@pytest.fixture
def logged(store: Store) -> Store:
    """Records r0-r5, an hour apart; odd ones are refusals."""
    with store.transaction() as records:
        for n in range(6):
            records.log(
                sample(
                    AccessRecord,
                    ray_id=f"r{n}",
                    created_at=NOW + n * HOUR,
                    allowed=n % 2 == 0,
                    action="login" if n < 3 else "check",
                    user_email="Ada@Example.com" if n < 4 else "bob@example.com",
                    application_id=f"app{n // 3}",
                )
            )
    return store


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param({}, "r5 r4 r3 r2 r1 r0", id="newest-first"),
        pytest.param({"ascending": True}, "r0 r1 r2 r3 r4 r5", id="oldest-first"),
        pytest.param({"limit": 2}, "r5 r4", id="limit"),
        pytest.param({"limit": 2, "ascending": True}, "r0 r1", id="limit-oldest"),
        pytest.param({"since": NOW + 4 * HOUR}, "r5 r4", id="since-is-included"),
        pytest.param({"until": NOW + 2 * HOUR}, "r1 r0", id="until-is-not"),
        pytest.param({"ray_id": "r3"}, "r3", id="ray"),
        pytest.param({"user_email": "ADA@example.com"}, "r3 r2 r1 r0", id="email-in-any-case"),
        pytest.param({"application_id": "app1"}, "r5 r4 r3", id="application"),
        pytest.param({"allowed": False}, "r5 r3 r1", id="refused"),
        pytest.param({"allowed": True}, "r4 r2 r0", id="allowed"),
        pytest.param({"action": "check"}, "r5 r4 r3", id="action"),
        pytest.param(
            {"allowed": False, "user_email": "ada@example.com", "limit": 1}, "r3", id="together"
        ),
        pytest.param({"ray_id": "r1' OR '1'='1"}, "", id="injection"),
    ],
)
def test_a_query_finds_what_fits_all_its_filters(
    logged: Store, query: dict[str, Any], found: str
) -> None:
    with logged.reading() as records:
        assert [r.ray_id for r in records.access_log(LogQuery(**query))] == found.split()


def test_records_of_one_moment_keep_their_order(store: Store) -> None:
    with store.transaction() as records:
        for n in range(5):
            records.log(sample(AccessRecord, ray_id=str(n), created_at=NOW))
        assert [r.ray_id for r in records.access_log(LogQuery(ascending=True))] == list("01234")
        assert [r.ray_id for r in records.access_log(LogQuery())] == list("43210")


@pytest.mark.parametrize(
    "odd",
    ["\0", "\udfff\ud800", "\x1b[2Jred", "'; DROP TABLE access_log; --", "x" * 100_000, "\u202e"],
    ids=["nul", "surrogates", "terminal", "sql", "long", "bidi"],
)
def test_a_strangers_words_are_logged_as_they_were(store: Store, odd: str) -> None:
    """A8, D: what a request said must not keep its record from being written."""
    record = sample(
        AccessRecord,
        ray_id=odd,
        user_agent=odd,
        path=odd,
        host=odd,
        user_email=odd,
        application_id=odd,
        action=odd,
        facts={odd: odd},
    )
    with store.transaction() as records:
        records.log(record)
    with store.reading() as records:
        assert records.access_log(LogQuery()) == [record]
        assert records.access_log(LogQuery(user_email=odd)) == [record]


def test_each_gateway_has_one_word(store: Store) -> None:
    first = sample(GatewayStatus, name="b", error="")
    with store.transaction() as records:
        records.put_gateway_status(first)
        records.put_gateway_status(sample(GatewayStatus, name="a"))
        second = sample(GatewayStatus, name="b")
        records.put_gateway_status(second)
        assert [status.name for status in records.gateway_statuses()] == ["a", "b"]
        assert records.gateway_statuses()[1] == second
    assert store.revisions().configuration == 0


def test_what_has_expired_is_pruned_and_nothing_else(store: Store) -> None:
    ended, alive = {"expires_at": NOW}, {"expires_at": NOW + timedelta(microseconds=1)}
    with store.transaction() as records:
        for word, end in (("over", ended), ("alive", alive)):
            records.add_attempt(sample(LoginAttempt, id=word, **end))
            records.add_handover(sample(Handover, id=word, **end))
            records.add_session(sample(GlobalSession, id=word, **end))
            records.add_grant(sample(Grant, id=word, **end))
            records.put_approval(sample(ApprovalRequest, id=word, **end))
            records.put_blob("kind", word, {}, end["expires_at"])
            records.use_once("kind", word, end["expires_at"])
        records.log(sample(AccessRecord, ray_id="over", created_at=NOW - HOUR))
        records.log(sample(AccessRecord, ray_id="alive", created_at=NOW))
    with store.transaction() as records:
        assert records.prune(NOW, log_before=NOW) == 8
        assert records.prune(NOW, log_before=NOW) == 0
    with store.transaction() as records:
        for word, there in (("over", False), ("alive", True)):
            assert (records.take_attempt(word) is not None) is there
            assert (records.take_handover(word) is not None) is there
            assert (records.session(word) is not None) is there
            assert (records.grant(word) is not None) is there
            assert (records.approval(word) is not None) is there
            assert (records.take_blob("kind", word, NOW - HOUR) is not None) is there
            assert records.use_once("kind", word, NOW) is not there
        assert [r.ray_id for r in records.access_log(LogQuery())] == ["alive"]


def test_a_revocation_that_was_pruned_is_no_news(store: Store) -> None:
    """An expired token needs no entry in the revocation map, so its going tells nobody."""
    with store.transaction() as records:
        records.add_grant(sample(Grant, revoked_at=NOW - HOUR, expires_at=NOW))
    before = store.revisions()
    with store.transaction() as records:
        assert records.prune(NOW, log_before=NOW) == 1
    assert store.revisions() == before
