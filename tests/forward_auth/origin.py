"""An application that serves whatever it is asked for, and remembers it byte by byte."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_WEB_SOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


@dataclass(frozen=True)
class Served:
    """A request that reached the application."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        """The non-empty values of a header; `_` and `.` read as `-`, as careless servers do."""
        return [
            value
            for key, value in self.headers
            if key.lower().replace("_", "-").replace(".", "-") == name.lower() and value
        ]


@dataclass
class RecordingOrigin:
    """The application; `served` is what it was asked, in order."""

    served: list[Served] = field(default_factory=list)

    def start(self) -> RecordingOrigin:
        self._server = _Server(("127.0.0.1", 0), _handler(self.served))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Proxies drop connections as they like."""


def _handler(served: list[Served]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            # `path` would have lost doubled slashes.
            target = self.requestline.split(" ")[1]
            seen = Served(self.command, target, tuple(self.headers.items()))
            served.append(seen)
            if length := int(self.headers.get("Content-Length") or 0):
                self.rfile.read(length)
            if "websocket" in (self.headers.get("Upgrade") or "").lower():
                return self._echo()
            shown = {"target": target, "headers": seen.headers}
            # No icon, so that browsers ask for none.
            top = "<!doctype html><title>origin</title><link rel=icon href=data:,>"
            body = f"{top}<pre>{json.dumps(shown)}</pre>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Set-Cookie", "own=1; Path=/")
            self.send_header("X-Origin", "1")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            return None

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_OPTIONS = _serve

        def _echo(self) -> None:
            key = (self.headers.get("Sec-WebSocket-Key") or "") + _WEB_SOCKET
            accept = base64.b64encode(
                hashlib.sha1(key.encode(), usedforsecurity=False).digest()
            ).decode()
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header("Sec-WebSocket-Accept", accept)
            self.end_headers()
            self.close_connection = True
            connection: socket.socket = self.connection
            while frame := connection.recv(4096):
                # One short text frame, unmasked, with what the masked one said.
                length, mask, data = frame[1] & 0x7F, frame[2:6], frame[6:]
                text = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data[:length]))
                if frame[0] & 0x0F != 1:
                    return
                connection.sendall(bytes([0x81, len(text)]) + text)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
