"""Load, by wrk: how many requests a second a listener serves."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """A listener, the process behind it, and what to send to it."""

    name: str
    pid: int
    port: int
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)


def available() -> bool:
    """Whether the tool is installed."""
    return shutil.which("wrk") is not None


@dataclass(frozen=True)
class Seen:
    """Requests a second, and microseconds of the process's CPU for each."""

    rate: float
    cpu: float


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def once(target: Target, seconds: int, connections: int = 32) -> Seen:
    """Load the target once; raises when not all requests succeeded."""
    before = _cpu_seconds(target.pid)
    arguments = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    for name, value in target.headers.items():
        arguments += ["-H", f"{name}: {value}"]
    done = subprocess.run(
        [*arguments, f"http://127.0.0.1:{target.port}{target.path}"],
        capture_output=True,
        text=True,
        check=True,
    )
    if "Non-2xx" in done.stdout:
        raise RuntimeError(f"{target.name} did not succeed:\n{done.stdout}")
    spent = _cpu_seconds(target.pid) - before
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    count = re.search(r"(\d+) requests in", done.stdout)
    if rate is None or count is None:
        raise RuntimeError(done.stdout)
    return Seen(float(rate[1]), spent / int(count[1]) * 1e6)


def interleaved(targets: list[Target], rounds: int, seconds: int) -> dict[str, Seen]:
    """The median of `rounds` for each target, one after the other, so that all share the noise."""
    seen: dict[str, list[Seen]] = {target.name: [] for target in targets}
    for _ in range(rounds):
        for target in targets:
            seen[target.name].append(once(target, seconds))
    return {
        name: Seen(
            statistics.median(one.rate for one in values),
            statistics.median(one.cpu for one in values),
        )
        for name, values in seen.items()
    }
