"""Telephone numbers as they are dialled."""

from __future__ import annotations

import re

from controlplane.lib.errors import Invalid

_BETWEEN = re.compile(r"[\s().\-/\u00a0]+")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")


def dialled(text: str) -> str:
    """`+` with country and number, whatever was typed between the digits."""
    number = _BETWEEN.sub("", text.strip().removeprefix("tel:"))
    if number.startswith("00"):
        number = "+" + number[2:]
    if not _NUMBER.fullmatch(number):
        raise Invalid(
            "Not a telephone number.",
            details={"target": "With + and the country's code, like +44 20 7946 0000."},
        )
    return number
