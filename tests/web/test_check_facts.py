"""Facts come from the data plane alone, strictly; hosts and cookies in one reading (H, S5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestibule.web.facts import (
    BadRequest,
    NotFromTheDataPlane,
    common_name,
    facts_of_scope,
    normalised_host,
    parse_client_certificate,
    parse_cookies,
    request_facts,
)

HASH = "ab" * 32
TOLD = {
    "host": "wiki.example.com",
    "x-vestibule-client-ip": "192.0.2.7",
    "x-vestibule-scheme": "https",
    "x-vestibule-mode": "gateway",
    "x-request-id": "0af76519-16cd-43dd-8448-eb211c80319c",
}


def facts(*more: tuple[str, str], without: str = "", **changed: str):
    told = {**TOLD, **{name.replace("_", "-"): value for name, value in changed.items()}}
    told.pop(without, None)
    pairs = [*told.items(), *more]
    headers = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
    return request_facts(method="GET", path="/", query="", headers=headers)


def test_what_the_data_plane_says_becomes_the_facts() -> None:
    found = facts(
        ("x-vestibule-country", "PT"),
        ("cookie", "a=1"),
        ("cookie", "a=2; b=x=y"),
        ("accept", "text/html"),
        ("accept", "*/*"),
        host="Wiki.Example.COM.:8443",
        x_vestibule_mode="forward-auth",
    )
    assert (found.host, found.authority) == ("wiki.example.com", "wiki.example.com:8443")
    assert (found.client_ip, found.country, found.forward_auth) == ("192.0.2.7", "PT", True)
    assert found.cookies == {"a": ("1", "2"), "b": ("x=y",)}
    assert found.headers["accept"] == "text/html, */*"
    assert found.headers["cookie"] == "a=1; a=2; b=x=y"


@pytest.mark.parametrize(
    "name",
    ["x-vestibule-client-ip", "x-vestibule-scheme", "x-vestibule-mode", "x-request-id"],
)
@pytest.mark.parametrize("how", ["missing", "twice", "twice, another", "odd", "empty"])
def test_H4_a_header_of_the_data_plane_that_is_not_as_it_writes_it_is_refused(
    name: str, how: str
) -> None:
    key = name.replace("-", "_")
    more, changed = {
        "missing": ((), {"without": name}),
        "twice": (((name, TOLD[name]),), {}),
        "twice, another": (((name, "192.0.2.1"),), {}),
        "odd": ((), {key: "no, thanks"}),
        "empty": ((), {key: ""}),
    }[how]
    with pytest.raises(NotFromTheDataPlane):
        facts(*more, **changed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-vestibule-country", "Portugal"),
        ("x-vestibule-country", "pt"),
        ("x-vestibule-client-ip", "192.0.2.7, 10.0.0.1"),
        ("x-vestibule-client-ip", "localhost"),
        ("x-forwarded-client-cert", f"Hash={HASH},Hash={HASH}"),
        ("x-forwarded-client-cert", "Subject=CN=x"),
        ("x-forwarded-client-cert", f'Hash={HASH};Subject="CN=x'),
        ("x-forwarded-client-cert", f"Hash={HASH};Hash={HASH}"),
    ],
)
def test_an_unreadable_fact_is_refused(name: str, value: str) -> None:
    with pytest.raises(NotFromTheDataPlane):
        facts(**{name.replace("-", "_"): value})


def test_an_address_has_one_form() -> None:
    assert facts(x_vestibule_client_ip="::ffff:192.0.2.7").client_ip == "192.0.2.7"
    assert facts(x_vestibule_client_ip="2001:DB8::0:1").client_ip == "2001:db8::1"


@pytest.mark.parametrize(
    ("header", "host", "authority"),
    [
        ("wiki.example.com", "wiki.example.com", "wiki.example.com"),
        ("WIKI.example.COM", "wiki.example.com", "wiki.example.com"),
        ("wiki.example.com.", "wiki.example.com", "wiki.example.com"),
        ("wiki.example.com:443", "wiki.example.com", "wiki.example.com:443"),
        ("wiki.example.com.:8443", "wiki.example.com", "wiki.example.com:8443"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("Bücher.example".encode().decode("latin-1"), "xn--bcher-kva.example", None),
        ("192.0.2.1:80", "192.0.2.1", "192.0.2.1:80"),
        ("[2001:DB8::1]:8443", "[2001:db8::1]", "[2001:db8::1]:8443"),
    ],
)
def test_H6_a_host_has_one_form(header: str, host: str, authority: str | None) -> None:
    assert normalised_host(header) == (host, authority or host)


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        ".",
        "a..b",
        "wiki.example.com..",
        "wiki.example.com:",
        "wiki.example.com:0",
        "wiki.example.com:99999",
        "wiki.example.com:80:80",
        "user@wiki.example.com",
        "wiki.example.com/x",
        "wiki.example.com\\x",
        "wiki example.com",
        "wiki.example.com\x00",
        "wiki.example.com, other.example.com",
        "-wiki.example.com",
        "[::1",
        "[not-an-address]",
        "x" * 300,
        "wiki。example".encode().decode("latin-1") + "\xff",
    ],
)
def test_H6_what_is_no_hostname_is_refused(header: str) -> None:
    with pytest.raises(BadRequest):
        normalised_host(header)


def test_H6_two_hosts_are_refused() -> None:
    with pytest.raises(BadRequest):
        facts(("host", "other.example.com"))
    with pytest.raises(BadRequest):
        facts(without="host")


@given(st.text(max_size=300))
def test_any_host_is_read_once_and_for_all_or_refused(header: str) -> None:
    try:
        host, authority = normalised_host(header)
    except BadRequest:
        return
    assert normalised_host(host) == (host, host)
    assert normalised_host(authority) == (host, authority)


COOKIE_TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=";=,"))


@given(st.lists(st.tuples(COOKIE_TEXT.filter(bool), COOKIE_TEXT), max_size=20))
def test_S5_every_value_of_a_cookie_is_kept_in_order(sent: list[tuple[str, str]]) -> None:
    header = "; ".join(f"{name}={value}" for name, value in sent)
    found = parse_cookies(header)
    assert {name: tuple(v for n, v in sent if n == name) for name, _ in sent} == found


@given(st.text(max_size=500))
def test_any_cookie_header_can_be_read(header: str) -> None:
    for name, values in parse_cookies(header).items():
        assert name
        assert values
        assert ";" not in name + "".join(values)


def test_a_flood_of_cookies_is_cut_short() -> None:
    assert len(parse_cookies("; ".join(f"c{n}=1" for n in range(100_000)))) <= 256


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("CN=device-7,OU=Fleet,O=Example", "device-7"),
        ("OU=Fleet, CN = device-7", "device-7"),
        ("cn=device-7", "device-7"),
        (r"CN=Doe\, John,O=Example", "Doe, John"),
        (r"O=x\,CN=admin,CN=device-7", "device-7"),
        (r"CN=a\\\,CN=admin,O=x", r"a\,CN=admin"),
        (r"CN=J\C3\BCrgen", "Jürgen"),
        ("CN=device-7+UID=3,O=x", "device-7"),
        ("CN=one,CN=two", ""),
        ("O=Example", ""),
        ("", ""),
        (r"XCN=admin,CN=device-7", "device-7"),
    ],
)
def test_a_common_name_cannot_be_smuggled(subject: str, name: str) -> None:
    assert common_name(subject) == name


def test_the_verified_certificate_is_read_as_envoy_writes_it() -> None:
    header = f'By=spiffe://x;Hash={HASH};Subject="CN=a\\"b;c,O=x,y";URI='
    found = parse_client_certificate(header)
    assert found is not None
    assert (found.common_name, found.fingerprint_sha256) == ('a"b;c', HASH)
    assert parse_client_certificate("") is None


@given(st.text(max_size=200))
def test_any_certificate_header_is_read_or_refused(header: str) -> None:
    try:
        found = parse_client_certificate(header)
    except NotFromTheDataPlane:
        return
    assert found is None or len(found.fingerprint_sha256) == 64


def test_the_path_keeps_its_escapes_and_loses_the_prefix() -> None:
    headers = [(name.encode(), value.encode()) for name, value in TOLD.items()]
    scope = {
        "method": "GET",
        "path": "/check/a b",
        "raw_path": b"/check/a%20b",
        "query_string": b"x=%2F",
        "headers": headers,
    }
    found = facts_of_scope(scope, prefix="/check")
    assert (found.path, found.query) == ("/a%20b", "x=%2F")
    with pytest.raises(NotFromTheDataPlane):
        facts_of_scope({**scope, "raw_path": b"/other"}, prefix="/check")
    with pytest.raises(BadRequest):
        facts_of_scope({**scope, "raw_path": b"/checkx"}, prefix="/check")
