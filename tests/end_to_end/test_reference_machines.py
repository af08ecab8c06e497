"""Machines and their service tokens: access.md 2.7, 4.1, 4.4, 8.1, 11."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.reference_world import World, eventually
from tests.end_to_end.visitor import NAVIGATION, Reply, claims_of, raw_request

pytestmark = pytest.mark.envoy

Token = dict[str, Any]


@pytest.fixture(scope="module")
def token(world: World) -> Token:
    """A service token."""
    return world.json("service-token", "create", "robot")


@pytest.fixture
def spare(world: World) -> Iterator[Token]:
    """A service token that the test may spoil."""
    made = world.json("service-token", "create", "spare")
    yield made
    world.demo.command("service-token", "delete", made["id"], "--yes")


def pair(token: Token, **changes: str) -> dict[str, str]:
    """The two headers."""
    return {
        "CF-Access-Client-Id": changes.get("id", token["client_id"]),
        "CF-Access-Client-Secret": changes.get("secret", token["client_secret"]),
    }


def ask(world: World, host: str, headers: dict[str, str], path: str = "/echo") -> Reply:
    """One request of a machine."""
    visitor = world.visitor()
    return visitor.ask(visitor.url(host, path), **headers)


def test_a_new_token_has_the_form_that_is_described(token: Token) -> None:
    """8.1: `<32 hex>.access`, one year; the secret is shown once."""
    name, _, rest = token["client_id"].partition(".")
    assert (len(name), rest) == (32, "access")
    assert int(name, 16) >= 0
    assert token["duration"] == "8760h"
    assert len(token["client_secret"]) >= 40


def test_a_valid_token_enters_and_the_origin_reads_its_name(world: World, token: Token) -> None:
    """8.1, 4.1, 4.5: 200; common_name is the Client ID, sub is empty, no email, no cookie."""
    reply = ask(world, "machines.localhost", pair(token))
    assert reply.status == 200
    assert not reply.set_cookies
    seen = json.loads(reply.text)["headers"]
    claims = claims_of(seen["cf-access-jwt-assertion"])
    assert claims["common_name"] == token["client_id"]
    assert claims["sub"] == ""
    assert claims["type"] == "app"
    assert claims["aud"] == [world.aud("Machines")]
    assert "email" not in claims
    assert "cf-access-client-secret" not in seen
    assert "cf-access-authenticated-user-email" not in seen


REFUSED = [
    pytest.param({"secret": "vst_wrong"}, id="wrong-secret"),
    pytest.param({"id": f"{'0' * 32}.access"}, id="unknown-id"),
]


@pytest.mark.parametrize("changes", REFUSED)
@pytest.mark.parametrize("headers", [{}, NAVIGATION], ids=["program", "browser"])
def test_a_token_that_proves_nothing_is_a_401(
    world: World, token: Token, changes: dict[str, str], headers: dict[str, str]
) -> None:
    """8.1, 2.6: strictly, never a redirect, and no cookie."""
    for host in ("machines.localhost", "both.localhost", "wiki.localhost"):
        reply = ask(world, host, {**pair(token, **changes), **headers})
        assert reply.status == 401, host
        assert not reply.set_cookies
        assert reply.header("cf-access-aud")


def test_a_valid_token_without_authority_is_a_403(world: World, token: Token) -> None:
    """8.1: strictly; Allow policies do not count, and nobody is sent to the provider."""
    reply = ask(world, "wiki.localhost", {**pair(token), **NAVIGATION})
    assert reply.status == 403
    assert reply.header("location") == ""
    assert not reply.set_cookies


def test_a_persons_cookie_is_ignored_beside_credentials(world: World, token: Token) -> None:
    """8.1: any CF_Authorization is ignored."""
    visitor = world.signed_in("alice", "both.localhost", "/echo")
    url = visitor.url("both.localhost", "/echo")
    assert visitor.ask(url).status == 200
    assert visitor.ask(url, **pair(token, secret="vst_wrong")).status == 401
    seen = json.loads(visitor.ask(url, **pair(token)).text)["headers"]
    assert claims_of(seen["cf-access-jwt-assertion"])["common_name"] == token["client_id"]
    assert "cf-access-authenticated-user-email" not in seen


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(["id", "id", "secret"], id="id-twice"),
        pytest.param(["id", "secret", "secret"], id="secret-twice"),
        pytest.param(["id"], id="no-secret"),
        pytest.param(["secret"], id="no-id"),
    ],
)
def test_doubled_and_incomplete_credentials_are_refused(
    world: World, token: Token, raw: list[str]
) -> None:
    """8.1: 4xx, never a redirect."""
    names = {
        "id": ("CF-Access-Client-Id", token["client_id"]),
        "secret": ("CF-Access-Client-Secret", token["client_secret"]),
    }
    status = raw_request(
        world.demo.port, "machines.localhost", "/echo", [names[one] for one in raw]
    )
    assert 400 <= status < 500


def test_one_header_may_carry_both(world: World, token: Token) -> None:
    """8.1: read_service_tokens_from_header; not passed on, and not beside the pair."""
    said = json.dumps(
        {
            "cf-access-client-id": token["client_id"],
            "cf-access-client-secret": token["client_secret"],
        }
    )
    reply = ask(world, "single.localhost", {"X-Machine": said})
    assert reply.status == 200
    seen = json.loads(reply.text)["headers"]
    assert "x-machine" not in seen
    assert claims_of(seen["cf-access-jwt-assertion"])["common_name"] == token["client_id"]
    assert ask(world, "single.localhost", pair(token)).status == 200
    assert ask(world, "single.localhost", {"X-Machine": said, **pair(token)}).status == 401
    wrong = said.replace(token["client_secret"], "vst_wrong")
    assert ask(world, "single.localhost", {"X-Machine": wrong}).status == 401
    # Elsewhere the header is nobody's business but the application's.
    assert ask(world, "machines.localhost", {"X-Machine": said}).status in (302, 401, 403)


def test_a_rotated_secret_serves_until_its_grace_is_over(world: World, spare: Token) -> None:
    """8.1: the old secret stays alive as long as was said, and no longer."""
    new = world.json("service-token", "rotate", spare["id"], "--grace", "8s")
    assert new["client_id"] == spare["client_id"]
    eventually(lambda: ask(world, "machines.localhost", pair(new)).status == 200)
    assert ask(world, "machines.localhost", pair(spare)).status == 200
    eventually(lambda: ask(world, "machines.localhost", pair(spare)).status == 401, 12)
    assert ask(world, "machines.localhost", pair(new)).status == 200


def test_a_rotated_secret_without_grace_dies_at_once(world: World, spare: Token) -> None:
    """8.1."""
    new = world.json("service-token", "rotate", spare["id"])
    eventually(lambda: ask(world, "machines.localhost", pair(spare)).status == 401, 2)
    assert ask(world, "machines.localhost", pair(new)).status == 200


def test_a_token_expires(world: World) -> None:
    """8.1: and that is logged, since the Client ID is known."""
    made = world.json("service-token", "create", "brief", "--duration", "10s")
    assert ask(world, "machines.localhost", pair(made)).status == 200
    eventually(lambda: ask(world, "machines.localhost", pair(made)).status == 401, 15)
    record = world.logged(service_token_id=made["id"], allowed=False)
    assert "expired" in record["reason"]
    world.demo.command("service-token", "delete", made["id"], "--yes")


def test_a_disabled_token_is_refused_and_enters_again_when_enabled(
    world: World, spare: Token
) -> None:
    """8.1: enabled: false."""
    world.demo.command("service-token", "disable", spare["id"])
    eventually(lambda: ask(world, "machines.localhost", pair(spare)).status == 401, 2)
    world.demo.command("service-token", "enable", spare["id"])
    eventually(lambda: ask(world, "machines.localhost", pair(spare)).status == 200, 2)


def test_what_is_known_is_logged_and_what_is_made_up_is_not(world: World, token: Token) -> None:
    """8.1, 11: wrong secret, not authorized and success are; malformed and unknown are not."""
    ask(world, "machines.localhost", pair(token))
    ask(world, "machines.localhost", pair(token, secret="vst_wrong"))
    ask(world, "wiki.localhost", pair(token))
    ask(world, "machines.localhost", pair(token, id=f"{'1' * 32}.access"), path="/echo/unknown")

    def told() -> bool:
        mine = world.log(service_token_id=token["id"])
        hosts = {(one["host"], one.get("allowed", False)) for one in mine}
        return hosts >= {
            ("machines.localhost", True),
            ("machines.localhost", False),
            ("wiki.localhost", False),
        }

    eventually(told)
    assert not [one for one in world.log() if one.get("path") == "/echo/unknown"]


def test_401_where_an_application_says_so(world: World) -> None:
    """2.7: a program without credentials gets 401, a browser still the login page."""
    assert ask(world, "both.localhost", {"Accept": "application/json"}).status == 401
    assert ask(world, "both.localhost", NAVIGATION).status == 302


def test_an_application_for_machines_alone_shows_people_no_login(world: World) -> None:
    """2.6: only Service Auth policies: Forbidden instead of a login page."""
    assert ask(world, "machines.localhost", NAVIGATION).status == 403
