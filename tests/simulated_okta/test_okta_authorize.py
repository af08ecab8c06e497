"""`/authorize`: what is refused, how, and to whom it is told."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from simulated_okta.factors import Factor
from simulated_okta.visitor import fields, parameters
from tests.simulated_okta.organisation import CHALLENGE, REDIRECT_URI, Organisation

MISMATCH = "redirect_uri&#39; parameter must be a Login redirect URI in the client app settings"


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("http://app.test/callback/", id="trailing-slash"),
        pytest.param("http://app.test/callback?x=1", id="query"),
        pytest.param("HTTP://app.test/callback", id="scheme-case"),
        pytest.param("http://evil.test/callback", id="other-host"),
        pytest.param(None, id="missing"),
    ],
)
def test_a_redirect_uri_must_equal_a_registered_one_exactly(
    org: Organisation, uri: str | None
) -> None:
    answer = org.visitor.open(org.url(redirect_uri=uri))
    assert answer.status_code == 400
    assert MISMATCH in answer.text
    assert "location" not in answer.headers


def test_an_unknown_client_gets_a_page_and_no_redirect(org: Organisation) -> None:
    answer = org.visitor.open(org.url(client_id="nobody"))
    assert answer.status_code == 400
    assert "Invalid value for &#39;client_id&#39; parameter." in answer.text


REFUSALS = [
    pytest.param({"state": None}, "invalid_request", "'state'", id="no-state"),
    pytest.param({"state": "a=b"}, "invalid_request", "'state'", id="state-equals"),
    pytest.param({"state": "a+b"}, "invalid_request", "'state'", id="state-plus"),
    pytest.param({"state": "a/b"}, "invalid_request", "'state'", id="state-slash"),
    pytest.param({"state": "a:b"}, "invalid_request", "'state'", id="state-colon"),
    pytest.param({"response_type": None}, "invalid_request", "response_type", id="no-type"),
    pytest.param({"response_type": "token"}, "unsupported_response_type", "", id="token-type"),
    pytest.param({"scope": None}, "invalid_scope", "'scope' must be provided", id="no-scope"),
    pytest.param({"scope": "openid nonsense"}, "invalid_scope", "not configured", id="scope"),
    pytest.param({"scope": "profile"}, "invalid_scope", "openid", id="no-openid"),
    pytest.param({"prompt": "sing"}, "invalid_request", "prompt", id="prompt"),
    pytest.param({"max_age": "-1"}, "invalid_request", "max_age", id="negative-age"),
    pytest.param({"max_age": "soon"}, "invalid_request", "max_age", id="wordy-age"),
    pytest.param({"response_mode": "sideways"}, "invalid_request", "mode", id="mode"),
    pytest.param(
        {"code_challenge": CHALLENGE, "code_challenge_method": "plain"},
        "invalid_request",
        "S256",
        id="pkce-plain",
    ),
    pytest.param(
        {"code_challenge": "short", "code_challenge_method": "S256"},
        "invalid_request",
        "code_challenge",
        id="pkce-short",
    ),
    pytest.param(
        {"client_id": "strict"},
        "invalid_request",
        "PKCE code challenge is required by the application",
        id="pkce-required",
    ),
    pytest.param(
        {"client_id": "spa"}, "invalid_request", "PKCE code challenge", id="pkce-of-public"
    ),
    pytest.param(
        {"client_id": "implicit", "response_type": "id_token", "nonce": None},
        "invalid_request",
        "'nonce'",
        id="implicit-without-nonce",
    ),
]


@pytest.mark.parametrize(("changes", "error", "text"), REFUSALS)
def test_a_bad_request_returns_to_the_application_with_its_error(
    org: Organisation, changes: dict[str, str | None], error: str, text: str
) -> None:
    answer = org.visitor.open(org.url(**changes))
    assert answer.headers["location"].startswith(REDIRECT_URI)
    received = parameters(answer)
    assert received["error"] == error
    assert text in received["error_description"]


def test_a_repeated_parameter_is_refused(org: Organisation) -> None:
    received = parameters(org.visitor.open(org.url() + "&state=again"))
    assert received["error"] == "invalid_request"


@pytest.mark.parametrize("state", ["AZaz09", "a,b.c_d-e", "x" * 300])
def test_the_state_comes_back_as_it_was(org: Organisation, state: str) -> None:
    received = org.sign_in(state=state)
    assert received.keys() == {"code", "state"}
    assert received["state"] == state


def test_groups_is_refused_by_a_custom_server_without_the_scope(org: Organisation) -> None:
    received = parameters(org.visitor.open(org.url("default", scope="openid groups")))
    assert received["error"] == "invalid_scope"


def test_prompt_none_without_a_session_says_login_required(org: Organisation) -> None:
    received = parameters(org.visitor.open(org.url(prompt="none")))
    assert received["error"] == "login_required"
    assert received["error_description"] == (
        "The client specified not to prompt, but the user is not logged in."
    )


def test_prompt_none_with_a_session_answers_silently(org: Organisation) -> None:
    org.sign_in()
    assert "code" in parameters(org.visitor.open(org.url(prompt="none")))


def test_prompt_none_that_needs_another_factor_says_interaction_required(
    org: Organisation,
) -> None:
    erin = org.world.person("erin@example.com")
    org.sign_in(None, erin)
    url = org.url(prompt="none", acr_values="urn:okta:loa:2fa:any")
    assert parameters(org.visitor.open(url))["error"] == "interaction_required"


def test_prompt_login_asks_again(org: Organisation) -> None:
    org.sign_in()
    assert 'id="password"' in org.visitor.open(org.url(prompt="login")).text


@pytest.mark.parametrize(
    ("engine", "max_age", "asks"),
    [
        pytest.param("v1", "60", True, id="too-old"),
        pytest.param("v1", "600", False, id="fresh-enough"),
        pytest.param("v1", "0", False, id="classic-ignores-zero"),
        pytest.param("v1", "1", True, id="classic-needs-one"),
        pytest.param("idx", "0", True, id="identity-engine-obeys-zero"),
    ],
)
def test_max_age_asks_again_when_the_session_is_older(
    org: Organisation, engine: str, max_age: str, asks: bool
) -> None:
    org.backend.post("/simulator/engine", json={"engine": engine})
    org.sign_in()
    org.clock.now += 120
    page = org.visitor.open(org.url(max_age=max_age))
    assert page.has_redirect_location is not asks


def test_the_login_hint_fills_the_username(org: Organisation) -> None:
    page = org.visitor.open(org.url(login_hint="bob@example.com"))
    assert fields(page.text)["identifier"] == "bob@example.com"


def test_form_post_answers_with_a_form_that_works_without_script(org: Organisation) -> None:
    page = org.visitor.sign_in(org.url(response_mode="form_post"), org.alice, Factor.OTP)
    assert page.status_code == 200
    assert f'action="{REDIRECT_URI}"' in page.text
    sent = fields(page.text)
    assert sent["state"] == "state-1"
    assert org.redeem(sent["code"]).status_code == 200


def test_an_implicit_answer_travels_in_the_fragment(org: Organisation) -> None:
    url = org.url(client_id="implicit", response_type="id_token token")
    location = org.visitor.sign_in(url, org.alice, Factor.OTP).headers["location"]
    parts = urlsplit(location)
    assert not parts.query
    assert parse_qs(parts.fragment).keys() >= {"id_token", "access_token", "state"}


def test_only_people_who_are_assigned_get_in(org: Organisation) -> None:
    org.backend.post("/simulator/clients/assign", json={"client_id": "app", "assigned": ["admins"]})
    assert "code" in org.sign_in()
    org.browser.cookies.clear()
    received = org.sign_in(None, org.world.person("dave@example.com"))
    assert received["error"] == "access_denied"
    assert received["error_description"] == "User is not assigned to the client application."


def test_a_custom_server_without_an_access_policy_admits_nobody(org: Organisation) -> None:
    server = org.world.server("aus1other")
    assert server is not None
    server.access_policy = False
    received = org.sign_in(server="aus1other")
    assert received["error"] == "access_denied"
    assert received["error_description"].startswith("Policy evaluation failed for this request")
    assert org.simulation.log[-1].reason == "no_matching_policy"
