"""H1-H8: headers that are ours to set, hosts, framing and upgrades, to the last octet."""

from __future__ import annotations

import pytest

from tests.end_to_end.attacking import Target, Visitor, request, send_raw

pytestmark = pytest.mark.envoy

FORGED = "forged-by-the-visitor"
WEB_SOCKET = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAA")


@pytest.fixture(scope="module")
def visitor(target: Target) -> Visitor:
    return target.signed_in()


NAMES = [
    *("Cf-Access-Jwt-Assertion", "CF-ACCESS-AUTHENTICATED-USER-EMAIL", "Cf-Access-User"),
    *("Cf.Access.Jwt.Assertion", "Cf-Access.Jwt-Assertion", "Cf-Access-Anything", "Cf-Access"),
    *("X-Vestibule-Grant", "X-Vestibule-Client-Ip", "X-Vestibule-Application", "X.Vestibule.Jti"),
    *("X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Host", "X-Forwarded-Uri", "Forwarded"),
    *("X-Forwarded-For", "X-Real-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Original-Url"),
    *("X-Rewrite-Url", "X-Envoy-Original-Path", "X-Envoy-External-Address", "X-Request-Id"),
    *("X-Http-Method-Override", "X-Forwarded-Client-Cert", "X-Forwarded-Prefix"),
]


@pytest.mark.parametrize("name", NAMES)
def test_h1_h4_no_header_of_ours_is_believed_from_a_visitor(
    target: Target, visitor: Visitor, name: str
) -> None:
    twice = [f"{name}: {FORGED}", f"{name.lower()}: {FORGED}"]
    cookie = f"Cookie: {visitor.cookie(target.host())}"
    target.origin.take()
    hop = f"Connection: {name}"
    for path, headers in (("/public/x", twice), ("/x", [*twice, cookie]), ("/x", [cookie, hop])):
        status = target.send(path, *headers).status
        if hop in headers and status == 400:
            continue  # Envoy refuses to have some of these taken away
        assert status == 200
        (seen,) = target.origin.take()
        assert FORGED not in str(seen.headers)
        if path == "/x":
            assert len(seen.all("cf-access-jwt-assertion")) == 1
            assert seen.all("cf-access-authenticated-user-email") == ["bob@example.com"]
    away = target.send("/x", *twice).one("location")
    assert away.startswith(f"http://{target.host('team')}/")
    assert FORGED not in away


def test_h4_names_that_collide_with_ours_are_refused(target: Target) -> None:
    for name in ("Cf_Access_Jwt_Assertion", "X_Vestibule_Grant", "Remote_User"):
        assert target.send("/public/x", f"{name}: {FORGED}").status == 400


def test_h4_an_upgrade_names_no_header_of_ours_for_removal(
    target: Target, visitor: Visitor
) -> None:
    cookie = f"Cookie: {visitor.cookie(target.host())}"
    octets = request("/x/ws", cookie, *WEB_SOCKET, host=target.host()).replace(
        b"Connection: close", b"Connection: Upgrade, Cf-Access-Jwt-Assertion, Cookie"
    )
    answer = send_raw(target.port, octets, wait=1)
    assert answer.startswith(b"HTTP/1.1 101")
    (seen,) = target.origin.take()
    assert [value.lower() for value in seen.all("connection")] == ["upgrade"]
    assert seen.all("cf-access-jwt-assertion")


@pytest.mark.parametrize(
    "hosts",
    [
        ("{raw}", "evil.example"),
        ("evil.example", "{raw}"),
        ("{raw}", "{raw}"),
        ("{raw}", "{echo}"),
        ("{raw},evil.example",),
        ("raw.localhost:x@evil.example",),
        ("raw.localhost:80:80",),
        ("raw.localhost:",),
        ("raw.localhost:123456",),
        ("user@raw.localhost",),
        ("raw.localhost/public",),
        ("raw..localhost",),
        ("xn--raw.localhost",),
        ("",),
        (),
    ],
    ids=str,
)
def test_h6_a_host_that_two_readers_might_read_differently_reaches_no_origin(
    target: Target, visitor: Visitor, hosts: tuple[str, ...]
) -> None:
    told = [f"Host: {one.format(raw=target.host(), echo=target.host('echo'))}" for one in hosts]
    for extra in ([], [f"Cookie: {visitor.cookie(target.host())}"]):
        assert target.send("/public/x", *told, *extra, host=None).status in (400, 403)
        assert not target.origin.take()


