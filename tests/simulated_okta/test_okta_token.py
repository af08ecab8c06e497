"""The token endpoint, `/userinfo`, introspection, revocation and logout."""

from __future__ import annotations

import pytest

from tests.simulated_okta.organisation import CHALLENGE, REDIRECT_URI, VERIFIER, Organisation

PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}

CLIENTS = [
    pytest.param(
        {"client_secret": "wrong"},
        None,
        401,
        "The client secret supplied for a confidential client is invalid.",
        id="wrong",
    ),
    pytest.param({"client_secret": None}, None, 401, "Client authentication failed.", id="none"),
    pytest.param(
        {"client_id": None, "client_secret": None},
        None,
        401,
        "No client credentials found.",
        id="nobody",
    ),
    pytest.param(
        {"client_id": "ghost"}, None, 401, "Invalid value for 'client_id' parameter.", id="unknown"
    ),
    pytest.param({}, ("app", "secret"), 400, "Cannot supply multiple client", id="two-ways"),
    pytest.param(
        {"client_secret": None},
        ("app", "wrong"),
        401,
        "The client secret supplied for a confidential",
        id="basic-wrong",
    ),
]


@pytest.mark.parametrize(("changes", "basic", "status", "text"), CLIENTS)
def test_an_application_must_prove_itself(
    org: Organisation,
    changes: dict[str, str | None],
    basic: tuple[str, str] | None,
    status: int,
    text: str,
) -> None:
    form = {"grant_type": "authorization_code", "code": "c", "redirect_uri": REDIRECT_URI}
    form |= {"client_id": "app", "client_secret": "secret", **changes}
    sent = {name: value for name, value in form.items() if value is not None}
    answer = org.backend.post("/oauth2/v1/token", data=sent, auth=basic)
    assert answer.status_code == status
    assert answer.json()["error"] == ("invalid_client" if status == 401 else "invalid_request")
    assert answer.json()["error_description"].startswith(text)


def test_basic_authentication_is_as_good_as_the_form(org: Organisation) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": org.sign_in()["code"],
        "redirect_uri": REDIRECT_URI,
    }
    assert org.backend.post("/oauth2/v1/token", data=form, auth=("app", "secret")).is_success


def test_a_public_client_needs_its_verifier_alone(org: Organisation) -> None:
    code = org.sign_in(client_id="spa", **PKCE)["code"]
    answer = org.redeem(code, client_id="spa", client_secret=None, code_verifier=VERIFIER)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("asked", "verifier"),
    [
        pytest.param(PKCE, "w" * 43, id="wrong"),
        pytest.param(PKCE, None, id="missing"),
        pytest.param({}, VERIFIER, id="never-announced"),
    ],
)
def test_pkce_is_verified(org: Organisation, asked: dict[str, str], verifier: str | None) -> None:
    answer = org.redeem(org.sign_in(**asked)["code"], code_verifier=verifier)
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_grant",
        "error_description": "PKCE verification failed.",
    }


SPENT = {
    "error": "invalid_grant",
    "error_description": "The authorization code is invalid or has expired.",
}


def test_a_code_expires(org: Organisation) -> None:
    code = org.sign_in()["code"]
    org.clock.now += 301
    assert org.redeem(code).json() == SPENT


def test_a_code_used_twice_ends_the_tokens_of_the_first_use(org: Organisation) -> None:
    code = org.sign_in()["code"]
    headers = {"authorization": f"Bearer {org.redeem(code).json()['access_token']}"}
    assert org.backend.get("/oauth2/v1/userinfo", headers=headers).status_code == 200
    assert org.redeem(code).json() == SPENT
    assert org.backend.get("/oauth2/v1/userinfo", headers=headers).status_code == 401


def test_a_code_belongs_to_its_client_and_its_server(org: Organisation) -> None:
    code = org.sign_in()["code"]
    assert org.redeem(code, client_id="strict").json() == SPENT
    assert org.redeem(code, "default").json() == SPENT
    assert org.redeem(code).status_code == 200


def test_a_code_belongs_to_its_redirect_uri(org: Organisation) -> None:
    answer = org.redeem(org.sign_in()["code"], redirect_uri="http://app.test/other")
    assert answer.json()["error"] == "invalid_grant"
    assert "redirect_uri" in answer.json()["error_description"]


def test_a_code_of_somebody_deactivated_is_worthless(org: Organisation) -> None:
    code = org.sign_in()["code"]
    org.alice.status = "DEPROVISIONED"
    assert org.redeem(code).json() == SPENT


@pytest.mark.parametrize("grant", ["password", "client_credentials", None])
def test_other_grants_are_refused(org: Organisation, grant: str | None) -> None:
    assert org.redeem("c", grant_type=grant).json()["error"] == "unsupported_grant_type"


def test_a_token_request_is_a_form(org: Organisation) -> None:
    answer = org.backend.post("/oauth2/v1/token", json={"grant_type": "authorization_code"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_userinfo_refuses_with_a_header_and_no_body(org: Organisation) -> None:
    for headers in ({}, {"authorization": "Bearer nonsense"}):
        answer = org.backend.get("/oauth2/v1/userinfo", headers=headers)
        assert answer.status_code == 401
        assert answer.content == b""
        assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token"')


def test_userinfo_has_the_subject_and_the_groups(org: Organisation) -> None:
    headers = {"authorization": f"Bearer {org.tokens().json()['access_token']}"}
    info = org.backend.get("/oauth2/v1/userinfo", headers=headers).json()
    assert info["sub"] == org.alice.id
    assert info["groups"] == ["Everyone", "engineering", "admins"]
    assert org.backend.get("/oauth2/default/v1/userinfo", headers=headers).status_code == 401


def test_revocation_is_seen_by_introspection(org: Organisation) -> None:
    token = org.tokens().json()["access_token"]
    auth = ("app", "secret")
    before = org.backend.post("/oauth2/v1/introspect", data={"token": token}, auth=auth).json()
    assert before["active"] is True
    assert before["client_id"] == "app"
    assert org.backend.post("/oauth2/v1/revoke", data={"token": token}, auth=auth).content == b""
    after = org.backend.post("/oauth2/v1/introspect", data={"token": token}, auth=auth).json()
    assert after == {"active": False}


def test_logout_returns_only_to_registered_places(org: Organisation) -> None:
    id_token = org.tokens().json()["id_token"]
    sent = {"id_token_hint": id_token, "post_logout_redirect_uri": "http://evil.test/"}
    answer = org.browser.get("/oauth2/v1/logout", params=sent, follow_redirects=False)
    assert answer.status_code == 400
    sent |= {"post_logout_redirect_uri": "http://app.test/bye", "state": "s"}
    answer = org.browser.get("/oauth2/v1/logout", params=sent, follow_redirects=False)
    assert answer.headers["location"] == "http://app.test/bye?state=s"
    assert 'id="password"' in org.visitor.open(org.url()).text
