"""What was revoked ends at once: requests, and streams that are open (S2)."""

from __future__ import annotations

import http.client
import socket as sockets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.fakes.control_plane import deny
from tests.fakes.gateway import RunningGateway, application, eventually
from vestibule.dataplane import revoked
from vestibule.model.application import Origin

pytestmark = pytest.mark.envoy

WIKI = application("wiki")
GRPC = application("grpc")


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    running = RunningGateway()
    running.start(WIKI, GRPC)
    try:
        running.publish(running.echo_origin("o", "wiki.test"))
        eventually(lambda: running.ask("wiki.test", token=running.token(WIKI)).status == 200)
        yield running
    finally:
        running.stop()


def open_socket(gateway: RunningGateway, token: str) -> ClientConnection:
    return connect(
        f"ws://wiki.test:{gateway.gateway.port}/socket",
        sock=_connected(gateway),
        additional_headers={"Cookie": f"CF_Authorization={token}"},
    )


def _connected(gateway: RunningGateway):
    return sockets.create_connection(("127.0.0.1", gateway.gateway.port))


def echoes(socket: ClientConnection) -> bool:
    socket.send("hello")
    return socket.recv(timeout=5) == "hello"


def test_s2_a_revoked_token_is_refused_within_100_ms(gateway: RunningGateway) -> None:
    gateway.control.check = deny
    token, bystander = gateway.token(WIKI, jti="r1"), gateway.token(WIKI, jti="r2")
    assert gateway.ask("wiki.test", token=token).status == 200
    began = time.monotonic()
    gateway.revoke("r1")
    while gateway.ask("wiki.test", token=token).status == 200:
        assert time.monotonic() - began < 5
    assert time.monotonic() - began < 0.1
    assert gateway.ask("wiki.test", token=bystander).status == 200


def test_s2_ten_thousand_revoked_before_make_the_next_no_slower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running = RunningGateway()
    running.start(WIKI)
    try:
        running.publish(running.echo_origin("o", "wiki.test"))
        running.revoke(*(f"old-{number}" for number in range(10_000)))
        token, old = running.token(WIKI, jti="next"), running.token(WIKI, jti="old-77")
        eventually(lambda: running.ask("wiki.test", token=old).status == 403)
        short = running.directory / "envoy" / "recent-revocation.json"
        eventually(lambda: "old-9999" in short.read_text())
        monkeypatch.setattr(revoked, "_READ_BY_THEN", 0.0)
        running.revoke("another")
        eventually(lambda: "old-9999" not in short.read_text())
        other = running.token(WIKI, jti="another")
        eventually(lambda: running.ask("wiki.test", token=other).status == 403)
        assert running.ask("wiki.test", token=token).status == 200
        assert running.ask("wiki.test", token=old).status == 403
        began = time.monotonic()
        running.revoke("next")
        eventually(lambda: running.ask("wiki.test", token=token).status == 403)
        assert time.monotonic() - began < 1
    finally:
        running.stop()


def test_an_open_websocket_ends_with_its_grant_and_no_other_does(gateway: RunningGateway) -> None:
    with (
        open_socket(gateway, gateway.token(WIKI, jti="w1")) as socket,
        open_socket(gateway, gateway.token(WIKI, jti="w2")) as bystander,
    ):
        assert echoes(socket)
        assert echoes(bystander)
        began = time.monotonic()
        gateway.revoke("w1")
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)
        assert time.monotonic() - began < 1
        assert echoes(bystander)


def test_a_websocket_that_the_control_plane_let_in_ends_with_the_grant_it_named(
    gateway: RunningGateway,
) -> None:
    gateway.control.check = lambda _: (200, {"x-vestibule-grant": "w3"}, b"")
    with open_socket(gateway, "unproven") as socket:
        assert echoes(socket)
        gateway.revoke("w3")
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)


def test_an_event_stream_ends_with_its_grant(gateway: RunningGateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.gateway.port, timeout=5)
    cookie = f"CF_Authorization={gateway.token(WIKI, jti='e1')}"
    headers = {"Host": "wiki.test", "Accept": "text/event-stream", "Cookie": cookie}
    connection.request("GET", "/events", headers=headers)
    answer = connection.getresponse()
    assert answer.readline() == b"data: 0\n"
    gateway.revoke("e1")
    began = time.monotonic()
    try:
        while answer.readline():
            assert time.monotonic() - began < 2
    except (http.client.HTTPException, OSError):
        pass
    connection.close()


def test_a_grpc_stream_passes_and_ends_with_its_grant(gateway: RunningGateway) -> None:
    server, port = _grpc_server()
    gateway.publish(_h2c_origin(gateway, port))
    try:
        metadata = [("cf-access-token", gateway.token(GRPC, jti="g1"))]
        channel = grpc.insecure_channel(
            f"127.0.0.1:{gateway.gateway.port}", options=[("grpc.default_authority", "grpc.test")]
        )
        with channel:
            once = channel.unary_unary("/echo.Echo/Once")
            eventually(lambda: _answers(once, metadata))
            stream = channel.unary_stream("/echo.Echo/Forever")(b"", metadata=metadata)
            assert next(stream) == b"tick"
            gateway.revoke("g1")
            began = time.monotonic()
            with pytest.raises(grpc.RpcError):
                list(stream)
            assert time.monotonic() - began < 2
    finally:
        server.stop(0)


def _answers(once, metadata) -> bool:
    try:
        return once(b"x", metadata=metadata, timeout=2) == b"x"
    except grpc.RpcError:
        return False


def _h2c_origin(gateway: RunningGateway, port: int):
    return Origin("g", "g", "grpc.test", (f"h2c://127.0.0.1:{port}",))


def _grpc_server():
    ended = threading.Event()

    def forever(_request, context):
        context.add_callback(ended.set)
        while not ended.wait(0.01):
            yield b"tick"

    handlers = {
        "Once": grpc.unary_unary_rpc_method_handler(lambda request, _: request),
        "Forever": grpc.unary_stream_rpc_method_handler(forever),
    }
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("echo.Echo", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def test_a_change_of_configuration_cuts_no_websocket(gateway: RunningGateway) -> None:
    with open_socket(gateway, gateway.token(WIKI, jti="c1")) as socket:
        for number in range(5):
            gateway.publish(
                application(f"more{number}"),
                gateway.echo_origin(f"m{number}", f"more{number}.test"),
            )
            assert echoes(socket)


def test_no_stream_begins_while_the_agent_is_gone_but_requests_pass() -> None:
    running = RunningGateway()
    running.start(WIKI)
    try:
        running.publish(running.echo_origin("o", "wiki.test"))
        eventually(lambda: running.ask("wiki.test", token=running.token(WIKI)).status == 200)
        running.gateway.agent.stop()
        assert running.ask("wiki.test", token=running.token(WIKI)).status == 200
        accept = {"Accept": "text/event-stream"}
        answered = running.ask("wiki.test", "/", token=running.token(WIKI), headers=accept)
        assert answered.status == 503
        assert "Live connections" in answered.body.decode()
    finally:
        running.stop()