@pytest.mark.parametrize("host", ["RAW.localhost", "raw.localhost.", "raw.LOCALHOST.:{port}"])
def test_h6_one_host_however_it_is_written(target: Target, host: str) -> None:
    written = host.format(port=target.port)
    assert target.send("/x", host=written).status == 302
    assert target.send("/public/x", host=written).status == 200
    target.origin.take()


PIPELINED = "GET /private HTTP/1.1\r\nHost: raw.localhost\r\nCf-Access-Jwt-Assertion: x\r\n\r\n"
FRAMED = {
    "CL.TE": "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    "two lengths": "Content-Length: 0\r\nContent-Length: 60\r\n\r\n",
    "two lengths in one": "Content-Length: 0, 60\r\n\r\n",
    "a signed length": "Content-Length: +0\r\n\r\n",
    "an unknown coding": "Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n",
    "a coding twice": "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a bad chunk": "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "a folded coding": "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
    "a websocket that is refused": "Connection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n\r\n",
    "another upgrade": "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    "an upgrade nobody knows": "Connection: Upgrade\r\nUpgrade: foo\r\n\r\n",
}


@pytest.mark.parametrize("rest", FRAMED.values(), ids=FRAMED.keys())
def test_h7_no_request_hides_behind_another(target: Target, rest: str) -> None:
    head = f"POST /public/x HTTP/1.1\r\nHost: {target.host()}\r\n"
    if "Upgrade" in rest:
        head = head.replace("POST", "GET")
    send_raw(target.port, (head + rest + PIPELINED).encode(), wait=1)
    assert "/private" not in str([one.target for one in target.origin.take()])


def test_h7_no_tunnel_is_opened(target: Target) -> None:
    octets = f"CONNECT {target.host()} HTTP/1.1\r\nHost: {target.host()}\r\n\r\n{PIPELINED}"
    assert b" 200 " not in send_raw(target.port, octets.encode(), wait=1)
    assert not target.origin.take()


def test_h8_nothing_that_only_we_may_read_reaches_an_origin(
    target: Target, visitor: Visitor
) -> None:
    token = visitor.jar[target.host()]["CF_Authorization"]
    secret, id = target.machine["client_secret"], target.machine["client_id"]
    ours = "CF_Binding=s3; CF_AppSession=s3; CF_AppSession_07=s3; CF_Redirects=s3; CF_Session=s3"
    signed_in = f"Cookie: a=1; CF_Authorization={token}; {ours}; b=2"
    machine = (f"CF-Access-Client-Id: {id}", f"CF-Access-Client-Secret: {secret}")
    single = f'X-Machine: {{"cf-access-client-id": "{id}", "cf-access-client-secret": "{secret}"}}'
    asked = [
        target.send("/x", signed_in),
        target.send("/public/x", signed_in, *machine),
        target.send("/public/x", "Cookie: ", "Cookie: CF_Binding=s3"),
        target.send("/x", *machine, f"Cookie: a=1; {ours}"),
        target.send("/x", f"Cf-Access-Token: {token}", f"Cookie: a=1; {ours}"),
        target.send("/x", single, host=target.host("single")),
        target.send("/public/x", *machine, single),
    ]
    assert [one.status for one in asked] == [200] * 7
    seen = target.origin.take()
    for one in seen:
        told = str([header for header in one.headers if header[0].lower() != "x-machine"])
        assert "s3" not in told
        assert secret not in told
        assert id not in told or one.all("cf-access-jwt-assertion")
    assert not seen[5].all("x-machine")
    assert seen[0].cookie == f"a=1; b=2; CF_Authorization={token}"
