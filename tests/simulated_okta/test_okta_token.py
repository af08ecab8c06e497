"""The token endpoint, `/userinfo`, introspection, revocation and logout."""

from __future__ import annotations

import pytest
from joserfc.errors import InvalidKeyIdError
from tests.simulated_okta.organisation import (
    CHALLENGE,
    ORG,
    REDIRECT_URI,
    START,
    VERIFIER,
    Organisation,
)

from simulated_okta.claims import half_hash
from simulated_okta.world import GroupsClaim

PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


def test_an_id_token_of_the_org_server_is_fat(org: Organisation) -> None:
    answer = org.tokens()
    assert answer.headers["cache-control"] == "no-cache, no-store"
    body = answer.json()
    assert body.keys() == {"token_type", "expires_in", "access_token", "scope", "id_token"}
    token = org.claims(body["id_token"])
    assert token | {"jti": ""} == {
        "sub": org.alice.id,
        "ver": 1,
        "iss": ORG,
        "aud": "app",
        "iat": START,
        "exp": START + 3600,
        "jti": "",
        "amr": ["mfa", "otp", "pwd"],
        "idp": org.world.id,
        "auth_time": START,
        "nonce": "nonce-1",
        "at_hash": half_hash(body["access_token"]),
        "name": "Alice Moreau",
        "preferred_username": "alice@example.com",
        "given_name": "Alice",
        "family_name": "Moreau",
        "locale": "en_US",
        "zoneinfo": "America/Los_Angeles",
        "updated_at": START,
        "email": "alice@example.com",
        "email_verified": True,
        "groups": ["Everyone", "engineering", "admins"],
    }
    assert org.alice.id.startswith("00u")
    assert len(org.alice.id) == 20


def test_no_nonce_and_no_acr_unless_asked(org: Organisation) -> None:
    token = org.claims(org.tokens(nonce=None).json()["id_token"])
    assert not token.keys() & {"nonce", "acr"}


def test_a_custom_server_tells_what_is_always_included(org: Organisation) -> None:
    body = org.tokens(server="aus1other").json()
    token = org.claims(body["id_token"], "aus1other")
    assert token["iss"] == f"{ORG}/oauth2/aus1other"
    assert token["department"] == "Platform"
    assert token["groups"] == ["Everyone", "engineering", "admins"]
    assert "quiet" not in token
    headers = {"authorization": f"Bearer {body['access_token']}"}
    info = org.backend.get("/oauth2/aus1other/v1/userinfo", headers=headers).json()
    assert info["quiet"] == "Platform"
    assert info["given_name"] == "Alice"
    access = org.claims(body["access_token"], "aus1other")
    assert (access["aud"], access["cid"], access["uid"]) == ("api://other", "app", org.alice.id)


def test_the_default_server_knows_no_groups(org: Organisation) -> None:
    body = org.tokens(server="default").json()
    assert "groups" not in org.claims(body["id_token"], "default")


def test_an_access_token_of_the_org_server_is_signed_by_nobody_we_know(org: Organisation) -> None:
    with pytest.raises(InvalidKeyIdError):
        org.claims(org.tokens().json()["access_token"])


def test_an_implicit_id_token_with_an_access_token_is_thin(org: Organisation) -> None:
    received = org.sign_in(client_id="implicit", response_type="id_token token")
    token = org.claims(received["id_token"])
    assert token["email"] == "alice@example.com"
    assert not token.keys() & {"groups", "given_name", "email_verified", "locale"}


def test_an_implicit_id_token_alone_is_fat(org: Organisation) -> None:
    received = org.sign_in(client_id="implicit", response_type="id_token")
    assert org.claims(received["id_token"])["groups"] == ["Everyone", "engineering", "admins"]


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        pytest.param(GroupsClaim("REGEX", ".*"), {"Everyone", "engineering", "admins"}, id="all"),
        pytest.param(GroupsClaim("STARTS_WITH", ".*"), set(), id="starts-with-a-regex"),
        pytest.param(GroupsClaim("STARTS_WITH", "eng"), {"engineering"}, id="starts-with"),
        pytest.param(GroupsClaim("EQUALS", "admins"), {"admins"}, id="equals"),
        pytest.param(GroupsClaim("CONTAINS", "i"), {"engineering", "admins"}, id="contains"),
        pytest.param(GroupsClaim("REGEX", "adm"), set(), id="regex-matches-whole-names"),
    ],
)
def test_the_filter_chooses_the_groups(
    org: Organisation, claim: GroupsClaim, expected: set[str]
) -> None:
    client = org.world.client("app")
    assert client is not None
    client.groups_claim = claim
    token = org.claims(org.tokens().json()["id_token"])
    assert set(token["groups"]) == expected


def test_without_a_filter_there_is_no_groups_claim(org: Organisation) -> None:
    client = org.world.client("app")
    assert client is not None
    client.groups_claim = None
    assert "groups" not in org.claims(org.tokens().json()["id_token"])


def test_without_the_scope_there_is_no_groups_claim(org: Organisation) -> None:
    body = org.tokens(scope="openid email").json()
    assert "groups" not in org.claims(body["id_token"])


@pytest.mark.parametrize(("kind", "seen"), [("filter", False), ("expression", True)])
def test_imported_groups_need_an_expression(org: Organisation, kind: str, seen: bool) -> None:
    client = org.world.client("app")
    assert client is not None
    client.groups_claim = GroupsClaim(kind=kind)
    org.alice.groups.append("directory-import")
    token = org.claims(org.tokens().json()["id_token"])
    assert ("directory-import" in token["groups"]) is seen


TOO_MANY = "The groups claim matched too many groups and must be configured to match fewer groups."


def test_a_filter_lifts_the_limit_for_the_code_flow(org: Organisation) -> None:
    body = org.tokens(None, org.world.person("erin@example.com")).json()
    assert len(org.claims(body["id_token"])["groups"]) == 140
    headers = {"authorization": f"Bearer {body['access_token']}"}
    info = org.backend.get("/oauth2/v1/userinfo", headers=headers)
    assert (info.status_code, info.json()["error"]) == (400, "server_error")


@pytest.mark.parametrize("server", ["", "aus1other"])
def test_more_than_a_hundred_groups_fail_the_token_request(org: Organisation, server: str) -> None:
    client = org.world.client("app")
    assert client is not None
    client.groups_claim = GroupsClaim(kind="expression")
    answer = org.tokens(None, org.world.person("erin@example.com"), server)
    assert answer.status_code == 400
    assert answer.json() == {"error": "server_error", "error_description": TOO_MANY}
    assert org.simulation.log[-1].reason == "too_many_groups_in_groups_claim"


@pytest.mark.parametrize(("count", "status"), [(100, 200), (101, 400)])
def test_a_hundred_is_still_allowed(org: Organisation, count: int, status: int) -> None:
    client, erin = org.world.client("app"), org.world.person("erin@example.com")
    assert client is not None
    assert erin is not None
    client.groups_claim = GroupsClaim(kind="expression")
    erin.groups = erin.groups[: count - 1]
    assert org.tokens(None, erin).status_code == status


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
