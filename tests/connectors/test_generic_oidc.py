"""Generic OpenID Connect (identity.md 1.4, 8.1 and the OIDC row of 12; attacks O1, O2, O4)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.fakes.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    ISSUER,
    NOW,
    REDIRECT_URI,
    FakeProvider,
    query_of,
    rsa_key,
)
from tests.fakes.network import json_response
from vestibule.connectors import CONNECTORS, Expected, SignIn, SignInFailed
from vestibule.model.errors import InvalidConfiguration
from vestibule.model.identity import Identity, IdentityGroup
from vestibule.protocols.exchange import OutboundError, Response, run

OIDC = CONNECTORS["oidc"]
AT = int(NOW.timestamp())
SIGN_IN = SignIn(
    redirect_uri=REDIRECT_URI, state="a-state", nonce="a-nonce", code_challenge="a-challenge"
)
EXPECTED = Expected(redirect_uri=REDIRECT_URI, nonce="a-nonce", code_verifier="v" * 43, now=NOW)
ANSWER = {"code": ("a-code",), "state": ("a-state",)}


def complete(
    fake: FakeProvider,
    *,
    config: Mapping[str, Any] | None = None,
    answer: Mapping[str, tuple[str, ...]] = ANSWER,
    expected: Expected = EXPECTED,
) -> Identity:
    return run(OIDC.complete(fake.configured(config), answer, expected), fake.network.send)


def test_a_good_sign_in_becomes_an_identity() -> None:
    fake = FakeProvider(claims={"amr": ["pwd", "hwk"], "auth_time": AT - 5, "groups": ["a", "b"]})
    assert complete(fake) == Identity(
        idp_id="idp-1",
        idp_type="oidc",
        subject="00u1",
        email="ada@example.com",
        name="Ada Lovelace",
        groups=(IdentityGroup("a", "a"), IdentityGroup("b", "b")),
        amr=("pwd", "hwk"),
        authenticated_at=NOW - timedelta(seconds=5),
    )


def test_the_browser_is_sent_with_state_nonce_and_pkce() -> None:
    fake = FakeProvider()
    url = run(OIDC.begin(fake.configured(), SIGN_IN), fake.network.send)
    assert url.startswith(f"{ISSUER}/authorize?")
    assert query_of(url) == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT_URI,
        "scope": "openid email profile",
        "state": "a-state",
        "nonce": "a-nonce",
        "code_challenge": "a-challenge",
        "code_challenge_method": "S256",
    }


def test_step_up_is_asked_for_as_configured() -> None:
    fake = FakeProvider()
    sign_in = SignIn(
        redirect_uri=REDIRECT_URI,
        state="s",
        nonce="n",
        code_challenge="c",
        prompt="login",
        max_age=0,
        acr_values=("phr", "phrh"),
        login_hint="ada@example.com",
    )
    asked = query_of(run(OIDC.begin(fake.configured(), sign_in), fake.network.send))
    assert asked["prompt"] == "login"
    assert asked["max_age"] == "0"
    assert asked["acr_values"] == "phr phrh"
    assert asked["login_hint"] == "ada@example.com"


def test_without_pkce_nothing_of_it_is_sent() -> None:
    fake = FakeProvider()
    provider = fake.configured({"pkce_enabled": False})
    asked = query_of(run(OIDC.begin(provider, SIGN_IN), fake.network.send))
    assert "code_challenge" not in asked
    run(OIDC.complete(provider, ANSWER, EXPECTED), fake.network.send)
    [request] = fake.network.sent("POST", f"{ISSUER}/token")
    assert b"code_verifier" not in request.body


@pytest.mark.parametrize(
    ("method", "in_header"),
    [("client_secret_basic", True), ("client_secret_post", False)],
)
def test_the_client_proves_itself_one_way_only(method: str, in_header: bool) -> None:
    fake = FakeProvider()
    complete(fake, config={"token_endpoint_auth_method": method})
    [request] = fake.network.sent("POST", f"{ISSUER}/token")
    form = parse_qs(request.body.decode())
    basic = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    assert request.headers.get("Authorization") == (basic if in_header else None)
    assert form.get("client_secret") == (None if in_header else [CLIENT_SECRET])
    assert form["code_verifier"] == ["v" * 43]


ID_TOKEN_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "wrong-issuer": ({"iss": "https://evil.example"}, "issuer"),
    "issuer-with-slash": ({"iss": f"{ISSUER}/"}, "issuer"),
    "no-issuer": ({"iss": None}, "claim"),
    "wrong-audience": ({"aud": "other"}, "audience"),
    "no-audience": ({"aud": None}, "claim"),
    "empty-audience": ({"aud": []}, "claim"),
    "audience-of-odd-type": ({"aud": [CLIENT_ID, 7]}, "claim"),
    "a-second-audience": ({"aud": [CLIENT_ID, "other"], "azp": CLIENT_ID}, "audience"),
    "azp-of-another": ({"azp": "other"}, "audience"),
    "azp-of-odd-type": ({"azp": [CLIENT_ID]}, "audience"),
    "expired": ({"exp": AT - 61}, "expired"),
    "no-expiry": ({"exp": None}, "claim"),
    "issued-in-the-future": ({"iat": AT + 61}, "not_yet_valid"),
    "issued-long-ago": ({"iat": AT - 700}, "stale"),
    "no-iat": ({"iat": None}, "claim"),
    "valid-in-the-future": ({"nbf": AT + 61}, "not_yet_valid"),
    "wrong-nonce": ({"nonce": "another"}, "nonce"),
    "no-nonce": ({"nonce": None}, "nonce"),
    "nonce-of-odd-type": ({"nonce": ["a-nonce"]}, "nonce"),
    "no-subject": ({"sub": None}, "claim"),
    "empty-subject": ({"sub": ""}, "claim"),
    "subject-of-odd-type": ({"sub": 7}, "claim"),
    "subject-with-line-break": ({"sub": "a\nb"}, "claim"),
    "huge-expiry": ({"exp": 1e300}, "claim"),
    "expiry-as-text": ({"exp": str(AT + 60)}, "claim"),
    "expiry-as-truth": ({"exp": True}, "claim"),
    "negative-nbf": ({"nbf": -1}, "claim"),
    "wrong-at-hash": ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "hash"),
    "empty-at-hash": ({"at_hash": ""}, "hash"),
    "at-hash-of-odd-type": ({"at_hash": 1}, "hash"),
    "amr-of-odd-type": ({"amr": {"pwd": True}}, "claim"),
    "amr-with-numbers": ({"amr": ["pwd", 1]}, "claim"),
    "auth-time-in-the-future": ({"auth_time": AT + 61}, "not_yet_valid"),
}


@pytest.mark.parametrize(("claims", "reason"), ID_TOKEN_FAULTS.values(), ids=ID_TOKEN_FAULTS)
def test_o1_o2_a_faulty_id_token_signs_nobody_in(claims: dict[str, Any], reason: str) -> None:
    with pytest.raises(SignInFailed) as failure:
        complete(FakeProvider(claims=claims))
    assert failure.value.code == f"id_token_{reason}"
    assert failure.value.message == "The identity provider's answer could not be verified."


ACCEPTABLE: dict[str, dict[str, Any]] = {
    "audience-as-list": {"aud": [CLIENT_ID]},
    "azp-is-us": {"azp": CLIENT_ID},
    "just-expired-within-skew": {"exp": AT - 59},
    "a-clock-one-minute-ahead": {"iat": AT + 59, "nbf": AT + 59},
    "fractions-of-seconds": {"iat": AT - 0.5},
    "right-at-hash": {
        "at_hash": base64.urlsafe_b64encode(hashlib.sha256(b"an-access-token").digest()[:16])
        .rstrip(b"=")
        .decode()
    },
}


@pytest.mark.parametrize("claims", ACCEPTABLE.values(), ids=ACCEPTABLE)
def test_what_the_standard_permits_is_accepted(claims: dict[str, Any]) -> None:
    assert complete(FakeProvider(claims=claims)).email == "ada@example.com"


def test_at_hash_without_an_access_token_fails_closed() -> None:
    fake = FakeProvider(claims={"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"})
    fake.token_answer = json_response({"id_token": fake.id_token(), "token_type": "Bearer"})
    with pytest.raises(SignInFailed) as failure:
        complete(fake)
    assert failure.value.code == "id_token_hash"


def test_max_age_needs_a_fresh_auth_time() -> None:
    expected = Expected(
        redirect_uri=REDIRECT_URI, nonce="a-nonce", code_verifier="v" * 43, now=NOW, max_age=0
    )
    assert complete(FakeProvider(claims={"auth_time": AT - 30}), expected=expected)
    for claims, code in (({}, "id_token_claim"), ({"auth_time": AT - 61}, "id_token_stale")):
        with pytest.raises(SignInFailed) as failure:
            complete(FakeProvider(claims=claims), expected=expected)
        assert failure.value.code == code


def test_an_acr_that_was_asked_for_must_be_answered() -> None:
    expected = Expected(
        redirect_uri=REDIRECT_URI,
        nonce="a-nonce",
        code_verifier="v" * 43,
        now=NOW,
        acr_values=("phr",),
    )
    assert complete(FakeProvider(claims={"acr": "phr"}), expected=expected).acr == "phr"
    for acr in (None, "urn:okta:loa:1fa:any"):
        with pytest.raises(SignInFailed):
            complete(FakeProvider(claims={"acr": acr}), expected=expected)


CALLBACKS: dict[str, tuple[dict[str, tuple[str, ...]], str]] = {
    "no-code": ({"state": ("s",)}, "no_code"),
    "empty-code": ({"code": ("",)}, "no_code"),
    "huge-code": ({"code": ("x" * 5000,)}, "no_code"),
    "two-codes": ({"code": ("a-code", "a-code")}, "repeated_parameter"),
    "two-states": ({"code": ("a-code",), "state": ("a", "b")}, "repeated_parameter"),
    "two-issuers": ({"code": ("a-code",), "iss": (ISSUER, ISSUER)}, "repeated_parameter"),
    "error-and-code": ({"code": ("a-code",), "error": ("access_denied",)}, "access_denied"),
    "token-in-url": ({"code": ("a-code",), "id_token": ("x",)}, "token_in_url"),
    "mix-up": ({"code": ("a-code",), "iss": ("https://evil.example",)}, "issuer_mismatch"),
    "mix-up-slash": ({"code": ("a-code",), "iss": (f"{ISSUER}/",)}, "issuer_mismatch"),
    "mix-up-error": (
        {"error": ("access_denied",), "iss": ("https://evil.example",)},
        "issuer_mismatch",
    ),
}


@pytest.mark.parametrize(("answer", "code"), CALLBACKS.values(), ids=CALLBACKS)
def test_o2_a_callback_that_is_not_clear_is_refused(
    answer: dict[str, tuple[str, ...]], code: str
) -> None:
    fake = FakeProvider()
    with pytest.raises(SignInFailed) as failure:
        complete(fake, answer=answer)
    assert failure.value.code == code
    assert not fake.network.sent("POST", f"{ISSUER}/token"), "the code must not be spent"


def test_o2_an_announced_issuer_must_come() -> None:
    announced = {"authorization_response_iss_parameter_supported": True}
    answer = {**ANSWER, "iss": (ISSUER,)}
    # A complete manual configuration is not discovered, so discovery_url is given as well.
    assert complete(FakeProvider(metadata=announced), answer=answer)
    with pytest.raises(SignInFailed) as failure:
        complete(FakeProvider(metadata=announced))
    assert failure.value.code == "issuer_missing"


def test_the_providers_words_are_cleaned_and_cut() -> None:
    nasty = "a\x1b[31m\u202eb\r\n<script>" + "x" * 5000
    answer = {"error": ("access_denied",), "error_description": (nasty,)}
    with pytest.raises(SignInFailed) as failure:
        complete(FakeProvider(), answer=answer)
    assert len(failure.value.message) < 300
    assert failure.value.message.isprintable()
    assert "\u202e" not in failure.value.message


def test_an_unknown_key_is_looked_for_once_and_a_rotation_is_found() -> None:
    fake = FakeProvider(key=rsa_key("key-2"))
    keys_url = f"{ISSUER}/keys"
    with pytest.raises(SignInFailed) as failure:
        complete(fake)
    assert failure.value.code == "id_token_unknown_key"
    assert [request.refresh for request in fake.network.sent("GET", keys_url)] == [False, True]

    fake.published = [rsa_key("key-2"), rsa_key("key-1")]
    fake.network.requests.clear()
    assert complete(fake).subject == "00u1"


def test_a_wrong_signature_does_not_make_us_ask_for_keys_again() -> None:
    fake = FakeProvider(key=rsa_key("key-2"), header={"kid": "key-1"})
    with pytest.raises(SignInFailed) as failure:
        complete(fake)
    assert failure.value.code == "id_token_signature"
    assert len(fake.network.sent("GET", f"{ISSUER}/keys")) == 1


EMAILS: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"email": None}, "email_missing"),
    "empty": ({"email": ""}, "email_missing"),
    "unverified": ({"email_verified": False}, "email_not_verified"),
    "unverified-as-text": ({"email_verified": "false"}, "email_not_verified"),
    "two-addresses": ({"email": "a@evil.example@example.com"}, "email_malformed"),
    "a-list": ({"email": ["ada@example.com"]}, "email_malformed"),
    "a-comma": ({"email": "ada@example.com,bob@example.com"}, "email_malformed"),
    "a-line-break": ({"email": "ada@example.com\nx"}, "email_malformed"),
    "a-space": ({"email": "ada @example.com"}, "email_malformed"),
    "a-kelvin-sign": ({"email": "\u212aate@example.com"}, "email_malformed"),
    "full-width": ({"email": "\uff41da@example.com"}, "email_malformed"),
    "no-domain": ({"email": "ada@"}, "email_malformed"),
}


@pytest.mark.parametrize(("claims", "code"), EMAILS.values(), ids=EMAILS)
def test_an_address_that_could_be_somebody_elses_is_refused(
    claims: dict[str, Any], code: str
) -> None:
    with pytest.raises(SignInFailed) as failure:
        complete(FakeProvider(claims=claims, userinfo={}))
    assert failure.value.code == code


def test_the_address_may_be_in_another_claim() -> None:
    fake = FakeProvider(claims={"upn": "ada@corp.example", "email_verified": False})
    assert complete(fake, config={"email_claim_name": "upn"}).email == "ada@corp.example"


def test_userinfo_fills_in_what_the_id_token_lacks() -> None:
    fake = FakeProvider(
        claims={"email": None},
        userinfo={"email": "ada@example.com", "department": "x", "Groups": ["g"]},
    )
    identity = complete(fake, config={"claims": ["department", "groups", "absent"]})
    assert identity.email == "ada@example.com"
    assert identity.claims == {"department": "x"}
    assert [group.name for group in identity.groups] == ["g"]


def test_userinfo_about_somebody_else_is_refused() -> None:
    fake = FakeProvider(claims={"email": None}, userinfo={"sub": "mallory", "email": "a@b.example"})
    with pytest.raises(SignInFailed) as failure:
        complete(fake)
    assert failure.value.code == "userinfo_subject"


def test_a_userinfo_that_refuses_ends_the_sign_in() -> None:
    with pytest.raises(SignInFailed, match="Failed to fetch user/group") as failure:
        complete(FakeProvider(), config={"claims": ["department"]})
    assert failure.value.code == "userinfo_refused"
    assert failure.value.detail["status"] == 401


GROUPS: dict[str, tuple[dict[str, Any], tuple[str, ...] | None]] = {
    "none": ({}, ()),
    "empty": ({"groups": []}, ()),
    "several": ({"groups": ["a", "b", "a"]}, ("a", "b")),
    "one-as-text": ({"groups": "a, with comma"}, ("a, with comma",)),
    "another-case": ({"GROUPS": ["a"]}, ("a",)),
    "5000": ({"groups": [f"g{n}" for n in range(400)]}, tuple(f"g{n}" for n in range(400))),
    "both-cases": ({"groups": ["a"], "Groups": ["b"]}, None),
    "numbers": ({"groups": ["a", 1]}, None),
    "an-object": ({"groups": {"a": 1}}, None),
    "too-many-for-the-token": ({"_claim_names": {"groups": "src1"}}, None),
}


@pytest.mark.parametrize(("claims", "groups"), GROUPS.values(), ids=GROUPS)
def test_groups_are_whole_or_the_sign_in_fails(
    claims: dict[str, Any], groups: tuple[str, ...] | None
) -> None:
    fake = FakeProvider(claims=claims)
    if groups is None:
        with pytest.raises(SignInFailed) as failure:
            complete(fake)
        assert failure.value.code == "groups_unreadable"
    else:
        assert tuple(group.name for group in complete(fake).groups) == groups


@pytest.mark.parametrize(
    ("amr", "read"),
    [
        (["pwd", "mfa"], ("pwd", "mfa")),
        ("pwd", ("pwd",)),
        ("pwd mfa", ("pwd", "mfa")),
        ("pwd,mfa , otp", ("pwd", "mfa", "otp")),
        ([], ()),
        (None, None),
    ],
    ids=["array", "text", "spaces", "commas", "empty", "absent"],
)
def test_methods_are_read_in_every_spelling(amr: Any, read: tuple[str, ...] | None) -> None:
    assert complete(FakeProvider(claims={"amr": amr})).amr == read


def test_equivalent_methods_are_added_only_where_configured_and_noted() -> None:
    fake = FakeProvider(claims={"amr": ["pwd", "pop"]})
    assert complete(fake).amr == ("pwd", "pop")
    identity = complete(fake, config={"amr_equivalents": {"pop": "hwk", "swk": "mfa"}})
    assert identity.amr == ("pwd", "pop", "hwk")
    assert identity.notes == ("amr pop was also read as hwk",)


def test_mfa_is_never_made_up() -> None:
    assert complete(FakeProvider(claims={"amr": ["pwd", "otp"]})).amr == ("pwd", "otp")
    assert complete(FakeProvider(claims={"acr": "urn:mfa"})).amr is None


def test_o4_discovery_must_speak_for_the_issuer_that_was_asked() -> None:
    fake = FakeProvider(metadata={"issuer": "https://evil.example"})
    with pytest.raises(SignInFailed) as failure:
        run(OIDC.begin(fake.configured(), SIGN_IN), fake.network.send)
    assert failure.value.code == "discovery_issuer"


@pytest.mark.parametrize(
    "endpoint",
    [
        "javascript:alert(1)",
        "http://idp.example/authorize",
        "//idp.example/authorize",
        "https://user@evil.example/",
        "https://idp.example\\@evil.example/",
        "https://idp.example/#x",
        "https://idp.example/\r\nSet-Cookie: a=b",
        "",
        7,
    ],
)
def test_o4_a_discovered_endpoint_is_as_safe_as_a_configured_one(endpoint: Any) -> None:
    fake = FakeProvider(metadata={"authorization_endpoint": endpoint})
    with pytest.raises(SignInFailed) as failure:
        run(OIDC.begin(fake.configured(), SIGN_IN), fake.network.send)
    assert failure.value.code == "discovery_failed"


def test_an_issuer_with_a_slash_is_found_by_its_discovery_url() -> None:
    fake = FakeProvider(metadata={"issuer": f"{ISSUER}/"}, claims={"iss": f"{ISSUER}/"})
    config = {"issuer": "", "discovery_url": f"{ISSUER}/.well-known/openid-configuration"}
    assert complete(fake, config=config).subject == "00u1"
    fake.claims = {"iss": ISSUER}
    with pytest.raises(SignInFailed):
        complete(fake, config=config)


def test_with_manual_urls_no_issuer_is_enforced_but_the_observed_one_is_noted() -> None:
    fake = FakeProvider()
    config = {
        "issuer": "",
        "auth_url": f"{ISSUER}/authorize",
        "token_url": f"{ISSUER}/token",
        "certs_url": f"{ISSUER}/keys",
    }
    identity = complete(fake, config=config)
    assert identity.notes == (f"any issuer is accepted; this one was {ISSUER}",)
    assert not fake.network.sent("GET", f"{ISSUER}/.well-known/openid-configuration")


def test_an_unreachable_provider_is_an_error_somebody_can_act_upon() -> None:
    fake = FakeProvider(token_answer=OutboundError("idp.example gave no answer within 5 s"))
    with pytest.raises(SignInFailed) as failure:
        complete(fake)
    assert failure.value.message == "The identity provider cannot be reached."
    assert failure.value.detail["reason"] == "idp.example gave no answer within 5 s"


TOKEN_ANSWERS = {
    "html": Response(200, {"content-type": "text/html"}, b"<html>"),
    "no-id-token": json_response({"access_token": "x", "token_type": "Bearer"}),
    "a-list": json_response([]),
    "repeated-member": Response(
        200, {"content-type": "application/json"}, b'{"id_token":"a","id_token":"b"}'
    ),
    "redirect": Response(302, {"location": "https://evil.example"}),
    "server-error": json_response({}, 500),
    "refused": json_response({"error": "invalid_client"}, 401),
    "foreign-type": json_response({"id_token": "x", "access_token": "x", "token_type": "mac"}),
}


@pytest.mark.parametrize("answer", TOKEN_ANSWERS.values(), ids=TOKEN_ANSWERS)
def test_an_odd_token_answer_signs_nobody_in(answer: Response) -> None:
    with pytest.raises(SignInFailed):
        complete(FakeProvider(token_answer=answer))


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "client_id"),
        ({"client_id": "a b", "issuer": ISSUER}, "client_id"),
        ({"client_id": "x"}, "x.config:"),
        ({"client_id": "x", "auth_url": "https://a.example/"}, "x.config:"),
        ({"client_id": "x", "issuer": "http://idp.example"}, "issuer"),
        ({"client_id": "x", "issuer": "https://u@idp.example"}, "issuer"),
        ({"client_id": "x", "issuer": "file:///etc/passwd"}, "issuer"),
        ({"client_id": "x", "issuer": ISSUER, "scopes": ["email"]}, "scopes"),
        ({"client_id": "x", "issuer": ISSUER, "algorithms": ["none"]}, "algorithms"),
        ({"client_id": "x", "issuer": ISSUER, "algorithms": ["HS256"]}, "algorithms"),
        ({"client_id": "x", "issuer": ISSUER, "client_secret": "s"}, "client_secret"),
        ({"client_id": "x", "issuer": ISSUER, "pkce_enabled": "yes"}, "pkce_enabled"),
        ({"client_id": "x", "issuer": ISSUER, "amr_equivalents": {"a": 1}}, "amr_equivalents"),
        ({"client_id": "x", "issuer": ISSUER, "sso_target_url": "https://x"}, "sso_target_url"),
        (
            {"client_id": "x", "issuer": ISSUER, "token_endpoint_auth_method": "none"},
            "token_endpoint_auth_method",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_f6_a_mistake_is_found_when_it_is_saved(config: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidConfiguration, match=field):
        OIDC.validate(config, frozenset({"client_secret"}), "x.config")


def test_a_missing_secret_is_found_when_it_is_saved() -> None:
    with pytest.raises(InvalidConfiguration, match="client_secret"):
        OIDC.validate({"client_id": "x", "issuer": ISSUER}, frozenset(), "x.config")


def test_what_validation_returns_validates_again() -> None:
    config = {
        "client_id": "x",
        "auth_url": "https://a.example/auth",
        "token_url": "https://a.example/token",
        "certs_url": "https://a.example/certs",
        "redirect_url": "https://team.example/cdn-cgi/access/callback",
        "pkce_enabled": False,
        "email_claim_name": "email",
        "claims": ["employeeID", "groups"],
        "scopes": ["openid", "email", "profile"],
        "conditional_access_enabled": False,
        "idp_public_certs": None,
    }
    once = OIDC.validate(config, frozenset({"client_secret"}), "x")
    assert once == OIDC.validate(once, frozenset({"client_secret"}), "x")
    assert "redirect_url" not in once
    assert once["claims"] == ["employeeID", "groups"]


def test_a_probe_says_what_is_missing() -> None:
    fake = FakeProvider()
    assert run(OIDC.probe(fake.configured()), fake.network.send).warnings == ()
    fake.published = []
    [warning] = run(OIDC.probe(fake.configured()), fake.network.send).warnings
    assert "no key" in warning
