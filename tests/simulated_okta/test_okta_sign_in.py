"""The sign-in pages: what they ask, what they refuse, and single sign-on."""

from __future__ import annotations

import pyotp
import pytest
from starlette.testclient import TestClient

from simulated_okta import create_app
from simulated_okta.factors import Factor
from simulated_okta.visitor import fields, parameters
from tests.simulated_okta.organisation import ORG, START, Organisation


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
