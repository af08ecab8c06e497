"""Rate limits, ThreatInsight, faults, the record of requests, and the control surface."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from simulated_okta import create_app
from tests.simulated_okta.organisation import ORG, START, Organisation

SSWS = {"authorization": "SSWS 00api"}
ADDRESS = "testclient"


def limits(org: Organisation, **body: Any) -> None:
    assert org.backend.put("/simulator/rate-limits", json=body).status_code == 200


def test_every_answer_has_a_request_id_and_the_limits(org: Organisation) -> None:
    answer = org.backend.get("/api/v1/users/me", headers=SSWS)
    assert answer.headers["x-okta-request-id"]
    assert answer.headers["x-rate-limit-limit"] == "600"
    assert answer.headers["x-rate-limit-remaining"] == "599"
    assert answer.headers["x-rate-limit-reset"] == str(START + 60)


@pytest.mark.parametrize(
    ("endpoint", "path"),
    [
        pytest.param("groups", "/api/v1/users/me/groups", id="groups"),
        pytest.param("users", "/api/v1/users/me", id="users"),
        pytest.param("userinfo", "/oauth2/v1/userinfo", id="userinfo"),
        pytest.param("keys", "/oauth2/default/v1/keys", id="keys"),
        pytest.param("metadata", "/.well-known/openid-configuration", id="metadata"),
    ],
)
def test_above_the_limit_comes_429_until_the_reset(
    org: Organisation, endpoint: str, path: str
) -> None:
    limits(org, endpoints={endpoint: 2})
    for _ in range(2):
        assert org.backend.get(path, headers=SSWS).status_code != 429
    answer = org.backend.get(path, headers=SSWS)
    assert (answer.status_code, answer.json()["errorCode"]) == (429, "E0000047")
    assert answer.headers["x-rate-limit-remaining"] == "0"
    org.clock.now = int(answer.headers["x-rate-limit-reset"])
    assert org.backend.get(path, headers=SSWS).status_code != 429


def test_the_token_endpoint_has_a_limit_of_its_own(org: Organisation) -> None:
    limits(org, endpoints={"token": 1})
    assert org.redeem("c").status_code == 400
    assert org.redeem("c").status_code == 429
    assert org.backend.get("/api/v1/users/me", headers=SSWS).status_code == 200


def test_a_concurrency_violation_shows_zeros(org: Organisation) -> None:
    limits(org, endpoints={"groups": 0})
    answer = org.backend.get("/api/v1/users/me/groups", headers=SSWS)
    assert answer.status_code == 429
    assert answer.headers["x-rate-limit-limit"] == answer.headers["x-rate-limit-remaining"] == "0"


def test_the_client_based_limit_stops_a_loop_of_redirects(org: Organisation) -> None:
    limits(org, client_based="ENFORCE", client_based_limit=3)
    answers = [org.browser.get(org.url(), follow_redirects=False) for _ in range(5)]
    # The first one had no device cookie yet, and counts for itself.
    assert [answer.status_code for answer in answers] == [303, 303, 303, 303, 429]
    assert "text/html" in answers[-1].headers["content-type"]
    assert org.backend.get(org.url(), follow_redirects=False).status_code == 303


def test_a_preview_of_the_client_based_limit_only_logs(org: Organisation) -> None:
    limits(org, client_based="PREVIEW", client_based_limit=1)
    for _ in range(3):
        assert org.browser.get(org.url(), follow_redirects=False).status_code == 303
    assert org.simulation.log[-1].event_type == "system.client.rate_limit.violation"


def threat(org: Organisation, **body: Any) -> None:
    assert org.backend.put("/simulator/threat-insight", json=body).status_code == 200


@pytest.mark.parametrize(
    ("action", "status", "logged"),
    [
        pytest.param("none", 200, False, id="none"),
        pytest.param("audit", 200, True, id="audit"),
        pytest.param("block", 403, True, id="block"),
    ],
)
def test_threat_insight_acts_on_suspicious_addresses(
    org: Organisation, action: str, status: int, logged: bool
) -> None:
    threat(org, action=action, addresses=[ADDRESS])
    assert org.backend.get("/api/v1/users/me", headers=SSWS).status_code == status
    events = [event.event_type for event in org.simulation.log]
    assert ("security.threat.detected" in events) is logged


def test_a_block_reaches_token_userinfo_and_api(org: Organisation) -> None:
    code = org.sign_in()["code"]
    threat(org, action="block", addresses=[ADDRESS], surfaces=["token", "userinfo", "api"])
    assert org.redeem(code).status_code == 403
    assert org.backend.get("/oauth2/v1/userinfo").status_code == 403
    answer = org.backend.get(f"/api/v1/users/{org.alice.id}/groups", headers=SSWS)
    assert (answer.status_code, answer.json()["errorCode"]) == (403, "E0000006")
    # The browser, elsewhere on the network, goes on working.
    assert "code" in org.sign_in()


def test_an_excluded_zone_is_left_alone(org: Organisation) -> None:
    threat(org, action="block", addresses=[ADDRESS], exclude=[ADDRESS])
    assert org.backend.get("/api/v1/users/me", headers=SSWS).status_code == 200


def test_networks_are_matched_by_their_range(org: Organisation) -> None:
    with TestClient(create_app(org.world), base_url=ORG, client=("192.0.2.7", 1)) as outside:
        threat(org, action="block", addresses=["192.0.2.0/24"])
        assert outside.get("/api/v1/users/me", headers=SSWS).status_code == 403


def test_a_fault_answers_with_its_status(org: Organisation) -> None:
    org.backend.put("/simulator/faults", json={"status": {"keys": 503}})
    assert org.backend.get("/oauth2/v1/keys").status_code == 503
    org.backend.put("/simulator/faults", json={})
    assert org.backend.get("/oauth2/v1/keys").status_code == 200


def test_a_fault_can_give_another_subject_at_userinfo(org: Organisation) -> None:
    token = org.tokens().json()["access_token"]
    org.backend.put("/simulator/faults", json={"userinfo_subject": "00uSomebodyElse"})
    headers = {"authorization": f"Bearer {token}"}
    assert org.backend.get("/oauth2/v1/userinfo", headers=headers).json()["sub"] != org.alice.id


def test_requests_are_listed_without_their_secrets(org: Organisation) -> None:
    org.backend.get("/api/v1/users/me", headers={**SSWS, "user-agent": "gateway/1"})
    (seen,) = org.backend.get("/simulator/requests").json()
    assert (seen["method"], seen["path"], seen["status"]) == ("GET", "/api/v1/users/me", 200)
    assert seen["user_agent"] == "gateway/1"
    assert "00api" not in str(seen)
    org.backend.delete("/simulator/requests")
    assert org.backend.get("/simulator/requests").json() == []


def test_memberships_change_at_once(org: Organisation) -> None:
    body = {"login": "alice@example.com", "group": "on-call"}
    org.backend.post("/simulator/groups/add", json=body)
    assert "on-call" in org.claims(org.tokens().json()["id_token"])["groups"]
    org.backend.post("/simulator/groups/remove", json=body)
    assert "on-call" not in org.claims(org.tokens().json()["id_token"])["groups"]


def test_the_current_code_can_be_asked_for(org: Organisation) -> None:
    body = org.backend.get("/simulator/totp/alice@example.com").json()
    assert len(body["code"]) == 6
    assert 0 < body["seconds_left"] <= 30


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("engine", {"engine": "steam"}, id="engine"),
        pytest.param("engine", {}, id="missing-member"),
        pytest.param("engine", [], id="not-an-object"),
        pytest.param("groups/add", {"login": "nobody", "group": "x"}, id="nobody"),
        pytest.param("users/status", {"login": "alice@example.com", "status": "?"}, id="status"),
        pytest.param("clients/assign", {"client_id": "ghost", "assigned": None}, id="client"),
        pytest.param("keys/rotate", {"server": "ghost"}, id="server"),
    ],
)
def test_a_command_that_makes_no_sense_says_so(org: Organisation, path: str, body: Any) -> None:
    answer = org.backend.post(f"/simulator/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_the_control_surface_can_be_locked(org: Organisation) -> None:
    with TestClient(create_app(org.world, control_token="key"), base_url=ORG) as client:
        assert client.get("/simulator/state").status_code == 401
        headers = {"authorization": "Bearer key"}
        assert client.get("/simulator/state", headers=headers).status_code == 200
