"""From a snapshot to Envoy's files, and to the one document that validates them all."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vestibule.compiler.envoy import names
from vestibule.compiler.envoy.bootstrap import bootstrap, static_bootstrap
from vestibule.compiler.envoy.clusters import CLUSTER, origin_clusters, own_clusters
from vestibule.compiler.envoy.conditions import Means
from vestibule.compiler.envoy.forward_auth import caller_filter, forward_auth_listener
from vestibule.compiler.envoy.listeners import (
    LISTENER,
    SECRET,
    certificate_hosts,
    certificate_routes,
    certificate_routes_file,
    public_listener,
    secrets,
)
from vestibule.compiler.envoy.routes import ROUTES, misdirected, route_configuration
from vestibule.compiler.envoy.shapes import Resource, canonical
from vestibule.compiler.envoy.tokens import revocation_filter, token_filter
from vestibule.compiler.plan import Plan, plan
from vestibule.compiler.snapshot import Edge, Snapshot
from vestibule.model.values import Json

_EXTENSION = "envoy.config.core.v3.TypedExtensionConfig"


def compile_files(snapshot: Snapshot) -> Mapping[str, bytes]:
    """Return every file that Envoy reads, by name, each canonical.

    Raises `InvalidConfiguration` for what no Envoy could run.
    """
    parts = _parts(snapshot)
    edge = snapshot.edge
    files = {
        names.BOOTSTRAP_FILE: canonical(bootstrap(edge)),
        names.LISTENERS_FILE: _file(LISTENER, parts.listeners),
        names.CLUSTERS_FILE: _file(CLUSTER, parts.clusters),
        names.TOKEN_FILE: token_file(snapshot.issuer, snapshot.jwks),
        names.REVOCATION_FILE: revocation_file(snapshot.revoked),
        names.RECENT_REVOCATION_FILE: recent_revocation_file(()),
    }
    files.update({name: _file(ROUTES, [routes]) for name, routes in parts.routes.items()})
    if edge.forward_auth is not None:
        files[names.CALLER_FILE] = _extension_file(names.CALLER, parts.caller)
    if held := secrets(edge):
        files[names.SECRETS_FILE] = _file(SECRET, held)
    return files


def token_file(issuer: str, jwks: Mapping[str, Json]) -> bytes:
    """Return the file with the keys that verify tokens."""
    return _extension_file(names.TOKEN, token_filter(issuer, jwks))


def revocation_file(revoked: Iterable[str]) -> bytes:
    """Return the file with the ids of revoked tokens."""
    return _extension_file(names.REVOCATION, revocation_filter(revoked))


def recent_revocation_file(revoked: Iterable[str]) -> bytes:
    """Return the file with those that the other file does not have yet: few, so read at once."""
    return _extension_file(names.RECENT_REVOCATION, revocation_filter(revoked, recent=True))


def keep_clusters(new: bytes, old: bytes) -> bytes:
    """Return the file of clusters `new` with those of `old` that it does not have."""
    if not old or new == old:
        return new
    wanted: list[Resource] = json.loads(new)["resources"]
    named = {cluster["name"] for cluster in wanted}
    kept = [cluster for cluster in json.loads(old)["resources"] if cluster["name"] not in named]
    if not kept:
        return new
    return _response([*wanted, *kept])


def compile_static(snapshot: Snapshot) -> bytes:
    """Return the same configuration as one bootstrap without references to our own files.

    Envoy's `--mode validate` does not read what it would discover; this it reads whole.
    """
    parts = _parts(snapshot)
    inlined = {
        names.TOKEN: token_filter(snapshot.issuer, snapshot.jwks),
        names.REVOCATION: revocation_filter(snapshot.revoked[:1]),
        names.RECENT_REVOCATION: revocation_filter((), recent=True),
        names.CALLER: parts.caller,
    }
    certificates = {secret["name"]: secret["tls_certificate"] for secret in secrets(snapshot.edge)}
    listeners = [
        _inline(listener, parts.routes, inlined, certificates) for listener in parts.listeners
    ]
    return canonical(static_bootstrap(snapshot.edge, listeners, parts.clusters))


@dataclass(frozen=True, slots=True)
class _Parts:
    """The resources that both forms are made of; `routes` by the file they go into."""

    listeners: list[Resource]
    clusters: list[Resource]
    routes: dict[str, Resource]
    caller: Resource


def _parts(snapshot: Snapshot) -> _Parts:
    edge, configuration = snapshot.edge, snapshot.configuration
    planned = plan(snapshot)
    authorities = list(configuration.mtls_certificates.values())
    listeners = [public_listener(edge, authorities)]
    clusters = [
        *own_clusters(edge),
        *origin_clusters(list(configuration.origins.values()), edge),
    ]
    means = Means(country=bool(edge.geoip_database))
    routes = {
        names.ROUTES_FILE: route_configuration(names.PUBLIC_ROUTES, planned, snapshot.plans, means)
    }
    if edge.public.tls:
        routes.update(_certificate_routes(snapshot, planned, edge))
    if edge.forward_auth is not None:
        listeners.append(forward_auth_listener(edge, edge.forward_auth))
        routes[names.FORWARD_AUTH_ROUTES_FILE] = route_configuration(
            names.FORWARD_AUTH_ROUTES, planned, snapshot.plans, means, only_asked=True
        )
    caller = caller_filter(configuration.forward_auth_clients.values())
    return _Parts(listeners, clusters, routes, caller)


def _certificate_routes(snapshot: Snapshot, planned: Plan, edge: Edge) -> dict[str, Resource]:
    """Routes of the hosts where certificates count; each knows its own host alone."""
    means = Means(country=bool(edge.geoip_database), certificate=True)
    authorities = list(snapshot.configuration.mtls_certificates.values())
    routes: dict[str, Resource] = {}
    for host in certificate_hosts(authorities):
        own = Plan(tuple(h for h in planned.hosts if h.domain == host))
        configuration = route_configuration(certificate_routes(host), own, snapshot.plans, means)
        configuration["virtual_hosts"].append(misdirected())
        routes[certificate_routes_file(host)] = configuration
    return routes


def _file(type_name: str, resources: list[Resource]) -> bytes:
    typed = [{"@type": f"type.googleapis.com/{type_name}", **each} for each in resources]
    return _response(typed)


def _response(resources: list[Resource]) -> bytes:
    """A discovery response whose version depends on its content alone; written out once."""
    written = canonical(resources)
    version = hashlib.sha256(written).hexdigest()[:16]
    return b'{"resources":%b,"version_info":"%b"}' % (written, version.encode())


def _extension_file(name: str, config: Resource) -> bytes:
    return _file(_EXTENSION, [{"name": name, "typed_config": config}])


def _inline(
    listener: Resource,
    routes: Mapping[str, Resource],
    filters: Mapping[str, Resource],
    certificates: Mapping[str, Resource],
) -> Resource:
    by_name = {configuration["name"]: configuration for configuration in routes.values()}
    listener = copy.deepcopy(listener)
    for chain in listener["filter_chains"]:
        manager = chain["filters"][0]["typed_config"]
        discovered = manager.pop("rds", None)
        if discovered is not None:
            manager["route_config"] = by_name[discovered["route_config_name"]]
        for entry in manager["http_filters"]:
            if entry.pop("config_discovery", None) is not None:
                entry["typed_config"] = filters[entry["name"]]
        if "transport_socket" in chain:
            common = chain["transport_socket"]["typed_config"]["common_tls_context"]
            named = common.pop("tls_certificate_sds_secret_configs", [])
            common["tls_certificates"] = [certificates[secret["name"]] for secret in named]
    return listener
