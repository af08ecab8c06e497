"""Listeners: their TLS, their connection manager and the chain of filters (LDS).

They depend on how this installation runs, and on the hostnames of client certificates, but
not on applications or policies: a listener that changes drains its connections.
"""

from __future__ import annotations

from collections.abc import Sequence

from vestibule.compiler.envoy import names
from vestibule.compiler.envoy.application import application_filter, cookie_filter
from vestibule.compiler.envoy.callouts import check_filter, streams_filter
from vestibule.compiler.envoy.hygiene import arrival, departure, identity, refuse_paths
from vestibule.compiler.envoy.replies import local_replies
from vestibule.compiler.envoy.shapes import Resource, duration, file_source, http_filter, typed
from vestibule.compiler.envoy.tokens import presentation_filter, raw_token_filter, token_filters
from vestibule.compiler.snapshot import Edge, Listener
from vestibule.model.machine import MtlsCertificate

LISTENER = "envoy.config.listener.v3.Listener"
SECRET = "envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105 - a type's name

PUBLIC_SECRET = "public"  # noqa: S105 - the name of a certificate
FORWARD_AUTH_SECRET = "forward_auth"  # noqa: S105 - the name of a certificate


def public_listener(edge: Edge, authorities: Sequence[MtlsCertificate]) -> Resource:
    """Return the listener that visitors reach."""
    manager = _manager(edge, names.PUBLIC_ROUTES, names.ROUTES_FILE)
    listener = listener_at(edge, "public", edge.public, manager, PUBLIC_SECRET)
    hosts = certificate_hosts(authorities) if edge.public.tls else {}
    chains = [_certificate_chain(edge, host, pem) for host, pem in hosts.items()]
    listener["filter_chains"] = [*chains, *listener["filter_chains"]]
    if edge.public.tls:
        listener["listener_filters"] = [
            {
                "name": "tls_inspector",
                "typed_config": typed(
                    "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
                ),
            }
        ]
    return listener


def listener_at(
    edge: Edge, name: str, listener: Listener, manager: Resource, secret: str
) -> Resource:
    """Return a listener whose every connection is `manager`'s."""
    return {
        "name": name,
        "address": _address(listener),
        "filter_chains": [_chain(edge, listener, manager, secret)],
        "per_connection_buffer_limit_bytes": 1_048_576,
    }


def certificate_hosts(authorities: Sequence[MtlsCertificate]) -> dict[str, str]:
    """Return, for each hostname that accepts client certificates, the authorities' PEM."""
    hosts: dict[str, str] = {}
    for authority in sorted(authorities, key=lambda authority: authority.id):
        for host in authority.hostnames:
            name = host.lower().removesuffix(".")
            hosts[name] = hosts.get(name, "") + authority.certificate_pem.strip() + "\n"
    return dict(sorted(hosts.items()))


def certificate_routes_file(host: str) -> str:
    """Return the file of the routes of a host that accepts client certificates."""
    return f"certificate-routes-{host}.json"


def certificate_routes(host: str) -> str:
    """Return the name of those routes."""
    return f"certificate/{host}"


def secrets(edge: Edge) -> list[Resource]:
    """Return the listeners' certificates, which change without their listeners changing."""
    listeners = {PUBLIC_SECRET: edge.public}
    if edge.forward_auth is not None:
        listeners[FORWARD_AUTH_SECRET] = edge.forward_auth
    return [
        {
            "name": name,
            "tls_certificate": {
                "certificate_chain": {"inline_string": listener.certificate_pem},
                "private_key": {"inline_string": listener.key_pem.reveal()},
            },
        }
        for name, listener in listeners.items()
        if listener.tls
    ]


def _certificate_chain(edge: Edge, host: str, authorities_pem: str) -> Resource:
    """A chain of its own for `host`: only there does a certificate for it count.

    Its routes know no other host, so a connection that was opened for one name cannot be
    used for another.
    """
    manager = _manager(
        edge, certificate_routes(host), certificate_routes_file(host), certificates=True
    )
    chain = _chain(edge, edge.public, manager, PUBLIC_SECRET, trusted_ca=authorities_pem)
    chain["filter_chain_match"] = {"server_names": [host]}
    chain["name"] = f"certificate/{host}"
    return chain


