"""Addresses and ranges: parsed once, looked up by prefix, so that a long list costs little."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)


class Ranges:
    """A set of CIDR ranges. `unreadable` are the items that are none."""

    __slots__ = ("_by_length", "cidrs", "unreadable")

    def __init__(self, items: tuple[str, ...]) -> None:
        networks: list[IPv4Network | IPv6Network] = []
        unreadable: list[str] = []
        for item in items:
            network = read_range(item)
            if network is None:
                unreadable.append(item)
            else:
                networks.append(network)
        self.cidrs = tuple(str(network) for network in networks)
        self.unreadable = tuple(unreadable)
        self._by_length: dict[tuple[int, int], set[int]] = {}
        for network in networks:
            shift = network.max_prefixlen - network.prefixlen
            prefixes = self._by_length.setdefault((network.version, shift), set())
            prefixes.add(int(network.network_address) >> shift)

    def __contains__(self, address: IPv4Address | IPv6Address) -> bool:
        number, version = int(address), address.version
        return any(
            version == of_version and number >> shift in prefixes
            for (of_version, shift), prefixes in self._by_length.items()
        )


@lru_cache(maxsize=256)
def ranges(items: tuple[str, ...]) -> Ranges:
    """The ranges that `items` name."""
    return Ranges(items)


def read_range(item: str) -> IPv4Network | IPv6Network | None:
    """A range or a single address; None when it is neither. Host bits may be set."""
    try:
        network = ip_network(item.strip(), strict=False)
    except ValueError:
        return None
    if isinstance(network, IPv6Network):
        if network.network_address.scope_id is not None:
            return None
        mapped = network.network_address.ipv4_mapped
        if mapped is not None and network.prefixlen >= 96:
            return IPv4Network((mapped, network.prefixlen - 96))
    return network


@lru_cache(maxsize=4096)
def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address, an IPv4 one also where it came mapped into IPv6; None when it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
