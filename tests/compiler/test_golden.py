"""One configuration in, Envoy's files out: what a change to the compiler changes.

`VESTIBULE_UPDATE_GOLDEN=1 pytest tests/compiler/test_golden.py` writes them anew.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.fakes.gateway import TEAM, application
from vestibule.compiler.envoy.asked import SCRIPT
from vestibule.compiler.envoy.hygiene import all_but
from vestibule.compiler.resources import compile_files, keep_clusters
from vestibule.compiler.snapshot import Edge, Listener, Snapshot
from vestibule.model.application import HealthCheck, Origin, OriginTls
from vestibule.model.conditions import (
    AllOf,
    AnyOf,
    Clause,
    ContinuousPlan,
    HasCertificate,
    HasCommonName,
    HasCountry,
    InCountry,
    InRanges,
    Not,
)
from vestibule.model.configuration import Configuration
from vestibule.model.errors import InvalidConfiguration
from vestibule.model.machine import ForwardAuthClient, MtlsCertificate
from vestibule.model.organization import Organization
from vestibule.model.values import Secret

GOLDEN = Path(__file__).parent / "golden"

ABROAD = AllOf((HasCountry(), Not(InCountry("PT"))))
OFFICE = AnyOf((InRanges(("203.0.113.7/24", "2001:db8::/32")), HasCertificate()))
DEVICE = AnyOf((HasCommonName("laptop"), InCountry("PT")))
PLANS = {
    "wiki": ContinuousPlan(
        "v1", (Clause("c1", OFFICE), Clause("c2", ABROAD), Clause("c3", DEVICE)), ("p1", "p2")
    ),
    "open": ContinuousPlan("v2", public=True),
    "lan": ContinuousPlan("v3", bypass=InRanges(("10.0.0.0/8",))),
}
APPLICATIONS = {
    "wiki": application("wiki", "wiki.test", "*.wiki.test/eng", strip_authorization_cookie=True),
    "open": application("open", "wiki.test/open/*"),
    "lan": application("lan", "lan.test", read_service_tokens_from_header="X-Machine"),
    "unplanned": application("unplanned", "unplanned.test"),
}
ORIGINS = {
    "wiki": Origin("wiki", "Wiki", "wiki.test", ("http://10.0.0.1:8080", "http://10.0.0.2:8080")),
    "grpc": Origin("grpc", "gRPC", "wiki.test/eng/rpc", ("h2c://rpc.internal",)),
    "lan": Origin(
        "lan",
        "LAN",
        "lan.test",
        ("https://lan.internal",),
        host_header="lan.internal",
        response_timeout=30,
        health_check=HealthCheck("/healthz"),
        tls=OriginTls(ca_file="/etc/lan.pem"),
    ),
}


def snapshot() -> Snapshot:
    configuration = Configuration(
        1,
        Organization("o", "O", f"{TEAM}:8443"),
        applications=APPLICATIONS,
        origins=ORIGINS,
        mtls_certificates={"m": MtlsCertificate("m", "M", "-----CA-----", ("wiki.test",))},
        forward_auth_clients={"nginx": ForwardAuthClient("nginx", "nginx", Secret("hush"))},
    )
    edge = Edge(
        "/run/vestibule/envoy",
        "/run/vestibule",
        Listener("192.0.2.1", 8443, "-----CERT-----", Secret("-----KEY-----")),
        Listener("127.0.0.1", 8444),
        geoip_database="/var/lib/country.mmdb",
        aliases=("gateway.test",),
    )
    keys = {"keys": [{"kid": "k", "kty": "RSA"}]}
    return Snapshot(configuration, edge, PLANS, keys, ("revoked-1", "revoked-2"))


@pytest.mark.parametrize("name", sorted(compile_files(snapshot())))
def test_the_files_are_those_on_record(name: str) -> None:
    made = json.dumps(json.loads(compile_files(snapshot())[name]), indent=1, sort_keys=True) + "\n"
    made = made.replace(json.dumps(SCRIPT), '"(the script of compiler/envoy/asked.py)"')
    made = re.sub(r'"version_info": ".*"', '"version_info": "(a hash of all this)"', made)
    golden = GOLDEN / name
    if os.environ.get("VESTIBULE_UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(made)
    assert made == golden.read_text()


def test_the_same_configuration_makes_the_same_files() -> None:
    assert compile_files(snapshot()) == compile_files(snapshot())


def test_listeners_depend_on_no_application() -> None:
    """A listener that changes drains its connections."""
    before = snapshot()
    bare = Snapshot(
        Configuration(
            2,
            before.configuration.organization,
            mtls_certificates=before.configuration.mtls_certificates,
        ),
        before.edge,
    )
    changed = {
        name
        for name, content in compile_files(bare).items()
        if content != compile_files(before).get(name)
    }
    assert "listeners.json" not in changed
    assert "routes.json" in changed


def test_old_clusters_stay_until_no_route_leads_to_them() -> None:
    before = snapshot()
    old = compile_files(before)["clusters.json"]
    bare = Snapshot(Configuration(2, before.configuration.organization), before.edge)
    new = compile_files(bare)["clusters.json"]
    both = json.loads(keep_clusters(new, old))["resources"]
    assert {cluster["name"] for cluster in both} >= {"origin/wiki", "control_plane_check"}
    assert keep_clusters(new, b"") == new
    assert keep_clusters(old, new) == old


@pytest.mark.parametrize(
    "urls", [(), ("ftp://a",), ("http://a/path",), ("http://a", "https://a"), ("http://a:port",)]
)
def test_an_origin_that_cannot_be_reached_is_named(urls: tuple[str, ...]) -> None:
    origins = {"bad": Origin("bad", "Bad", "bad.test", urls)}
    before = snapshot()
    configuration = Configuration(1, before.configuration.organization, origins=origins)
    with pytest.raises(InvalidConfiguration, match=r"origins\.bad\.urls"):
        compile_files(Snapshot(configuration, before.edge))


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("cf-access-", True),
        ("cf-access-token", False),
        ("cf-access-tokens", True),
        ("cf-access-toke", True),
        ("cf-access-client-id", False),
        ("cf-access-client-", True),
        ("cf-access-client-secret", False),
        ("cf-access-user", True),
        ("x-other", False),
    ],
)
def test_all_but_spells_out_its_exceptions(text: str, matches: bool) -> None:
    kept = ("cf-access-token", "cf-access-client-id", "cf-access-client-secret")
    assert bool(re.fullmatch(all_but("cf-access-", kept), text)) == matches
