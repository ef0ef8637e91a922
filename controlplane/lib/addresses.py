"""Which network addresses are public, and which private ones an installation lets us call."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Forms that carry an IPv4 address inside: a translator on the way would deliver to it.
_CARRIERS = [
    ipaddress.ip_network(text)
    for text in (
        "::/96",
        "::ffff:0:0/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "fec0::/10",
        "192.88.99.0/24",
    )
]


def parse(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None


def is_public(text: str) -> bool:
    """Reachable for anybody on the internet, and by no detour something else."""
    address = parse(text)
    if address is None or getattr(address, "scope_id", None):
        return False
    if any(address in network for network in _CARRIERS if network.version == address.version):
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not address.is_loopback
        and not address.is_link_local
    )


class AllowList:
    """Host names (`.internal.example` with all below it), addresses and networks."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._names: set[str] = set()
        self._suffixes: list[str] = []
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for entry in entries:
            self._add(entry.strip().lower())

    def _add(self, entry: str) -> None:
        if not entry:
            return
        try:
            self._networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
        except ValueError:
            name = entry.removeprefix("*")
            if name.startswith("."):
                self._suffixes.append(name.rstrip("."))
            else:
                self._names.add(name.rstrip("."))

    def covers(self, host: str, address: str) -> bool:
        if host in self._names or any(host.endswith(suffix) for suffix in self._suffixes):
            return True
        parsed = parse(address)
        if parsed is None:
            return False
        return any(
            parsed in network for network in self._networks if network.version == parsed.version
        )
