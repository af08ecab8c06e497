"""The API's edge: its credentials, its envelope, and its refusals (api.md 1)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.fakes.store import MemoryStore
from vestibule.model.configuration import Configuration
from vestibule.model.organization import Organization
from vestibule.model.state import ApiToken
from vestibule.web.api.routes import api_routes

ACCOUNT = "a" * 32
GOOD, OLD = "g" * 48, "o" * 48
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class At:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
def client() -> TestClient:
    store = MemoryStore(Configuration(1, Organization(ACCOUNT, "Example", "team.example.com")))
    with store.transaction() as records:
        for name, secret, expires in (("good", GOOD, None), ("old", OLD, NOW - timedelta(1))):
            hashed = hashlib.sha256(secret.encode()).hexdigest()
            records.put_api_token(ApiToken(name, name, hashed, (), NOW, expires))
    return TestClient(Starlette(routes=api_routes(store, At())), raise_server_exceptions=False)


CASES = [
    pytest.param("GET", "/user/tokens/verify", f"Bearer {GOOD}", 200, None, id="valid"),
    pytest.param(
        "GET", f"/accounts/{ACCOUNT}/tokens/verify", f"bearer {GOOD}", 200, None, id="own"
    ),
    pytest.param("GET", f"/accounts/{'b' * 32}/tokens/verify", f"Bearer {GOOD}", 404, 7003, id="b"),
    pytest.param("GET", "/user/tokens/verify", f"Bearer {OLD}", 401, 1000, id="expired"),
    pytest.param("GET", "/user/tokens/verify", f"Bearer {'x' * 48}", 401, 1000, id="unknown"),
    pytest.param("GET", "/user/tokens/verify", None, 400, 9106, id="no credential"),
    pytest.param("GET", "/user/tokens/verify", f"Basic {GOOD}", 400, 6003, id="another scheme"),
    pytest.param("GET", "/user/tokens/verify", "Bearer short", 400, 6003, id="malformed"),
    pytest.param("POST", "/user/tokens/verify", f"Bearer {GOOD}", 405, 10405, id="wrong method"),
    pytest.param("GET", "/zones", f"Bearer {GOOD}", 404, 7000, id="nothing there"),
    pytest.param("DELETE", "/zones/1", f"Bearer {'x' * 48}", 401, 10000, id="nobody, nothing"),
]


@pytest.mark.parametrize(("method", "path", "credential", "status", "code"), CASES)
def test_each_answer_has_its_status_and_its_envelope(
    client: TestClient,
    method: str,
    path: str,
    credential: str | None,
    status: int,
    code: int | None,
) -> None:
    headers = {} if credential is None else {"Authorization": credential}
    answer = client.request(method, f"/client/v4{path}", headers=headers)
    body = answer.json()
    assert answer.status_code == status
    assert set(body) == {"success", "errors", "messages", "result"}
    assert body["success"] is (code is None)
    assert [error["code"] for error in body["errors"]] == ([] if code is None else [code])
    assert (body["result"] is None) is (code is not None)
    assert GOOD not in answer.text
