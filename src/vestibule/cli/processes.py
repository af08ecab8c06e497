"""Keep a handful of child processes alive until told to stop."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from vestibule.cli.output import err

PR_SET_PDEATHSIG = 1
LONGEST_PAUSE = 5.0
STOP_WITHIN = 10.0


@dataclass(slots=True)
class Child:
    """A process to keep alive: its name and its command line; `silent` drops its stdout."""

    name: str
    command: Sequence[str]
    silent: bool = False
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started_at: float = 0.0
    not_before: float = 0.0

    def start(self) -> None:
        """Start it; it gets a SIGTERM should we die first (Linux)."""
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            list(self.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if self.silent else None,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )


def _die_with_parent() -> None:
    os.setpgrp()  # a Ctrl-C reaches us, and we stop the children in order
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Family:
    """Starts children, starts them again when they die, stops them in reverse order."""

    def __init__(self) -> None:
        self._children: list[Child] = []
        self._stop = threading.Event()

    def install_signals(self) -> None:
        """Stop on SIGTERM and SIGINT. Call from the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether somebody asked us to stop."""
        return self._stop.is_set()

    def add(self, child: Child) -> Child:
        """Start `child` and keep it alive from now on."""
        child.start()
        self._children.append(child)
        return child

    def wait_until(self, ready: Callable[[], bool], seconds: float, what: str) -> bool:
        """Watch over the children until `ready()`; False when it took too long or we stop."""
        deadline = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < deadline:
            self._revive()
            if ready():
                return True
            self._stop.wait(0.05)
        if not self.stopping:
            err.print(f"{what} was not ready after {seconds:.0f} s")
        return False

    def watch(self) -> None:
        """Keep the children alive until a signal comes, then stop them."""
        while not self._stop.wait(0.1):
            self._revive()
        self.stop()

    def _revive(self) -> None:
        now = time.monotonic()
        for child in self._children:
            process = child.process
            if process is not None and process.poll() is None:
                continue
            if process is not None:
                child.failures = 0 if now - child.started_at > 30 else child.failures + 1
                # The first death is answered at once; one that repeats is given time.
                pause = min(LONGEST_PAUSE, 0.25 * 2**child.failures) if child.failures > 1 else 0.0
                child.not_before = now + pause
                child.process = None
                err.print(f"{child.name} ended (status {process.returncode}); starting it again")
            if now >= child.not_before:
                child.start()

    def stop(self) -> None:
        """Ask each child to end, last started first; kill what does not."""
        for child in reversed(self._children):
            process = child.process
            if process is None or process.poll() is not None:
                continue
            process.terminate()
            try:
                process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
