"""Envoy finds the application that the policy engine's patterns find (access.md 2.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.envoy import BareEnvoy
from tests.fakes.gateway import TEAM, application
from vestibule.compiler.snapshot import Snapshot
from vestibule.model.application import Origin
from vestibule.model.conditions import ContinuousPlan
from vestibule.model.configuration import Configuration
from vestibule.model.organization import Organization
from vestibule.policy.destinations import DestinationIndex
from vestibule.policy.pattern import parse

pytestmark = pytest.mark.envoy

HOSTS = (
    *("a.test", "b.a.test", "xa.test", "c.b.a.test", "xb.a.test", "bx.a.test", "b.test"),
    *("x.b.test", "bxa.test"),
)
HOST_PATTERNS = (
    *("a.test", "b.a.test", "*.a.test", "*a.test", "*.*.a.test", "b*.a.test", "b*a.test"),
    *("*.b.test", "*.test", "x*.b.a.test", "*b.a.test"),
)
PATHS = (
    *("/", "/eng", "/eng/", "/english", "/eng/exec", "/eng/exec/x", "/engx/exec", "/food/bar"),
    *("/foo/bar", "/food/stuff/bar", "/foo/barn", "/caf%C3%A9/x", "/caf%c3%a9", "/a+b", "/axb"),
)
PATH_PATTERNS = (
    *(
        "",
        "/*",
        "/eng",
        "/eng/*",
        "/eng/exec",
        "/foo*/bar",
        "/eng*",
        "/caf%C3%A9",
        "/a+b",
        "/*/exec",
    ),
)
PATTERNS = st.builds(str.__add__, st.sampled_from(HOST_PATTERNS), st.sampled_from(PATH_PATTERNS))
CASES = [(host, path) for host in HOSTS for path in PATHS]


@pytest.fixture(scope="module")
def envoy() -> Iterator[BareEnvoy]:
    running = BareEnvoy()
    try:
        yield running
    finally:
        running.stop()


def by_pattern(written: Sequence[str]) -> Mapping[str, str]:
    """One of each pattern that means the same."""
    return {parse(text).text: text for text in written}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(PATTERNS, min_size=3, max_size=10, unique=True),
    st.lists(PATTERNS, max_size=6, unique=True),
)
def test_envoy_leads_each_request_where_the_most_specific_patterns_say(
    envoy: BareEnvoy, destinations: list[str], matches: list[str]
) -> None:
    """Applications and origins alike: which policies apply, and who answers."""
    entered = by_pattern(destinations)
    behind = by_pattern(matches)
    applications = {
        f"app{number}": application(f"app{number}", text)
        for number, text in enumerate(entered.values())
    }
    # Nobody listens there: which of them was chosen shows in the Host header of the reply.
    origins = {
        f"origin{number}": Origin(f"origin{number}", "o", text, ("http://127.0.0.1:9",))
        for number, text in enumerate(behind.values())
    }
    plans = {id: ContinuousPlan("v", public=True) for id in applications}
    configuration = Configuration(
        1, Organization("o", "O", TEAM), applications=applications, origins=origins
    )
    envoy.load(Snapshot(configuration, envoy.edge, plans))
    apps = DestinationIndex(
        [(parse(text), f"app{number}") for number, text in enumerate(entered.values())]
    )
    services = DestinationIndex(
        [(parse(text), f"origin{number}") for number, text in enumerate(behind.values())]
    )
    connection = envoy.connect()
    for host, path in CASES:
        wanted = apps.find(host, path.replace("%c3%a9", "%C3%A9"))
        service = services.find(host, path.replace("%c3%a9", "%C3%A9"))
        before = envoy.failures()
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        body = answer.read().decode()
        if wanted is None:
            assert body == "page /-/unmatched", (host, path, destinations)
        elif service is None:
            assert body == "page /-/no-origin", (host, path, destinations, matches)
            seen = envoy.control.visited[-1].headers
            assert seen["x-vestibule-application"] == wanted, (host, path, destinations)
        else:
            assert answer.status == 503, (host, path, destinations, matches)
            after = envoy.failures()
            grown = {name for name, count in after.items() if count > before.get(name, 0)}
            assert grown == {service}, (host, path, destinations, matches)
    connection.close()


def test_a_path_with_a_parameter_is_denied_where_paths_decide(envoy: BareEnvoy) -> None:
    applications = {
        "whole": application("whole", "whole.test"),
        "part": application("part", "part.test/a"),
    }
    configuration = Configuration(1, Organization("o", "O", TEAM), applications=applications)
    plans = {id: ContinuousPlan("v", public=True) for id in applications}
    envoy.load(Snapshot(configuration, envoy.edge, plans))
    connection = envoy.connect()
    for host, path, page in (
        ("whole.test", "/a;x/b", "no-origin"),
        ("part.test", "/a/b", "no-origin"),
        ("part.test", "/a;x/b", "unmatched"),
        ("part.test", "/a/b%3Bx", "unmatched"),
    ):
        connection.request("GET", path, headers={"Host": host})
        assert connection.getresponse().read().decode() == f"page /-/{page}"
    connection.close()
