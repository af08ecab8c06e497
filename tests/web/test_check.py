"""The check application over HTTP: what Envoy and visitors read of each answer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.flows.gate import (
    ALLOW_STAFF,
    AUD,
    EVERYONE,
    HOST,
    SERVICE,
    SERVICE_HEADERS,
    TEAM,
    Decision,
    Gate,
    policy,
)
from vestibule.model.access_log import AccessRecord
from vestibule.model.identity import User
from vestibule.model.rules import Rule
from vestibule.sessions import loops
from vestibule.web.check import CheckApp
from vestibule.web.check_answers import NOT_CACHED

BROWSER = {"accept": "text/html", "sec-fetch-mode": "navigate"}
PROGRAM = {"accept": "application/json", "sec-fetch-mode": "cors"}


@dataclass
class Log:
    records: list[AccessRecord] = field(default_factory=list)

    def put(self, record: AccessRecord) -> None:
        self.records.append(record)


@dataclass
class Counted:
    outcomes: list[str] = field(default_factory=list)

    def decided(self, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.outcomes.append(outcome)


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: str) -> str:
        values = self.all(name)
        assert len(values) == 1, f"{name} came {len(values)} times"
        return values[0]

    def all(self, name: str) -> list[str]:
        return [value for found, value in self.headers if found == name]


@dataclass
class Door:
    gate: Gate
    log: Log = field(default_factory=Log)
    counted: Counted = field(default_factory=Counted)

    def __post_init__(self) -> None:
        self.app = CheckApp(
            self.gate.check, live=self.gate.live, access_log=self.log, observer=self.counted
        )

    def ask(self, path: str = "/page", method: str = "GET", **headers: str) -> Answer:
        told = {
            "host": HOST,
            "x-vestibule-client-ip": "192.0.2.7",
            "x-vestibule-scheme": "https",
            "x-vestibule-mode": "gateway",
            "x-request-id": "0af76519-16cd-43dd-8448-eb211c80319c",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        raw, _, query = f"/check{path}".partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": raw,
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "headers": [(n.encode(), v.encode()) for n, v in told.items() if v],
        }
        return asyncio.run(self._run(scope))

    async def _run(self, scope: dict[str, Any]) -> Answer:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        headers = [(n.decode(), v.decode("latin-1")) for n, v in sent[0]["headers"]]
        return Answer(sent[0]["status"], headers, sent[1]["body"])


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def door(gate: Gate) -> Door:
    return Door(gate)


def test_a_stranger_is_redirected(gate: Gate, door: Door) -> None:
    gate.protect(ALLOW_STAFF)
    answer = door.ask(**BROWSER)
    assert answer.status == 302
    assert answer["location"].startswith(f"https://{TEAM}/cdn-cgi/access/login/{HOST}?kid={AUD}")
    assert answer["cache-control"] == NOT_CACHED
    assert answer["www-authenticate"].startswith("Cloudflare-Access resource_metadata=")
    names = [cookie.partition("=")[0] for cookie in answer.all("set-cookie")]
    assert names[0] == "CF_AppSession"
    assert all("Secure" in cookie and "Expires=" in cookie for cookie in answer.all("set-cookie"))
    assert door.counted.outcomes == ["SentToLogin"]
    assert door.log.records == []


def test_a_person_is_let_in_and_every_identity_header_is_ours(gate: Gate, door: Door) -> None:
    token, grant = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    spoofed = {"cf_access_user": "root", "cf_access_jwt_assertion": "forged"}
    answer = door.ask(**BROWSER, **spoofed, cookie=f"CF_Authorization={token}; a=b")
    assert answer.status == 200
    assert answer["cf-access-jwt-assertion"] == token
    assert answer["cf-access-authenticated-user-email"] == "ada@example.com"
    assert answer["x-vestibule-grant"] == grant.id
    assert answer["cookie"] == f"a=b; CF_Authorization={token}"
    removed = set(answer["x-envoy-auth-headers-to-remove"].split(","))
    identity = {
        "cf-access-jwt-assertion",
        "cf-access-authenticated-user-email",
        "cf-access-user",
        "x-vestibule-grant",
    }
    given = {name for name, _ in answer.headers}
    assert identity <= removed | given
    assert not removed & given
    assert [record.allowed for record in door.log.records] == [True]


def test_an_address_beyond_ascii_reaches_the_origin_and_its_cookies_unharmed(
    gate: Gate, door: Door
) -> None:
    application = gate.protect(policy(Decision.ALLOW, EVERYONE))
    with gate.store.transaction() as records:
        records.put_user(User("ada-id", "山田@例え.jp", "Ada", gate.clock.now()))
    token, _ = gate.sign_in(application, policy(Decision.ALLOW, EVERYONE))
    answer = door.ask(**BROWSER, cookie=f"CF_Authorization={token}; a=ü")
    assert answer.status == 200
    email = answer["cf-access-authenticated-user-email"]
    assert email.encode("latin-1").decode() == "山田@例え.jp"
    assert answer["cookie"].startswith("a=ü;".encode().decode("latin-1"))


def test_bypass_names_nobody(gate: Gate, door: Door) -> None:
    gate.protect(policy(Decision.BYPASS, EVERYONE))
    answer = door.ask(**BROWSER, cookie="CF_Authorization=x")
    assert answer.status == 200
    assert {
        "cookie",
        "cf-access-jwt-assertion",
        "cf-access-authenticated-user-email",
        "x-vestibule-grant",
    } <= set(answer["x-envoy-auth-headers-to-remove"].split(","))


def test_a_program_reads_json_and_a_challenge(gate: Gate, door: Door) -> None:
    gate.protect(ALLOW_STAFF)
    answer = door.ask("/api?secret=1", **PROGRAM)
    assert answer.status == 401
    assert answer["cf-access-aud"] == AUD
    assert answer["cf-access-domain"] == HOST
    assert answer["content-type"] == "application/json"
    told = json.loads(answer.body)
    assert told["error"] == "unauthenticated"
    assert told["reference"] == "0af7651916cd43dd"
    assert "secret" not in repr(door.log.records)
    assert answer["content-length"] == str(len(answer.body))


def test_a_person_who_is_refused_reads_a_page_with_a_reference(gate: Gate, door: Door) -> None:
    token, _ = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    gate.put(replace(ALLOW_STAFF, require=(Rule("auth_method", {"auth_method": "hwk"}),)))
    answer = door.ask(**BROWSER, cookie=f"CF_Authorization={token}")
    assert answer.status == 403
    assert answer["content-type"].startswith("text/html")
    assert answer["cf-access-error"] == "identity_denied"
    assert answer["cache-control"] == NOT_CACHED
    assert b"0af7651916cd43dd" in answer.body
    assert b"hwk" in answer.body
    (record,) = door.log.records
    assert (record.ray_id, record.allowed) == ("0af7651916cd43dd", False)
    as_program = door.ask(**PROGRAM, cookie=f"CF_Authorization={token}")
    assert json.loads(as_program.body)["error"] == "identity_denied"


def test_machines_only(gate: Gate, door: Door) -> None:
    gate.protect(SERVICE)
    gate.machine()
    refused = door.ask(**BROWSER)
    assert (refused.status, refused["cf-access-error"]) == (403, "forbidden")
    headers = {name.replace("-", "_"): value for name, value in SERVICE_HEADERS.items()}
    assert door.ask(**headers).status == 200
    bad = door.ask(**{**headers, "cf_access_client_secret": "x"})
    assert bad.status == 401
    assert bad.all("location") == []


def test_an_unmatched_host_has_a_page(gate: Gate, door: Door) -> None:
    gate.protect(ALLOW_STAFF)
    assert door.ask(**{**BROWSER, "host": "nobody.example.com"}).status == 403
    answer = door.ask(**{**PROGRAM, "host": "nobody.example.com"})
    assert json.loads(answer.body)["error"] == "unmatched"


def test_a_loop_has_a_page(gate: Gate, door: Door) -> None:
    gate.protect(ALLOW_STAFF)
    gate.live.current()
    page = loops.circle_of((), "/page", gate.clock.now())
    turned = loops.cookie(replace(page, turns=1, arrived=True))
    answer = door.ask(**BROWSER, cookie=f"CF_Redirects={turned.value}")
    assert answer.status == 400
    assert b"CF_Authorization" in answer.body
    assert "CF_Redirects=;" in answer["set-cookie"]


def test_a_terminals_metadata_question_has_no_body(gate: Gate, door: Door) -> None:
    gate.protect(ALLOW_STAFF)
    answer = door.ask(method="HEAD", cf_access_metadata_request="true")
    assert answer.status == 204
    assert answer["cf-access-metadata"].count(".") == 2
    assert answer.body == b""
    assert door.ask(method="HEAD", **PROGRAM).body == b""


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        pytest.param({"x_vestibule_client_ip": ""}, 503, id="no client address"),
        pytest.param({"x_vestibule_mode": "other"}, 503, id="unknown mode"),
        pytest.param({"x_vestibule_scheme": "ftp"}, 503, id="unknown scheme"),
        pytest.param({"x_request_id": ""}, 503, id="no request id"),
        pytest.param({"host": "a b"}, 400, id="bad host"),
        pytest.param({"host": ""}, 400, id="no host"),
    ],
)
def test_F1_a_request_that_cannot_be_read_is_never_let_in(
    gate: Gate, door: Door, changed: dict, status: int
) -> None:
    gate.protect(policy(Decision.BYPASS, EVERYONE))
    assert door.ask(**BROWSER, **changed).status == status


def test_F2_without_a_database_nobody_is_let_in(gate: Gate, door: Door) -> None:
    token, _ = gate.sign_in(gate.protect(ALLOW_STAFF), ALLOW_STAFF)
    gate.store.fail()
    for headers in (BROWSER, PROGRAM):
        answer = door.ask(**headers, cookie=f"CF_Authorization={token}")
        assert answer.status == 503
        assert answer["retry-after"]
        assert b"0af7651916cd43dd" in answer.body
    assert door.counted.outcomes == ["Failed", "Failed"]


def test_F2_a_view_that_nobody_confirms_lets_nobody_in(gate: Gate, door: Door) -> None:
    gate.protect(policy(Decision.BYPASS, EVERYONE))
    assert door.ask(**BROWSER).status == 200
    gate.store.fail()
    gate.clock.turn(seconds=5)
    assert door.ask(**BROWSER).status == 503


def test_F4_whatever_goes_wrong_is_a_503(gate: Gate, door: Door, monkeypatch) -> None:
    application = gate.protect(policy(Decision.BYPASS, EVERYONE))
    gate.put(replace(application, policy_ids=("lost",)))
    assert door.ask(**BROWSER).status == 503

    def broken(*_args: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(gate.check, "at_once", broken)
    answer = door.ask(**PROGRAM)
    assert answer.status == 503
    assert b"a bug" not in answer.body


def test_forward_auth_is_answered_alike(gate: Gate, door: Door) -> None:
    gate.protect(ALLOW_STAFF)
    assert door.ask(**BROWSER, x_vestibule_mode="forward-auth").status == 302
