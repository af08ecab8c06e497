"""What Envoy is started with: where its files are, and its admin socket."""

from __future__ import annotations

from vestibule.compiler.envoy import names
from vestibule.compiler.envoy.shapes import Resource, file_source, typed
from vestibule.compiler.snapshot import Edge


def bootstrap(edge: Edge) -> Resource:
    """Return the bootstrap, which never changes while Envoy runs."""
    return {
        "node": {"id": "vestibule", "cluster": "vestibule"},
        "admin": admin(edge),
        "dynamic_resources": {
            "lds_config": file_source(f"{edge.directory}/{names.LISTENERS_FILE}"),
            "cds_config": file_source(f"{edge.directory}/{names.CLUSTERS_FILE}"),
        },
        **_common(),
    }


def admin(edge: Edge) -> Resource:
    """Return the admin interface: a Unix socket that only we can reach (attacks.md H9)."""
    return {"address": {"pipe": {"path": f"{edge.sockets}/admin.sock", "mode": 0o600}}}


def static_bootstrap(edge: Edge, listeners: list[Resource], clusters: list[Resource]) -> Resource:
    """Return a bootstrap that holds everything itself, for `envoy --mode validate`."""
    return {
        "node": {"id": "vestibule", "cluster": "vestibule"},
        "admin": admin(edge),
        "static_resources": {"listeners": listeners, "clusters": clusters},
        **_common(),
    }


def _common() -> Resource:
    return {
        "layered_runtime": {
            "layers": [
                {"name": "static", "static_layer": {"re2.max_program_size.error_level": 2_000}}
            ]
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": typed(
                        "envoy.extensions.resource_monitors.downstream_connections.v3."
                        "DownstreamConnectionsConfig",
                        max_active_downstream_connections=50_000,
                    ),
                }
            ]
        },
    }
