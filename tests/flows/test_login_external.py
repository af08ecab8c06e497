"""External evaluation at the login: asked once, believed only when everything fits (3.9)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from tests.fakes.front_door import WIKI, FrontDoor, allow, configuration
from tests.fakes.identity_provider import public_jwk, rsa_key, sign
from tests.fakes.network import FakeNetwork, json_response
from vestibule.model.rules import Rule
from vestibule.protocols.exchange import OutboundError, Request, Response

PAGE = "https://wiki.example/"
ASK, KEYS = "https://checks.example/evaluate", "https://checks.example/keys"
RULE = Rule("external_evaluation", {"evaluate_url": ASK, "keys_url": KEYS})


def service(
    network: FakeNetwork, answer: Callable[[dict[str, Any]], dict[str, Any]], key: str = "key-1"
) -> list[dict[str, Any]]:
    """A service that says `answer` of the question's claims; returns what it was asked."""
    asked: list[dict[str, Any]] = []

    def evaluate(request: Request) -> Response:
        token = json.loads(request.body)["token"]
        question = json.loads(jws.extract_compact(token.encode()).payload)
        asked.append(question)
        return json_response({"token": sign(answer(question), rsa_key(key))})

    network.on("POST", ASK, evaluate)
    network.on("GET", KEYS, json_response({"keys": [public_jwk(rsa_key("key-1"))]}))
    return asked


def says(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def answer(question: dict[str, Any]) -> dict[str, Any]:
        said = {
            "success": True,
            "iat": question["iat"],
            "exp": question["iat"] + 60,
            "nonce": question["nonce"],
        } | changes
        return {name: value for name, value in said.items() if value is not None}

    return answer


def enter(network: FakeNetwork) -> tuple[FrontDoor, int]:
    door = FrontDoor(configuration(WIKI, policies=(allow(include=(RULE,)),)), network=network)
    return door, door.browser().sign_in(PAGE).status_code


def test_a_signed_yes_lets_in_and_is_kept_with_the_grant() -> None:
    network = FakeNetwork()
    asked = service(network, says())
    door, status = enter(network)
    assert status == 200
    assert len(asked) == 1
    assert asked[0]["identity"]["email"] == "ada@example.com"
    assert (asked[0]["aud"], asked[0]["iss"]) == (ASK, "https://team.example")
    with door.store.reading() as records:
        [grant] = records.live_grants(door.clock.now())
    assert grant.external == {ASK: True}


def test_the_question_is_signed_by_a_key_that_is_published() -> None:
    network = FakeNetwork()
    service(network, says())
    door, _ = enter(network)
    token = json.loads(network.sent("POST", ASK)[0].body)["token"]
    certs = door.browser().get("https://team.example/cdn-cgi/access/certs").json()
    assert jws.deserialize_compact(token, KeySet.import_key_set({"keys": certs["keys"]}))


@pytest.mark.parametrize(
    "answer",
    [
        says(success=False),
        says(success="true"),
        says(success=1),
        says(success=None),
        says(nonce="another"),
        says(nonce=None),
        says(exp=None),
        says(exp=1),
    ],
    ids=["no", "text", "number", "nothing", "nonce", "no-nonce", "no-exp", "expired"],
)
def test_f4_any_other_answer_lets_nobody_in(
    answer: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    network = FakeNetwork()
    service(network, answer)
    assert enter(network)[1] == 403


def test_an_answer_by_another_key_lets_nobody_in() -> None:
    network = FakeNetwork()
    service(network, says(), key="key-2")
    assert enter(network)[1] == 403


@pytest.mark.parametrize(
    "broken",
    [
        OutboundError("nobody answers"),
        Response(500, {}, b""),
        Response(200, {}, b"not json"),
        json_response({"token": 1}),
        json_response({"token": "a.b.c"}),
        json_response({}),
    ],
    ids=["silent", "500", "no-json", "no-text", "no-token", "empty"],
)
def test_f4_a_service_out_of_order_lets_nobody_in(broken: Any) -> None:
    network = FakeNetwork()
    service(network, says())
    network.on("POST", ASK, broken)
    assert enter(network)[1] == 403
