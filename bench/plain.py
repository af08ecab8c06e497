"""Envoy without a single filter of ours: the baseline, and the service behind everything."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path

from vestibule.compiler.envoy.shapes import Resource, typed
from vestibule.dataplane.admin import Admin
from vestibule.dataplane.envoy_process import Command, EnvoyProcess, envoy_binary
from vestibule.dataplane.ports import PortReservation


class PlainEnvoy:
    """An Envoy that passes everything to `upstream`, or answers 200 itself without one."""

    def __init__(self, upstream: int | None = None) -> None:
        self._directory = Path(tempfile.mkdtemp(dir="/tmp", prefix="v-"))
        self._reserved = PortReservation("127.0.0.1", 0)
        self.port = self._reserved.port
        bootstrap = self._directory / "bootstrap.json"
        bootstrap.write_text(json.dumps(self._bootstrap(upstream)))
        admin = Admin(self._directory / "admin.sock")
        self._process = EnvoyProcess(Command(envoy_binary(), bootstrap, 1), admin)
        self._process.start()
        while not admin.ready():
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        """The process id of Envoy."""
        return self._process.pid or 0

    def stop(self) -> None:
        self._process.stop(0)
        self._reserved.release()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _bootstrap(self, upstream: int | None) -> Resource:
        action: Resource = (
            {"direct_response": {"status": 200}}
            if upstream is None
            else {"route": {"cluster": "upstream"}}
        )
        host = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, **action}]}
        manager = typed(
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            stat_prefix="plain",
            route_config={"name": "plain", "virtual_hosts": [host]},
            http_filters=[
                {
                    "name": "router",
                    "typed_config": typed("envoy.extensions.filters.http.router.v3.Router"),
                }
            ],
        )
        listener = {
            "name": "plain",
            "address": _address(self.port),
            "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
        }
        endpoint = {"endpoint": {"address": _address(upstream or 1)}}
        cluster = {
            "name": "upstream",
            "type": "STATIC",
            "load_assignment": {
                "cluster_name": "upstream",
                "endpoints": [{"lb_endpoints": [endpoint]}],
            },
        }
        return {
            "admin": {"address": {"pipe": {"path": str(self._directory / "admin.sock")}}},
            "static_resources": {"listeners": [listener], "clusters": [cluster]},
        }


def _address(port: int) -> Resource:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
