"""A person's terminal reaches a protected application through the browser login."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.end_to_end.conftest import Demo, start_demo, stop_demo
from tests.end_to_end.signing_in import CHROMIUM_FLAGS, at_okta, choose_okta, person

pytestmark = [pytest.mark.browser, pytest.mark.envoy]


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """A demo for this module."""
    running = start_demo()
    yield running
    stop_demo(running)


@pytest.fixture(scope="module")
def tokens() -> Iterator[Path]:
    """Where the terminal keeps its tokens."""
    directory = Path(tempfile.mkdtemp(dir="/tmp", prefix="v-"))
    yield directory
    shutil.rmtree(directory)


def terminal(tokens: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "vestibule.cli", *arguments]


def environment(tokens: Path) -> dict[str, str]:
    return {**os.environ, "VESTIBULE_TOKENS": str(tokens)}


def run(tokens: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        terminal(tokens, *arguments),
        env=environment(tokens),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def printed_page(process: subprocess.Popen[str]) -> str:
    """The address that the command tells the person to open."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if found := re.search(r"https?://\S+/cdn-cgi/access/cli\?\S+", said):
            return found[0]
    raise AssertionError(said)


def approve_in_a_browser(page_url: str, user: dict[str, object]) -> None:
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("no chromium on this machine: install the package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        page = browser.new_context().new_page()
        page.set_default_timeout(20_000)
        page.goto(page_url)
        choose_okta(page)
        at_okta(page, user, factor="otp")
        expect(page.locator("body")).to_contain_text("Let a terminal in?")
        page.locator("form button[type=submit], form [type=submit]").first.click()
        expect(page.locator("body")).to_contain_text("terminal is signed in")
        browser.close()


def test_a_terminal_signs_in_by_browser_and_reaches_the_application(
    demo: Demo, tokens: Path
) -> None:
    echo = demo.url("Echo")
    refused = run(tokens, "token", echo)
    assert refused.returncode == 5
    assert "vestibule login" in refused.stderr

    login = subprocess.Popen(
        terminal(tokens, "login", "--no-browser", "--json", echo),
        env=environment(tokens),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        approve_in_a_browser(printed_page(login), person(demo.ready, "alice@example.com"))
        said, complaints = login.communicate(timeout=60)
    finally:
        login.kill()
    assert login.returncode == 0, complaints
    answer = json.loads(said)
    kept = Path(answer["token_file"])
    assert kept.parent == tokens
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.read_text() == answer["token"]

    printed = run(tokens, "token", echo)
    assert printed.stdout.strip() == answer["token"]

    fetched = run(tokens, "curl", echo, "--", "--silent", "--show-error")
    assert fetched.returncode == 0, fetched.stderr
    assert "alice@example.com" in fetched.stdout

    wrong_team = run(tokens, "curl", "--team", "other.example", echo)
    assert wrong_team.returncode == 5


def test_an_address_without_an_application_is_told_so(demo: Demo, tokens: Path) -> None:
    nowhere = run(tokens, "token", f"http://stranger.localhost:{demo.port}/")
    assert nowhere.returncode == 1
    assert "no protected application" in nowhere.stderr


def test_a_gateway_that_does_not_answer_is_unavailable(tokens: Path) -> None:
    silent = run(tokens, "token", "http://wiki.localhost:1/")
    assert silent.returncode == 3


def test_an_expired_or_foreign_token_on_disk_is_deleted(demo: Demo, tokens: Path) -> None:
    wiki = demo.url("Wiki")
    aud = next(one["aud"] for one in demo.ready["applications"] if one["name"] == "Wiki")
    file = tokens / f"wiki.localhost-{aud}-token"
    payload = {"aud": [aud], "exp": int(time.time()) - 5}
    middle = base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=").decode()
    file.write_text(f"e30.{middle}.x")
    assert run(tokens, "token", wiki).returncode == 5
    assert not file.exists()
