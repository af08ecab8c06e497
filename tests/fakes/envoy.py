"""Envoy alone, fed with compiled snapshots: for tests of the compiler."""

from __future__ import annotations

import http.client
import shutil
import tempfile
from pathlib import Path

from tests.fakes.control_plane import FakeControlPlane
from tests.fakes.gateway import eventually
from vestibule.compiler.envoy import names
from vestibule.compiler.resources import compile_files, compile_static
from vestibule.compiler.snapshot import Edge, Listener, Snapshot
from vestibule.dataplane.admin import Admin, AdminUnreachable
from vestibule.dataplane.envoy_process import Command, EnvoyProcess, envoy_binary, validate
from vestibule.dataplane.files import FileDirectory
from vestibule.dataplane.ports import PortReservation
from vestibule.model.values import Secret


class BareEnvoy:
    """One Envoy whose configuration is replaced by each `load`."""

    def __init__(
        self,
        *,
        trusted_hops: int = 0,
        geoip_database: str = "",
        certificate: tuple[str, str] | None = None,
        forward_auth: bool = False,
        concurrency: int = 1,
    ) -> None:
        self.directory = Path(tempfile.mkdtemp(dir="/tmp", prefix="v-"))
        self.files = FileDirectory(self.directory / "envoy")
        self._reserved = PortReservation("127.0.0.1", 0)
        self.port = self._reserved.port
        self._asked = PortReservation("127.0.0.1", 0) if forward_auth else None
        pem, key = certificate or ("", "")
        self.edge = Edge(
            directory=str(self.files.path),
            sockets=str(self.directory),
            public=Listener("127.0.0.1", self.port, pem, Secret(key)),
            forward_auth=Listener("127.0.0.1", self._asked.port) if self._asked else None,
            trusted_hops=trusted_hops,
            geoip_database=geoip_database,
        )
        self.control = FakeControlPlane(self.directory).start()
        self.admin = Admin(self.directory / "admin.sock")
        self._command = Command(envoy_binary(), self.files.path / names.BOOTSTRAP_FILE, concurrency)
        self._process: EnvoyProcess | None = None

    def judge(self, snapshot: Snapshot) -> str:
        """Why Envoy would refuse `snapshot`, if it would."""
        self.files.write("static.json", compile_static(snapshot))
        return validate(self._command, self.files.path / "static.json")

    def load(self, snapshot: Snapshot) -> None:
        """Replace the configuration, and wait until it serves."""
        before = self._updates()
        written = {n: self.files.write(n, b) for n, b in compile_files(snapshot).items()}
        if self._process is None:
            self._process = EnvoyProcess(self._command, self.admin)
            self._process.start()
            eventually(self.admin.ready, within=60)
        elif written[names.ROUTES_FILE]:
            eventually(lambda: self._updates() > before)
        assert not self.rejected()

    @property
    def pid(self) -> int:
        """The process id of Envoy."""
        return (self._process.pid if self._process else None) or 0

    def rejected(self) -> int:
        return sum(self.admin.counters("update_rejected").values())

    def failures(self) -> dict[str, int]:
        """How often each origin could not be reached, by its id."""
        counted = self.admin.counters("^cluster.origin/.*upstream_cx_connect_fail$")
        return {name.split("/")[1].split(".")[0]: count for name, count in counted.items()}

    def _updates(self) -> int:
        try:
            return self.admin.counters("rds.public.update_success").popitem()[1]
        except (AdminUnreachable, KeyError):
            return 0

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop(0)
        self.control.stop()
        self._reserved.release()
        if self._asked:
            self._asked.release()
        shutil.rmtree(self.directory, ignore_errors=True)
