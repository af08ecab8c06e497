"""The echo: what arrives is what is shown, and streams flow."""

from __future__ import annotations

import hashlib

import pytest

from tests.sample_applications.conftest import Team


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_echo_shows_the_request(team: Team, method: str) -> None:
    answer = team.clients["echo"].request(
        method, "/echo/some/where?a=1", headers=[("x-twice", "1"), ("x-twice", "2")], content=b"hi"
    )
    body = answer.json()
    assert (body["method"], body["path"], body["query"]) == (method, "/echo/some/where", "a=1")
    assert body["headers"]["x-twice"] == "1, 2"
    assert ["x-twice", "2"] in body["header_list"]
    assert (body["body"], body["body_bytes"]) == ("hi", 2)
    assert body["verified_as"] is None


def test_echo_names_whoever_the_token_names(team: Team) -> None:
    body = team.clients["echo"].get("/echo", headers=team.headers()).json()
    assert body["verified_as"] == "alice@example.com"


def test_events_are_numbered(team: Team) -> None:
    answer = team.clients["echo"].get("/events?count=3&interval=0&from=5")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [line for line in answer.text.splitlines() if line.startswith("id:")] == [
        "id: 5",
        "id: 6",
        "id: 7",
    ]


def test_the_web_socket_echoes_text_and_bytes(team: Team) -> None:
    with team.clients["echo"].websocket_connect("/ws", subprotocols=["one", "two"]) as socket:
        assert socket.accepted_subprotocol == "one"
        socket.send_text("hello")
        assert socket.receive_text() == "hello"
        socket.send_bytes(b"\x00\x01")
        assert socket.receive_bytes() == b"\x00\x01"


def test_an_upload_is_counted_and_hashed(team: Team) -> None:
    content = b"0123456789" * 100_000
    body = team.clients["echo"].post("/upload", content=content).json()
    assert body["bytes"] == 1_000_000
    assert body["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("query", "size"),
    [("bytes=0", 0), ("bytes=1", 1), ("bytes=300000", 300_000), ("bytes=many", 1024)],
)
def test_a_download_has_the_size_that_was_asked_for(team: Team, query: str, size: int) -> None:
    answer = team.clients["echo"].get(f"/download?{query}")
    assert len(answer.content) == int(answer.headers["content-length"]) == size


@pytest.mark.parametrize(("code", "status"), [(204, 204), (404, 404), (503, 503), (700, 400)])
def test_a_status_can_be_asked_for(team: Team, code: int, status: int) -> None:
    assert team.clients["echo"].get(f"/status/{code}").status_code == status


@pytest.mark.parametrize("name", ["wiki", "echo", "payroll"])
def test_health_and_style_need_nobody(team: Team, name: str) -> None:
    for path in ("/healthz", "/static/style.css", f"/static/{name}.svg"):
        assert team.clients[name].get(path).status_code == 200
