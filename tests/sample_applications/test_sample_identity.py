"""The applications believe nothing but a good token."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import pytest
from joserfc.jwk import KeySet

from sample_applications import identity
from sample_applications.configuration import Application
from sample_applications.identity import Keys, loopback
from tests.sample_applications.conftest import AUDIENCE, Team, new_key


@pytest.mark.parametrize("path", ["/", "/pages/welcome", "/whoami"])
def test_a_good_token_opens_the_wiki_under_its_name(team: Team, path: str) -> None:
    answer = team.clients["wiki"].get(path, headers=team.headers())
    assert answer.status_code == 200
    assert '<strong id="signed-in-as">alice@example.com</strong>' in answer.text


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        pytest.param({"aud": ["b" * 64]}, "for another application", id="audience"),
        pytest.param({"aud": "b" * 64}, "for another application", id="audience-text"),
        pytest.param({"type": "org"}, "for another application", id="global-token"),
        pytest.param({"iss": "https://evil.test"}, "another team domain", id="issuer"),
        pytest.param({"exp": int(time.time()) - 120}, "has expired", id="expired"),
        pytest.param({"exp": None}, "has expired", id="no-expiry"),
        pytest.param({"nbf": int(time.time()) + 600}, "not valid yet", id="early"),
    ],
)
def test_a_token_that_is_not_for_us_is_refused(
    team: Team, claims: dict[str, Any], reason: str
) -> None:
    answer = team.clients["payroll"].get("/", headers=team.headers(**claims))
    assert answer.status_code == 403
    assert reason in answer.text
    assert "alice" not in answer.text


def test_no_token_is_refused(team: Team) -> None:
    answer = team.clients["wiki"].get("/", headers={})
    assert answer.status_code == 403
    assert "carries no token" in answer.text


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_refused(team: Team, token: str) -> None:
    answer = team.clients["wiki"].get("/", headers={"cf-access-jwt-assertion": token})
    assert answer.status_code == 403


def test_a_stranger_s_signature_is_refused(team: Team) -> None:
    same_name = new_key(str(team.keys.key.kid))
    answer = team.clients["wiki"].get("/", headers=team.headers(same_name))
    assert answer.status_code == 403
    other_name = team.headers(new_key("two"))
    assert "does not publish" in team.clients["wiki"].get("/", headers=other_name).text


def test_the_email_header_alone_proves_nothing(team: Team) -> None:
    forged = {"cf-access-authenticated-user-email": "root@example.com"}
    assert team.clients["wiki"].get("/", headers=forged).status_code == 403
    answer = team.clients["wiki"].get("/", headers=team.headers() | forged)
    assert answer.status_code == 403
    assert "different people" in answer.text


def test_a_machine_is_greeted_by_its_common_name(team: Team) -> None:
    headers = team.headers(sub="", email="", common_name="robot.access")
    assert "robot.access" in team.clients["wiki"].get("/", headers=headers).text


@pytest.mark.parametrize("path", ["/public", "/public/and/below"])
def test_the_public_page_needs_nobody(team: Team, path: str) -> None:
    answer = team.clients["echo"].get(path)
    assert answer.status_code == 200
    assert "Nobody is signed in" in answer.text


def test_the_payroll_shows_how_one_signed_in(team: Team) -> None:
    answer = team.clients["payroll"].get("/", headers=team.headers())
    assert '<strong id="methods">pwd, hwk</strong>' in answer.text


def test_claims_are_shown_and_never_run(team: Team) -> None:
    headers = team.headers(custom={"department": "<script>alert(1)</script>"})
    answer = team.clients["wiki"].get("/whoami", headers=headers)
    assert "<script>alert" not in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.anyio
async def test_keys_are_fetched_for_an_unknown_name_and_not_too_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetched: list[Application] = []

    async def fetch(application: Application) -> KeySet:
        fetched.append(application)
        return KeySet([new_key("one")])

    monkeypatch.setattr(identity, "_fetch", fetch)
    now = 0.0
    keys = Keys(Application(certs_url="http://team.test/certs"), clock=lambda: now)
    await keys.containing("one")
    await keys.containing("one")
    await keys.containing("flood")
    assert len(fetched) == 1
    now = 6.0
    await keys.containing("two")
    assert len(fetched) == 2


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://team.localhost:8080/c", ("http://127.0.0.1:8080/c", "team.localhost:8080")),
        ("http://team.test/c", ("http://team.test/c", "team.test")),
        ("https://team.localhost/c", ("https://team.localhost/c", "team.localhost")),
    ],
)
def test_localhost_names_are_this_machine(url: str, expected: tuple[str, str]) -> None:
    assert loopback(url) == expected


def test_unreachable_keys_admit_nobody(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetch(_: str) -> KeySet:
        raise httpx2.ConnectError("down")

    monkeypatch.setattr(team.clients["wiki"], "headers", {})
    monkeypatch.setattr(type(team.keys), "containing", lambda *_: fetch(""))
    answer = team.clients["wiki"].get("/", headers=team.headers())
    assert answer.status_code == 403
    assert "could not be fetched" in answer.text


def test_an_application_that_knows_no_team_domain_admits_nobody() -> None:
    from starlette.testclient import TestClient

    from sample_applications import wiki
    from sample_applications.pages import Desk

    with TestClient(wiki.create_app(Desk("wiki", Application(audience=AUDIENCE)))) as client:
        answer = client.get("/")
        assert answer.status_code == 403
        assert "cannot tell who you are" in answer.text
