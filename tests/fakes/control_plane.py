"""A control plane that answers as it is told and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

Answer = tuple[int, Mapping[str, str] | list[tuple[str, str]], bytes]


@dataclass
class Asked:
    """One question of Envoy's."""

    method: str
    path: str
    headers: dict[str, str]


def deny(_: Asked) -> Answer:
    return 403, {"content-type": "text/plain"}, b"denied by the control plane"


def forget_identity() -> dict[str, str]:
    """What an allowing answer says when there is nobody to name."""
    names = "cf-access-jwt-assertion, cf-access-authenticated-user-email, x-vestibule-grant"
    return {"x-envoy-auth-headers-to-remove": names}


def allow(_: Asked) -> Answer:
    return 200, forget_identity(), b""


class Served:
    """An ASGI application on a Unix socket or a free port, in a thread of its own."""

    def __init__(self, app: Any, uds: Path | None = None, **config: Any) -> None:
        where: dict[str, Any] = {"uds": str(uds)} if uds else {"host": "127.0.0.1", "port": 0}
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", lifespan="off", **where, **config)
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> Served:
        self._thread.start()
        waited = threading.Event()
        while not self._server.started:
            waited.wait(0.005)
        return self

    @property
    def port(self) -> int:
        return self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(5)


@dataclass
class FakeControlPlane:
    """`check` decides; `asked` are the questions, `visited` the requests for pages."""

    directory: Path
    check: Callable[[Asked], Answer] = deny
    asked: list[Asked] = field(default_factory=list)
    visited: list[Asked] = field(default_factory=list)

    def start(self) -> FakeControlPlane:
        self._servers = [
            Served(self._app(self._checked), self.directory / "check.sock").start(),
            Served(self._app(self._visited), self.directory / "web.sock").start(),
        ]
        return self

    def stop(self) -> None:
        for server in self._servers:
            server.stop()

    def _checked(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self.check(asked)

    def _visited(self, asked: Asked) -> Answer:
        self.visited.append(asked)
        status = 403 if asked.path.startswith("/-/") else 200
        return status, {"content-type": "text/plain"}, f"page {asked.path}".encode()

    def _app(self, answer: Callable[[Asked], Answer]) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            status, headers, body = answer(
                Asked(
                    scope["method"],
                    scope["raw_path"].decode("latin-1")
                    + ("?" + scope["query_string"].decode() if scope["query_string"] else ""),
                    {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]},
                )
            )
            while (await receive()).get("more_body"):
                pass
            pairs = headers.items() if isinstance(headers, Mapping) else headers
            listed = [(k.encode(), v.encode()) for k, v in pairs]
            await send({"type": "http.response.start", "status": status, "headers": listed})
            await send({"type": "http.response.body", "body": body})

        return app
