"""The code flow with PKCE by an independent client, Authlib, over a real socket.

Also the command line: configuration file, port 0, ready file.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

from simulated_okta.demo_world import OTHER_SERVER, people
from simulated_okta.factors import Factor
from simulated_okta.visitor import Visitor

REDIRECT_URI = "http://app.test/callback"
DEMO = {
    "client_id": "vestibule",
    "client_secret": "demo client secret",
    "redirect_uris": [REDIRECT_URI],
    "api_token": "00demo",
}


def start(folder: Path, configuration: dict[str, Any], *more: str) -> subprocess.Popen[str]:
    """Start the command and return it once it has printed its URL, or ended."""
    config = folder / "okta.json"
    config.write_text(json.dumps(configuration))
    ready = ["--ready-file", str(folder / "ready.json")]
    return subprocess.Popen(
        [sys.executable, "-m", "simulated_okta", "--config", str(config), *ready, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("okta")
    process = start(folder, {"demo": DEMO})
    assert process.stdout is not None
    printed = process.stdout.readline().strip()
    ready = json.loads((folder / "ready.json").read_text())
    assert (ready["url"], ready["port"]) == (printed, int(printed.rpartition(":")[2]))
    assert ready["people"][0]["login"] == people()[0].login
    yield printed
    process.terminate()
    process.wait(10)


@pytest.mark.parametrize(
    ("method", "server", "scope"),
    [
        pytest.param("client_secret_basic", "", "openid profile email groups", id="org-basic"),
        pytest.param("client_secret_post", "", "openid email", id="org-post"),
        pytest.param("client_secret_basic", "default", "openid email", id="custom-default"),
        pytest.param("client_secret_post", OTHER_SERVER, "openid profile groups", id="custom"),
    ],
)
def test_authlib_completes_the_code_flow(served: str, method: str, server: str, scope: str) -> None:
    issuer = f"{served}/oauth2/{server}" if server else served
    metadata = httpx2.get(f"{issuer}/.well-known/openid-configuration").json()
    client = OAuth2Client(
        DEMO["client_id"],
        DEMO["client_secret"],
        token_endpoint_auth_method=method,
        scope=scope,
        redirect_uri=REDIRECT_URI,
        code_challenge_method="S256",
    )
    verifier, nonce, state = generate_token(48), generate_token(20), generate_token(20)
    url, _ = client.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, state=state
    )
    alice = people()[0]
    with httpx2.Client() as browser:
        answer = Visitor(browser).sign_in(url, alice, Factor.SECURITY_KEY)
    token = client.fetch_token(
        metadata["token_endpoint"],
        authorization_response=answer.headers["location"],
        code_verifier=verifier,
        state=state,
    )
    keys = KeySet.import_key_set(httpx2.get(metadata["jwks_uri"]).json())
    raw = jwt.decode(token["id_token"], keys, algorithms=["RS256"])
    claims = CodeIDToken(
        raw.claims,
        raw.header,
        options={"iss": {"value": issuer}, "aud": {"value": DEMO["client_id"]}},
        params={
            "nonce": nonce,
            "client_id": DEMO["client_id"],
            "access_token": token["access_token"],
        },
    )
    claims.validate()
    info = client.get(metadata["userinfo_endpoint"]).json()
    assert claims["sub"] == info["sub"] == alice.id
    assert claims["amr"] == ["hwk", "mfa", "pwd"]
    assert ("groups" in claims) is ("groups" in scope)


def test_a_person_with_very_many_groups_is_in_the_demo(served: str) -> None:
    headers = {"authorization": "SSWS 00demo"}
    answer = httpx2.get(f"{served}/api/v1/users/erin@example.com/groups", headers=headers)
    assert len(answer.json()) > 100


@pytest.mark.parametrize(
    "configuration",
    [
        pytest.param({}, id="empty"),
        pytest.param({"demo": {"client": "x"}}, id="unknown-argument"),
        pytest.param({"world": {"planets": []}}, id="unknown-member"),
        pytest.param({"demo": DEMO, "colour": "red"}, id="unknown-setting"),
    ],
)
def test_a_configuration_that_is_wrong_is_refused(
    tmp_path: Path, configuration: dict[str, Any]
) -> None:
    process = start(tmp_path, configuration)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert str(tmp_path / "okta.json") in errors


def test_the_issuer_may_be_named_before_the_port_is_known(tmp_path: Path) -> None:
    process = start(tmp_path, {"demo": DEMO | {"org_url": "http://okta.localhost:{port}"}})
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    port = url.rpartition(":")[2]
    document = httpx2.get(f"http://127.0.0.1:{port}/.well-known/openid-configuration").json()
    process.terminate()
    process.wait(10)
    assert document["issuer"] == url == f"http://okta.localhost:{port}"
