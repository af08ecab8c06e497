"""The way out: what may be reached, for how long, and how much may come back (attack O4)."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Generator, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest
import trustme

from tests.outbound.servers import answer, serving
from vestibule.model.errors import InvalidConfiguration
from vestibule.outbound.addresses import Address
from vestibule.outbound.network import SafeNetwork
from vestibule.protocols.exchange import OutboundError, Request


@contextlib.contextmanager
def network(*allow: str, **settings: object) -> Generator[SafeNetwork]:
    opened = SafeNetwork(allow, **settings)  # type: ignore[arg-type] - settings are passed on
    try:
        yield opened
    finally:
        opened.close()


def get(url: str, **fields: float) -> Request:
    return Request("GET", url, **fields)  # type: ignore[arg-type] - fields are passed on


def at(*texts: str) -> Callable[[str, int], Sequence[Address]]:
    """A resolver that always answers with these."""
    return lambda _host, _port: [ip_address(text) for text in texts]


def test_an_answer_comes_back_with_its_headers() -> None:
    with (
        serving(answer(b'{"a":1}', "200 OK", "X-Twice: 1", "X-Twice: 2")) as server,
        network("127.0.0.1") as out,
    ):
        response = out.send(get(f"http://127.0.0.1:{server.port}/a/b?c=d&e"))
    assert (response.status, response.body) == (200, b'{"a":1}')
    assert response.headers["x-twice"] == "1"
    assert [value for name, value in response.header_list if name == "x-twice"] == ["1", "2"]
    [head] = server.requests
    assert head.startswith(b"GET /a/b?c=d&e HTTP/1.1\r\n")
    assert b"user-agent: vestibule/" in head.lower()
    assert b"accept-encoding: identity" in head.lower()
    assert f"Host: 127.0.0.1:{server.port}".encode() in head


def test_a_post_carries_its_body_and_a_length_even_when_empty() -> None:
    with serving(answer()) as server, network("127.0.0.1") as out:
        out.send(Request("POST", f"http://127.0.0.1:{server.port}/", body=b"a=b"))
        out.send(Request("POST", f"http://127.0.0.1:{server.port}/"))
    assert server.requests[0].endswith(b"\r\n\r\na=b")
    assert b"Content-Length: 0" in server.requests[1]


NOT_LISTED = [
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/",
    "https://localhost/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://017700000001/",
    "https://2130706433/",
    "https://127.1/",
    "https://0/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[fd00:ec2::254]/",
    "https://10.0.0.1/",
    "http://1.1.1.1/",
    "http://127.0.0.1/",
]


@pytest.mark.parametrize("url", NOT_LISTED)
def test_o4_what_is_not_public_is_not_dialled(url: str) -> None:
    with network() as out, pytest.raises(OutboundError) as refusal:
        out.send(get(url))
    assert refusal.value.code == "outbound_forbidden"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://idp.example/",
        "gopher://idp.example/",
        "//idp.example/",
        "idp.example",
        "",
        "https://",
        "https:///path",
        "https://user@idp.example/",
        "https://idp.example@127.0.0.1/",
        "https://idp.example:0/",
        "https://idp.example:99999/",
        "https://idp.example/a b",
        "https://idp.example/\r\nX: y",
        "https://idp.example\\@127.0.0.1/",
        "https://exämple.test/",
        "https://[::1",
    ],
)
def test_what_is_no_plain_url_is_not_called(url: str) -> None:
    with network("127.0.0.1", "localhost") as out, pytest.raises(OutboundError) as refusal:
        out.send(get(url))
    assert refusal.value.code == "outbound_forbidden"


@pytest.mark.parametrize(
    "addresses",
    [("127.0.0.1",), ("10.0.0.1", "::1"), ("::ffff:127.0.0.1",), ("169.254.169.254",), ()],
    ids=["loopback", "several", "mapped", "metadata", "none"],
)
def test_o4_a_public_name_for_an_inside_address_is_refused(addresses: tuple[str, ...]) -> None:
    with network(resolver=at(*addresses)) as out, pytest.raises(OutboundError) as refusal:
        out.send(get("https://rebind.example/"))
    assert refusal.value.code == "outbound_forbidden"


def test_o4_a_name_is_resolved_once_and_the_judged_address_is_the_dialled_one() -> None:
    """DNS rebinding: the second answer would lead inside, but nobody asks a second time."""
    answers = [[ip_address("127.0.0.1")], [ip_address("169.254.169.254")]]
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[Address]:
        asked.append(host)
        return answers[min(len(asked) - 1, 1)]

    with serving(answer()) as server, network("127.0.0.1", resolver=rebinding) as out:
        assert out.send(get(f"http://rebind.test:{server.port}/")).status == 200
    assert asked == ["rebind.test"]


def test_of_several_addresses_only_the_permitted_are_dialled() -> None:
    with (
        serving(answer()) as server,
        network("127.0.0.1", resolver=at("10.255.255.1", "127.0.0.1")) as out,
    ):
        assert out.send(get(f"http://mixed.test:{server.port}/", timeout=2)).status == 200


def test_plain_http_is_for_listed_hosts_only_even_at_public_addresses() -> None:
    with network(resolver=at("1.1.1.1")) as out, pytest.raises(OutboundError, match="plain http"):
        out.send(get("http://idp.example/"))


@pytest.mark.parametrize(
    ("entry", "reached"),
    [
        ("okta.test", True),
        ("okta.test:{port}", True),
        ("127.0.0.0/8", True),
        ("okta.test:1", False),
        ("other.test", False),
        ("10.0.0.0/8", False),
    ],
)
def test_the_operators_list_opens_exactly_what_it_names(entry: str, reached: bool) -> None:
    with serving(answer()) as server:
        listed = entry.format(port=server.port)
        with network(listed, resolver=at("127.0.0.1")) as out:
            if reached:
                assert out.send(get(f"http://okta.test:{server.port}/")).status == 200
            else:
                with pytest.raises(OutboundError):
                    out.send(get(f"http://okta.test:{server.port}/"))


def test_o4_a_redirect_is_an_answer_and_is_not_followed() -> None:
    redirect = answer(b"", "302 Found", "Location: http://127.0.0.1:1/inside")
    with serving(redirect) as server, network("127.0.0.1") as out:
        response = out.send(get(f"http://127.0.0.1:{server.port}/"))
    assert response.status == 302
    assert len(server.requests) == 1


def endless(stream: socket.socket) -> None:
    stream.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        stream.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")


@pytest.mark.parametrize(
    "talk",
    [answer(b"x" * (256 * 1024 + 1)), endless],
    ids=["with-length", "endless"],
)
def test_an_answer_that_is_too_long_is_cut_off(talk: Callable[[socket.socket], None]) -> None:
    with (
        serving(talk) as server,
        network("127.0.0.1") as out,
        pytest.raises(OutboundError) as refusal,
    ):
        out.send(get(f"http://127.0.0.1:{server.port}/"))
    assert refusal.value.code == "outbound_too_large"


def test_256_kb_may_come() -> None:
    with serving(answer(b"x" * (256 * 1024))) as server, network("127.0.0.1") as out:
        assert len(out.send(get(f"http://127.0.0.1:{server.port}/")).body) == 256 * 1024


def drip(raw: bytes) -> Callable[[socket.socket], None]:
    def talk(stream: socket.socket) -> None:
        for octet in raw:
            stream.sendall(bytes([octet]))
            time.sleep(0.05)

    return talk


SLOW: dict[str, Callable[[socket.socket], None]] = {
    "silent": lambda stream: time.sleep(2),
    "dripping-head": drip(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100),
    "dripping-body": lambda stream: (
        stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        drip(b"x" * 1000)(stream),
    )[-1],
}


@pytest.mark.parametrize("talk", SLOW.values(), ids=SLOW)
def test_one_deadline_holds_for_the_whole_call(talk: Callable[[socket.socket], None]) -> None:
    with serving(talk) as server, network("127.0.0.1") as out:
        began = time.monotonic()
        with pytest.raises(OutboundError) as refusal:
            out.send(get(f"http://127.0.0.1:{server.port}/", timeout=0.4))
        assert time.monotonic() - began < 1.5
    assert refusal.value.code == "outbound_timeout"


def test_a_resolver_that_hangs_does_not_hang_us() -> None:
    def hanging(_host: str, _port: int) -> Sequence[Address]:
        time.sleep(1)
        return []

    with network(resolver=hanging) as out:
        began = time.monotonic()
        with pytest.raises(OutboundError) as refusal:
            out.send(get("https://slow.example/", timeout=0.2))
        assert time.monotonic() - began < 0.9
    assert refusal.value.code == "outbound_timeout"


def test_the_operators_timeout_caps_what_a_request_asks_for() -> None:
    with (
        serving(lambda stream: time.sleep(2)) as server,
        network("127.0.0.1", timeout=0.2) as out,
        pytest.raises(OutboundError, match=r"within 0\.2 s"),
    ):
        out.send(get(f"http://127.0.0.1:{server.port}/", timeout=30))


def test_a_closed_port_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with network("127.0.0.1") as out, pytest.raises(OutboundError) as refusal:
        out.send(get(f"http://127.0.0.1:{port}/"))
    assert refusal.value.code == "outbound_unreachable"


def test_a_server_that_hangs_up_or_talks_nonsense_is_unreachable() -> None:
    for talk in (lambda stream: stream.close(), lambda stream: stream.sendall(b"hello\r\n\r\n")):
        with (
            serving(talk) as server,
            network("127.0.0.1") as out,
            pytest.raises(OutboundError) as refusal,
        ):
            out.send(get(f"http://127.0.0.1:{server.port}/"))
        assert refusal.value.code == "outbound_unreachable"


def test_a2_a_header_that_cannot_be_sent_is_not_repeated_in_the_error() -> None:
    with serving(answer()) as server, network("127.0.0.1") as out:
        url = f"http://127.0.0.1:{server.port}/"
        with pytest.raises(OutboundError) as refusal:
            out.send(Request("GET", url, headers={"Authorization": "SSWS secret\r\nX: y"}))
    assert "secret" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert server.requests == []


def test_a_connection_is_used_again() -> None:
    with serving(answer()) as server, network("127.0.0.1") as out:
        for _ in range(3):
            out.send(get(f"http://127.0.0.1:{server.port}/"))
    assert server.connections == 1


def test_a_delay_is_waited_out_before_sending() -> None:
    with serving(answer()) as server, network("127.0.0.1") as out:
        began = time.monotonic()
        out.send(get(f"http://127.0.0.1:{server.port}/", delay=0.2))
        assert time.monotonic() - began >= 0.2


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def tls_for(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_an_authority_of_the_operators_own_is_trusted(
    authority: trustme.CA, tmp_path: Path
) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with serving(answer(), tls=tls_for(authority, "idp.test")) as server:
        url = f"https://idp.test:{server.port}/"
        with network("idp.test", resolver=at("127.0.0.1"), ca_file=ca_file) as out:
            assert out.send(get(url)).status == 200
        with (
            network("idp.test", resolver=at("127.0.0.1")) as out,
            pytest.raises(OutboundError, match="certificate verify failed"),
        ):
            out.send(get(url))


def test_the_certificate_must_be_for_the_name_and_not_for_the_address(
    authority: trustme.CA, tmp_path: Path
) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with (
        serving(answer(), tls=tls_for(authority, "other.test")) as server,
        network("127.0.0.1", resolver=at("127.0.0.1"), ca_file=ca_file) as out,
    ):
        assert out.send(get(f"https://other.test:{server.port}/")).status == 200
        # The open connection to the same address must not be lent to another name.
        with pytest.raises(OutboundError, match="certificate verify failed"):
            out.send(get(f"https://idp.test:{server.port}/"))


def test_f3_an_unreadable_authority_stops_the_start(tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("not a certificate")
    for ca_file in (broken, tmp_path / "missing.pem"):
        with pytest.raises(InvalidConfiguration, match=r"outbound\.ca_file"):
            SafeNetwork(ca_file=ca_file)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(answer()) as server, network("127.0.0.1") as out:
        assert out.send(get(f"http://127.0.0.1:{server.port}/")).status == 200


def test_documents_are_kept_and_other_answers_are_not() -> None:
    with serving(answer(b'{"keys":[]}')) as server, network("127.0.0.1") as out:
        url = f"http://127.0.0.1:{server.port}/keys"
        for _ in range(3):
            assert out.send(get(url, cache_for=3600)).body == b'{"keys":[]}'
        assert len(server.requests) == 1
        out.send(get(url))
        assert len(server.requests) == 2
