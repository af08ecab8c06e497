"""How a standard asks for the network: it yields requests and is sent the answers.

A protocol is a generator; sync, async, a test and a recording are four drivers of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from vestibule.model.errors import VestibuleError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request that a protocol wants sent.

    `cache_for` (seconds) lets the driver answer a GET from its cache, and `refresh` asks
    it to look again first, as often as its throttle allows: for key sets. `delay` asks it to
    wait that many seconds before sending; the core cannot sleep.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    cache_for: float = 0.0
    refresh: bool = False
    timeout: float = 5.0
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. Header names are lower-case; repeated ones are kept in `header_list`."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    header_list: tuple[tuple[str, str], ...] = ()


class OutboundError(VestibuleError):
    """No usable answer came: the address is forbidden, unreachable, silent or too talkative."""

    code = "outbound"


Exchange: TypeAlias = Generator[Request, Response, T]


def run(exchange: Exchange[T], send: Callable[[Request], Response]) -> T:
    """Drive `exchange` with `send` and return its result; what `send` raises is thrown in."""
    try:
        request = next(exchange)
        while True:
            try:
                response = send(request)
            except OutboundError as error:
                request = exchange.throw(error)
            else:
                request = exchange.send(response)
    except StopIteration as stop:
        return stop.value
