"""Whatever the store: all or nothing, one writer at a time, and everybody hears of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.samples import sample
from vestibule.flows.ports import Records, Store
from vestibule.model.application import Application
from vestibule.model.errors import Conflict, NotFound
from vestibule.model.identity import User
from vestibule.model.machine import SigningKey
from vestibule.model.organization import Organization
from vestibule.model.session import Grant
from vestibule.model.state import Revisions

NOW = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)
ORGANIZATION = Organization("org", "Example", "team.example")


class _Interruption(Exception):
    pass


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    user, grant = sample(User), sample(Grant, revoked_at=None)
    with suppress(_Interruption), store.transaction() as records:
        records.put_organization(ORGANIZATION)
        records.put_user(user)
        records.add_grant(grant)
        records.revoke_grants([grant.id], NOW)
        raise _Interruption
    assert store.revisions() == Revisions()
    with store.reading() as records:
        assert records.user(user.id) is None
        assert records.grant(grant.id) is None
        with pytest.raises(NotFound, match="vestibule init"):
            records.configuration()


def test_a_transaction_sees_its_own_writes(store: Store) -> None:
    with store.transaction() as records:
        records.put_organization(ORGANIZATION)
        assert records.configuration().organization == ORGANIZATION
        assert records.configuration().revision == 1
        records.put_organization(replace(ORGANIZATION, name="Other"))
        assert records.configuration().organization.name == "Other"


def test_nobody_sees_what_is_not_committed(store: Store) -> None:
    user = sample(User)
    with store.transaction() as records:
        records.put_organization(ORGANIZATION)
        records.put_user(user)
        assert store.revisions() == Revisions()
        with store.reading() as other:
            assert other.user(user.id) is None
    with store.reading() as other:
        assert other.user(user.id) == user


def test_reading_sees_one_moment_and_waits_for_no_writer(opener: Callable[[], Store]) -> None:
    store, other = opener(), opener()
    before = sample(User)
    with store.transaction() as records:
        records.put_user(before)
    with store.reading() as moment:
        assert moment.user(before.id) == before
        with other.transaction() as records:
            records.put_user(replace(before, name="Changed"))
        assert moment.user(before.id) == before
    with store.reading() as moment:
        assert moment.user(before.id) == replace(before, name="Changed")


def test_reading_refuses_to_write(store: Store) -> None:
    with store.reading() as records, pytest.raises(RuntimeError, match="read only"):
        records.put_user(sample(User))


def test_records_serve_no_longer_than_their_transaction(store: Store) -> None:
    kept: list[Records] = []
    with store.transaction() as records:
        kept.append(records)
    with pytest.raises(RuntimeError, match="ended"):
        kept[0].put_user(sample(User))


def test_transactions_do_not_nest(store: Store) -> None:
    with store.transaction(), pytest.raises(RuntimeError, match="nest"), store.transaction():
        pass
    with store.transaction() as records:
        records.put_user(sample(User))


def test_two_processes_that_count_lose_no_count(opener: Callable[[], Store]) -> None:
    """Read, add one, write: nobody writes between the two."""
    user = sample(User, name="0")
    stores = [opener(), opener()]
    with stores[0].transaction() as records:
        records.put_user(user)

    def count(store: Store) -> None:
        for _ in range(25):
            with store.transaction() as records:
                now = records.user(user.id)
                assert now is not None
                records.put_user(replace(now, name=str(int(now.name) + 1)))

    threads = [threading.Thread(target=count, args=(store,)) for store in stores * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with stores[0].reading() as records:
        found = records.user(user.id)
    assert found is not None
    assert found.name == "100"


def test_each_counter_grows_with_its_own_changes_once_per_transaction(store: Store) -> None:
    grants = [sample(Grant, revoked_at=None) for _ in range(2)]
    key = sample(SigningKey)
    with store.transaction() as records:
        records.put_organization(ORGANIZATION)
        records.put_organization(ORGANIZATION)
    assert store.revisions() == Revisions(1, 0, 0)
    with store.transaction() as records:
        for grant in grants:
            records.add_grant(grant)
        records.put_user(sample(User))
    assert store.revisions() == Revisions(1, 0, 0)
    with store.transaction() as records:
        records.revoke_grants([grants[0].id], NOW)
        records.revoke_grants([grants[1].id], NOW)
    assert store.revisions() == Revisions(1, 1, 0)
    with store.transaction() as records:
        records.put_signing_key(key)
    assert store.revisions() == Revisions(1, 1, 1)
    with store.transaction() as records:
        records.delete_signing_key(key.kid)
    assert store.revisions() == Revisions(1, 1, 2)


def test_what_changed_nothing_is_no_news(store: Store) -> None:
    with store.transaction() as records:
        records.revoke_grants(["nobody"], NOW)
        records.delete_signing_key("no-key")
        assert not records.delete(Application, "no-such")
    assert store.revisions() == Revisions()


@pytest.mark.parametrize("same_process", [True, False], ids=["same-store", "another-process"])
def test_whoever_waits_wakes_with_the_change(
    opener: Callable[[], Store], same_process: bool
) -> None:
    store = opener()
    writer = store if same_process else opener()
    known = store.revisions()
    store.wait_for_change(known, 0)  # whoever listens has begun to
    woke: list[tuple[Revisions, float]] = []
    ready = threading.Event()

    def wait() -> None:
        ready.set()
        found = store.wait_for_change(known, 20)
        woke.append((found, time.monotonic()))

    thread = threading.Thread(target=wait)
    thread.start()
    ready.wait()
    with writer.transaction() as records:
        records.put_organization(ORGANIZATION)
    committed = time.monotonic()
    thread.join()
    assert woke[0][0] == Revisions(configuration=1)
    assert woke[0][1] - committed < 1.5  # milliseconds; a busy machine is given time


def test_waiting_ends_in_time_when_nothing_changes(store: Store) -> None:
    began = time.monotonic()
    assert store.wait_for_change(store.revisions(), 0.05) == store.revisions()
    assert time.monotonic() - began < 2


def test_waiting_for_what_has_changed_already_does_not_wait(store: Store) -> None:
    with store.transaction() as records:
        records.put_organization(ORGANIZATION)
    assert store.wait_for_change(Revisions(), 60) == Revisions(configuration=1)


def test_an_id_is_given_once(store: Store) -> None:
    grant = sample(Grant)
    with store.transaction() as records:
        records.add_grant(grant)
    with pytest.raises(Conflict), store.transaction() as records:
        records.add_grant(replace(grant, expires_at=grant.expires_at + timedelta(days=1)))
    with store.reading() as records:
        assert records.grant(grant.id) == grant


@pytest.mark.parametrize(
    "id", ["", "\0", "a\0b", "\ud800", "' OR 1=1 --", "x" * 100_000, "%", "é"], ids=repr
)
def test_an_odd_id_finds_nothing_and_breaks_nothing(store: Store, id: str) -> None:
    """F1: what a visitor may have sent."""
    with store.transaction() as records:
        records.put_user(sample(User))
        assert records.user(id) is None
        assert records.user_by_email(id) is None
        assert records.attempt(id) is None
        assert records.take_attempt(id) is None
        assert records.take_handover(id) is None
        assert records.session(id) is None
        assert records.grant(id) is None
        assert records.take_blob("kind", id, NOW) is None
        assert records.api_token_by_hash(id) is None
        assert records.use_once("kind", id, NOW)
