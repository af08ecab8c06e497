"""Behind a foreign proxy, set up as its how-to page says: who enters, and as whom."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.end_to_end.signing_in import person, sign_in
from tests.forward_auth.conftest import Front
from tests.forward_auth.proxies import PROXIES, Place
from tests.forward_auth.raw import connect

pytestmark = [pytest.mark.browser, pytest.mark.envoy]

HTML = ("Accept", "text/html")


def test_a_stranger_is_sent_to_the_login_on_the_team_domain(front: Front) -> None:
    answer = front.ask("wiki.localhost", "/pages/start?x=1&y=a%2Bb", HTML)
    assert answer.status == 302
    where = urlsplit(answer.header("location"))
    assert f"{where.scheme}://{where.netloc}" == front.demo.ready["team_url"]
    assert where.path == "/cdn-cgi/access/login/wiki.localhost"
    assert any(one.startswith("CF_AppSession=") for one in answer.all("set-cookie"))
    assert len(answer.all("set-cookie")) > 1
    assert not front.origin.served or front.origin.served[-1].target != "/pages/start?x=1&y=a%2Bb"


def test_a_person_signs_in_and_the_application_knows_who_it_is(
    front: Front, visitor: BrowserContext
) -> None:
    page = visitor.new_page()
    wanted = front.url("wiki.localhost", "/pages/start?x=1&y=a%2Bb")
    sign_in(page, wanted, person(front.demo.ready, "alice@example.com"), factor="hwk")
    expect(page).to_have_url(wanted)
    served = front.origin.served[-1]
    assert served.target == "/pages/start?x=1&y=a%2Bb"
    assert served.all("cf-access-authenticated-user-email") == ["alice@example.com"]
    (token,) = served.all("cf-access-jwt-assertion")
    assert token.count(".") == 2
    (sent,) = served.all("cookie")
    cookies = dict(pair.split("=", 1) for pair in sent.split("; "))
    assert cookies["CF_Authorization"] == token
    assert not cookies.keys() & {"CF_AppSession", "CF_Session", "CF_Binding"}

    # The second application opens without a second login.
    page.goto(front.url("echo.localhost", "/private"))
    expect(page).to_have_url(front.url("echo.localhost", "/private"))
    assert front.origin.served[-1].all("host") == [f"echo.localhost:{front.proxy.port}"]

    # Identity, and the way out, are served below the application's own host.
    page.goto(front.url("wiki.localhost", "/cdn-cgi/access/get-identity"))
    assert "alice@example.com" in page.locator("body").inner_text()
    page.goto(front.url("wiki.localhost", "/cdn-cgi/access/logout"))
    page.goto(front.url("wiki.localhost"))
    expect(page).to_have_url(re.compile(r"team\.localhost:\d+/cdn-cgi/access/login/"))


def test_whoever_a_policy_refuses_reads_why(front: Front, visitor: BrowserContext) -> None:
    page = visitor.new_page()
    wanted = front.url("payroll.localhost")
    sign_in(page, wanted, person(front.demo.ready, "erin@example.com"), factor="none")
    text = page.locator("body").inner_text()
    assert re.search(r"\b[0-9a-f]{16}\b", text), text


def test_a_program_gets_401_with_a_challenge(front: Front) -> None:
    for headers in (
        (("Accept", "application/json"),),
        (("X-Requested-With", "XMLHttpRequest"),),
        (("Sec-Fetch-Mode", "cors"),),
    ):
        answer = front.ask("wiki.localhost", "/api", *headers)
        assert answer.status == 401
        assert answer.header("www-authenticate").startswith("Cloudflare-Access ")
        assert not answer.by_origin


def test_h8_a_machine_enters_by_its_token_and_its_secret_stays_with_us(
    front: Front, machine: tuple[tuple[str, str], tuple[str, str]]
) -> None:
    since = time.monotonic()
    while not front.ask("echo.localhost", "/api", *machine).by_origin:
        assert time.monotonic() - since < 10
    served = front.origin.served[-1]
    (token,) = served.all("cf-access-jwt-assertion")
    assert token.count(".") == 2
    assert served.all("cf-access-authenticated-user-email") == []
    assert served.all("cf-access-client-id") == served.all("cf-access-client-secret") == []
    assert not front.ask("echo.localhost", "/api", machine[0]).by_origin


def test_a_token_in_a_header_opens_as_well_and_stays_with_us(front: Front, cookie: str) -> None:
    token = ("Cf-Access-Token", cookie.partition("=")[2])
    assert front.ask("wiki.localhost", "/api", token).by_origin
    served = front.origin.served[-1]
    assert served.all("cf-access-token") == []
    assert served.all("cf-access-authenticated-user-email") == ["alice@example.com"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD"])
def test_every_method_needs_an_identity(front: Front, cookie: str, method: str) -> None:
    length = ("Content-Length", "0")
    assert not front.ask("wiki.localhost", "/", HTML, length, method=method).by_origin
    answer = front.ask("wiki.localhost", "/", HTML, length, method=method, cookie=cookie)
    assert answer.by_origin
    assert front.origin.served[-1].method == method


def test_a_body_reaches_the_application_whole(front: Front, cookie: str) -> None:
    body = os.urandom(200_000)
    with connect(front.proxy.port, "wiki.localhost") as connection:
        connection.sendall(
            b"POST /upload HTTP/1.1\r\nHost: wiki.localhost:%d\r\nCookie: %s\r\n"
            b"Content-Length: %d\r\nConnection: close\r\n\r\n"
            % (front.proxy.port, cookie.encode(), len(body))
            + body
        )
        assert b" 200 " in connection.recv(4096).split(b"\r\n")[0]
    assert front.origin.served[-1].all("content-length") == [str(len(body))]


def test_what_is_public_needs_nobody_and_names_nobody(front: Front) -> None:
    front.origin.served.clear()
    own = ("Cookie", "own=1; CF_AppSession=n0; CF_Binding=b")
    forged = ("Cf-Access-Authenticated-User-Email", "ceo@example.com")
    answer = front.ask("echo.localhost", "/public/page", own, forged)
    assert answer.by_origin
    (served,) = front.origin.served
    assert served.all("cf-access-authenticated-user-email") == []
    assert served.all("cf-access-jwt-assertion") == []
    assert served.all("cookie") == ["own=1"]


def test_h8_the_last_of_our_cookies_is_not_passed_on_either(front: Front) -> None:
    front.origin.served.clear()
    answer = front.ask("echo.localhost", "/public/page", cookie="CF_Binding=b")
    assert answer.by_origin
    assert front.origin.served[-1].all("cookie") == []


def test_a_web_socket_opens_for_whoever_signed_in_and_nobody_else(
    front: Front, cookie: str
) -> None:
    def opened(*lines: bytes) -> bytes:
        handshake = [
            b"GET /socket HTTP/1.1",
            b"Host: wiki.localhost:%d" % front.proxy.port,
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            *lines,
        ]
        with connect(front.proxy.port, "wiki.localhost") as connection:
            connection.sendall(b"\r\n".join([*handshake, b"", b""]))
            reply = b""
            while b"\r\n\r\n" not in reply:
                reply += connection.recv(4096)
            if b" 101 " not in reply.split(b"\r\n")[0]:
                return reply.split(b"\r\n")[0]
            text = b"hello"
            connection.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
            return connection.recv(4096)

    assert opened(b"Cookie: " + cookie.encode()) == b"\x81\x05hello"
    assert b" 101 " not in opened()


def test_a_revoked_session_is_refused_at_once(front: Front, visitor: BrowserContext) -> None:
    page = visitor.new_page()
    erin = person(front.demo.ready, "erin@example.com")
    sign_in(page, front.url("wiki.localhost"), erin, factor="none")
    page.wait_for_url(front.url("wiki.localhost"))
    jar = {one["name"]: one["value"] for one in visitor.cookies(front.url("wiki.localhost"))}
    cookie = f"CF_Authorization={jar['CF_Authorization']}"
    assert front.ask("wiki.localhost", "/", HTML, cookie=cookie).by_origin
    claims = base64.urlsafe_b64decode(jar["CF_Authorization"].split(".")[1] + "==")
    front.demo.command("revoke", "--session", json.loads(claims)["identity_nonce"])
    since = time.monotonic()
    while front.ask("wiki.localhost", "/", HTML, cookie=cookie).by_origin:
        assert time.monotonic() - since < 1
    assert front.ask("wiki.localhost", "/", HTML, cookie=cookie).status == 302


@pytest.mark.parametrize("secret", ["", "wrong", "s3cret-of-the-proxie"])
def test_h2_a_proxy_without_the_secret_lets_nobody_in(
    front: Front, place: Place, cookie: str, secret: str
) -> None:
    if front.proxy.name == "haproxy" and not secret:
        pytest.skip("HAProxy does not start without its secret")
    proxy = PROXIES[front.proxy.name](Place(place.vestibule, secret, place.origin))
    try:
        stranger = Front(front.demo, front.origin, proxy)
        for host, path in (("wiki.localhost", "/"), ("echo.localhost", "/public")):
            answer = stranger.ask(host, path, HTML, cookie=cookie)
            assert answer.status in (403, 500), path
            assert not answer.by_origin
    finally:
        proxy.stop()
