"""A memory for documents that change rarely: discovery and key sets (identity.md 8.1, row 14).

A document is kept for what its server says, within bounds. One that is asked for anew
because a key is unknown is fetched at most once a minute, so that tokens with invented keys
cannot make us flood a provider. When the fetch fails, the old document goes on serving.
"""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from vestibule.protocols.exchange import OutboundError, Request, Response

FLOOR, CAP = 300.0, 86_400.0
REFRESH_EVERY = 60.0
RETRY_AFTER_FAILURE = 5.0
_MAX_ENTRIES = 1000
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=\"?(\d{1,10})")


@dataclass(slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    response: Response | None = None
    failure: OutboundError | None = None
    fetched_at: float = 0.0
    tried_at: float = float("-inf")
    refreshed_at: float = float("-inf")
    fresh_for: float = 0.0


class AnswerCache:
    """Answers GET requests from memory. `fetch` really sends; `clock` is monotonic seconds."""

    def __init__(self, fetch: Callable[[Request], Response], clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Response:
        """The document, from memory or fetched. Raises `OutboundError` when there is none."""
        entry = self._entry(request)
        with entry.lock:  # one fetch at a time for each document
            now = self._clock()
            if self._must_fetch(entry, request, now):
                self._refill(entry, request, now)
            if entry.response is not None and now - entry.fetched_at < CAP:
                return entry.response
            raise entry.failure or OutboundError(f"{request.url} has no usable answer")

    def _entry(self, request: Request) -> _Entry:
        key = (request.url, repr(sorted(request.headers.items())))
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            while len(self._entries) > _MAX_ENTRIES:
                self._entries.popitem(last=False)
            return entry

    @staticmethod
    def _must_fetch(entry: _Entry, request: Request, now: float) -> bool:
        since = now - entry.tried_at
        if entry.response is None:
            return since >= RETRY_AFTER_FAILURE
        if request.refresh:
            # Counted apart from the ordinary fetches: a provider may rotate just after one.
            return now - entry.refreshed_at >= REFRESH_EVERY
        return now - entry.fetched_at >= entry.fresh_for and (
            entry.failure is None or since >= RETRY_AFTER_FAILURE
        )

    def _refill(self, entry: _Entry, request: Request, now: float) -> None:
        entry.tried_at = now
        if request.refresh:
            entry.refreshed_at = now
        try:
            response = self._fetch(request)
        except OutboundError as error:
            entry.failure = error
            return
        if response.status != 200:
            entry.failure = OutboundError(
                f"{request.url} answered {response.status}", code="outbound_status"
            )
            return
        if not _is_json_object(response.body):
            # An error page sent with 200 must not displace keys that still serve.
            entry.failure = OutboundError(
                f"{request.url} answered with no JSON object",
                code="outbound_status",
            )
            return
        entry.response = response
        entry.failure = None
        entry.fetched_at = now
        entry.fresh_for = _lifetime(response, request.cache_for)


def _is_json_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def _lifetime(response: Response, wanted: float) -> float:
    """How long a document may serve: what its server says, else what the caller wanted."""
    directives = response.headers.get("cache-control", "").lower()
    said = _MAX_AGE.search(directives)
    seconds = float(said.group(1)) if said else wanted
    if "no-store" in directives or "no-cache" in directives:
        seconds = 0.0
    return min(max(seconds, FLOOR), CAP)
