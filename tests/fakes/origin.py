"""A protected service that says what it received."""

from __future__ import annotations

import asyncio
import json
from typing import Any


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Echo a request as JSON; `/events` streams, `/sink` counts, `/flood` pours, sockets echo."""
    if scope["type"] == "websocket":
        await _echo_socket(receive, send)
        return
    path = scope["raw_path"].decode("latin-1")
    if path == "/events":
        await _stream(send)
        return
    received = 0
    while True:
        message = await receive()
        received += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    if path == "/flood":
        await _flood(send, int(scope["query_string"] or b"1"))
        return
    body = json.dumps(
        {
            "method": scope["method"],
            "path": path,
            "query": scope["query_string"].decode("latin-1"),
            "headers": [[k.decode("latin-1"), v.decode("latin-1")] for k, v in scope["headers"]],
            "received": received,
        }
    ).encode()
    await _start(send, b"application/json")
    await send({"type": "http.response.body", "body": body})


async def _start(send: Any, content_type: bytes) -> None:
    headers = [(b"content-type", content_type), (b"x-origin", b"echo")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _stream(send: Any) -> None:
    await _start(send, b"text/event-stream")
    for number in range(6000):
        event = f"data: {number}\n\n".encode()
        await send({"type": "http.response.body", "body": event, "more_body": True})
        await asyncio.sleep(0.01)
    await send({"type": "http.response.body", "body": b""})


async def _flood(send: Any, megabytes: int) -> None:
    await _start(send, b"application/octet-stream")
    for _ in range(megabytes):
        await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _echo_socket(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") is not None:
            await send({"type": "websocket.send", "text": message["text"]})
