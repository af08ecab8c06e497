"""Discovery, key sets and rotation (Okta: Authorization servers, Key rotation)."""

from __future__ import annotations

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from tests.simulated_okta.organisation import ORG, Organisation

DISCOVERY = [
    pytest.param("/.well-known/openid-configuration", ORG, id="org-oidc"),
    pytest.param("/.well-known/oauth-authorization-server", ORG, id="org-oauth"),
    pytest.param(
        "/oauth2/default/.well-known/openid-configuration", f"{ORG}/oauth2/default", id="default"
    ),
    pytest.param(
        "/oauth2/aus1other/.well-known/openid-configuration",
        f"{ORG}/oauth2/aus1other",
        id="custom-oidc",
    ),
    pytest.param(
        "/oauth2/aus1other/.well-known/oauth-authorization-server",
        f"{ORG}/oauth2/aus1other",
        id="custom-oauth",
    ),
    pytest.param(
        "/.well-known/oauth-authorization-server/oauth2/aus1other",
        f"{ORG}/oauth2/aus1other",
        id="custom-rfc8414",
    ),
]


@pytest.mark.parametrize(("path", "issuer"), DISCOVERY)
def test_every_document_names_its_issuer_and_endpoints(
    org: Organisation, path: str, issuer: str
) -> None:
    document = org.backend.get(path).json()
    base = f"{ORG}/oauth2/v1" if issuer == ORG else f"{issuer}/v1"
    assert document["issuer"] == issuer
    assert document["authorization_endpoint"] == f"{base}/authorize"
    assert document["token_endpoint"] == f"{base}/token"
    assert document["jwks_uri"] == f"{base}/keys"
    assert document["end_session_endpoint"] == f"{base}/logout"
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["subject_types_supported"] == ["public"]
    assert "okta_post_message" in document["response_modes_supported"]


def test_the_issuer_parameter_is_not_announced(org: Organisation) -> None:
    document = org.backend.get("/.well-known/openid-configuration").json()
    assert "authorization_response_iss_parameter_supported" not in document
    assert document["id_token_signing_alg_values_supported"] == ["RS256"]


@pytest.mark.parametrize(
    ("server", "announced"),
    [
        pytest.param("", True, id="org"),
        pytest.param("/oauth2/default", False, id="custom"),
        pytest.param("/oauth2/aus1other", True, id="custom-where-created"),
    ],
)
def test_groups_is_a_scope_of_the_org_server_only_unless_created(
    org: Organisation, server: str, announced: bool
) -> None:
    document = org.backend.get(f"{server}/.well-known/openid-configuration").json()
    assert ("groups" in document["scopes_supported"]) is announced


def test_an_unknown_server_is_not_found(org: Organisation) -> None:
    answer = org.backend.get("/oauth2/nowhere/.well-known/openid-configuration")
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "E0000007")


@pytest.mark.parametrize(("engine", "pipeline"), [("v1", "v1"), ("idx", "idx")])
def test_the_organisation_tells_its_engine_to_everybody(
    org: Organisation, engine: str, pipeline: str
) -> None:
    org.backend.post("/simulator/engine", json={"engine": engine})
    body = org.backend.get("/.well-known/okta-organization").json()
    assert body["pipeline"] == pipeline
    assert body["id"].startswith("00o")
    assert body["_links"]["organization"]["href"] == ORG


def test_keys_are_public_and_cacheable_for_weeks(org: Organisation) -> None:
    answer = org.backend.get("/oauth2/v1/keys")
    assert answer.headers["cache-control"] == "max-age=3832304, must-revalidate"
    (key,) = answer.json()["keys"]
    assert key.keys() == {"kty", "kid", "use", "alg", "n", "e"}
    assert (key["alg"], key["use"]) == ("RS256", "sig")


def kids(org: Organisation, path: str = "/oauth2/v1/keys") -> list[str]:
    return [key["kid"] for key in org.backend.get(path).json()["keys"]]


def test_the_next_key_is_listed_before_it_signs(org: Organisation) -> None:
    before = kids(org)
    announced = org.backend.post("/simulator/keys/publish-next", json={}).json()["kid"]
    assert set(kids(org)) == {*before, announced}
    assert id_token_kid(org) == before[0]
    org.backend.post("/simulator/keys/rotate", json={})
    assert id_token_kid(org) == announced
    assert set(kids(org)) == {*before, announced}


def test_an_emergency_takes_the_old_keys_away_at_once(org: Organisation) -> None:
    before = kids(org)
    old = org.tokens().json()["id_token"]
    new = org.backend.post("/simulator/keys/rotate", json={"emergency": True}).json()["kid"]
    assert kids(org) == [new]
    assert new not in before
    keys = KeySet.import_key_set(org.backend.get("/oauth2/v1/keys").json())
    with pytest.raises((JoseError, ValueError)):
        jwt.decode(old, keys, algorithms=["RS256"])


def test_servers_have_keys_of_their_own(org: Organisation) -> None:
    assert set(kids(org)).isdisjoint(kids(org, "/oauth2/default/v1/keys"))


def test_a_pinned_key_shows_only_to_who_names_the_client(org: Organisation) -> None:
    client = org.world.client("app")
    assert client is not None
    client.pinned_key = True
    pinned = id_token_kid(org)
    assert pinned not in kids(org)
    assert kids(org, "/oauth2/v1/keys?client_id=app") == [pinned]


def id_token_kid(org: Organisation) -> str:
    header = extract_compact(org.tokens().json()["id_token"].encode()).headers()
    assert header["alg"] == "RS256"
    return header["kid"]
