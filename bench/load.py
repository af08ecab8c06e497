"""Load, by wrk: how many requests a second a listener serves."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """A listener and what to send to it."""

    name: str
    port: int
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)


def available() -> bool:
    """Whether the tool is installed."""
    return shutil.which("wrk") is not None


def once(target: Target, seconds: int, connections: int = 32) -> float:
    """Requests a second; raises when not all of them succeeded."""
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
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if found is None:
        raise RuntimeError(done.stdout)
    return float(found[1])


def interleaved(targets: list[Target], rounds: int, seconds: int) -> dict[str, float]:
    """The median of `rounds` for each target, one after the other, so that all share the noise."""
    seen: dict[str, list[float]] = {target.name: [] for target in targets}
    for _ in range(rounds):
        for target in targets:
            seen[target.name].append(once(target, seconds))
    return {name: statistics.median(values) for name, values in seen.items()}