def _chain(
    edge: Edge, listener: Listener, manager: Resource, secret: str, *, trusted_ca: str = ""
) -> Resource:
    chain: Resource = {
        "name": "default",
        "filters": [
            {
                "name": "http",
                "typed_config": typed(
                    "envoy.extensions.filters.network.http_connection_manager.v3."
                    "HttpConnectionManager",
                    **manager,
                ),
            }
        ],
        "transport_socket_connect_timeout": "10s",
    }
    if listener.tls:
        chain["transport_socket"] = _tls(edge, secret, trusted_ca)
    return chain


def _tls(edge: Edge, name: str, trusted_ca: str) -> Resource:
    source = file_source(f"{edge.directory}/{names.SECRETS_FILE}")
    common: Resource = {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
        "tls_certificate_sds_secret_configs": [{"name": name, "sds_config": source}],
    }
    context: Resource = {"common_tls_context": common}
    if trusted_ca:
        common["validation_context"] = {"trusted_ca": {"inline_string": trusted_ca}}
        context["require_client_certificate"] = False
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed(
            "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", **context
        ),
    }


def _address(listener: Listener) -> Resource:
    address: Resource = {"address": listener.host, "port_value": listener.port}
    if ":" in listener.host:
        address["ipv4_compat"] = True
    return {"socket_address": address}


def _manager(edge: Edge, routes: str, routes_file: str, *, certificates: bool = False) -> Resource:
    manager = connection_manager(edge, f"{edge.directory}/{routes_file}", routes, filters(edge))
    manager["use_remote_address"] = True
    manager["xff_num_trusted_hops"] = edge.trusted_hops
    manager["upgrade_configs"] = [{"upgrade_type": "websocket"}]
    if certificates:
        manager["forward_client_cert_details"] = "SANITIZE_SET"
        manager["set_current_client_cert_details"] = {"subject": True}
    return manager


def connection_manager(
    edge: Edge, routes_file: str, routes: str, http_filters: list[Resource]
) -> Resource:
    """Return what the connection managers of all listeners have in common."""
    return {
        "stat_prefix": routes.partition("/")[0],
        "rds": {"route_config_name": routes, "config_source": file_source(routes_file)},
        "http_filters": http_filters,
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "strip_trailing_host_dot": True,
        "forward_client_cert_details": "SANITIZE",
        "generate_request_id": True,
        "server_name": "vestibule",
        "delayed_close_timeout": duration(edge.delayed_close),
        "request_headers_timeout": "15s",
        "stream_idle_timeout": "300s",
        "drain_timeout": "30s",
        "common_http_protocol_options": {
            "headers_with_underscores_action": "REJECT_REQUEST",
            "idle_timeout": "3600s",
            "max_headers_count": 100,
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 1_048_576,
            "initial_connection_window_size": 2_097_152,
            "allow_connect": True,
        },
        "local_reply_config": local_replies(),
    }


def filters(edge: Edge, *, mode: str = "gateway") -> list[Resource]:
    """Return the chain of filters of a visitor's request (design.md, "The hot path")."""
    return [
        refuse_paths(normalised_elsewhere=False),
        arrival(mode=mode, trusted_hops=edge.trusted_hops),
        *proving(edge),
        check_filter(),
        streams_filter(),
        cookie_filter(),
        departure(trusted_hops=edge.trusted_hops),
        router(),
    ]


def proving(edge: Edge) -> list[Resource]:
    """Return the filters that find out whether a request is proven, and by whom."""
    return [
        *_country(edge),
        *token_filters(edge.directory),
        presentation_filter(),
        application_filter(),
        raw_token_filter(),
        identity(),
    ]


def router() -> Resource:
    """Return the last filter."""
    return http_filter(
        names.ROUTER,
        "envoy.extensions.filters.http.router.v3.Router",
        suppress_envoy_headers=True,
    )


def _country(edge: Edge) -> list[Resource]:
    if not edge.geoip_database:
        return []
    provider = typed(
        "envoy.extensions.geoip_providers.maxmind.v3.MaxMindConfig",
        country_db_path=edge.geoip_database,
        common_provider_config={"geo_field_keys": {"country": names.COUNTRY_HEADER}},
    )
    return [
        http_filter(
            names.COUNTRY,
            "envoy.extensions.filters.http.geoip.v3.Geoip",
            provider={"name": "envoy.geoip_providers.maxmind", "typed_config": provider},
        )
    ]
