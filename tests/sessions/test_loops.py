"""A browser that goes in circles is noticed; tabs, slow visits and forgeries are none (R3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vestibule.sessions import loops

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def turn(value: tuple[str, ...], steps: str, *, path: str = "/a", pause: float = 1) -> list[bool]:
    """Play `steps` (`r`: sent to the login page, `a`: a sign-in arrived); says when it closed."""
    now, closed = NOON, []
    for step in steps:
        circle = loops.circle_of(value, path, now)
        circle = loops.sent_away(circle) if step == "r" else loops.came_back(circle)
        closed.append(circle.closed)
        value = (loops.cookie(circle).value,)
        now += timedelta(seconds=pause)
    return closed


def test_R3_the_third_redirect_after_two_arrivals_closes_the_circle() -> None:
    assert turn((), "rarar") == [False, False, False, False, True]


def test_ten_tabs_that_ask_for_one_page_are_no_circle() -> None:
    assert not any(turn((), "r" * 10 + "a" * 10))


def test_visits_that_are_far_apart_are_no_circle() -> None:
    assert not any(turn((), "rarararar", pause=11))


def test_another_page_has_a_circle_of_its_own() -> None:
    away = loops.cookie(loops.Circle(loops.circle_of((), "/a", NOON).page, 0, 9, arrived=True))
    assert loops.circle_of((away.value,), "/b", NOON).turns == 0


@pytest.mark.parametrize(
    "value", ["", "9", "9.9999999999.0.a", "2.1767268800.zzzzzzzzzzzz.a", "x" * 5000, "٣.1.1.a"]
)
def test_F1_a_forged_cookie_counts_as_nothing(value: str) -> None:
    circle = loops.circle_of((value,), "/a", NOON)
    assert (circle.turns, circle.arrived) == (0, False)
