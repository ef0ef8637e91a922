"""Numbers, dates, versions and addresses, read strictly: what the SDKs would not read, neither do
we, for the same rule must say the same wherever it is evaluated."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_NUMBER = re.compile(
    r"[+-]?(?:inf(?:inity)?|nan|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)", re.I
)
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:[Zz]|([+-][0-9]{2}:[0-9]{2}))"
)
_PART = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    r"(0|[1-9][0-9]{0,19})\.(0|[1-9][0-9]{0,19})\.(0|[1-9][0-9]{0,19})"
    rf"(?:-({_PART}(?:\.{_PART})*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_LONGEST = 1_000  # characters; nothing longer is a number, a date, a version or an address
_LARGEST = 2**64

Version = tuple[object, ...]
Network = tuple[int, int, int]  # 4 or 6, the mask, the address under it


def number(spelled: str) -> float | None:
    if len(spelled) > _LONGEST or not _NUMBER.fullmatch(spelled):
        return None
    return float(spelled)


def instant(spelled: str) -> datetime | None:
    found = _DATE.fullmatch(spelled) if len(spelled) <= _LONGEST else None
    if found is None:
        return None
    year, month, day, clock, fraction, offset = found.groups()
    micro = (fraction or "0").ljust(6, "0")[:6]
    try:
        told = datetime.fromisoformat(f"{year}-{month}-{day}T{clock}.{micro}{offset or '+00:00'}")
        return told.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def version(spelled: str) -> Version | None:
    """Something to compare: of two versions the later one is the greater.

    Identifiers of a pre-release compare as numbers where they are numbers, without ever becoming
    one: length first, then digit by digit.
    """
    found = _SEMVER.fullmatch(spelled) if len(spelled) <= _LONGEST else None
    if found is None:
        return None
    numbers = tuple(int(part) for part in found.group(1, 2, 3))
    if max(numbers) >= _LARGEST:
        return None
    before, build = found.group(4, 5)
    release = (1,) if before is None else (0, *map(_identifier, before.split(".")))
    return (*numbers, release, () if build is None else tuple(map(_build, build.split("."))))


def _identifier(part: str) -> tuple[int, int, str]:
    return (0, len(part), part) if part.isdigit() else (1, 0, part)


def _build(part: str) -> tuple[int, int, str, int]:
    if not part.isdigit():
        return (1, 0, part, 0)
    bare = part.lstrip("0")
    return (0, len(bare), bare, len(part))


def address(spelled: str) -> tuple[int, int] | None:
    if len(spelled) > _LONGEST or "%" in spelled:
        return None
    try:
        found: IPv4Address | IPv6Address = ip_address(spelled)
    except ValueError:
        return None
    return found.version, int(found)


def network(spelled: str) -> Network | None:
    """One address or a block of them; host bits may be set."""
    if len(spelled) > _LONGEST or "%" in spelled:
        return None
    _, slash, length = spelled.partition("/")
    if slash and not (length.isdigit() and length.isascii()):
        return None  # a netmask in dots is nothing the SDKs know
    try:
        found = ip_network(spelled, strict=False)
    except ValueError:
        return None
    return found.version, int(found.netmask), int(found.network_address)


def within(found: tuple[int, int], networks: list[Network]) -> bool:
    version_, told = found
    return any(v == version_ and told & mask == base for v, mask, base in networks)
