"""`up` keeps its processes alive, and leaves none behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.commands import Place, initialised

pytestmark = pytest.mark.envoy


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def below(pid: int) -> dict[int, str]:
    """The command lines of all living processes below `pid`."""
    found: dict[int, str] = {}
    waiting = [pid]
    while waiting:
        for listing in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            try:
                children = [int(child) for child in listing.read_text().split()]
                for child in children:
                    line = Path(f"/proc/{child}/cmdline").read_bytes()
                    found[child] = line.replace(b"\0", b" ").decode()
                    waiting.append(child)
            except OSError:
                continue
    return found


def alive(pid: int) -> bool:
    """Whether `pid` runs; one that ended and was not collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(done: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def place() -> Iterator[Place]:
    """An installation that listens on free ports of this machine alone."""
    directory = Path(tempfile.mkdtemp(dir="/tmp", prefix="v-"))
    made = initialised(directory)
    made.config.write_text(
        f"data_dir: {directory}\n"
        f"listen: {{host: 127.0.0.1, port: {free_port()}}}\n"
        f"monitoring: {{port: {free_port()}, control_plane_port: {free_port()}}}\n"
        "envoy_concurrency: 1\n"
    )
    yield made
    shutil.rmtree(directory, ignore_errors=True)


def test_up_starts_a_killed_child_again_and_ends_without_leaving_a_process(place: Place) -> None:
    port = int(place.config.read_text().partition("port: ")[2].partition("}")[0])
    with (place.directory / "log").open("wb") as log:
        up = subprocess.Popen(
            [sys.executable, "-m", "vestibule.cli", "up", "--config", str(place.config)],
            stdout=log,
            stderr=log,
        )

    def serving() -> set[int]:
        return {pid for pid, line in below(up.pid).items() if "vestibule.cli serve" in line}

    try:
        until(lambda: answers(port) and bool(serving()), 90, "it did not start")
        (first,) = serving()
        os.kill(first, signal.SIGKILL)
        until(lambda: bool(serving() - {first}), 30, "the control plane stayed dead")
        family = below(up.pid)
        assert any("envoy" in line for line in family.values())
        up.send_signal(signal.SIGTERM)
        assert up.wait(40) == 0
        until(lambda: not any(map(alive, family)), 10, "a process was left behind")
        assert not answers(port)
    finally:
        up.kill()
        up.wait()
