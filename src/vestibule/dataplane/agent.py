"""The agent that keeps watch over open streams, so that they end with their grant.

Envoy holds one gRPC stream (ext_proc) to it for each WebSocket, event stream and gRPC call
that belongs to a grant. No byte of those passes here; ending ours resets theirs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path

from vestibule.compiler.envoy.names import GRANT
from vestibule.dataplane.ext_proc import (
    Call,
    Question,
    abort,
    acknowledge,
    header_of,
    serve,
)


class StreamAgent:
    """Serves on a Unix socket from a thread of its own."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._loop = asyncio.new_event_loop()
        self._open: dict[str, set[asyncio.Event]] = {}
        self._revoked: frozenset[str] = frozenset()
        self._started = threading.Event()
        self._finished: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="stream-agent", daemon=True)
        self.cut = 0

    @property
    def open_streams(self) -> int:
        """How many streams are open now."""
        return sum(len(streams) for streams in list(self._open.values()))

    def start(self) -> None:
        """Begin to serve; returns when the socket accepts connections."""
        self._thread.start()
        if not self._started.wait(10):
            raise TimeoutError("the stream agent did not start")

    def stop(self) -> None:
        """End all streams and the thread."""
        if self._finished is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._finished.set)
        if self._thread.is_alive():
            self._thread.join(5)

    def revoke(self, grants: Iterable[str]) -> None:
        """Let the streams of exactly these grants end now, and none of theirs begin."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._cut, frozenset(grants))

    def _cut(self, revoked: frozenset[str]) -> None:
        self._revoked = revoked
        for grant in self._open.keys() & revoked:
            for ended in self._open[grant]:
                ended.set()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._finished = asyncio.Event()
        self._socket.unlink(missing_ok=True)
        server = await serve(f"unix:{self._socket}", self._watch)
        self._socket.chmod(0o600)
        self._started.set()
        await self._finished.wait()
        await server.stop(0)

    async def _watch(self, question: Question, call: Call) -> None:
        """Hold one request's stream until it ends, or its grant does."""
        grant = header_of(question, GRANT)
        if not grant or grant in self._revoked:
            await abort(call, "the grant is revoked")
            return
        ended = asyncio.Event()
        self._open.setdefault(grant, set()).add(ended)
        try:
            await acknowledge(call, question)
            over = asyncio.ensure_future(_until_over(call))
            revoked = asyncio.ensure_future(ended.wait())
            _, pending = await asyncio.wait({over, revoked}, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            if ended.is_set():
                self.cut += 1
                await abort(call, "the grant was revoked")
        finally:
            streams = self._open[grant]
            streams.discard(ended)
            if not streams:
                del self._open[grant]


async def _until_over(call: Call) -> None:
    """Answer what Envoy still asks of this request, until it hangs up."""
    while (question := await call.read()) is not None:
        await acknowledge(call, question)
