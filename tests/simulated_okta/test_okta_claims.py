"""Which claims ride in which token, and the hundred groups (Okta: groups claim)."""

from __future__ import annotations

import pytest
from joserfc.errors import InvalidKeyIdError

from simulated_okta.claims import half_hash
from simulated_okta.world import GroupsClaim
from tests.simulated_okta.organisation import ORG, START, Organisation


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
