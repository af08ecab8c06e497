"""External evaluation (access.md 3.9): a clear answer, or none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes.identity_provider import NOW, public_jwk, rsa_key, sign
from tests.fakes.network import FakeNetwork, json_response
from vestibule.model.rules import ExternalEvaluation
from vestibule.protocols.exchange import OutboundError, Response, run
from vestibule.protocols.external_evaluation import evaluate, request_claims

URL, KEYS_URL = "https://judge.example/evaluate", "https://judge.example/keys"
EVALUATION = ExternalEvaluation(evaluate_url=URL, keys_url=KEYS_URL)
AT = int(NOW.timestamp())
KEY = rsa_key("key-1")
GOOD = {"success": True, "iat": AT, "exp": AT + 60, "nonce": "n"}


def ask(
    claims: dict[str, Any] | None = None,
    *,
    answer: Response | Exception | None = None,
    keys: Any = None,
    **header: Any,
) -> tuple[bool | None, FakeNetwork]:
    token = sign(GOOD | (claims or {}), header.pop("key", KEY), header)
    published = keys if keys is not None else {"keys": [public_jwk(KEY)]}
    network = (
        FakeNetwork()
        .on("POST", URL, answer if answer is not None else json_response({"token": token}))
        .on("GET", KEYS_URL, json_response(published))
    )
    return run(evaluate(EVALUATION, "our-token", nonce="n", now=NOW), network.send), network


def test_success_is_true_and_the_question_is_our_token() -> None:
    result, network = ask()
    assert result is True
    [question] = network.sent("POST", URL)
    assert json.loads(question.body) == {"token": "our-token"}
    assert question.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("success", [False, None, "true", 1, [True]])
def test_only_true_itself_is_success(success: Any) -> None:
    assert ask({"success": success})[0] is False


UNKNOWN: dict[str, dict[str, Any]] = {
    "wrong-nonce": {"claims": {"nonce": "other"}},
    "no-nonce": {"claims": {"nonce": ""}},
    "expired": {"claims": {"exp": AT - 61}},
    "no-expiry": {"claims": {"exp": 0}},
    "another-key": {"key": rsa_key("attacker"), "kid": "key-1"},
    "unknown-key": {"key": rsa_key("attacker")},
    "another-algorithm": {"alg": "RS512"},
    "brings-its-key": {"jwk": {}},
    "500": {"answer": json_response({}, 500)},
    "redirect": {"answer": Response(302, {"location": "https://evil.example"})},
    "not-json": {"answer": Response(200, body=b"<html>")},
    "no-token": {"answer": json_response({})},
    "silence": {"answer": OutboundError("silent")},
    "no-keys": {"keys": {}},
}


@pytest.mark.parametrize("arguments", UNKNOWN.values(), ids=UNKNOWN)
def test_f4_whatever_is_not_clear_is_unknown(arguments: dict[str, Any]) -> None:
    assert ask(**arguments)[0] is None


def test_keys_are_kept_five_minutes_and_refetched_once_for_an_unknown_one() -> None:
    _, network = ask(key=rsa_key("attacker"))
    fetches = network.sent("GET", KEYS_URL)
    assert [(fetch.cache_for, fetch.refresh) for fetch in fetches] == [
        (300.0, False),
        (300.0, True),
    ]


def test_our_question_is_for_that_service_alone_and_short_lived() -> None:
    claims = request_claims(
        EVALUATION, issuer="https://team.example", identity={"email": "a@b.c"}, nonce="n", now=NOW
    )
    assert claims == {
        "iss": "https://team.example",
        "aud": URL,
        "iat": AT,
        "exp": AT + 60,
        "nonce": "n",
        "identity": {"email": "a@b.c"},
    }
