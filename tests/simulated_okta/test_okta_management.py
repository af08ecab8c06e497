"""The management API: tokens, users, groups with paging, and the error object."""

from __future__ import annotations

from urllib.parse import quote

import httpx2
import pytest

from simulated_okta.errors import SUMMARIES
from tests.simulated_okta.organisation import ORG, Organisation

SSWS = {"authorization": "SSWS 00api"}
DAY = 24 * 3600


def refused(answer: httpx2.Response, code: str) -> None:
    """Check status and body of an error, all five members of it."""
    body = answer.json()
    assert body.keys() == {"errorCode", "errorSummary", "errorLink", "errorId", "errorCauses"}
    assert (answer.status_code, body["errorCode"]) == (SUMMARIES[code][0], code)
    assert body["errorLink"] == code
    assert body["errorId"].startswith("oae")
    assert all(cause.keys() == {"errorSummary"} for cause in body["errorCauses"])


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        pytest.param(None, "E0000005", id="nothing"),
        pytest.param("SSWS wrong", "E0000011", id="wrong-token"),
        pytest.param("Bearer 00api", "E0000011", id="wrong-scheme"),
    ],
)
def test_a_call_without_a_good_token_is_refused(
    org: Organisation, authorization: str | None, code: str
) -> None:
    headers = {"authorization": authorization} if authorization else {}
    refused(org.backend.get("/api/v1/users/me", headers=headers), code)


def test_me_is_the_owner_of_the_token(org: Organisation) -> None:
    body = org.backend.get("/api/v1/users/me", headers=SSWS).json()
    assert (body["id"], body["status"]) == (org.alice.id, "ACTIVE")
    assert body["profile"]["login"] == "alice@example.com"


@pytest.mark.parametrize("days", [29, 30])
def test_each_call_renews_the_token(org: Organisation, days: int) -> None:
    for _ in range(3):
        org.clock.now += days * DAY
        assert org.backend.get("/api/v1/users/me", headers=SSWS).status_code == 200


def test_a_token_dies_of_thirty_days_without_use(org: Organisation) -> None:
    org.clock.now += 30 * DAY + 1
    refused(org.backend.get("/api/v1/users/me", headers=SSWS), "E0000011")


def test_a_token_dies_with_its_owner(org: Organisation) -> None:
    body = {"login": "alice@example.com", "status": "DEPROVISIONED"}
    org.backend.post("/simulator/users/status", json=body)
    refused(org.backend.get("/api/v1/users/me", headers=SSWS), "E0000011")


def test_a_person_is_found_by_id_and_by_login(org: Organisation) -> None:
    for key in (org.alice.id, quote(org.alice.login, safe=""), "ALICE@example.com"):
        body = org.backend.get(f"/api/v1/users/{key}", headers=SSWS).json()
        assert body["id"] == org.alice.id


@pytest.mark.parametrize("path", ["/api/v1/users/nobody", "/api/v1/users/nobody/groups"])
def test_a_stranger_is_not_found(org: Organisation, path: str) -> None:
    answer = org.backend.get(path, headers=SSWS)
    refused(answer, "E0000007")
    assert answer.json()["errorSummary"] == "Not found: Resource not found: nobody (User)"


def test_the_wrong_method_and_the_wrong_path_have_their_codes(org: Organisation) -> None:
    refused(org.backend.delete("/api/v1/users/me", headers=SSWS), "E0000022")
    refused(org.backend.get("/api/v1/planets", headers=SSWS), "E0000007")


def test_groups_have_type_and_profile_and_include_everyone(org: Organisation) -> None:
    answer = org.backend.get(f"/api/v1/users/{org.alice.id}/groups", headers=SSWS)
    groups = {group["profile"]["name"]: group for group in answer.json()}
    assert groups.keys() == {"Everyone", "engineering", "admins"}
    assert groups["Everyone"]["type"] == "BUILT_IN"
    assert groups["admins"]["type"] == "OKTA_GROUP"
    assert groups["admins"]["id"].startswith("00g")
    assert "next" not in answer.links
    assert answer.links["self"]["url"] == f"{ORG}/api/v1/users/{org.alice.id}/groups"


@pytest.mark.parametrize("limit", [1, 7, 70, 140, 200])
def test_following_the_links_gives_every_group_once(org: Organisation, limit: int) -> None:
    url: str | None = f"{ORG}/api/v1/users/erin@example.com/groups?limit={limit}"
    names: list[str] = []
    while url:
        answer = org.backend.get(url, headers=SSWS)
        assert len(answer.json()) <= limit
        assert len(answer.headers.get_list("link")) == (2 if "next" in answer.links else 1)
        names += [group["profile"]["name"] for group in answer.json()]
        url = answer.links.get("next", {}).get("url")
    assert len(names) == len(set(names)) == 140


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=all", "after=invented"])
def test_bad_paging_is_a_validation_error(org: Organisation, query: str) -> None:
    answer = org.backend.get(f"/api/v1/users/{org.alice.id}/groups?{query}", headers=SSWS)
    refused(answer, "E0000001")
    assert answer.json()["errorCauses"]


def test_a_fault_can_point_the_next_link_elsewhere(org: Organisation) -> None:
    org.backend.put("/simulator/faults", json={"next_link_origin": "http://evil.test"})
    url = "/api/v1/users/erin@example.com/groups?limit=10"
    link = org.backend.get(url, headers=SSWS).links["next"]["url"]
    assert link.startswith("http://evil.test/api/v1/users/")
