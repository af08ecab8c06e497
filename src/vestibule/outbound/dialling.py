"""Dialling: the last moment at which an address can be refused.

A name is resolved here, the address is judged here, and the judged address is the one that
is dialled: there is no second look-up that could answer differently (DNS rebinding). TLS is
still verified against the name, and the pool is still keyed by it.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as ResolverTimeout
from contextlib import contextmanager
from typing import Any

import httpcore2

from vestibule.outbound.addresses import Address, AllowList, is_public, parse_address

Resolver = Callable[[str, int], Sequence[Address]]


class ForbiddenAddress(Exception):
    """The address may not be dialled; the message says which and what would permit it."""


def resolve(host: str, port: int) -> Sequence[Address]:
    """Ask the operating system for the addresses of `host`. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(parse_address(str(entry[4][0])) for entry in found))


class _Call(threading.local):
    """What holds for the request that this thread is sending."""

    deadline: float = 0.0
    plain: bool = False


class Dialler(httpcore2.NetworkBackend):
    """A network backend that judges each address and holds each call to its deadline."""

    def __init__(self, allow: AllowList, resolver: Resolver = resolve) -> None:
        self._allow = allow
        self._resolver = resolver
        self._sockets = httpcore2.SyncBackend()
        self._resolving = ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolver")
        self._call = _Call()

    @contextmanager
    def call(self, *, seconds: float, plain: bool) -> Generator[None]:
        """Everything dialled, read and written inside ends within `seconds`.

        `plain` says that the request goes without TLS, which only listed hosts may be sent.
        """
        self._call.deadline = time.monotonic() + seconds
        self._call.plain = plain
        yield

    def remaining(self) -> float:
        """Seconds until the present call's deadline; never negative."""
        return max(0.0, self._call.deadline - time.monotonic())

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Resolve, judge, dial. Raises `ForbiddenAddress` or httpcore's `ConnectError`."""
        addresses = self._addresses(host, port)
        permitted = [address for address in addresses if self._permits(host, port, address)]
        if not permitted:
            raise ForbiddenAddress(self._refusal(host, port, addresses))
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in permitted[:4]:
            try:
                stream = self._sockets.connect_tcp(
                    str(address), port, self.remaining() or 0.001, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self)
        raise failure

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Never: nothing that we call listens on one."""
        raise ForbiddenAddress("Unix sockets are not called")

    def close(self) -> None:
        """Let go of the resolver's threads."""
        self._resolving.shutdown(wait=False, cancel_futures=True)

    def _addresses(self, host: str, port: int) -> Sequence[Address]:
        # The system's resolver knows no timeout, so its answer is waited for elsewhere.
        pending = self._resolving.submit(self._resolver, host, port)
        try:
            return pending.result(self.remaining())
        except ResolverTimeout as error:
            raise httpcore2.ConnectTimeout(
                f"the address of {host} was not found in time"
            ) from error
        except (OSError, UnicodeError, ValueError) as error:
            raise httpcore2.ConnectError(f"the address of {host} is not known") from error

    def _permits(self, host: str, port: int, address: Address) -> bool:
        if self._allow.names(host, port) or self._allow.covers(address):
            return True
        return not self._call.plain and is_public(address)

    def _refusal(self, host: str, port: int, addresses: Sequence[Address]) -> str:
        shown = ", ".join(str(address) for address in addresses[:3]) or "no address"
        if self._call.plain:
            return f"plain http to {host}:{port} ({shown}) needs an entry in outbound.allow"
        return (
            f"{host} is at {shown}, which is not public: list it in outbound.allow if you mean it"
        )


class _TimedStream(httpcore2.NetworkStream):
    """A stream whose every wait ends at the call's deadline, so that no drip keeps it open."""

    def __init__(self, stream: httpcore2.NetworkStream, dialler: Dialler) -> None:
        self._stream = stream
        self._dialler = dialler

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not (left := self._dialler.remaining()):
            raise httpcore2.ReadTimeout("the answer took too long")
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not (left := self._dialler.remaining()):
            raise httpcore2.WriteTimeout("the request took too long")
        self._stream.write(buffer, left)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        if not (left := self._dialler.remaining()):
            raise httpcore2.ConnectTimeout("the connection took too long")
        return _TimedStream(
            self._stream.start_tls(ssl_context, server_hostname, left), self._dialler
        )

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
