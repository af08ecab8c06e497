"""Health and metrics, on a listener of their own that no visitor reaches (attacks.md H9)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from vestibule.dataplane.admin import Admin, AdminUnreachable


class Monitoring:
    """Serves `/healthz`, `/readyz` and `/metrics` (Prometheus text: Envoy's and our own)."""

    def __init__(
        self, host: str, port: int, admin: Admin, own: Callable[[], Mapping[str, float]]
    ) -> None:
        self._admin, self._own = admin, own
        self._server = ThreadingHTTPServer((host, port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="monitoring", daemon=True
        )
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(5)
        self._server.server_close()

    def answer(self, path: str) -> tuple[HTTPStatus, str]:
        """Return status and body for `path`."""
        if path == "/healthz":
            return HTTPStatus.OK, "ok\n"
        if path == "/readyz":
            if self._admin.ready():
                return HTTPStatus.OK, "ready\n"
            return HTTPStatus.SERVICE_UNAVAILABLE, "Envoy is not ready\n"
        if path == "/metrics":
            return HTTPStatus.OK, self._metrics()
        return HTTPStatus.NOT_FOUND, "not found\n"

    def _metrics(self) -> str:
        own = "".join(
            f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}\n{name} {value:g}\n"
            for name, value in self._own().items()
        )
        try:
            return own + self._admin.get("/stats/prometheus?usedonly")
        except AdminUnreachable:
            return own

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, text = answer(self.path.partition("?")[0])
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: probes come every few seconds."""

        return Handler
