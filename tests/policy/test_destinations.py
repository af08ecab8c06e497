"""Patterns, their precedence, and the one reading of a path (access.md 2.3; attacks P1-P5)."""

from __future__ import annotations

from time import process_time
from timeit import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestibule.model.errors import InvalidConfiguration
from vestibule.policy.destinations import (
    DestinationIndex,
    Pattern,
    check_no_overlap,
    find,
    normalize_path,
    parse,
)


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("*.example.com", "alpha.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "foo.bar.example.com", False),
        ("*.example.com", ".example.com", False),
        ("*.test.example.com", "alpha.test.example.com", True),
        ("*.test.example.com", "test.example.com", False),
        ("*test.example.com", "test.example.com", True),
        ("*test.example.com", "alphatest.example.com", True),
        ("*test.example.com", "beta.test.example.com", False),
        ("*.*.example.com", "a.b.example.com", True),
        ("*.*.example.com", "b.example.com", False),
        ("a*a.example.com", "a.example.com", False),
        ("APP.Example.com", "app.example.com", True),
        ("app.example.com", "APP.example.COM.", True),
        ("bücher.example.com", "xn--bcher-kva.example.com", True),
        ("app.example.com", "app.example.com.evil.org", False),
        ("app.example.com", "\u212aapp.example.com", False),
    ],
)
def test_a_star_in_a_host_stays_inside_its_label(pattern: str, host: str, matches: bool) -> None:
    """H6, P2."""
    assert parse(pattern).matches(host, "/") is matches
    assert (find([(parse(pattern), "it")], host, "/") == "it") is matches


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("", "/", True),
        ("", "/any/thing", True),
        ("/*", "/", True),
        ("/", "/x", True),
        ("/eng", "/eng", True),
        ("/eng", "/eng/", True),
        ("/eng", "/eng/exec", True),
        ("/eng", "/english", False),
        ("/eng", "/ENG", False),
        ("/eng/", "/eng", True),
        ("/alpha/*", "/alpha/one", True),
        ("/alpha/*", "/alpha/", True),
        ("/alpha/*", "/alpha", False),
        ("/alpha/*", "/", False),
        ("/foo*/bar", "/foo/bar", True),
        ("/foo*/bar", "/food/bar", True),
        ("/foo*/bar", "/food/stuff/bar", True),
        ("/foo*/bar", "/food/bar/under", True),
        ("/foo*/bar", "/food/bars", False),
        ("/foo*/bar", "/food/bars/bar", True),
        ("/foo*/bar", "/x/foo/bar", False),
        ("/a*/b*/c", "/a1/b2/x/c", True),
        ("/a*/b*/c", "/a1/c/b", False),
    ],
)
def test_a_path_matches_on_whole_segments(pattern: str, path: str, matches: bool) -> None:
    """P2."""
    one = parse("app.example.com" + pattern)
    assert one.matches("app.example.com", path) is matches
    assert (find([(one, "it")], "app.example.com", path) == "it") is matches


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://app.example.com",
        "app.example.com:8443",
        "app.example.com/x?y=1",
        "app.example.com/x#y",
        "user@app.example.com",
        "foo*bar*baz.example.com",
        "app.example.com/foo*bar*baz",
        "app..example.com",
        "app.example.com/a%2fb",
        "app.example.com/a\\b",
        "app.example.com/a;b",
        "app.example.com/../..",
        "app .example.com",
        "/path",
        "app.exa|mple.com",
        "[::zz]",
    ],
)
def test_what_is_not_a_host_and_path_is_refused(text: str) -> None:
    """P3."""
    with pytest.raises(InvalidConfiguration):
        parse(text)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("app.example.com", "*.example.com/long/path"),
        ("*.b.example.com", "*.*.example.com/long"),
        ("app.example.com/eng/exec", "app.example.com/eng"),
        ("app.example.com/eng", "app.example.com"),
        ("app.example.com/eng/*", "app.example.com/eng"),
        ("app.example.com/eng", "app.example.com/eng*"),
        ("*test.example.com", "*.example.com"),
    ],
)
def test_the_more_specific_pattern_wins(better: str, worse: str) -> None:
    assert parse(better).rank < parse(worse).rank


def test_a_more_specific_application_inherits_nothing_and_lends_nothing() -> None:
    index = DestinationIndex(
        [(parse("example.com/eng"), "broad"), (parse("example.com/eng/exec"), "narrow")]
    )
    assert index.find("example.com", "/eng/exec/x") == "narrow"
    assert index.find("example.com", "/eng/executive") == "broad"
    assert index.find("example.com", "/") is None


