"""Which addresses we may dial (identity.md 8.1, row 15).

An operator's configuration names URLs, and a provider's documents name more of them. None
may be a way into the network behind us, unless the operator listed it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

from vestibule.model.errors import InvalidConfiguration

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_NEVER_PUBLIC: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers; one cloud's metadata service too
        "168.63.129.16/32",  # another cloud's metadata service, on a public address
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "5f00::/16",
        "fc00::/7",
        "fec0::/10",
    )
)
"""What the standard library's own notion of "global" has missed in one version or another."""

_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether `address` lies on the public Internet, however it is written down.

    An IPv4 address inside an IPv6 one (mapped, 6to4, NAT64) is judged as what it reaches.
    """
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not any(
            address in network for network in _NEVER_PUBLIC if network.version == address.version
        )
    )


def _embedded(address: Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
        # The latter are the long deprecated "IPv4-compatible" ones, such as ::127.0.0.1.
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


@dataclass(frozen=True, slots=True)
class AllowList:
    """What the operator lets us reach besides public https: names, name:port pairs, ranges."""

    hosts: frozenset[str] = frozenset()
    ranges: tuple[Network, ...] = ()

    def names(self, host: str, port: int) -> bool:
        """Whether `host` is listed by name, with this port or with any."""
        name = host.lower().rstrip(".")
        bracketed = f"[{name}]" if ":" in name else name
        return name in self.hosts or f"{bracketed}:{port}" in self.hosts

    def covers(self, address: Address) -> bool:
        """Whether `address` lies in a listed range, however it is written down."""
        forms = {address, _embedded(address) or address}
        return any(
            form in network
            for form in forms
            for network in self.ranges
            if network.version == form.version
        )


def parse_allow_list(entries: Iterable[str]) -> AllowList:
    """Read `host`, `host:port`, address and CIDR entries. Raises `InvalidConfiguration`."""
    hosts: set[str] = set()
    ranges: list[Network] = []
    for index, entry in enumerate(entries):
        text = entry.strip().lower()
        path = f"outbound.allow[{index}]"
        if not text or any(sign in text for sign in "@?#*\\ ") or "://" in text:
            raise InvalidConfiguration(
                f"expected a host, host:port or CIDR range, found {entry!r}", path=path
            )
        try:
            ranges.append(ip_network(text))
            continue
        except ValueError as error:
            if "/" in text:
                raise InvalidConfiguration(f"not a CIDR range: {error}", path=path) from error
        host, colon, port = text.rpartition(":")
        if colon and not (port.isdecimal() and 0 < int(port) < 65536 and host):
            raise InvalidConfiguration(f"not a host and port: {entry!r}", path=path)
        hosts.add(text.rstrip(".") if not colon else f"{host.rstrip('.')}:{port}")
    return AllowList(frozenset(hosts), tuple(ranges))


def parse_address(text: str) -> Address:
    """An address as a resolver writes it; a zone (`fe80::1%eth0`) is cut off."""
    return ip_address(text.partition("%")[0])
