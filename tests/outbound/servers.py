"""Small real servers for the outbound tests: they speak HTTP as scripted, octet by octet."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Talk = Callable[[socket.socket], None]


@dataclass
class Server:
    """A server on 127.0.0.1; `requests` are the heads it was sent, `connections` how often."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


@contextmanager
def serving(*talks: Talk, tls: ssl.SSLContext | None = None) -> Generator[Server]:
    """Serve until the block ends; each request on any connection gets the next talk."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(listener.getsockname()[1])
    remaining = list(talks)
    threads: list[threading.Thread] = []

    def connection(plain: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError), plain:
            stream = tls.wrap_socket(plain, server_side=True) if tls else plain
            with stream:
                while head := _read_head(stream):
                    server.requests.append(head)
                    talk = remaining.pop(0) if len(remaining) > 1 else remaining[0]
                    talk(stream)

    def accept() -> None:
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            server.connections += 1
            accepted.settimeout(10)
            thread = threading.Thread(target=connection, args=(accepted,), daemon=True)
            thread.start()
            threads.append(thread)

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)


def _read_head(stream: socket.socket) -> bytes:
    """One request's head and body; empty at the end."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        piece = stream.recv(4096)
        if not piece:
            return b""
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        body += stream.recv(4096)
    return head + b"\r\n\r\n" + body


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> Talk:
    """Answer with a length and keep the connection."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    raw = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    return lambda stream: stream.sendall(raw)
