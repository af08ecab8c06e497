"""The three applications, and one that tells them apart by the port a request came to."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from sample_applications import echo, payroll, wiki
from sample_applications.configuration import Configuration
from sample_applications.pages import Desk


def applications(configuration: Configuration) -> dict[str, Starlette]:
    """Return each application by its name."""
    named = configuration.named()
    return {
        "wiki": wiki.create_app(Desk("wiki", named["wiki"])),
        "echo": echo.create_app(Desk("echo", named["echo"])),
        "payroll": payroll.create_app(Desk("payroll", named["payroll"])),
    }


def by_port(configuration: Configuration, ports: Mapping[str, int]) -> ASGIApp:
    """Return one ASGI application for all the sockets of a server."""
    apps = applications(configuration)
    listening = {port: apps[name] for name, port in ports.items()}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            # They keep nothing open: there is nothing to start or to stop.
            await _lifespan(receive, send)
            return
        await listening[scope["server"][1]](scope, receive, send)

    return application


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
