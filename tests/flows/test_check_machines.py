"""Service credentials, linked tokens, preflights and terminals (access.md 2.5, 4.4, 8.1, 12)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from joserfc import jws

from tests.flows.gate import (
    ALLOW_STAFF,
    ANY_TOKEN,
    AUD,
    CLIENT_ID,
    EVERYONE,
    HOST,
    OFFICE,
    SECRET,
    SERVICE,
    SERVICE_HEADERS,
    START,
    TEAM,
    Decision,
    Gate,
    policy,
    request,
    signing_key,
)
from vestibule.flows.answers import (
    Admitted,
    Answered,
    Forbidden,
    SentToLogin,
    Unauthenticated,
    Unmatched,
)
from vestibule.model.application import Cors
from vestibule.model.rules import Rule
from vestibule.tokens import service
from vestibule.tokens.signing import verifier

OTHER_SECRET = service.secret("b3" * 64).reveal()
SINGLE = json.dumps({"cf-access-client-id": CLIENT_ID, "cf-access-client-secret": SECRET})
ID = {"cf-access-client-id": CLIENT_ID}


def pair(client_id: str = CLIENT_ID, secret: str = SECRET) -> dict[str, str]:
    return {"cf-access-client-id": client_id, "cf-access-client-secret": secret}


def payload(raw: str) -> dict:
    proved = jws.deserialize_compact(raw, verifier(signing_key()), algorithms=["RS256"])
    return json.loads(proved.payload)


@pytest.mark.parametrize(
    ("headers", "status", "recorded"),
    [
        pytest.param(pair(), 200, True, id="valid"),
        pytest.param({"x-robot": SINGLE}, 200, True, id="valid, single header"),
        pytest.param(pair(secret=OTHER_SECRET), 401, True, id="wrong secret"),
        pytest.param(pair(secret="nonsense"), 401, True, id="not a secret of ours"),
        pytest.param(pair("f" * 32 + ".access"), 401, False, id="unknown client id"),
        pytest.param(ID, 401, False, id="no secret"),
        pytest.param({"cf-access-client-secret": SECRET}, 401, False, id="no client id"),
        pytest.param({**ID, "cf-access-client-secret": ""}, 401, False, id="empty secret"),
        pytest.param(pair(f"{CLIENT_ID}, {CLIENT_ID}"), 401, False, id="client id twice"),
        pytest.param(pair(secret=f"{SECRET}, {SECRET}"), 401, False, id="secret twice"),
        pytest.param({**pair(), "x-robot": SINGLE}, 401, False, id="both forms"),
        pytest.param({"x-robot": "{"}, 401, False, id="single header, broken JSON"),
        pytest.param({"x-robot": "{}"}, 401, False, id="single header, empty"),
        pytest.param({"x-robot": f"{SINGLE}, {SINGLE}"}, 401, False, id="single header twice"),
        pytest.param(
            {"x-robot": SINGLE[:-1] + f', "CF-Access-Client-Id": "{CLIENT_ID}"}}'},
            401,
            False,
            id="single header, duplicate member",
        ),
        pytest.param({"x-robot": "Bearer abc"}, 302, False, id="single header holds another's"),
    ],
)
def test_strict_service_credentials(headers: dict, status: int, recorded: bool) -> None:
    gate = Gate()
    gate.protect(SERVICE, ALLOW_STAFF, read_service_tokens_from_header="X-Robot")
    gate.machine()
    decided = gate.ask(request(headers=headers))
    kinds = {Admitted: 200, SentToLogin: 302, Unauthenticated: 401, Forbidden: 403}
    assert kinds[type(decided.answer)] == status
    assert (decided.record is not None) is recorded
    if decided.record:
        assert decided.record.allowed is (status == 200)
        assert decided.record.service_token_id == "robot"
        assert SECRET not in repr(decided.record)


@pytest.mark.parametrize(
    ("token", "policies", "status"),
    [
        pytest.param({}, [SERVICE], 200, id="authorized"),
        pytest.param({}, [ALLOW_STAFF], 403, id="only people"),
        pytest.param(
            {}, [policy(Decision.ALLOW, EVERYONE)], 403, id="Allow everyone is no Service Auth"
        ),
        pytest.param(
            {},
            [policy(Decision.NON_IDENTITY, Rule("service_token", {"token_id": "another"}))],
            403,
            id="another token's policy",
        ),
        pytest.param(
            {},
            [policy(Decision.NON_IDENTITY, ANY_TOKEN, require=(Rule("ip", {"ip": "10.0.0.0/8"}),))],
            403,
            id="narrowed by network",
        ),
        pytest.param({}, [policy(Decision.BYPASS, EVERYONE)], 200, id="bypass"),
        pytest.param({"enabled": False}, [SERVICE], 401, id="disabled"),
        pytest.param({"expires_at": START}, [SERVICE], 401, id="expired"),
        pytest.param(
            {"enabled": False}, [policy(Decision.BYPASS, EVERYONE)], 401, id="disabled, bypass"
        ),
        pytest.param(
            {
                "secret_hash": "0" * 64,
                "previous_secret_hash": service.hash_secret(SECRET),
                "previous_secret_expires_at": START + timedelta(hours=1),
            },
            [SERVICE],
            200,
            id="previous secret in its time of grace",
        ),
        pytest.param(
            {
                "secret_hash": "0" * 64,
                "previous_secret_hash": service.hash_secret(SECRET),
                "previous_secret_expires_at": START,
            },
            [SERVICE],
            401,
            id="previous secret after its time",
        ),
        pytest.param(
            {
                "secret_hash": "0" * 64,
                "previous_secret_hash": service.hash_secret(SECRET),
                "previous_secret_expires_at": START + timedelta(hours=1),
                "enabled": False,
            },
            [SERVICE],
            401,
            id="switching off ends the time of grace",
        ),
    ],
)
def test_strict_authorization(token: dict, policies: list, status: int) -> None:
    gate = Gate()
    gate.protect(*policies)
    gate.machine(**token)
    answer = gate.ask(request(headers=SERVICE_HEADERS)).answer
    kinds = {Admitted: 200, Unauthenticated: 401, Forbidden: 403}
    assert kinds[type(answer)] == status


def test_strictly_a_persons_cookie_does_not_help_a_machine() -> None:
    gate = Gate()
    application = gate.protect(ALLOW_STAFF)
    gate.machine()
    token, _ = gate.sign_in(application, ALLOW_STAFF)
    assert isinstance(gate.ask(request(token=token, headers=SERVICE_HEADERS)).answer, Forbidden)
    wrong = pair(secret=OTHER_SECRET)
    assert isinstance(gate.ask(request(token=token, headers=wrong)).answer, Unauthenticated)


def test_strictly_the_origin_learns_who_and_nobody_gets_a_cookie() -> None:
    gate = Gate()
    gate.protect(SERVICE, ALLOW_STAFF, read_service_tokens_from_header="Authorization")
    gate.machine()
    answer = gate.ask(request(headers={"authorization": SINGLE})).answer
    assert isinstance(answer, Admitted)
    assert answer.cookies == ()
    assert {"authorization", "cf-access-client-secret"} <= set(answer.remove)
    claims = payload(answer.headers["cf-access-jwt-assertion"])
    assert (claims["sub"], claims["common_name"]) == ("", CLIENT_ID)
    assert "email" not in claims
    assert claims["policy_version"] == "", "the data plane must never accept it by itself"
    back = gate.ask(request(token=answer.headers["cf-access-jwt-assertion"]))
    assert isinstance(back.answer, SentToLogin)


def test_a_machine_that_calls_often_costs_one_signature_and_no_database() -> None:
    gate = Gate()
    gate.protect(SERVICE)
    gate.machine()
    first = gate.ask(request(headers=SERVICE_HEADERS)).answer
    gate.store.fail()
    second = gate.check.at_once(request("/other", headers=SERVICE_HEADERS))
    assert second is not None
    assert isinstance(first, Admitted)
    assert isinstance(second.answer, Admitted)
    assert second.answer.headers == first.headers
    gate.store.fail(False)
    with gate.store.reading() as records:
        token = records.configuration().service_tokens["robot"]
    assert token.last_seen_at == gate.clock.now()


def test_S2_a_machine_that_was_switched_off_is_out_at_once() -> None:
    gate = Gate()
    gate.protect(SERVICE)
    token = gate.machine()
    assert isinstance(gate.ask(request(headers=SERVICE_HEADERS)).answer, Admitted)
    gate.put(replace(token, enabled=False))
    assert isinstance(gate.ask(request(headers=SERVICE_HEADERS)).answer, Unauthenticated)


def test_classic_success_is_kept_in_a_cookie_where_people_may_enter_too() -> None:
    gate = Gate()
    gate.organize(strict_service_token_auth=False)
    gate.protect(SERVICE, ALLOW_STAFF)
    token = gate.machine()
    answer = gate.ask(request(headers=SERVICE_HEADERS)).answer
    assert isinstance(answer, Admitted)
    (cookie,) = answer.cookies
    assert cookie.name == "CF_Authorization"
    assert isinstance(gate.ask(request(token=cookie.value)).answer, Admitted)
    assert isinstance(gate.ask(request(header_token=cookie.value)).answer, Admitted)
    gate.put(replace(token, enabled=False))
    assert isinstance(gate.ask(request(token=cookie.value)).answer, SentToLogin)


def test_classic_credentials_are_sent_each_time_where_only_machines_enter() -> None:
    gate = Gate()
    gate.organize(strict_service_token_auth=False)
    gate.protect(SERVICE)
    gate.machine()
    answer = gate.ask(request(headers=SERVICE_HEADERS)).answer
    assert isinstance(answer, Admitted)
    assert answer.cookies == ()
    assertion = answer.headers["cf-access-jwt-assertion"]
    assert isinstance(gate.ask(request(token=assertion)).answer, Forbidden)


def test_classic_failure_makes_a_stranger() -> None:
    gate = Gate()
    gate.organize(strict_service_token_auth=False)
    application = gate.protect(SERVICE, ALLOW_STAFF)
    gate.machine()
    wrong = pair(secret=OTHER_SECRET)
    assert isinstance(gate.ask(request(headers=wrong)).answer, SentToLogin)
    gate.put(replace(application, service_auth_401_redirect=True))
    assert isinstance(gate.ask(request(headers=wrong)).answer, Unauthenticated)


LINKED = policy(Decision.NON_IDENTITY, Rule("linked_app_token", {"app_uid": "front"}), id="link")


def linked_gate() -> tuple[Gate, str]:
    gate = Gate()
    front = gate.protect(ALLOW_STAFF, id="front", host="front.example.com", aud="f" * 64)
    gate.protect(LINKED, ALLOW_STAFF, id="back", host="back.example.com", aud="b" * 64)
    return gate, gate.sign_in(front, ALLOW_STAFF)[0]


def test_a_linked_application_forwards_who_is_asking() -> None:
    gate, token = linked_gate()
    decided = gate.ask(request(host="back.example.com", header_token=token))
    assert isinstance(decided.answer, Admitted)
    claims = payload(decided.answer.headers["cf-access-jwt-assertion"])
    assert (claims["aud"], claims["email"]) == (["b" * 64], "ada@example.com")
    assert decided.answer.headers["cf-access-authenticated-user-email"] == "ada@example.com"
    assert decided.answer.cookies == ()
    assert decided.record is not None
    assert decided.record.user_email == "ada@example.com"


def test_a_linked_token_forwards_by_header_alone_and_to_whom_it_is_linked() -> None:
    gate, token = linked_gate()
    as_cookie = gate.ask(request(host="back.example.com", token=token))
    assert isinstance(as_cookie.answer, SentToLogin)
    gate.protect(ALLOW_STAFF, id="third", host="third.example.com", aud="e" * 64)
    elsewhere = gate.ask(request(host="third.example.com", header_token=token))
    assert isinstance(elsewhere.answer, SentToLogin)


def test_a_forwarded_identity_ends_with_its_session() -> None:
    gate, token = linked_gate()
    with gate.store.transaction() as records:
        (session,) = records.live_sessions(gate.clock.now())
        records.end_sessions([session.id], gate.clock.now())
    answer = gate.ask(request(host="back.example.com", header_token=token)).answer
    assert isinstance(answer, SentToLogin)


PREFLIGHT = {
    "origin": "https://app.example.com",
    "access-control-request-method": "PUT",
    "access-control-request-headers": "X-One, x-two",
    "accept": "*/*",
    "sec-fetch-mode": "cors",
}
CORS = Cors(
    allowed_origins=("https://app.example.com",),
    allowed_methods=("GET", "PUT"),
    allowed_headers=("X-One",),
    allow_credentials=True,
    max_age=600,
)


def preflight(**more):
    headers = {**PREFLIGHT, **more.pop("headers", {})}
    return request(method="OPTIONS", headers=headers, **more)


def test_a_preflight_is_refused_unless_somebody_decided_otherwise() -> None:
    gate = Gate()
    token, _ = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    refused = gate.ask(preflight()).answer
    assert isinstance(refused, Answered)
    assert refused.status == 403
    assert isinstance(gate.ask(preflight(token=token)).answer, Admitted)


def test_a_preflight_is_answered_by_the_gateway_as_the_application_says() -> None:
    gate = Gate()
    gate.protect(ALLOW_STAFF, cors=CORS)
    answer = gate.ask(preflight()).answer
    assert isinstance(answer, Answered)
    assert answer.status == 204
    assert answer.headers == {
        "vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        "access-control-allow-origin": "https://app.example.com",
        "access-control-allow-methods": "PUT",
        "access-control-allow-headers": "x-one",
        "access-control-allow-credentials": "true",
        "access-control-max-age": "600",
    }


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"origin": "https://evil.example"}, id="origin"),
        pytest.param({"origin": "https://app.example.com.evil.example"}, id="longer origin"),
        pytest.param({"access-control-request-method": "DELETE"}, id="method"),
    ],
)
def test_a_preflight_that_the_application_does_not_permit_is_refused(changed: dict) -> None:
    gate = Gate()
    gate.protect(ALLOW_STAFF, cors=CORS)
    answer = gate.ask(preflight(headers=changed)).answer
    assert isinstance(answer, Answered)
    assert answer.status == 403


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({}, Admitted, id="true preflight"),
        pytest.param({"origin": ""}, Unauthenticated, id="no origin"),
        pytest.param({"access-control-request-method": ""}, Unauthenticated, id="no method"),
        pytest.param({"content-length": "5"}, Unauthenticated, id="with a body"),
        pytest.param({"content-type": "text/plain"}, Unauthenticated, id="with a body's type"),
        pytest.param({"transfer-encoding": "chunked"}, Unauthenticated, id="with chunks"),
        pytest.param({"cookie": "a=b"}, Unauthenticated, id="with cookies"),
        pytest.param({"authorization": "Basic eDp5"}, Unauthenticated, id="with credentials"),
    ],
)
def test_H10_only_true_preflights_pass(changed: dict, expected: type) -> None:
    gate = Gate()
    gate.protect(ALLOW_STAFF, options_preflight_bypass=True)
    assert isinstance(gate.ask(preflight(headers=changed)).answer, expected)


def test_a_terminal_learns_what_stands_here_before_any_policy() -> None:
    gate = Gate()
    gate.protect(policy(Decision.BYPASS, EVERYONE), destinations=("*.example.com",))
    headers = {"cf-access-metadata-request": "true", "accept": "", "sec-fetch-mode": ""}
    answer = gate.ask(request(method="HEAD", headers=headers)).answer
    assert isinstance(answer, Answered)
    claims = payload(answer.headers["cf-access-metadata"])
    assert claims == {
        "type": "match",
        "hostname": HOST,
        "auth_domain": TEAM,
        "aud": AUD,
        "app_hostname": "*.example.com",
        "iat": int(gate.clock.now().timestamp()),
    }
    none = gate.ask(request(method="HEAD", headers=headers, host="example.org")).answer
    assert isinstance(none, Unmatched)


def test_a_service_policy_without_credentials_may_rest_on_the_network_alone() -> None:
    gate = Gate()
    gate.protect(policy(Decision.NON_IDENTITY, OFFICE))
    inside = gate.ask(request()).answer
    assert isinstance(inside, Admitted)
    cookie = inside.cookies[0].value
    assert isinstance(gate.ask(request(token=cookie, ip="203.0.113.9")).answer, Forbidden)
