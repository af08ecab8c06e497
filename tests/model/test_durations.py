"""Go's durations, read and written (access.md 2.2)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestibule.model.durations import format_duration, parse_duration
from vestibule.model.errors import InvalidConfiguration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("0m", 0),
        ("24h", 86400),
        ("2h45m", 9900),
        ("730h", 2_628_000),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("1.s", 1),
        ("1500ms", 1.5),
        ("1us", 1e-6),
        ("1µs", 1e-6),
        ("1μs", 1e-6),
        ("1500ns", 1e-6),
        ("1h1h", 7200),
    ],
)
def test_a_duration_means_what_go_says(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "24",
        "1d",
        "h",
        "-1h",
        "+1h",
        "1 h",
        " 1h",
        "1h ",
        "1e3s",
        "٣h",
        "1,5h",
        "x",
        "9" * 80 + "h",
        "9999999999h",
    ],
)
def test_what_go_would_not_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfiguration):
        parse_duration(text, "session_duration")


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36500)))
def test_what_is_written_reads_back_as_itself(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@given(st.text(max_size=80))
def test_any_text_is_a_duration_or_is_refused(text: str) -> None:
    try:
        assert parse_duration(text) >= timedelta(0)
    except InvalidConfiguration as error:
        assert error.code == "invalid_configuration"  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (86400, "24h"), (5400, "1h30m"), (1.5, "1.5s"), (61, "1m1s")]
)
def test_a_duration_is_written_short(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text
