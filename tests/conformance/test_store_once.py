"""Whatever the store: what may happen once happens once, however many try (O2, X4, M3)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import TypeVar

import pytest

from tests.fakes.samples import sample
from vestibule.flows.ports import Records, Store
from vestibule.model.errors import Conflict
from vestibule.model.session import Handover, LoginAttempt

NOW = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
TRIES = 200
T = TypeVar("T")


def test_an_attempt_comes_back_whole_and_is_taken_once(store: Store) -> None:
    attempt = sample(LoginAttempt)
    with store.transaction() as records:
        records.add_attempt(attempt)
        assert records.attempt(attempt.id) == attempt
    with store.transaction() as records:
        assert records.take_attempt(attempt.id) == attempt
        assert records.take_attempt(attempt.id) is None
        assert records.attempt(attempt.id) is None


def test_a_handover_comes_back_whole_and_is_taken_once(store: Store) -> None:
    handover = sample(Handover)
    with store.transaction() as records:
        records.add_handover(handover)
    with store.transaction() as records:
        assert records.take_handover(handover.id) == handover
        assert records.take_handover(handover.id) is None


def test_an_attempt_taken_in_a_failed_transaction_is_still_there(store: Store) -> None:
    attempt = sample(LoginAttempt)
    with store.transaction() as records:
        records.add_attempt(attempt)
    with suppress(ZeroDivisionError), store.transaction() as records:
        assert records.take_attempt(attempt.id) == attempt
        _ = 1 / 0
    with store.reading() as records:
        assert records.attempt(attempt.id) == attempt


def test_the_state_of_an_attempt_is_not_given_twice(store: Store) -> None:
    attempt = sample(LoginAttempt)
    with store.transaction() as records:
        records.add_attempt(attempt)
    with pytest.raises(Conflict), store.transaction() as records:
        records.add_attempt(attempt)


def test_a_value_is_used_once_within_its_kind(store: Store) -> None:
    with store.transaction() as records:
        assert records.use_once("assertion", "id-1", LATER)
        assert not records.use_once("assertion", "id-1", LATER)
        assert records.use_once("logout-token", "id-1", LATER)
        assert records.use_once("assertion", "ID-1", LATER)
    with store.transaction() as records:
        assert not records.use_once("assertion", "id-1", LATER)


def test_a_blob_is_replaced_and_taken_once(store: Store) -> None:
    with store.transaction() as records:
        records.put_blob("transfer", "key", {"token": "old"}, LATER)
        records.put_blob("transfer", "key", {"token": "new", "é": "\0"}, LATER)
        assert records.take_blob("other", "key", NOW) is None
        assert records.take_blob("transfer", "key", NOW) == {"token": "new", "é": "\0"}
        assert records.take_blob("transfer", "key", NOW) is None


def test_a_blob_is_gone_at_its_end(store: Store) -> None:
    with store.transaction() as records:
        records.put_blob("transfer", "key", {"token": "t"}, NOW)
        assert records.take_blob("transfer", "key", NOW) is None


@pytest.mark.parametrize(
    "attempt_it",
    [
        pytest.param(lambda r: r.take_attempt("it") is not None, id="take_attempt"),
        pytest.param(lambda r: r.take_handover("it") is not None, id="take_handover"),
        pytest.param(lambda r: r.take_blob("k", "it", NOW) is not None, id="take_blob"),
        pytest.param(lambda r: r.use_once("k", "it", LATER), id="use_once"),
    ],
)
def test_of_200_parallel_tries_one_succeeds(
    opener: Callable[[], Store], attempt_it: Callable[[Records], bool]
) -> None:
    stores = [opener(), opener()]
    with stores[0].transaction() as records:
        records.add_attempt(sample(LoginAttempt, id="it"))
        records.add_handover(sample(Handover, id="it"))
        records.put_blob("k", "it", {"a": "b"}, LATER)
    together = Barrier(TRIES)

    def one(n: int) -> bool:
        together.wait()
        with stores[n % 2].transaction() as records:
            return attempt_it(records)

    with ThreadPoolExecutor(TRIES) as pool:
        assert sum(pool.map(one, range(TRIES))) == 1
