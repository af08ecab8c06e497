"""Which addresses may be dialled (identity.md 8.1, row 15; attack O4)."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from vestibule.model.errors import InvalidConfiguration
from vestibule.outbound.addresses import is_public, parse_allow_list

INSIDE = [
    "0.0.0.0",  # noqa: S104 - never bound, only judged
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2001::1",
    "2001:db8::1",
    "100::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
OUTSIDE = ["1.1.1.1", "8.8.8.8", "104.16.1.1", "2606:4700::1111", "2a00:1450:4001::1"]


@pytest.mark.parametrize("text", INSIDE)
def test_o4_an_inside_address_is_never_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", OUTSIDE)
def test_a_public_address_is_public(text: str) -> None:
    assert is_public(ip_address(text))


def test_an_embedded_public_address_is_judged_as_what_it_reaches() -> None:
    assert is_public(ip_address("64:ff9b::808:808"))


def test_the_allow_list_knows_names_ports_addresses_and_ranges() -> None:
    allow = parse_allow_list(
        ["idp.internal", "okta.test:8443", "10.1.0.0/16", "fd00::/8", "127.0.0.1", "[::1]:80"]
    )
    assert allow.names("idp.internal", 443)
    assert allow.names("IDP.internal.", 9)
    assert allow.names("okta.test", 8443)
    assert not allow.names("okta.test", 443)
    assert not allow.names("x.idp.internal", 443)
    assert allow.names("::1", 80)
    assert not allow.names("::1", 81)
    assert allow.covers(ip_address("10.1.2.3"))
    assert allow.covers(ip_address("::ffff:10.1.2.3"))
    assert allow.covers(ip_address("127.0.0.1"))
    assert not allow.covers(ip_address("10.2.0.1"))
    assert not allow.covers(ip_address("127.0.0.2"))


@pytest.mark.parametrize(
    "entry", ["", "https://idp.internal", "10.0.0.1/8", "a@b", "a:0", "a:99999", "a:b", "*", "a b"]
)
def test_f6_an_entry_that_is_not_clear_is_refused(entry: str) -> None:
    with pytest.raises(InvalidConfiguration, match=r"outbound\.allow\[0\]"):
        parse_allow_list([entry])