@pytest.mark.parametrize("path", ["/admin;x", "/admin;x/y", "/admin%3Bx/y"])
def test_a_parameter_that_would_change_the_application_matches_none(path: str) -> None:
    """P1, P4: Tomcat reads `/admin;x` as `/admin`; a Bypass on the host must not cover it."""
    index = DestinationIndex([(parse("example.com"), "open"), (parse("example.com/admin"), "shut")])
    assert index.find("example.com", path) is None
    assert index.find("example.com", "/shop;color=red") == "open"


def test_two_applications_may_not_claim_the_same_pattern() -> None:
    claims = [(parse("App.example.com/*"), "one"), (parse("app.example.com"), "two")]
    with pytest.raises(InvalidConfiguration, match="belongs to one already"):
        check_no_overlap(claims)
    check_no_overlap([claims[0], claims[0]])


_PATHS = ("", "/a", "/a/b", "/a/*", "/a*", "/a*/b", "/b", "/*b/a")
_HOSTS = ("x.io", "*.io", "a.x.io", "*.x.io", "*a.x.io", "a*.x.io", "*.*.io")


@given(
    st.lists(st.tuples(st.sampled_from(_HOSTS), st.sampled_from(_PATHS)), max_size=12, unique=True),
    st.sampled_from(("x.io", "y.io", "a.x.io", "ba.x.io", "a.b.io", "io")),
    st.lists(st.sampled_from(("a", "b", "ab", "c", "")), max_size=4).map(
        lambda it: "/" + "/".join(it)
    ),
)
def test_the_index_finds_what_trying_each_pattern_would(
    pairs: list[tuple[str, str]], host: str, path: str
) -> None:
    patterns = [parse(host + path) for host, path in pairs]
    fitting = sorted((one for one in patterns if one.matches(host, path)), key=lambda it: it.rank)
    found = DestinationIndex((one, one) for one in patterns).find(host, path)
    assert found == (fitting[0] if fitting else None)


def _time(count: int, form: str, host: str, path: str) -> float:
    patterns: list[tuple[Pattern, int]] = [
        (parse(form.format(number)), number) for number in range(count)
    ]
    index = DestinationIndex(patterns)
    assert index.find(host, path) == 7
    return min(
        timeit(lambda: index.find(host, path), number=300, timer=process_time) for _ in range(5)
    )


@pytest.mark.parametrize(
    ("form", "host", "path"),
    [
        ("app-{}.example.com", "app-7.example.com", "/x/y"),
        ("example.com/team-{}", "example.com", "/team-7/x"),
        ("example.com/team-{}/*", "example.com", "/team-7/x"),
        ("*-{}.example.com", "any-7.example.com", "/x"),
        ("*.app-{}.example.com", "any.app-7.example.com", "/x"),
    ],
    ids=["hosts", "paths", "path-globs", "host-globs", "wildcard-hosts"],
)
def test_ten_thousand_applications_cost_about_what_ten_do(form: str, host: str, path: str) -> None:
    assert _time(10_000, form, host, path) < 12 * _time(10, form, host, path)


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("/", "/"),
        ("/a//b", "/a/b"),
        ("//a", "/a"),
        ("/a/./b/../c", "/a/c"),
        ("/a/%2e%2E/c", "/c"),
        ("/a/..", "/"),
        ("/a/b/..", "/a/"),
        ("/a/", "/a/"),
        ("/%41dmin", "/Admin"),
        ("/a%3fb", "/a%3Fb"),
        ("/a%23b", "/a%23b"),
        ("/100%25", "/100%25"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/shop;color=red", "/shop;color=red"),
    ],
)
def test_a_path_with_one_reading_is_normalised(raw: str, normal: str) -> None:
    """P1."""
    assert normalize_path(raw) == normal
    assert normalize_path(normal) == normal


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "*",
        "admin",
        "http://app/x",
        "/../admin",
        "/a/%2e%2e/%2e%2e/b",
        "/a%2fb",
        "/a%2Fb",
        "/a%5cb",
        "/a\\b",
        "/a%00",
        "/a%0a",
        "/a%7f",
        "/a\tb",
        "/a b",
        "/a?b",
        "/a#b",
        "/..;/admin",
        "/public/..;x=1/admin",
        "/public/.;/admin",
        "/public/;/admin",
        "/public/..%3b/admin",
        "/%252e%252e/admin",
        "/%25%32%65",
        "/a%2",
        "/a%zz",
        "/%c0%ae%c0%ae/admin",
        "/%e0%80%af",
        "/%ff",
        "/%c3",
        "/é",
    ],
)
def test_a_path_with_two_readings_is_refused(raw: str) -> None:
    """P1: what servers read differently is never guessed at."""
    assert normalize_path(raw) is None


@given(st.text(alphabet="/.%;2eE5fFcaA0b", max_size=24))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    normal = normalize_path("/" + text)
    if normal is not None:
        assert normalize_path(normal) == normal
        assert "//" not in normal
        assert not {".", ".."} & set(normal.split("/"))
