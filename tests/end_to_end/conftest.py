"""One running demo and one browser for each test worker; a fresh browser context a test."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.end_to_end.reference_world import World, add_applications, remote_calls, straight
from tests.end_to_end.signing_in import CHROMIUM_FLAGS


@dataclass(frozen=True)
class Demo:
    """A running demo, as its ready file describes it."""

    ready: dict[str, Any]
    process: subprocess.Popen[bytes]
    data: Path

    def url(self, name: str) -> str:
        """The address of the application called `name`."""
        return next(one["url"] for one in self.ready["applications"] if one["name"] == name)

    @property
    def port(self) -> int:
        """The gateway's port."""
        return int(self.ready["gateway_url"].rpartition(":")[2])

    def get(self, host: str, path: str, **headers: str) -> httpx2.Response:
        """Ask the gateway for `path` on `host`, without a browser; redirects are not followed."""
        return httpx2.get(
            f"http://127.0.0.1:{self.port}{path}",
            headers={"Host": f"{host}:{self.port}", **headers},
            trust_env=False,
            timeout=10,
        )

    def command(self, *arguments: str) -> str:
        """Run a command of the product on the demo's installation; returns what it says."""
        done = subprocess.run(
            [sys.executable, "-m", "vestibule.cli", *arguments],
            env={**os.environ, "VESTIBULE_CONFIG": str(self.data / "vestibule.yaml")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def children(self, marker: str) -> list[int]:
        """Process ids of running processes below the demo whose command line has `marker`."""
        found: list[int] = []
        waiting = [self.process.pid]
        while waiting:
            parent = waiting.pop()
            # Each thread lists the processes that it started itself.
            for pid in [
                int(pid)
                for listing in Path(f"/proc/{parent}/task").glob("*/children")
                for pid in listing.read_text().split()
            ]:
                waiting.append(pid)
                try:
                    line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                except OSError:
                    continue
                if marker in line:
                    found.append(pid)
        return found


def start_demo(**environment: str) -> Demo:
    """Start the demo on free ports and wait until it answers."""
    data = Path(tempfile.mkdtemp(prefix="v-", dir="/tmp"))
    ready = data / "ready.json"
    log = (data / "demo.log").open("wb")
    command = [sys.executable, "-m", "vestibule.cli", "demo", "--data", str(data / "d")]
    process = subprocess.Popen(
        [*command, "--port", "0", "--ready-file", str(ready)],
        env={**os.environ, **environment},
        stdout=log,
        stderr=log,
    )
    deadline = time.monotonic() + 90
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            # Asked, not killed: it ends what it has started.
            process.terminate()
            pytest.fail(f"the demo did not start:\n{(data / 'demo.log').read_text()[-4000:]}")
        time.sleep(0.1)
    return Demo(json.loads(ready.read_text()), process, data / "d")


def stop_demo(demo: Demo) -> None:
    """End the demo and everything that it started."""
    demo.process.send_signal(signal.SIGTERM)
    try:
        demo.process.wait(30)
    except subprocess.TimeoutExpired:
        demo.process.kill()
    shutil.rmtree(demo.data.parent, ignore_errors=True)


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """The demo, shared by the tests of one worker."""
    running = start_demo()
    yield running
    stop_demo(running)


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """A demo of its own with an application for each behaviour that the reference describes."""
    running = World(start_demo())
    server, port = remote_calls()
    try:
        document = running.export()
        add_applications(document, port)
        straight(document)
        running.apply(document)
        yield running
    finally:
        server.stop(0)
        stop_demo(running.demo)


# Playwright keeps an event loop running in this thread while it lives, so a browser lives no
# longer than the module that wants it.
@pytest.fixture(scope="session")
def target() -> Iterator[Any]:
    """A demo of its own to attack, with an origin that tells all (`attacking.Target`)."""
    from tests.end_to_end.attacking import under_attack  # it uses the functions above

    with under_attack() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium from the system."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("no chromium on this machine: install the package chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that has never been anywhere."""
    fresh = browser.new_context()
    fresh.set_default_timeout(15_000)
    yield fresh
    fresh.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A tab in it."""
    return context.new_page()
