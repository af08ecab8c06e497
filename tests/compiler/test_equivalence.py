"""Envoy, as compiled, says what the policy engine says (design.md, "The policy engine").

Many generated applications live in one Envoy at a time; each is asked from every kind of
address, with a token that was issued under its policies and with none.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from tests.fakes.control_plane import Answer, Asked, allow
from tests.fakes.envoy import BareEnvoy
from tests.fakes.gateway import ISSUER, TEAM, application, now, signing_key
from tests.policy.strategies import World, worlds
from vestibule.compiler.snapshot import Snapshot
from vestibule.model.conditions import ContinuousPlan
from vestibule.model.configuration import Configuration
from vestibule.model.organization import Organization
from vestibule.model.request import RequestFacts
from vestibule.policy.continuous import conditions, plan
from vestibule.policy.evaluate import evaluate
from vestibule.policy.expressions import holds
from vestibule.policy.verdict import Outcome
from vestibule.tokens.keys import jwks
from vestibule.tokens.signing import sign

pytestmark = pytest.mark.envoy

PLACES: Mapping[str, str | None] = {
    "203.0.113.1": "PT",
    "203.0.113.2": "US",
    "203.0.113.3": None,
    "203.0.113.129": "PT",
    "203.0.113.130": "FR",
    "198.51.100.9": "US",
    "198.51.100.10": None,
    "2001:db8::1": "PT",
    "2001:db8::2": None,
    "2001:db8:1::7": "FR",
}
LET_IN = (Outcome.ALLOW, Outcome.SERVICE_AUTH, Outcome.BYPASS)


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareEnvoy]:
    database = tmp_path_factory.mktemp("geoip") / "country.mmdb"
    _write_database(database)
    running = BareEnvoy(trusted_hops=1, geoip_database=str(database))
    running.control.check = lambda asked: (*allow(asked)[:1], {"x-asked": "yes"}, b"")
    try:
        yield running
    finally:
        running.stop()


def _write_database(path: Path) -> None:
    writer = MMDBWriter(6, "GeoLite2-Country", ipv4_compatible=True)
    for address, country in PLACES.items():
        if country is not None:
            writer.insert_network(IPSet([address]), {"country": {"iso_code": country}})
    writer.to_db_file(str(path))


@dataclass(frozen=True)
class House:
    """An application made of a generated world, and the token of whoever it admitted."""

    number: int
    world: World
    plan: ContinuousPlan
    listed: tuple[str, ...] | None
    token: str

    @property
    def host(self) -> str:
        return f"app{self.number}.test"


def build(number: int, world: World) -> House:
    """Lay out an application, and issue a token to the world's visitor where it lets them in."""
    planned = plan(world.policies, world.groups, world.lists)
    verdict = evaluate(world.policies, world.context)
    if verdict.outcome not in (Outcome.ALLOW, Outcome.SERVICE_AUTH) or verdict.policy is None:
        return House(number, world, planned, None, "")
    listed = conditions(world.policies, world.context, verdict.policy.id)
    at = int(time.time())
    claims = {
        "type": "app",
        "aud": [application(f"app{number}").aud],
        "iss": ISSUER,
        "sub": "user-1",
        "iat": at,
        "nbf": at - 5,
        "exp": at + 600,
        "jti": f"grant-{number}",
        "policy_id": verdict.policy.id,
        "policy_version": planned.version if listed is not None else "",
        "conditions": list(listed or ()),
    }
    return House(number, world, planned, listed, sign(claims, signing_key()))


def load(envoy: BareEnvoy, houses: list[House]) -> None:
    applications = {f"app{h.number}": application(f"app{h.number}") for h in houses}
    configuration = Configuration(1, Organization("o", "O", TEAM), applications=applications)
    envoy.load(
        Snapshot(
            configuration,
            envoy.edge,
            {f"app{h.number}": h.plan for h in houses},
            jwks([signing_key()], now()),
        )
    )


def facts(house: House, address: str) -> RequestFacts:
    return RequestFacts(
        *("GET", "http", house.host, house.host, "/"),
        client_ip=address,
        country=PLACES[address],
    )


def fast_with_token(house: House, request: RequestFacts) -> bool:
    if house.plan.public:
        return True
    return house.listed is not None and all(
        clause.id not in house.listed or holds(clause.expression, request)
        for clause in house.plan.clauses
    )


def fast_without(house: House, request: RequestFacts) -> bool:
    bypass = house.plan.bypass
    return house.plan.public or (bypass is not None and holds(bypass, request))


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(st.lists(worlds(identified=True, welcoming=True) | worlds(), min_size=20, max_size=20))
def test_envoy_asks_exactly_when_the_engine_would_have_to_be_asked(
    envoy: BareEnvoy, drawn: list[World]
) -> None:
    houses = [build(number, world) for number, world in enumerate(drawn)]
    load(envoy, houses)
    connection = envoy.connect()
    for house in houses:
        for address in PLACES:
            request = facts(house, address)
            asked = was_asked(envoy, connection, house.host, address, "")
            assert asked != fast_without(house, request), (house, address, "no token")
            if not asked:
                bare = replace(
                    house.world.context,
                    request=request,
                    identity=None,
                    service_token_id=None,
                    linked_application_ids=frozenset(),
                )
                assert evaluate(house.world.policies, bare).outcome is Outcome.BYPASS
            if house.token:
                asked = was_asked(envoy, connection, house.host, address, house.token)
                event(f"with a token, asked: {asked}")
                assert asked != fast_with_token(house, request), (house, address, "token")
                if not asked:
                    later = replace(house.world.context, request=request)
                    assert evaluate(house.world.policies, later).outcome in LET_IN
    connection.close()


def was_asked(
    envoy: BareEnvoy,
    connection: http.client.HTTPConnection,
    host: str,
    address: str,
    token: str,
) -> bool:
    before = len(envoy.control.asked)
    headers = {"Host": host, "X-Forwarded-For": address}
    if token:
        headers["Cookie"] = f"CF_Authorization={token}"
    connection.request("GET", "/", headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    assert body == b"page /-/no-origin", (answer.status, body)
    if len(envoy.control.asked) > before:
        told = envoy.control.asked[-1].headers
        assert told["x-vestibule-client-ip"] == address
        assert told.get("x-vestibule-country") == PLACES[address]
        return True
    return False


__all__ = ["Answer", "Asked"]
