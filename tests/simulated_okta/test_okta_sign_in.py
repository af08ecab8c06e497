"""The sign-in pages: what they ask, `amr` by factor and engine, single sign-on, step-up."""

from __future__ import annotations

import pyotp
import pytest
from starlette.testclient import TestClient
from tests.simulated_okta.organisation import ORG, START, Organisation

from simulated_okta import create_app
from simulated_okta.factors import AMR, LABELS, Engine, Factor, amr
from simulated_okta.visitor import fields, parameters

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


def test_skipping_is_offered_only_where_the_policy_allows_a_password_alone(
    org: Organisation,
) -> None:
    erin = org.world.person("erin@example.com")
    assert org.identity(org.sign_in(None, erin))["amr"] == ["pwd"]
    org.browser.cookies.clear()
    page = org.visitor.sign_in(org.url(), org.alice, None)
    assert "Choose one of the methods" in page.text
    assert 'id="factor-none"' not in page.text


def test_the_pages_carry_the_documented_ids(org: Organisation) -> None:
    page = org.visitor.open(org.url())
    for control in ('id="identifier"', 'id="password"', 'id="submit"'):
        assert control in page.text
    credentials = {"identifier": org.alice.login, "password": org.alice.password}
    page = org.visitor.submit(page, "/login/password", credentials)
    for control in ('id="factor-otp"', 'id="factor-hwk"', 'id="factor-push"'):
        assert control in page.text
    page = org.visitor.submit(page, "/login/factor", {"factor": "otp"})
    assert 'id="code"' in page.text
    assert 'id="submit"' in page.text


def test_every_page_says_that_it_is_a_simulation(org: Organisation) -> None:
    for page in (
        org.visitor.open(org.url()),
        org.browser.get("/"),
        org.browser.get(org.url(state=None, client_id="x")),
    ):
        assert "not Okta's software" in page.text or "not Okta&#39;s software" in page.text


def test_hints_help_a_newcomer_and_can_be_switched_off(org: Organisation) -> None:
    page = org.visitor.open(org.url())
    assert org.alice.password in page.text
    app = create_app(org.world, hints=False)
    with TestClient(app, base_url=ORG) as browser:
        silent = browser.get(org.url())
        assert "password-alice" not in silent.text
        assert org.alice.password not in silent.text


@pytest.mark.parametrize(
    ("login", "password"),
    [
        pytest.param("alice@example.com", "wrong", id="password"),
        pytest.param("nobody@example.com", "alice-password", id="login"),
        pytest.param("alice@example.com", "", id="empty"),
    ],
)
def test_wrong_credentials_all_look_alike(org: Organisation, login: str, password: str) -> None:
    page = org.visitor.open(org.url())
    answer = org.visitor.submit(
        page, "/login/password", {"identifier": login, "password": password}
    )
    assert "Unable to sign in" in answer.text


@pytest.mark.parametrize("offset", [-30, 0, 30])
def test_a_code_of_the_neighbouring_step_is_good(org: Organisation, offset: int) -> None:
    assert "location" in code_answer(org, pyotp.TOTP(org.alice.totp_secret).at(START + offset))


@pytest.mark.parametrize("offset", [-90, 90])
def test_a_code_further_off_is_not(org: Organisation, offset: int) -> None:
    answer = code_answer(org, pyotp.TOTP(org.alice.totp_secret).at(START + offset))
    assert answer == "Your code doesn't match our records. Please try again."


def code_answer(org: Organisation, code: str) -> str:
    page = org.visitor.open(org.url())
    credentials = {"identifier": org.alice.login, "password": org.alice.password}
    page = org.visitor.submit(page, "/login/password", credentials)
    page = org.visitor.submit(page, "/login/factor", {"factor": "otp"})
    page = org.visitor.submit(page, "/login/code", {"code": code})
    if page.has_redirect_location:
        return "location"
    return (
        "Your code doesn't match our records. Please try again."
        if ("match our records" in page.text)
        else page.text
    )


def test_a_form_of_another_browser_is_refused(org: Organisation) -> None:
    page = org.visitor.open(org.url())
    hidden = {name: fields(page.text)[name] for name in ("stateToken", "csrf")}
    credentials = {"identifier": org.alice.login, "password": org.alice.password}
    answer = org.backend.post("/login/password", data=hidden | credentials)
    assert answer.status_code == 400


def test_a_form_without_its_csrf_token_is_refused(org: Organisation) -> None:
    page = org.visitor.open(org.url())
    data = {"stateToken": fields(page.text)["stateToken"], "csrf": "guess"}
    answer = org.browser.post("/login/password", data=data | {"identifier": "a", "password": "b"})
    assert answer.status_code == 400


def test_single_sign_on_replays_the_old_methods_and_their_time(org: Organisation) -> None:
    first = org.identity(org.sign_in(Factor.SECURITY_KEY))
    org.clock.now += 600
    again = org.identity(parameters(org.visitor.open(org.url())))
    assert again["amr"] == first["amr"]
    assert again["auth_time"] == first["auth_time"] == START
    assert again["iat"] == START + 600


def test_signing_in_anew_replaces_methods_and_time(org: Organisation) -> None:
    org.sign_in(Factor.OTP)
    org.clock.now += 60
    again = org.identity(org.sign_in(Factor.SECURITY_KEY, prompt="login"))
    assert again["amr"] == ["hwk", "mfa", "pwd"]
    assert again["auth_time"] == START + 60


@pytest.mark.parametrize("path", ["/login/signout", "/oauth2/v1/logout"])
def test_signing_out_ends_single_sign_on(org: Organisation, path: str) -> None:
    org.sign_in()
    org.browser.get(path)
    assert 'id="password"' in org.visitor.open(org.url()).text


def test_keep_me_signed_in_makes_the_cookie_last(org: Organisation) -> None:
    dave = org.world.person("dave@example.com")
    assert dave is not None
    page = org.visitor.open(org.url())
    credentials = {"identifier": dave.login, "password": dave.password, "remember": "1"}
    answer = org.visitor.submit(page, "/login/password", credentials)
    assert answer.has_redirect_location
    cookie = next(c for c in org.browser.cookies.jar if c.name == "sid")
    assert cookie.expires is not None


def test_a_deactivated_person_is_signed_out_and_stays_out(org: Organisation) -> None:
    org.sign_in()
    body = {"login": org.alice.login, "status": "DEPROVISIONED"}
    org.backend.post("/simulator/users/status", json=body)
    page = org.visitor.sign_in(org.url(), org.alice, Factor.OTP)
    assert "Unable to sign in" in page.text


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
