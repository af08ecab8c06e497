"""The control plane: two Unix sockets for Envoy, one private listener, and its chores."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn

from vestibule.app.installation import Installation, alone, open_installation, run_directory
from vestibule.connectors import CONNECTORS
from vestibule.flows.check import Check
from vestibule.flows.door import Door
from vestibule.flows.issuer import Issuer
from vestibule.flows.record import LogWriter
from vestibule.flows.reevaluate import Reevaluation
from vestibule.flows.rotate_keys import ensure_key, rotate_if_due
from vestibule.flows.view import LiveView
from vestibule.model.errors import VestibuleError
from vestibule.outbound.mail import MailRelay
from vestibule.settings import Settings, Smtp
from vestibule.telemetry.logs import configure_logs
from vestibule.telemetry.metrics import Metrics
from vestibule.web.api.routes import api_routes
from vestibule.web.check import CheckApp
from vestibule.web.monitoring import create_monitoring_app
from vestibule.web.team.app import WebDeps, create_web_app

CHORES_EVERY = 60.0

_log = logging.getLogger("vestibule.control_plane")


def run_control_plane(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises `VestibuleError` when it cannot start."""
    configure_logs(level=settings.log_level, format=settings.log_format, process="control plane")
    installation = open_installation(settings)
    installation.store.configuration()  # nothing configured: say so now
    # A restored state has no keys: whoever kept a token of before signs in again.
    ensure_key(store=installation.store, clock=installation.clock)
    stop = threading.Event()
    metrics = Metrics()
    log_writer = LogWriter(installation.store, lost=metrics.lost_records)
    log_writer.start()
    reevaluation = Reevaluation(installation.store, installation.clock, scheme=settings.scheme)
    for thread in (
        threading.Thread(target=reevaluation.follow, args=(stop,), name="re-evaluation"),
        threading.Thread(target=_chores, args=(installation, stop), name="chores"),
    ):
        thread.daemon = True
        thread.start()
    try:
        with alone(run_directory(settings), "control plane"):
            asyncio.run(_serve(installation, metrics, log_writer))
    finally:
        stop.set()
        log_writer.stop()
        installation.store.close()


def _post(smtp: Smtp, ca_file: Path | None) -> MailRelay | None:
    if not smtp.host:
        return None
    password = smtp.password_file.read_text().strip() if smtp.password_file else ""
    return MailRelay(
        smtp.host,
        smtp.port,
        sender=smtp.sender,
        username=smtp.username,
        password=password,
        starttls=smtp.starttls,
        ca_file=ca_file,
    )


async def _serve(installation: Installation, metrics: Metrics, log_writer: LogWriter) -> None:
    settings, store, clock = installation.settings, installation.store, installation.clock
    live = LiveView(store, clock, scheme=settings.scheme)
    check = Check(
        live=live,
        store=store,
        clock=clock,
        entropy=installation.entropy,
        issuer=Issuer(installation.entropy),
    )
    door = Door(
        store=store,
        clock=clock,
        entropy=installation.entropy,
        network=installation.network,
        connectors=CONNECTORS,
        post=_post(settings.smtp, settings.outbound.ca_file),
        scheme=settings.scheme,
        signed_in=metrics.signed_in,
    )
    directory = run_directory(settings)
    check_app = CheckApp(check, live=live, access_log=log_writer, observer=metrics)
    web_app = create_web_app(
        WebDeps(
            door,
            aliases=settings.control_plane_aliases,
            team_routes=api_routes(store, clock),
        )
    )

    def exposition() -> tuple[str, bytes]:
        if live.latest is not None:
            metrics.uses_configuration(live.latest.configuration.revision)
        return metrics.exposition()

    monitoring_app = create_monitoring_app(store, exposition)
    monitoring = settings.monitoring
    servers = [
        _server(check_app, uds=str(_free(directory / "check.sock"))),
        _server(web_app, uds=str(_free(directory / "web.sock"))),
        _server(monitoring_app, host=monitoring.host, port=monitoring.control_plane_port),
    ]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stopping(servers))
    await asyncio.gather(*(server.serve() for server in servers))


def _free(socket: Path) -> Path:
    """A socket that a dead process left behind would keep us from listening."""
    socket.unlink(missing_ok=True)
    return socket


class _Server(uvicorn.Server):
    """uvicorn, leaving the signals to us: there are several of it in this process."""

    def install_signal_handlers(self) -> None:
        """Install none."""

    def capture_signals(self) -> Any:
        """Capture none."""
        return nullcontext()


def _server(app: Any, **where: Any) -> uvicorn.Server:
    return _Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http="httptools",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=3,
            timeout_keep_alive=75,
            **where,
        )
    )


def _stopping(servers: list[uvicorn.Server]) -> Callable[[], None]:
    def stop() -> None:
        for server in servers:
            server.should_exit = True

    return stop


def _chores(installation: Installation, stop: threading.Event) -> None:
    """Replace keys in time, and forget what has expired."""
    store, clock = installation.store, installation.clock
    while not stop.is_set():
        try:
            rotate_if_due(store=store, clock=clock)
            days = store.configuration().organization.log_retention_days
            now = clock.now()
            with store.transaction() as records:
                records.prune(now, log_before=now - timedelta(days=days))
        except VestibuleError as error:
            _log.warning("chores were put off: %s", error.message)
        stop.wait(CHORES_EVERY)
