"""The demo outlives the death of its parts."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest
from playwright.sync_api import Browser

from tests.end_to_end.conftest import Demo, start_demo, stop_demo
from tests.end_to_end.signing_in import person, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.envoy]


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """A demo of its own: its parts are killed."""
    running = start_demo()
    yield running
    stop_demo(running)


@pytest.fixture(scope="module")
def cookie(demo: Demo, browser: Browser) -> str:
    """Alice's token for the wiki."""
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, demo.url("Wiki"), person(demo.ready, "alice@example.com"), factor="otp")
    page.wait_for_url(f"{demo.url('Wiki')}**")
    found = {one["name"]: one["value"] for one in context.cookies(demo.url("Wiki"))}
    context.close()
    return f"CF_Authorization={found['CF_Authorization']}"


def wait_until(done: Callable[[], bool], seconds: float) -> float:
    """Seconds until `done()`; fails when it takes longer than `seconds`."""
    start = time.monotonic()
    while not done():
        assert time.monotonic() - start < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - start


def status(demo: Demo, cookie: str) -> int:
    """The status of a verified request; 0 when nothing answers."""
    try:
        return demo.get("wiki.localhost", "/", Cookie=cookie).status_code
    except httpx2.HTTPError:
        return 0


def test_a_verified_request_passes_while_the_control_plane_is_dead(demo: Demo, cookie: str) -> None:
    (pid,) = demo.children("vestibule.cli serve")
    os.kill(pid, signal.SIGSTOP)  # dead to everybody, and nothing starts it again
    try:
        assert status(demo, cookie) == 200
    finally:
        os.kill(pid, signal.SIGKILL)
    assert status(demo, cookie) == 200
    wait_until(lambda: demo.get("team.localhost", "/cdn-cgi/access/certs").status_code == 200, 20)
    assert status(demo, cookie) == 200


def test_nobody_new_gets_in_while_the_control_plane_is_dead(demo: Demo) -> None:
    (pid,) = demo.children("vestibule.cli serve")
    os.kill(pid, signal.SIGKILL)
    answer = demo.get("wiki.localhost", "/", Accept="text/html")
    assert answer.status_code in (302, 403, 503)
    wait_until(lambda: demo.get("team.localhost", "/cdn-cgi/access/certs").status_code == 200, 20)


def test_envoy_is_back_within_two_seconds(demo: Demo, cookie: str) -> None:
    took: list[float] = []
    for _ in range(3):
        (pid, *_) = demo.children("envoy")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda gone=pid: gone not in demo.children("envoy"), 5)
        took.append(wait_until(lambda: status(demo, cookie) == 200, 20))
    # A machine that is busy with other tests may be late once.
    assert min(took) < 2
