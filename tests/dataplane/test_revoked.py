"""No revoked id is ever in neither list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vestibule.dataplane import revoked
from vestibule.dataplane.revoked import RevokedLists


def ids(start: int, count: int) -> frozenset[str]:
    return frozenset(str(number) for number in range(start, start + count))


def test_the_first_list_is_the_long_one() -> None:
    short, long = RevokedLists().split(ids(0, 20_000), 0)
    assert (short, long) == (frozenset(), ids(0, 20_000))


def test_a_few_more_are_listed_apart() -> None:
    lists = RevokedLists()
    lists.split(ids(0, 20_000), 0)
    assert lists.split(ids(0, 20_001), 100) == (ids(20_000, 1), None)


def test_many_more_move_and_stay_listed_until_the_long_list_is_surely_read() -> None:
    lists = RevokedLists()
    lists.split(ids(0, 10), 0)
    short, long = lists.split(ids(0, 1_000), 100)
    assert (short, long) == (ids(10, 990), ids(0, 1_000))
    assert lists.split(ids(0, 1_001), 101) == (ids(10, 991), None)
    assert lists.split(ids(0, 1_001), 200) == (ids(1_000, 1), None)


def test_expired_ids_leave_the_long_list_in_the_end() -> None:
    lists = RevokedLists()
    lists.split(ids(0, 2_000), 0)
    assert lists.split(ids(1_900, 100), 100)[1] == ids(1_900, 100)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 60)), max_size=20))
def test_every_revoked_id_is_in_a_list_that_was_read(steps: list[tuple[int, int, int]]) -> None:
    lists, now, old, long = RevokedLists(), 100.0, frozenset[str](), frozenset[str]()
    written_at = now
    few, revoked._FEW = revoked._FEW, 5
    try:
        for number, (start, count, pause) in enumerate(steps):
            now += pause
            wanted = ids(start, count)
            short, renewed = lists.split(wanted, now)
            if renewed is not None:
                old, long, written_at = long, renewed, now
            if number == 0:
                old = long  # Envoy starts with it
            read = long if now - written_at >= 30 else old & long
            assert wanted <= short | read
    finally:
        revoked._FEW = few
