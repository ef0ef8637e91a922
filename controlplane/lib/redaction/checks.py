"""Checks that tell a real value from something that only looks like one."""

from __future__ import annotations

import re

_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30,
    "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
    "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23,
    "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip

# (lowest prefix, highest prefix, lengths). Thirteen digits of epoch milliseconds pass Luhn one
# time in ten: without issuer and length a card rule eats time stamps.
_ISSUERS: list[tuple[str, str, frozenset[int]]] = [
    ("4", "4", frozenset({13, 16, 19})),
    ("51", "55", frozenset({16})),
    ("2221", "2720", frozenset({16})),
    ("2200", "2204", frozenset({16, 17, 18, 19})),
    ("34", "34", frozenset({15})),
    ("37", "37", frozenset({15})),
    ("300", "305", frozenset({14, 16})),
    ("3095", "3095", frozenset({14, 16})),
    ("36", "36", frozenset({14, 16})),
    ("38", "39", frozenset({14, 16})),
    ("3500", "3589", frozenset({16, 17, 18, 19})),
    ("2131", "2131", frozenset({15})),
    ("1800", "1800", frozenset({15})),
    ("6011", "6011", frozenset({16, 17, 18, 19})),
    ("644", "659", frozenset({16, 17, 18, 19})),
    ("62", "62", frozenset({16, 17, 18, 19})),
    ("5018", "5018", frozenset(range(12, 20))),
    ("5020", "5020", frozenset(range(12, 20))),
    ("5038", "5038", frozenset(range(12, 20))),
    ("5893", "5893", frozenset(range(12, 20))),
    ("6304", "6304", frozenset(range(12, 20))),
    ("6759", "6759", frozenset(range(12, 20))),
    ("6761", "6763", frozenset(range(12, 20))),
    ("60", "60", frozenset({16})),
    ("81", "81", frozenset({16})),
    ("9792", "9792", frozenset({16})),
]


def luhn(digits: str) -> bool:
    total = 0
    for position, character in enumerate(reversed(digits)):
        digit = int(character)
        if position % 2:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Issuer, length and Luhn agree. All-equal digits pass Luhn and name nobody."""
    if not 12 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    known = any(
        low <= digits[: len(low)] <= high and len(digits) in lengths
        for low, high, lengths in _ISSUERS
    )
    return known and luhn(digits)


def iban_length(country: str) -> int:
    """The length of this country's IBANs; 0 where there are none."""
    return _IBAN_LENGTHS.get(country, 0)


def is_iban(text: str) -> bool:
    if len(text) != iban_length(text[:2]):
        return False
    rotated = text[4:] + text[:4]
    number = "".join(c if c.isdigit() else str(ord(c) - 55) for c in rotated)
    return int(number) % 97 == 1


_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I)
_PLACEHOLDER = re.compile(
    r"\$\{?[A-Za-z_].*|\{\{.*|%[sd]|%\(\w+\)s|<[^>]*>|\{\w*\}|[*xX•.…_-]{3,}|\[\w+\]|\(\w+\)"
)


def _names(text: str) -> list[str]:
    return text.split()


_NOT_VALUES = frozenset(
    _names(
        """
    null none nil undefined nan true false yes no on off empty unset set missing required
    optional invalid valid expired expiring revoked rotated changed updated created deleted
    wrong incorrect unknown redacted hidden masked filtered removed string str int integer
    number bool boolean object array bytes text type default disabled enabled failed failure
    success ok error denied rejected accepted refused mismatch mismatched malformed
    unauthorized unsupported forbidden must should shall may can cannot could would will has
    have had is are was were be been not and or the a an for from in into to of at by with
    without this that these those it its as if when than then please check see use using
    used enter reset rotate refresh pending active inactive provided present absent
    available unavailable verified unverified confirmed needed not_set exchange exchanged
    issued bearer basic header field value policy length limit usage count notfound
    not_found n/a na tbd todo
    """
    )
)


def is_placeholder(value: str) -> bool:
    """`${TOKEN}`, `<secret>`, `****`, `null`, or a word that only continues a sentence."""
    return value.lower() in _NOT_VALUES or _PLACEHOLDER.fullmatch(value) is not None


def looks_random(value: str, *, shortest: int = 8) -> bool:
    """Could be a generated secret: long enough and mixed, unlike a word, a path or a name."""
    if len(value) < shortest or is_placeholder(value):
        return False
    has_digit = any(c.isdigit() for c in value)
    has_letter = any(c.isalpha() for c in value)
    if has_digit and has_letter:
        return True
    inner = value[1:]
    mixed = any(c.isupper() for c in inner) and any(c.islower() for c in value)
    symbols = sum(c in "!@#$%^&*+=~?" for c in value)
    return has_letter and ((mixed and "_" not in value and "." not in value) or symbols > 0)


def is_uuid(value: str) -> bool:
    return _UUID.fullmatch(value) is not None


def is_date_like(groups: list[str]) -> bool:
    """2025 10 15, 15 10 2025, 01 02 25: the digits of a date, whatever stands between."""
    if len(groups) < 3:
        return False
    first, second, third = groups[0], groups[1], groups[2]
    if len(first) == 4 and first[:2] in {"19", "20"}:
        return len(second) <= 2 and len(third) <= 2 and 1 <= int(second) <= 12
    if len(third) == 4 and third[:2] in {"19", "20"}:
        return len(first) <= 2 and len(second) <= 2 and 1 <= min(int(first), int(second)) <= 12
    return False
