"""The data plane's question over HTTP: `ext_authz` asks, 200 lets in, all else is the answer.

Raw ASGI, since each request that Envoy cannot prove comes through here. What memory can
answer is answered on the event loop; the rest in a worker thread. Whatever goes wrong is a
503 with a reference, never a 200.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeAlias

from vestibule.flows.answers import Decided
from vestibule.flows.check import Check
from vestibule.flows.question import reference
from vestibule.flows.view import LiveView
from vestibule.model.access_log import AccessRecord
from vestibule.model.organization import Organization
from vestibule.model.request import RequestFacts
from vestibule.web.check_answers import Reply, reply_to, unavailable
from vestibule.web.facts import BadRequest, facts_of_scope

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PREFIX = "/check"
_WORKERS = 8
_WAITING_AT_MOST = 512
"""Beyond so many questions in line, a new one is better answered with "not now"."""

_log = logging.getLogger("vestibule.check")


class AccessLog(Protocol):
    """Where records of decisions go; must return at once."""

    def put(self, record: AccessRecord) -> None: ...


class Observer(Protocol):
    """Who counts decisions; `outcome` is the answer's kind."""

    def decided(self, outcome: str, seconds: float) -> None: ...


class CheckApp:
    """The ASGI application behind `check.sock`."""

    def __init__(
        self, check: Check, *, live: LiveView, access_log: AccessLog, observer: Observer
    ) -> None:
        self._check = check
        self._live = live
        self._access_log = access_log
        self._observer = observer
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="check")
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection scope."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            reply = await self._reply(scope)
            head = scope["method"] == "HEAD"
            await send(
                {
                    "type": "http.response.start",
                    "status": reply.status,
                    "headers": reply.headers,
                }
            )
            await send({"type": "http.response.body", "body": b"" if head else reply.body})

    async def _reply(self, scope: Scope) -> Reply:
        started = time.perf_counter()
        facts = None
        try:
            facts = facts_of_scope(scope, prefix=PREFIX)
            decided = await self._decided(facts)
            reply = reply_to(decided.answer, facts, self._organization())
        except BadRequest as error:
            decided, reply = None, Reply.plain(400, f"{error.message}\n")
        except Exception:
            # Whatever it is, nobody is let in; the operator finds it by the reference.
            decided, reply = None, unavailable(facts)
            _log.exception("no decision", extra={"reference": reference(facts) if facts else ""})
        outcome = type(decided.answer).__name__ if decided else "Failed"
        if decided is not None and decided.record is not None:
            self._access_log.put(decided.record)
        self._observer.decided(outcome, time.perf_counter() - started)
        return reply

    async def _decided(self, facts: RequestFacts) -> Decided:
        decided = self._check.at_once(facts)
        if decided is not None:
            return decided
        if self._waiting >= _WAITING_AT_MOST:
            raise RuntimeError("too many requests are waiting for a decision")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._workers, self._check.decide, facts)
        finally:
            self._waiting -= 1

    def _organization(self) -> Organization | None:
        view = self._live.latest
        return view.configuration.organization if view else None

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self._workers.shutdown(wait=False, cancel_futures=True)
                await send({"type": "lifespan.shutdown.complete"})
                return
            await send({"type": "lifespan.startup.complete"})
