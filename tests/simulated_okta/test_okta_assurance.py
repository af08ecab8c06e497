"""`amr` by factor and engine, and step-up by `acr_values` (Okta: 2.5 of the reference)."""

from __future__ import annotations

import pytest

from simulated_okta.factors import AMR, LABELS, Engine, Factor, amr
from simulated_okta.visitor import parameters
from tests.simulated_okta.organisation import START, Organisation

# The table of the reference, section 2.5, by engine and factor (without `pwd` and `mfa`).
EXPECTED = {
    Engine.CLASSIC: {
        Factor.QUESTION: {"kba"},
        Factor.SMS: {"sms", "mca"},
        Factor.CALL: {"tel", "mca"},
        Factor.OTP: {"otp"},
        Factor.OKTA_VERIFY_CODE: {"otp"},
        Factor.PUSH: {"swk"},
        Factor.SECURITY_KEY: {"hwk"},
        Factor.YUBIKEY_OTP: {"hwk"},
        Factor.CUSTOM_OTP: {"otp"},
        Factor.DUO: {"swk"},
        Factor.SMART_CARD: {"sc"},
        Factor.TOUCH_ID: {"fpt"},
    },
    Engine.IDENTITY: {
        Factor.QUESTION: {"kba"},
        Factor.EMAIL: {"email"},
        Factor.SMS: {"sms"},
        Factor.CALL: {"tel"},
        Factor.OTP: {"google_otp"},
        Factor.OKTA_VERIFY_CODE: {"okta_verify", "otp"},
        Factor.PUSH: {"okta_verify", "swk"},
        Factor.FASTPASS: {"okta_verify", "phr"},
        Factor.CUSTOM_PUSH: {"swk"},
        Factor.SECURITY_KEY: {"pop"},
        Factor.YUBIKEY_OTP: {"yubikey"},
        Factor.CUSTOM_OTP: {"otp"},
        Factor.RSA: {"rsa"},
        Factor.SYMANTEC: {"symantec"},
        Factor.DUO: {"duo"},
        Factor.SMART_CARD: {"sc", "swk"},
        Factor.EXTERNAL_PROVIDER: {"fed"},
    },
}


@pytest.mark.parametrize(
    ("engine", "factor", "values"),
    [
        pytest.param(engine, factor, values, id=f"{engine}-{factor}")
        for engine, table in EXPECTED.items()
        for factor, values in table.items()
    ],
)
def test_a_factor_earns_its_amr_values(engine: Engine, factor: Factor, values: set[str]) -> None:
    assert set(amr(engine, [factor])) == values | {"pwd", "mfa"}


def test_every_factor_has_values_in_both_engines_and_a_label() -> None:
    assert set(AMR[Engine.CLASSIC]) == set(AMR[Engine.IDENTITY]) == set(Factor) == set(LABELS)


@pytest.mark.parametrize(
    ("engine", "factor", "expected"),
    [
        pytest.param("v1", Factor.OTP, ["mfa", "otp", "pwd"], id="classic-code"),
        pytest.param("v1", Factor.SECURITY_KEY, ["hwk", "mfa", "pwd"], id="classic-key"),
        pytest.param("idx", Factor.SECURITY_KEY, ["mfa", "pop", "pwd"], id="identity-key"),
        pytest.param("idx", Factor.PUSH, ["mfa", "okta_verify", "pwd", "swk"], id="identity-push"),
    ],
)
def test_the_id_token_tells_the_methods(
    org: Organisation, engine: str, factor: Factor, expected: list[str]
) -> None:
    org.backend.post("/simulator/engine", json={"engine": engine})
    assert org.identity(org.sign_in(factor))["amr"] == expected


def test_a_password_alone_is_no_mfa(org: Organisation) -> None:
    dave = org.world.person("dave@example.com")
    assert org.identity(org.sign_in(None, dave))["amr"] == ["pwd"]


ACR = [
    pytest.param("v1", "urn:okta:loa:1fa:any", "urn:okta:loa:1fa:any", id="any"),
    pytest.param("v1", "urn:okta:loa:1fa:pwd", "urn:okta:loa:1fa:pwd", id="password"),
    pytest.param("v1", "urn:okta:loa:2fa:any", "urn:okta:loa:2fa:any", id="two"),
    pytest.param("idx", "phr", "phr", id="phishing-resistant"),
    pytest.param("v1", "phr", None, id="classic-does-not-know-phr"),
    pytest.param("v1", "made:up", None, id="unknown-is-ignored"),
    pytest.param("v1", "made:up urn:okta:loa:2fa:any", "urn:okta:loa:2fa:any", id="known-of-two"),
    pytest.param(
        "idx",
        "urn:okta:loa:2fa:any:ifpossible",
        "urn:okta:loa:2fa:any:ifpossible",
        id="if-possible",
    ),
]


@pytest.mark.parametrize(("engine", "asked", "acr"), ACR)
def test_the_token_carries_the_acr_that_was_met(
    org: Organisation, engine: str, asked: str, acr: str | None
) -> None:
    org.backend.post("/simulator/engine", json={"engine": engine})
    assert org.identity(org.sign_in(Factor.SECURITY_KEY, acr_values=asked)).get("acr") == acr


def test_a_step_up_asks_only_for_what_is_missing(org: Organisation) -> None:
    org.backend.post("/simulator/engine", json={"engine": "idx"})
    org.sign_in(Factor.OTP)
    org.clock.now += 60
    page = org.visitor.open(org.url(acr_values="phr"))
    assert 'id="factor-hwk"' in page.text
    assert 'id="factor-otp"' not in page.text
    received = parameters(org.visitor.prove(page, org.alice, Factor.SECURITY_KEY))
    token = org.identity(received)
    assert token["acr"] == "phr"
    assert token["amr"] == ["google_otp", "mfa", "pop", "pwd"]
    assert token["auth_time"] == START + 60


@pytest.mark.parametrize(
    ("login", "asked"),
    [
        pytest.param("dave@example.com", "urn:okta:loa:2fa:any", id="no-second-factor"),
        pytest.param("alice@example.com", "phrh", id="no-okta-verify"),
    ],
)
def test_what_nobody_can_prove_is_unmet(org: Organisation, login: str, asked: str) -> None:
    org.backend.post("/simulator/engine", json={"engine": "idx"})
    person = org.world.person(login)
    received = org.sign_in(Factor.SECURITY_KEY, person, acr_values=asked)
    assert received["error"] == "unmet_authentication_requirements"
    assert received["error_description"] == (
        "Unable to meet the authentication requirements imposed by 'acr_values' parameter."
    )


def test_if_possible_is_met_by_who_has_no_second_factor(org: Organisation) -> None:
    org.backend.post("/simulator/engine", json={"engine": "idx"})
    dave = org.world.person("dave@example.com")
    asked = "urn:okta:loa:2fa:any:ifpossible"
    assert org.identity(org.sign_in(None, dave, acr_values=asked))["acr"] == asked
