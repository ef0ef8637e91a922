"""Numbers, dates, versions and addresses, read strictly: what the SDKs would not read, neither do
we, for the same rule must say the same wherever it is evaluated."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from math import isfinite

_NUMBER = re.compile(
    r"[+-]?(?:inf(?:inity)?|nan|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)", re.I
)
_LIMIT = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
_DAY = r"\s*([0-9]{1,4})\s*-\s*([0-9]{1,2})\s*-\s*([0-9]{1,2})"
_CLOCK = r"([0-9]{1,2})\s*:\s*([0-9]{1,2})\s*:\s*([0-9]{1,2})(?:\.([0-9]+))?"
_ZONE = r"\s*(?:z|utc|([+-])([0-9]{2}):?([0-5][0-9]))\s*"
_DATE = re.compile(_DAY + r"(?:\s*t\s*|\s+)" + _CLOCK + _ZONE, re.I)
_DATE_LIMIT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_PART = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    r"(0|[1-9][0-9]{0,19})\.(0|[1-9][0-9]{0,19})\.(0|[1-9][0-9]{0,19})"
    rf"(?:-({_PART}(?:\.{_PART})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_LONGEST = 500  # characters; nothing longer is a number, a date, a version or an address
_LARGEST = 2**64
_CLOSE = 2.0**-52  # two numbers nearer than this are equal
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Version = tuple[object, ...]
Network = tuple[int, int, int]  # 4 or 6, the mask, the address under it


def number(spelled: str) -> float | None:
    if len(spelled) > _LONGEST:
        return None
    if (spelled.isdigit() and spelled.isascii()) or _NUMBER.fullmatch(spelled):
        return float(spelled)
    return None


def number_limit(spelled: str) -> float | None:
    """What a rule may compare with: a finite number, written with its leading digit."""
    spelled = spelled.strip()
    if len(spelled) > _LONGEST or not _LIMIT.fullmatch(spelled):
        return None
    return found if isfinite(found := float(spelled)) else None


def same(one: float, other: float) -> bool:
    return abs(one - other) < _CLOSE


def instant(spelled: str) -> int | None:
    """Nanoseconds since 1970 of a date with a time and a zone, as leniently spelled as the
    SDKs' clocks spell it."""
    found = _DATE.fullmatch(spelled) if len(spelled) <= _LONGEST else None
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.group(1, 2, 3, 4, 5, 6))
    nanoseconds = int((found.group(7) or "0").ljust(9, "0")[:9])
    if second == 60:  # a leap second stands before the minute that follows
        second, nanoseconds = 59, 999_999_999
    sign, hours, minutes = found.group(8, 9, 10)
    if sign and int(hours) > 23:
        return None
    try:
        told = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    offset = (int(hours) * 60 + int(minutes)) * 60_000_000 if sign else 0
    micros = (told - _EPOCH) // _MICROSECOND - (-offset if sign == "-" else offset)
    return micros * 1000 + nanoseconds


def instant_limit(spelled: str) -> int | None:
    """What a rule may compare with: RFC 3339, to the second or the millisecond."""
    spelled = spelled.strip()
    return instant(spelled) if _DATE_LIMIT.fullmatch(spelled) else None


def version(spelled: str) -> Version | None:
    """Something to compare: of two versions the later one is the greater, whatever their builds.

    Identifiers of a pre-release compare as numbers where they are numbers, without ever becoming
    one: length first, then digit by digit.
    """
    found = _SEMVER.fullmatch(spelled) if len(spelled) <= _LONGEST else None
    if found is None:
        return None
    numbers = tuple(int(part) for part in found.group(1, 2, 3))
    if max(numbers) >= _LARGEST:
        return None
    before = found.group(4)
    return (*numbers, (1,) if before is None else (0, *map(_identifier, before.split("."))))


def version_limit(spelled: str) -> Version | None:
    return version(spelled.strip())


def _identifier(part: str) -> tuple[int, int, str]:
    return (0, len(part), part) if part.isdigit() else (1, 0, part)


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
