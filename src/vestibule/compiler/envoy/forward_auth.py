"""The listener that foreign proxies ask: the same proof, and 200 in place of an origin."""

from __future__ import annotations

from collections.abc import Iterable

from vestibule.compiler.envoy import names
from vestibule.compiler.envoy.application import cookie_filter
from vestibule.compiler.envoy.asked import asked_filter
from vestibule.compiler.envoy.callouts import check_filter
from vestibule.compiler.envoy.hygiene import arrival, refuse_paths
from vestibule.compiler.envoy.listeners import FORWARD_AUTH_SECRET, listener_at, proving, router
from vestibule.compiler.envoy.listeners import connection_manager as common_manager
from vestibule.compiler.envoy.principals import header_is
from vestibule.compiler.envoy.shapes import Resource, discovered_filter, exact, typed
from vestibule.compiler.envoy.tokens import RBAC
from vestibule.compiler.snapshot import Edge, Listener
from vestibule.model.machine import ForwardAuthClient


def forward_auth_listener(edge: Edge, listener: Listener) -> Resource:
    """Return the listener that answers 200, or what the control plane answers.

    The path is not normalised: the proxy that asks will forward it as it stands, so a path
    that two servers might read differently is refused.
    """
    manager = common_manager(
        edge,
        f"{edge.directory}/{names.FORWARD_AUTH_ROUTES_FILE}",
        names.FORWARD_AUTH_ROUTES,
        [
            discovered_filter(names.CALLER, RBAC, f"{edge.directory}/{names.CALLER_FILE}"),
            asked_filter(),
            refuse_paths(normalised_elsewhere=True),
            arrival(mode="forward-auth", trusted_hops=0),
            *proving(edge),
            check_filter(),
            cookie_filter(),
            router(),
        ],
    )
    manager.update(
        use_remote_address=True,
        # The proxy that asks has said, in the last entry, who asks it.
        xff_num_trusted_hops=1,
        skip_xff_append=True,
        normalize_path=False,
        merge_slashes=False,
        path_with_escaped_slashes_action="KEEP_UNCHANGED",
    )
    return listener_at(edge, "forward_auth", listener, manager, FORWARD_AUTH_SECRET)


def caller_filter(clients: Iterable[ForwardAuthClient]) -> Resource:
    """Return the filter that lets nobody ask who cannot prove who they are (attacks.md H2)."""
    known = sorted(clients, key=lambda client: client.id)
    return typed(
        RBAC,
        rules={
            "action": "ALLOW",
            "policies": {
                client.id: {
                    "permissions": [{"any": True}],
                    "principals": [header_is(names.CALLER_SECRET, exact(client.secret.reveal()))],
                }
                for client in known
                if client.secret.reveal()
            },
        },
        rules_stat_prefix="caller_",
    )
