"""Echo: every way a request can travel, for trying and for tests.

`/echo` any method, the request as JSON; `/events` server-sent events (`?count=`, `?interval=`
seconds); `/ws` a WebSocket that echoes; `/upload` counts the bytes it is sent;
`/download?bytes=N` sends that many; `/status/{code}` answers with it; `/slow?seconds=` waits.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from sample_applications.pages import Desk

_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_SHOWN: Final = 64 * 1024
_CHUNK: Final = bytes(range(256)) * 256
_MOST_BYTES: Final = 4 * 1024**3
_LONGEST: Final = 3600.0


def create_app(desk: Desk) -> Starlette:
    """Return the application."""

    async def index(request: Request) -> Response:
        return desk.render("echo.html", identity=await desk.known(request))

    async def echo(request: Request) -> Response:
        identity = await desk.known(request)
        return JSONResponse(
            await _described(request) | {"verified_as": identity.name if identity else None}
        )

    return Starlette(
        routes=[
            *desk.routes(),
            Route("/", index),
            Route("/echo", echo, methods=_METHODS),
            Route("/echo/{rest:path}", echo, methods=_METHODS),
            Route("/events", _events),
            Route("/upload", _upload, methods=["POST", "PUT"]),
            Route("/download", _download),
            Route("/status/{code:int}", _status, methods=_METHODS),
            Route("/slow", _slow),
            WebSocketRoute("/ws", _web_socket),
        ]
    )


async def _described(request: Request) -> dict[str, Any]:
    """Return the request as it arrived; a header that came twice has both values."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    body = await request.body()
    return {
        "method": request.method,
        "path": request.url.path,
        "query": request.url.query,
        "http_version": request.scope.get("http_version", ""),
        "client": request.client.host if request.client is not None else "",
        "headers": headers,
        "header_list": [[name, value] for name, value in request.headers.items()],
        "cookies": dict(request.cookies),
        "body_bytes": len(body),
        "body": body[:_SHOWN].decode("utf-8", "replace"),
    }


def _number(request: Request, name: str, default: float, most: float) -> float:
    """Return a number of the query between 0 and `most`."""
    try:
        return min(max(float(request.query_params.get(name, default)), 0.0), most)
    except ValueError:
        return default


async def _events(request: Request) -> Response:
    count = int(_number(request, "count", 1e9, 1e9))
    interval = _number(request, "interval", 1.0, _LONGEST)
    first = int(_number(request, "from", 1, 1e9))

    async def stream() -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        for number in range(first, first + count):
            data = json.dumps({"n": number, "time": time.time()})
            yield f"id: {number}\ndata: {data}\n\n"
            await asyncio.sleep(interval)

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)


async def _upload(request: Request) -> Response:
    received, digest, started = 0, hashlib.sha256(), time.monotonic()
    async for chunk in request.stream():
        received += len(chunk)
        digest.update(chunk)
    seconds = round(time.monotonic() - started, 3)
    return JSONResponse({"bytes": received, "sha256": digest.hexdigest(), "seconds": seconds})


async def _download(request: Request) -> Response:
    size = int(_number(request, "bytes", 1024, _MOST_BYTES))

    async def stream() -> AsyncIterator[bytes]:
        left = size
        while left > 0:
            chunk = _CHUNK[:left]
            left -= len(chunk)
            yield chunk

    headers = {
        "content-length": str(size),
        "content-disposition": 'attachment; filename="download.bin"',
    }
    return StreamingResponse(stream(), media_type="application/octet-stream", headers=headers)


async def _status(request: Request) -> Response:
    code = int(request.path_params["code"])
    if not 200 <= code <= 599:
        return PlainTextResponse("a status is between 200 and 599\n", status_code=400)
    body = "" if code in (204, 304) else f"{code}\n"
    return PlainTextResponse(body, status_code=code)


async def _slow(request: Request) -> Response:
    seconds = _number(request, "seconds", 1.0, _LONGEST)
    await asyncio.sleep(seconds)
    return PlainTextResponse(f"waited {seconds} s\n")


async def _web_socket(socket: WebSocket) -> None:
    """Echo every message; choose the first subprotocol that is offered."""
    offered: list[str] = socket.scope.get("subprotocols", [])
    await socket.accept(subprotocol=offered[0] if offered else None)
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if (text := message.get("text")) is not None:
                await socket.send_text(text)
            else:
                await socket.send_bytes(message["bytes"])
    except WebSocketDisconnect:
        return
