"""Envoy's admin interface, over its Unix socket."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path

from vestibule.model.values import Json


class AdminUnreachable(Exception):
    """Envoy did not answer: it is not there, or not yet."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("envoy", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self.timeout)
        try:
            connection.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        self.sock = connection


class Admin:
    """What Envoy tells, and the few things that it can be told."""

    def __init__(self, path: Path, timeout: float = 2.0) -> None:
        self._path, self._timeout = path, timeout

    def get(self, path: str) -> str:
        """Return the body of a 200; raise `AdminUnreachable` for anything else."""
        return self._ask("GET", path)

    def post(self, path: str) -> str:
        """Like `get`, for what changes something."""
        return self._ask("POST", path)

    def ready(self) -> bool:
        """Whether Envoy is live and its listeners accept connections."""
        try:
            self.get("/ready")
            listening: Json = json.loads(self.get("/listeners?format=json"))
        except (AdminUnreachable, ValueError):
            return False
        return bool(listening.get("listener_statuses"))

    def counters(self, pattern: str) -> dict[str, int]:
        """Return the counters and gauges whose names match the regular expression."""
        text = self.get(f"/stats?filter={pattern}&type=All")
        pairs = (line.rsplit(": ", 1) for line in text.splitlines() if ": " in line)
        return {name: int(value) for name, value in pairs if value.isdigit()}

    def _ask(self, method: str, path: str) -> str:
        connection = _Connection(self._path, self._timeout)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise AdminUnreachable(str(error)) from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise AdminUnreachable(f"{path} answered {answer.status}")
        return body
