"""What a visitor says of itself counts for nothing; what it sends goes through whole (H, P, F)."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.fakes.control_plane import allow, deny
from tests.fakes.gateway import RunningGateway, application, eventually, policy
from vestibule.model.rules import Decision

pytestmark = pytest.mark.envoy

WIKI = application("wiki")
SHOP = application("shop", "shop.test")
OPEN = application("open", "shop.test/open", policies=("open",))
BARE = application("bare", "bare.test")
OFF = application("off", "shop.test/off", enabled=False)


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    running = RunningGateway()
    running.start(policy("open", Decision.BYPASS), *(WIKI, SHOP, OPEN, BARE, OFF))
    try:
        running.publish(
            running.echo_origin("o1", "wiki.test"),
            running.echo_origin("o2", "shop.test"),
            running.echo_origin("o3", "shop.test/open/deep", host_header="deep.internal"),
        )
        eventually(lambda: running.ask("shop.test", "/open").status == 200)
        yield running
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def _denying(gateway: RunningGateway) -> None:
    gateway.control.check = deny


FORGED = (
    *("Cf-Access-Jwt-Assertion", "CF-ACCESS-JWT-ASSERTION", "cf-access-user", "Cf-Access-Groups"),
    *("Cf-Access-Authenticated-User-Email", "Cf.Access.Jwt.Assertion", "cf-access-jwt.assertion"),
    *("X-Vestibule-Client-Ip", "X-Vestibule-Grant", "X-Vestibule-Jti", "X.Vestibule.Grant"),
    *("X-Vestibule-Country", "X-Vestibule-Scheme", "X-Vestibule-Mode", "X-Forwarded-Client-Cert"),
    *("X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Host"),
    *("X-Original-URL", "X-Rewrite-URL", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP"),
    *("Forwarded", "X-Forwarded-Uri", "X-Forwarded-Prefix", "X-HTTP-Method-Override"),
    *("CF-IPCountry", "X-Envoy-Original-Path", "X-Envoy-Upstream-Rq-Timeout-Ms"),
)


@pytest.mark.parametrize("name", FORGED)
def test_h1_h4_what_is_ours_to_say_is_never_believed(gateway: RunningGateway, name: str) -> None:
    token = gateway.token(WIKI)
    sent = [(name, "forged"), (name, "forged")]
    assert "forged" not in str(gateway.ask("wiki.test", token=token, headers=sent).seen)
    gateway.ask("wiki.test", headers=sent)
    assert "forged" not in str(gateway.control.asked[-1].headers)
    assert "forged" not in str(gateway.ask("shop.test", "/open", headers=sent).seen)
    gateway.ask("team.test", headers=sent)
    assert "forged" not in str(gateway.control.visited[-1].headers)


@pytest.mark.parametrize("name", ["Cf_Access_Jwt_Assertion", "X_Vestibule_Grant", "a_b"])
def test_h4_names_with_underscores_are_refused(gateway: RunningGateway, name: str) -> None:
    token = gateway.token(WIKI)
    assert gateway.ask("wiki.test", token=token, headers={name: "x"}).status == 400


def test_h4_connection_cannot_take_our_headers_away(gateway: RunningGateway) -> None:
    hop = {"Connection": "close, Cf-Access-Jwt-Assertion, Cf-Access-Authenticated-User-Email"}
    token = gateway.token(WIKI)
    answered = gateway.ask("wiki.test", token=token, headers=hop)
    assert answered.seen_header("cf-access-jwt-assertion") == [token]


@pytest.mark.parametrize("told", ["203.0.113.9", "", "garbage", ", ".join(["10.0.0.1"] * 500)])
def test_h3_nobody_says_where_they_come_from(gateway: RunningGateway, told: str) -> None:
    headers = {"X-Forwarded-For": told, "X-Forwarded-Proto": "https"}
    seen = gateway.ask("wiki.test", token=gateway.token(WIKI), headers=headers)
    assert seen.seen_header("x-forwarded-for") == ["127.0.0.1"]
    assert seen.seen_header("x-forwarded-proto") == ["http"]
    gateway.ask("wiki.test", headers=headers)
    told_to_us = gateway.control.asked[-1].headers
    assert told_to_us["x-vestibule-client-ip"] == "127.0.0.1"
    assert told_to_us["x-vestibule-scheme"] == "http"


def test_the_request_id_is_always_ours(gateway: RunningGateway) -> None:
    gateway.ask("wiki.test", headers={"X-Request-Id": "forged"})
    assert gateway.control.asked[-1].headers["x-request-id"] != "forged"


def test_h8_credentials_of_machines_reach_no_origin(gateway: RunningGateway) -> None:
    gateway.control.check = allow
    headers = {
        "CF-Access-Client-Id": "id.access",
        "CF-Access-Client-Secret": "hush",
        "Cf-Access-Token": "hush",
        "Cf-Access-Jump-Destination": "hush",
    }
    answered = gateway.ask("wiki.test", headers=headers)
    assert gateway.control.asked[-1].headers["cf-access-client-secret"] == "hush"
    assert "hush" not in str(answered.seen)
    assert "id.access" not in str(answered.seen)


@pytest.mark.parametrize("host", ["WIKI.test", "wiki.test.", "wiki.test:8443", "wiki.TEST.:1"])
def test_h6_one_host_however_it_is_written(gateway: RunningGateway, host: str) -> None:
    token = gateway.token(WIKI)
    assert not gateway.was_asked(lambda: gateway.ask(host, token=token))[0]


def raw(gateway: RunningGateway, request: str) -> str:
    with socket.create_connection(("127.0.0.1", gateway.gateway.port), timeout=5) as connection:
        connection.sendall(request.encode("latin-1"))
        received = b""
        while b"\r\n\r\n" not in received and (chunk := connection.recv(65536)):
            received += chunk
        return received.decode("latin-1")


def test_h6_the_request_line_decides_over_host(gateway: RunningGateway) -> None:
    answer = raw(
        gateway, "GET http://wiki.test/x HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n"
    )
    assert answer.startswith("HTTP/1.1 403")
    assert gateway.control.asked[-1].headers["host"] == "wiki.test"


@pytest.mark.parametrize(
    "request_head",
    [
        "GET / HTTP/1.1\r\nHost: wiki.test\r\nHost: shop.test\r\n\r\n",
        "GET /open HTTP/1.1\r\nHost: shop.test:1\r\nHost: evil.test\r\n\r\n",
        "GET /open HTTP/1.1\r\nHost: shop.test:1,evil.test\r\n\r\n",
        "GET /open HTTP/1.1\r\nHost: shop.test:x@evil.test\r\n\r\n",
        "GET /open HTTP/1.1\r\nHost: shop.test:123456\r\n\r\n",
        "GET http://shop.test:x/open HTTP/1.1\r\nHost: shop.test\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
    ],
)
def test_h6_h7_malformed_requests_are_refused(gateway: RunningGateway, request_head: str) -> None:
    status = raw(gateway, request_head).split(" ")[1]
    assert status in ("400", "403", "501")


def test_connect_is_refused(gateway: RunningGateway) -> None:
    answer = raw(gateway, "CONNECT wiki.test:443 HTTP/1.1\r\nHost: wiki.test:443\r\n\r\n")
    assert answer.split(" ")[1] in ("403", "404", "405")


DECEITFUL = (
    *("/open/../admin", "/open/%2e%2e/admin", "/open/.%2e/admin", "/open\\..\\admin"),
    *("/open//../admin", "/open/./../admin", "/open%2f..%2fadmin", "/open/..%5cadmin"),
    *("/open/..;/admin", "/open/.;/../admin", "/open/%00/../admin", "/open/%c0%ae%c0%ae/admin"),
    *("/%6fpen/%2E%2E/admin", "/open/%252e%252e/admin", "/open/..%00/admin", "//open/../admin"),
    *("/open;/../admin", "/admin?/open", "/openly", "/OPEN", "/open%20/../admin", "/admin;/open"),
    *("/open/%ef%bc%8e%ef%bc%8e/admin;x", "/open/..%3b/admin", "/open%23/../../admin"),
    *("/open/%e0%80%ae%e0%80%ae/admin", "/open/%F0%80%80%AE%F0%80%80%AE/admin", "/open/%ff/x"),
    *("/open/..%23/admin", "/open/..%3F/admin", "/open/%2e%2e%20/admin"),
)


@pytest.mark.parametrize("path", DECEITFUL)
def test_p1_p4_the_origin_sees_the_path_that_was_judged(gateway: RunningGateway, path: str) -> None:
    answered = gateway.ask("shop.test", path)
    if answered.status == 200:
        assert answered.seen is not None
        assert answered.seen["path"].startswith("/open/"), "it was let in as something else"
        assert ".." not in answered.seen["path"]
        assert "%e0%8" not in answered.seen["path"].lower(), "an overlong form (RFC 3629, 3)"
        assert "%f" not in answered.seen["path"].lower()
    else:
        assert answered.status in (400, 403)


def test_p2_what_is_not_matched_is_denied(gateway: RunningGateway) -> None:
    assert gateway.ask("shop.test", "/open/x").status == 200
    assert gateway.ask("shop.test", "/open?x=/../y").status == 200
    assert gateway.ask("nope.test", "/").body == b"page /-/unmatched"


def test_a_disabled_application_falls_to_no_broader_one(gateway: RunningGateway) -> None:
    token = gateway.token(SHOP)
    assert gateway.ask("shop.test", "/on", token=token).status == 200
    assert gateway.ask("shop.test", "/off/x", token=token).body == b"page /-/unmatched"


def test_the_most_specific_origin_answers_with_its_own_host(gateway: RunningGateway) -> None:
    assert gateway.ask("shop.test", "/open/x").seen_header("host") == ["shop.test"]
    assert gateway.ask("shop.test", "/open/deep/x").seen_header("host") == ["deep.internal"]


def test_an_application_without_an_origin_says_so_once_it_is_entered(
    gateway: RunningGateway,
) -> None:
    assert gateway.ask("bare.test", "/x?y").status == 403
    answered = gateway.ask("bare.test", "/x?y", token=gateway.token(BARE))
    assert answered.body == b"page /-/no-origin?y"
    assert gateway.control.visited[-1].headers["x-vestibule-application"] == "bare"


@pytest.mark.parametrize(
    "path",
    ["/cdn-cgi/access/login", "/cdn-cgi", "/.well-known/cloudflare-access-protected-resource/x"],
)
def test_our_own_paths_never_reach_an_origin(gateway: RunningGateway, path: str) -> None:
    for host in ("wiki.test", "shop.test"):
        answered = gateway.ask(host, path, token=gateway.token(WIKI))
        assert answered.seen is None
        assert answered.body == f"page {path}".encode()


def test_large_bodies_pass_without_being_gathered(gateway: RunningGateway) -> None:
    token = gateway.token(WIKI)
    body = bytes(32 << 20)
    answered = gateway.ask("wiki.test", method="POST", token=token, body=body)
    assert answered.seen is not None
    assert answered.seen["received"] == len(body)
    assert len(gateway.ask("wiki.test", "/flood?40", token=token).body) == 40 << 20


def test_http2_visitors_are_served_alike(gateway: RunningGateway) -> None:
    good, bad = gateway.token(WIKI), "x.y.z"
    url = f"http://127.0.0.1:{gateway.gateway.port}/"

    def status(*headers: str) -> str:
        arguments = ["nghttp", "-v", "-H", ":authority: wiki.test"]
        for header in headers:
            arguments += ["-H", header]
        done = subprocess.run([*arguments, url], capture_output=True, text=True, timeout=10)
        return done.stdout.partition(":status: ")[2][:3]

    assert status(f"cookie: CF_Authorization={good}") == "200"
    assert status(f"cookie: a=1; CF_Authorization={good}; b=2") == "200"
    assert status("cookie: a=1", f"cookie: CF_Authorization={good}") == "200"
    assert status(f"cookie: CF_Authorization={good}", f"cookie: CF_Authorization={bad}") == "403"
    assert status(f"cookie: CF_Authorization={bad}", f"cookie: CF_Authorization={good}") == "403"
    assert status() == "403"


def test_d_header_bombs_are_refused(gateway: RunningGateway) -> None:
    many = {f"X-Junk-{number}": "x" for number in range(200)}
    assert gateway.ask("wiki.test", headers=many).status == 431
    assert gateway.ask("wiki.test", headers={"X-Big": "x" * 70_000}).status == 431
