"""Requests byte by byte: what an HTTP library would tidy up is sent as it stands."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 when the proxy closed the connection instead."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        return next((v for k, v in self.headers if k.lower() == name), "")

    def all(self, name: str) -> list[str]:
        return [v for k, v in self.headers if k.lower() == name]

    @property
    def by_origin(self) -> bool:
        """Whether the application answered."""
        return bool(self.header("x-origin"))


def connect(port: int, host: str) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", port), timeout=15)
    return context.wrap_socket(plain, server_hostname=host)


def ask(
    port: int,
    host: str,
    target: str | bytes = "/",
    *headers: tuple[str, str],
    method: str = "GET",
    authority: str = "",
) -> Answer:
    """Send one request over TLS; `authority` is the Host header, `host:port` unless given."""
    raw = target if isinstance(target, bytes) else target.encode("latin-1")
    lines = [method.encode() + b" " + raw + b" HTTP/1.1", *_lines(headers)]
    lines.insert(1, b"Host: " + (authority or f"{host}:{port}").encode())
    lines += [b"Connection: close"] if not _says(headers, "connection") else []
    with connect(port, host) as connection:
        try:
            connection.sendall(b"\r\n".join([*lines, b"", b""]))
            response = HTTPResponse(connection, method=method)
            response.begin()
            body = response.read()
        except (HTTPException, OSError):
            return Answer(0)
        return Answer(response.status, tuple(response.getheaders()), body)


def _says(headers: Iterable[tuple[str, str]], name: str) -> bool:
    return any(key.lower() == name for key, _ in headers)


def _lines(headers: Iterable[tuple[str, str]]) -> list[bytes]:
    return [f"{name}: {value}".encode("latin-1") for name, value in headers]
