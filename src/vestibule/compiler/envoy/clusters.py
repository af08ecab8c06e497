"""Clusters: the control plane and the agent on their sockets, and every origin (CDS)."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from vestibule.compiler.envoy import names
from vestibule.compiler.envoy.routes import origin_cluster
from vestibule.compiler.envoy.shapes import Resource, duration, exact, typed
from vestibule.compiler.snapshot import Edge
from vestibule.model.application import Origin
from vestibule.model.errors import InvalidConfiguration

CLUSTER = "envoy.config.cluster.v3.Cluster"

_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_DEFAULT_PORTS = {"http": 80, "https": 443, "h2c": 80}

# Envoy's default of 1,024 would be used up by that many open WebSockets.
_LIMITS: Resource = {
    "thresholds": [
        {
            "max_connections": 100_000,
            "max_pending_requests": 100_000,
            "max_requests": 100_000,
            "max_retries": 100,
        }
    ]
}


def own_clusters(edge: Edge) -> list[Resource]:
    """Return the clusters that are the same whatever is configured."""
    return [
        _socket(names.CHECK, f"{edge.sockets}/check.sock"),
        _socket(names.WEB, f"{edge.sockets}/web.sock"),
        _socket(names.AGENT, f"{edge.sockets}/agent.sock", http2=True),
    ]


def origin_clusters(origins: list[Origin], edge: Edge) -> list[Resource]:
    """Return a cluster for each origin."""
    return [_origin(origin, edge) for origin in sorted(origins, key=lambda origin: origin.id)]


def _socket(name: str, path: str, *, http2: bool = False) -> Resource:
    cluster: Resource = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "circuit_breakers": _LIMITS,
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": path}}}}]}],
        },
    }
    if http2:
        cluster["typed_extension_protocol_options"] = _speaks_http2()
    return cluster


def _origin(origin: Origin, edge: Edge) -> Resource:
    addresses = [_Address.parse(url, origin) for url in origin.urls]
    if not addresses:
        raise InvalidConfiguration("an origin needs a URL", path=f"origins.{origin.id}.urls")
    schemes = {address.scheme for address in addresses}
    if len(schemes) > 1:
        raise InvalidConfiguration(
            f"all URLs should have one scheme, found {', '.join(sorted(schemes))}",
            path=f"origins.{origin.id}.urls",
        )
    scheme = addresses[0].scheme
    name = origin_cluster(origin)
    cluster: Resource = {
        "name": name,
        "type": "STRICT_DNS",
        "connect_timeout": duration(origin.connect_timeout),
        "dns_lookup_family": "V4_PREFERRED",
        "circuit_breakers": _LIMITS,
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [address.endpoint() for address in addresses]}],
        },
    }
    if scheme == "h2c" or origin.http2:
        cluster["typed_extension_protocol_options"] = _speaks_http2()
    if scheme == "https":
        cluster["transport_socket"] = _tls(origin, addresses, edge)
    if origin.health_check is not None:
        cluster["health_checks"] = [_health_check(origin, addresses[0].host)]
    if len(addresses) > 1:
        cluster["outlier_detection"] = {
            "consecutive_local_origin_failure": 5,
            "consecutive_gateway_failure": 5,
            "split_external_local_origin_errors": True,
            "max_ejection_percent": 50,
        }
    return cluster


class _Address:
    """Scheme, host and port of an origin's URL."""

    def __init__(self, scheme: str, host: str, port: int) -> None:
        self.scheme, self.host, self.port = scheme, host, port

    @classmethod
    def parse(cls, url: str, origin: Origin) -> _Address:
        path = f"origins.{origin.id}.urls"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise InvalidConfiguration(f"{url} is not a URL: {error}", path=path) from error
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise InvalidConfiguration(
                f"expected http://, https:// or h2c:// and a host, found {url}", path=path
            )
        if parts.path not in ("", "/") or parts.query or parts.username:
            raise InvalidConfiguration(
                f"{url} should end after its port: paths go to the origin as they came", path=path
            )
        return cls(parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme])

    def endpoint(self) -> Resource:
        address = {"address": self.host, "port_value": self.port}
        return {"endpoint": {"address": {"socket_address": address}, "hostname": self.host}}


def _speaks_http2() -> Resource:
    return {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
            _OPTIONS, explicit_http_config={"http2_protocol_options": {}}
        )
    }


def _tls(origin: Origin, addresses: list[_Address], edge: Edge) -> Resource:
    tls = origin.tls
    common: Resource = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
        "alpn_protocols": ["h2"] if origin.http2 else ["http/1.1"],
    }
    context: Resource = {"common_tls_context": common}
    hosts = {address.host for address in addresses}
    single = tls.server_name or (hosts.pop() if len(hosts) == 1 else "")
    if single and not _is_address(single):
        context["sni"] = single
    if not single:
        context["auto_host_sni"] = True
    if tls.verify:
        validation: Resource = {"trusted_ca": {"filename": tls.ca_file or edge.system_ca_file}}
        if single:
            validation["match_typed_subject_alt_names"] = [
                {
                    "san_type": "IP_ADDRESS" if _is_address(single) else "DNS",
                    "matcher": exact(single),
                }
            ]
        else:
            context["auto_sni_san_validation"] = True
        common["validation_context"] = validation
    if tls.client_certificate_file:
        common["tls_certificates"] = [
            {
                "certificate_chain": {"filename": tls.client_certificate_file},
                "private_key": {"filename": tls.client_key_file},
            }
        ]
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed(
            "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", **context
        ),
    }


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _health_check(origin: Origin, host: str) -> Resource:
    check = origin.health_check
    assert check is not None  # noqa: S101 - told by the caller
    http: Resource = {"path": check.path, "host": origin.host_header or host}
    if origin.http2 or origin.urls[0].startswith("h2c:"):
        http["codec_client_type"] = "HTTP2"
    return {
        "timeout": duration(check.timeout),
        "interval": duration(check.interval),
        "unhealthy_threshold": check.unhealthy_threshold,
        "healthy_threshold": check.healthy_threshold,
        "http_health_check": http,
    }
