"""What passes through, and what ends open streams: access.md 4.7, 6; issue 2, parts 3 and 7."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import grpc
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.end_to_end.reference_world import World
from tests.end_to_end.visitor import Visitor, claims_of

pytestmark = pytest.mark.envoy

HOST = "east.localhost"


def open_web_socket(visitor: Visitor) -> ClientConnection:
    """A WebSocket to the application that echoes."""
    return connect(
        f"ws://{HOST}:{visitor.port}/ws",
        sock=socket.create_connection(("127.0.0.1", visitor.port)),
        additional_headers={"Cookie": visitor.cookie_header(HOST)},
    )


def echoes(web_socket: ClientConnection) -> bool:
    """Whether it still does."""
    web_socket.send("hello")
    return web_socket.recv(timeout=5) == "hello"


@contextmanager
def event_stream(visitor: Visitor) -> Iterator[HTTPResponse]:
    """An open stream of events, ten a second."""
    connection = HTTPConnection("127.0.0.1", visitor.port, timeout=10)
    headers = {
        "Host": f"{HOST}:{visitor.port}",
        "Cookie": visitor.cookie_header(HOST),
        "Accept": "text/event-stream",
    }
    connection.request("GET", "/events?interval=0.1", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200
    try:
        yield answer
    finally:
        connection.close()


def goes_on(stream: HTTPResponse) -> bool:
    """Whether a further event arrives."""
    return any(stream.readline().startswith(b"data:") for _ in range(8))


def ends(stream: HTTPResponse) -> None:
    """Read until it is over."""
    try:
        while stream.readline():
            pass
    except (OSError, ValueError):
        pass


def by_user(world: World, _: Visitor) -> tuple[str, ...]:
    return ("revoke", "--user", "carol@example.com")


def by_session(world: World, visitor: Visitor) -> tuple[str, ...]:
    nonce = claims_of(visitor.cookie(HOST, "CF_Authorization"))["identity_nonce"]
    return ("revoke", "--session", nonce)


def by_grant(world: World, visitor: Visitor) -> tuple[str, ...]:
    return ("revoke", "--grant", claims_of(visitor.cookie(HOST, "CF_Authorization"))["jti"])


@pytest.mark.parametrize("how", [by_user, by_session, by_grant])
def test_a_revocation_ends_what_is_open_within_a_second(
    world: World, how: Callable[[World, Visitor], tuple[str, ...]]
) -> None:
    """4.7: requests, a WebSocket and an event stream; a bystander's go on.

    A person who was revoked cannot sign in again for a minute.
    """
    name = "carol" if how is by_user else "bob"
    bob, alice = (world.signed_in(one, HOST, "/echo") for one in (name, "alice"))
    with (
        open_web_socket(bob) as cut,
        open_web_socket(alice) as kept,
        event_stream(bob) as cut_events,
        event_stream(alice) as kept_events,
    ):
        assert echoes(cut)
        assert echoes(kept)
        assert goes_on(cut_events)
        ended: dict[str, float] = {}

        def watch(name: str, wait: Callable[[], Any]) -> threading.Thread:
            def waiting() -> None:
                wait()
                ended[name] = time.time()

            thread = threading.Thread(target=waiting, daemon=True)
            thread.start()
            return thread

        def closed() -> None:
            with pytest.raises(ConnectionClosed):
                cut.recv(timeout=20)

        url = bob.url(HOST, "/echo")
        token = {"Cookie": f"CF_Authorization={bob.cookie(HOST, 'CF_Authorization')}"}
        other = world.visitor()

        def refused() -> None:
            while other.ask(url, with_cookies=False, **token).status == 200:
                pass

        watching = [
            watch("web socket", closed),
            watch("event stream", lambda: ends(cut_events)),
            watch("request", refused),
        ]
        told = world.demo.command(*how(world, bob))
        assert "Ended" in told
        for one in watching:
            one.join(5)
        assert set(ended) == {"web socket", "event stream", "request"}
        revoked = datetime.fromisoformat(world.logged(action="revoke")["created_at"]).timestamp()
        for what, moment in sorted(ended.items()):
            print(f"{how.__name__}: the {what} ended {moment - revoked:.3f} s after the revocation")
            assert -0.01 < moment - revoked < 1
        assert echoes(kept)
        assert goes_on(kept_events)
        assert alice.ask(alice.url(HOST, "/echo")).status == 200

    if how is by_user:
        page = world.visitor().sign_in(url, world.person("carol"))
        assert page.status == 403
        assert "revoked" in page.text


def test_revoking_an_application_ends_all_of_it_and_nothing_else(world: World) -> None:
    """4.7: everybody may log straight in again, silently."""
    alice = world.signed_in("alice", HOST, "/echo")
    assert alice.open(alice.url("lazy.localhost", "/echo")).status == 200
    with open_web_socket(alice) as cut:
        assert echoes(cut)
        world.demo.command("revoke", "--application", "Two houses")
        with pytest.raises(ConnectionClosed):
            cut.recv(timeout=2)
    assert alice.ask(alice.url("lazy.localhost", "/echo")).status == 200
    alice.trail.clear()
    assert alice.open(alice.url(HOST, "/echo")).status == 200
    assert len(alice.trail) > 1
    assert not any("/login/login.htm" in one.url for one in alice.trail)


def test_an_expired_session_does_not_cut_what_is_open(world: World) -> None:
    """6: the session window limits starting a connection."""
    visitor = world.signed_in("alice", "short.localhost", "/echo")
    with connect(
        f"ws://short.localhost:{visitor.port}/ws",
        sock=socket.create_connection(("127.0.0.1", visitor.port)),
        additional_headers={"Cookie": visitor.cookie_header("short.localhost")},
    ) as web_socket:
        assert echoes(web_socket)
        time.sleep(2.5)
        assert echoes(web_socket)


def test_a_hundred_megabytes_pass_in_both_directions(world: World) -> None:
    """Issue 2, part 3."""
    visitor = world.signed_in("alice", HOST, "/echo")
    size = 100 * 1024 * 1024
    block = bytes(range(256)) * 4096
    headers = {"Host": f"{HOST}:{visitor.port}", "Cookie": visitor.cookie_header(HOST)}
    connection = HTTPConnection("127.0.0.1", visitor.port, timeout=60)
    began = time.monotonic()
    body = (block for _ in range(size // len(block)))
    connection.request("POST", "/upload", body, {**headers, "Content-Length": str(size)})
    told = json.loads(connection.getresponse().read())
    expected = hashlib.sha256()
    for _ in range(size // len(block)):
        expected.update(block)
    assert (told["bytes"], told["sha256"]) == (size, expected.hexdigest())
    uploaded = time.monotonic()
    connection.request("GET", f"/download?bytes={size}", headers=headers)
    answer = connection.getresponse()
    received = 0
    while chunk := answer.read(1 << 20):
        received += len(chunk)
    connection.close()
    print(f"up in {uploaded - began:.1f} s, down in {time.monotonic() - uploaded:.1f} s")
    assert received == size


def test_http2_with_prior_knowledge_passes(world: World) -> None:
    """Issue 2, part 3: on the plain listener."""
    visitor = world.signed_in("alice", HOST, "/echo")
    done = subprocess.run(
        [
            *("curl", "-s", "--http2-prior-knowledge", "-w", "\n%{http_version} %{http_code}"),
            *("-H", f"Host: {HOST}:{visitor.port}", "-b", visitor.cookie_header(HOST)),
            f"http://127.0.0.1:{visitor.port}/echo",
        ],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    body, _, status = done.stdout.rpartition("\n")
    assert status == "2 200"
    assert json.loads(body)["headers"]["cf-access-authenticated-user-email"] == "alice@example.com"


@contextmanager
def channel(visitor: Visitor) -> Iterator[Any]:
    """A gRPC connection to the gateway, for `grpc.localhost`."""
    options = [("grpc.default_authority", f"grpc.localhost:{visitor.port}")]
    with grpc.insecure_channel(f"127.0.0.1:{visitor.port}", options) as opened:
        yield opened


def test_remote_calls_pass_with_a_token_and_not_without(world: World) -> None:
    """Issue 2, part 3: gRPC to an `h2c://` origin, single calls and streams."""
    visitor = world.signed_in_anywhere("alice", "grpc.localhost")
    token = [("cf-access-token", visitor.cookie("grpc.localhost", "CF_Authorization"))]
    with channel(visitor) as opened:
        once = opened.unary_unary("/echo.Echo/Once")
        assert once(b"hello", metadata=token, timeout=10) == b"hello"
        stream = opened.stream_stream("/echo.Echo/Stream")
        assert list(stream(iter([b"1", b"2", b"3"]), metadata=token, timeout=10)) == [
            *(b"1", b"2", b"3"),
        ]
        told = json.loads(opened.unary_unary("/echo.Echo/Who")(b"", metadata=token, timeout=10))
        assert told["cf-access-authenticated-user-email"] == "alice@example.com"
        with pytest.raises(grpc.RpcError) as refused:
            once(b"hello", timeout=10)
        assert refused.value.code() in (
            *(grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED),
        )


def test_a_remote_stream_ends_with_its_session(world: World) -> None:
    """4.7, issue 2, part 7."""
    bob = world.signed_in_anywhere("bob", "grpc.localhost")
    token = [("cf-access-token", bob.cookie("grpc.localhost", "CF_Authorization"))]
    told = threading.Event()

    def requests() -> Iterator[bytes]:
        yield b"first"
        told.wait(20)

    with channel(bob) as opened:
        stream = opened.stream_stream("/echo.Echo/Stream")(requests(), metadata=token, timeout=20)
        assert next(stream) == b"first"
        nonce = claims_of(bob.cookie("grpc.localhost", "CF_Authorization"))["identity_nonce"]
        world.demo.command("revoke", "--session", nonce)
        began = time.monotonic()
        with pytest.raises(grpc.RpcError) as cut:
            next(stream)
        print(f"the gRPC stream ended {time.monotonic() - began:+.3f} s after the command")
        assert time.monotonic() - began < 1
        assert cut.value.code() is not grpc.StatusCode.DEADLINE_EXCEEDED
    told.set()
