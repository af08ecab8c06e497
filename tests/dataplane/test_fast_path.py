"""What Envoy lets pass by itself, and what it asks about (design.md, "The hot path")."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.control_plane import allow, deny
from tests.fakes.gateway import RunningGateway, application, eventually, now, policy, signing_key
from vestibule.model.rules import Decision, Rule
from vestibule.policy.continuous import plan
from vestibule.tokens.keys import generate
from vestibule.tokens.signing import sign

pytestmark = pytest.mark.envoy

WIKI = application("wiki")
OTHER = application("other")
BOUND = application("bound", enable_binding_cookie=True)
MACHINE = application("machine", read_service_tokens_from_header="X-Machine")
STRIPPED = application("stripped", strip_authorization_cookie=True)
OFFICE = application("office", policies=("office",))
OPEN = application("open", policies=("open",))
LAN = application("lan", policies=("lan", "all"))
LOCAL = Rule("ip", {"ip": "127.0.0.0/8"})


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    running = RunningGateway()
    running.start(
        policy("office", Decision.ALLOW, Rule("ip", {"ip": "10.0.0.0/8"})),
        policy("open", Decision.BYPASS),
        policy("lan", Decision.BYPASS, LOCAL),
        *(WIKI, OTHER, BOUND, MACHINE, STRIPPED, OFFICE, OPEN, LAN),
    )
    try:
        running.publish(
            *(
                running.echo_origin(app.id, app.destinations[0])
                for app in (WIKI, OTHER, BOUND, MACHINE, STRIPPED, OFFICE, OPEN, LAN)
            )
        )
        eventually(
            lambda: running.ask("open.test").status == 200,
        )
        yield running
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def _denying(gateway: RunningGateway) -> None:
    gateway.control.check = deny


def test_a_verified_token_is_never_asked_about(gateway: RunningGateway) -> None:
    token = gateway.token(WIKI, jti="grant-x")
    asked, answered = gateway.was_asked(lambda: gateway.ask("wiki.test", "/a?b=c", token=token))
    assert not asked
    assert answered.seen is not None
    assert answered.seen["path"] == "/a"
    assert answered.seen_header("cf-access-jwt-assertion") == [token]
    assert answered.seen_header("cf-access-authenticated-user-email") == ["ada@example.com"]
    assert answered.seen_header("cookie") == [f"CF_Authorization={token}"]


def test_a_token_in_the_header_counts_and_goes_no_further(gateway: RunningGateway) -> None:
    token = gateway.token(WIKI)
    headers = {"Cf-Access-Token": token}
    asked, answered = gateway.was_asked(lambda: gateway.ask("wiki.test", headers=headers))
    assert not asked
    assert answered.seen_header("cf-access-jwt-assertion") == [token]
    assert answered.seen_header("cf-access-token") == []


def test_a_machine_has_no_email(gateway: RunningGateway) -> None:
    token = gateway.token(WIKI, email=None, sub="", common_name="ci.access")
    answered = gateway.ask("wiki.test", token=token)
    assert answered.seen_header("cf-access-jwt-assertion") == [token]
    assert answered.seen_header("cf-access-authenticated-user-email") == []


def _unsigned(gateway: RunningGateway, header: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(gateway.claims(WIKI)).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def _tampered(gateway: RunningGateway) -> str:
    head, _, signature = gateway.token(WIKI).split(".")
    body = json.dumps(gateway.claims(WIKI, email="eve@example.com")).encode()
    return f"{head}.{base64.urlsafe_b64encode(body).rstrip(b'=').decode()}.{signature}"


UNPROVEN: dict[str, Any] = {
    "another application's": lambda g: g.token(OTHER),
    "a global session's": lambda g: g.token(WIKI, type="org"),
    "no type": lambda g: g.token(WIKI, type=None),
    "another issuer's": lambda g: g.token(WIKI, iss="http://evil.test"),
    "no issuer": lambda g: g.token(WIKI, iss=None),
    "expired": lambda g: g.token(WIKI, exp=int(time.time()) - 5),
    "no expiry": lambda g: g.token(WIKI, exp=None),
    "not yet valid": lambda g: g.token(WIKI, nbf=int(time.time()) + 100),
    "an older version's": lambda g: g.token(WIKI, policy_version="old"),
    "no version": lambda g: g.token(WIKI, policy_version=None),
    "another policy's": lambda g: g.token(WIKI, policy_id="office"),
    "no policy": lambda g: g.token(WIKI, policy_id=None),
    "no id": lambda g: g.token(WIKI, jti=None),
    "an audience that is a string in a list of lists": lambda g: g.token(WIKI, aud=[[WIKI.aud]]),
    "another key's": lambda g: sign(g.claims(WIKI), generate(now())),
    "nobody's signature (alg none)": lambda g: _unsigned(g, {"alg": "none"}),
    "HMAC": lambda g: _unsigned(g, {"alg": "HS256", "kid": signing_key().kid}, b"x" * 32),
    "tampered with": _tampered,
    "truncated": lambda g: g.token(WIKI)[:-20],
    "garbage": lambda g: "garbage",
    "empty": lambda g: "",
    "huge": lambda g: g.token(WIKI) + "x" * 20_000,
}


@pytest.mark.parametrize("make", UNPROVEN.values(), ids=UNPROVEN.keys())
def test_f1_o1_what_is_not_proven_is_asked_about(gateway: RunningGateway, make: Any) -> None:
    token = make(gateway)
    for headers in ({"Cookie": f"CF_Authorization={token}"}, {"Cf-Access-Token": token}):
        asked, answered = gateway.was_asked(
            lambda headers=headers: gateway.ask("wiki.test", headers=headers)
        )
        assert asked
        assert answered.status == 403


def _presented(gateway: RunningGateway) -> dict[str, list[tuple[str, str]]]:
    token, second = gateway.token(WIKI), gateway.token(WIKI)
    cookie = f"CF_Authorization={token}"
    return {
        "two cookies": [("Cookie", f"{cookie}; CF_Authorization={second}")],
        "the same cookie twice": [("Cookie", f"{cookie}; {cookie}")],
        "bytes between the cookies": [("Cookie", f"{cookie}; a=\xff\xfe; CF_Authorization=x")],
        "an empty second cookie": [("Cookie", f"CF_Authorization=; {cookie}")],
        "cookie and header": [("Cookie", cookie), ("Cf-Access-Token", token)],
        "a list in the header": [("Cf-Access-Token", f"{token},{second}")],
        "a client id": [("Cookie", cookie), ("CF-Access-Client-Id", "x.access")],
        "a client secret": [("Cookie", cookie), ("CF-Access-Client-Secret", "x")],
        "a binding cookie": [("Cookie", f"{cookie}; CF_Binding=x")],
        "a login's cookie": [("Cookie", f"CF_AppSession=x; {cookie}")],
        "a login's counter": [("Cookie", f"CF_Redirects=x; {cookie}")],
        "a preflight": [("Cookie", cookie), ("Access-Control-Request-Method", "PUT")],
        "the CLI's question": [("Cookie", cookie), ("Cf-Access-Metadata-Request", "true")],
    }


def test_s5_whatever_is_not_exactly_one_token_is_asked_about(gateway: RunningGateway) -> None:
    for name, headers in _presented(gateway).items():
        asked, answered = gateway.was_asked(
            lambda headers=headers: gateway.ask("wiki.test", headers=headers)
        )
        assert asked, name
        assert answered.status == 403, name


@pytest.mark.parametrize("name", ["Cookie", "Cf-Access-Token"])
def test_h5_of_two_headers_the_first_alone_is_heard(gateway: RunningGateway, name: str) -> None:
    before = "CF_Authorization=" if name == "Cookie" else ""
    good, bad = gateway.token(WIKI), gateway.token(OTHER)
    asked, _ = gateway.was_asked(
        lambda: gateway.ask("wiki.test", headers=[(name, before + bad), (name, before + good)])
    )
    assert asked
    assert good not in str(gateway.control.asked[-1].headers)
    asked, answered = gateway.was_asked(
        lambda: gateway.ask("wiki.test", headers=[(name, before + good), (name, before + bad)])
    )
    assert not asked
    assert bad not in str(answered.seen)


@pytest.mark.parametrize("name", ["Cookie", "Cf-Access-Token"])
def test_h5_an_empty_first_header_hides_none_behind_it(gateway: RunningGateway, name: str) -> None:
    before = "CF_Authorization=" if name == "Cookie" else ""
    good, bad = gateway.token(WIKI), gateway.token(OTHER)
    headers = [(name, ""), (name, before + good), (name, before + bad)]
    asked, answered = gateway.was_asked(lambda: gateway.ask("wiki.test", headers=headers))
    assert asked
    assert answered.status == 403
    assert good not in str(gateway.control.asked[-1].headers)
    hidden = [("Cookie", ""), ("Cookie", "CF_Binding=secret")]
    assert "secret" not in str(gateway.ask("open.test", headers=hidden).seen)


def test_the_clis_token_check_is_asked_about(gateway: RunningGateway) -> None:
    token = gateway.token(WIKI)
    asked, _ = gateway.was_asked(
        lambda: gateway.ask("wiki.test", "/?cloudflared_token_check=true", token=token)
    )
    assert asked


def test_an_expiry_is_noticed_although_tokens_are_cached(gateway: RunningGateway) -> None:
    token = gateway.token(WIKI, exp=int(time.time()) + 2)
    assert not gateway.was_asked(lambda: gateway.ask("wiki.test", token=token))[0]
    eventually(lambda: gateway.ask("wiki.test", token=token).status == 403, within=5)


def test_binding_cookies_are_the_control_planes_business(gateway: RunningGateway) -> None:
    token = gateway.token(BOUND)
    assert gateway.was_asked(lambda: gateway.ask("bound.test", token=token))[0]


def test_an_applications_own_credential_header_is_asked_about_and_removed(
    gateway: RunningGateway,
) -> None:
    token = gateway.token(MACHINE)
    assert not gateway.was_asked(lambda: gateway.ask("machine.test", token=token))[0]
    gateway.control.check = allow
    asked, answered = gateway.was_asked(
        lambda: gateway.ask("machine.test", token=token, headers={"X-Machine": "{}"})
    )
    assert asked
    assert answered.seen_header("x-machine") == []


def test_h8_the_token_cookie_is_stripped_where_that_is_asked_for(gateway: RunningGateway) -> None:
    token = gateway.token(STRIPPED)
    cookies = {
        f"CF_Authorization={token}": [],
        f"a=1; CF_Authorization={token}; b=2": ["a=1; b=2"],
        f"CF_Authorization={token}; b=2": ["b=2"],
        f"a=1; CF_Authorization={token}": ["a=1"],
    }
    for sent, received in cookies.items():
        asked, answered = gateway.was_asked(
            lambda sent=sent: gateway.ask("stripped.test", headers={"Cookie": sent})
        )
        assert not asked
        assert answered.seen_header("cookie") == received
        assert answered.seen_header("cf-access-jwt-assertion") == [token]


def test_a_named_condition_that_does_not_hold_is_asked_about(gateway: RunningGateway) -> None:
    configuration = gateway.store.configuration()

    made = plan(configuration.policies_of(OFFICE), configuration.groups, configuration.lists)
    named = [clause.id for clause in made.clauses]
    assert named
    token = gateway.token(OFFICE, conditions=named)
    assert gateway.was_asked(lambda: gateway.ask("office.test", token=token))[0]
    unnamed = gateway.token(OFFICE)
    assert not gateway.was_asked(lambda: gateway.ask("office.test", token=unnamed))[0]


def test_everybody_is_let_in_where_a_policy_says_so_and_nobody_named(
    gateway: RunningGateway,
) -> None:
    for headers in ({}, {"Cookie": f"CF_Authorization={gateway.token(OPEN)}"}):
        asked, answered = gateway.was_asked(
            lambda headers=headers: gateway.ask(
                "open.test", headers={**headers, "Cf-Access-Jwt-Assertion": "forged"}
            )
        )
        assert not asked
        assert answered.seen_header("cf-access-jwt-assertion") == []
        assert answered.seen_header("cf-access-authenticated-user-email") == []


def test_a_bypass_by_address_lets_in_whoever_shows_nothing(gateway: RunningGateway) -> None:
    asked, answered = gateway.was_asked(lambda: gateway.ask("lan.test"))
    assert not asked
    assert answered.seen_header("cf-access-jwt-assertion") == []
    assert gateway.was_asked(
        lambda: gateway.ask("lan.test", headers={"Cookie": "CF_Authorization=x"})
    )[0]


def test_what_the_control_plane_answers_is_what_the_origin_reads(gateway: RunningGateway) -> None:
    gateway.control.check = lambda _: (
        200,
        {
            "cf-access-jwt-assertion": "anew",
            "x-vestibule-grant": "grant-1",
            "cookie": "kept=1",
            "set-cookie": "CF_Authorization=anew; Path=/",
            "x-envoy-auth-headers-to-remove": "cf-access-authenticated-user-email",
        },
        b"",
    )
    old = gateway.token(WIKI, policy_version="old")
    answered = gateway.ask("wiki.test", token=old)
    assert answered.seen_header("cf-access-jwt-assertion") == ["anew"]
    assert answered.seen_header("cf-access-authenticated-user-email") == []
    assert answered.seen_header("cookie") == ["kept=1"]
    assert answered.seen_header("x-vestibule-grant") == []
    assert answered.header("set-cookie") == "CF_Authorization=anew; Path=/"
