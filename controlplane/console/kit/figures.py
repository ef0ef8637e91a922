"""Numbers with their units, meters and targets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

NOTHING = "—"
_BINARY = ("B", "kB", "MB", "GB", "TB", "PB")
_TARGETS = {"at_least": "≥", "at_most": "≤"}


def as_number(value: Any) -> float | int | None:
    """A finite number, or None: NaN and text are no number anybody should read."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if not isinstance(value, float | Decimal | str):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None


def number(value: Any, digits: int | None = None) -> str:
    """ "12,345", "3.1", "0.004": groups of three, no more places than say something."""
    read = as_number(value)
    if read is None:
        return NOTHING
    if isinstance(read, int):
        # Printing an int of a million digits is refused by Python itself.
        return f"{read:,}" if abs(read) < 10**30 else f"{_scientific(read)}"
    if digits is not None:
        return f"{read:,.{min(max(digits, 0), 12)}f}"
    size = abs(read)
    if size >= 1e15 or 0 < size < 1e-6:
        return f"{read:.3g}"
    places = 0 if size >= 1000 else 1 if size >= 10 else 2 if size >= 0.1 else 6
    text = f"{read:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_SECONDS = {"h": 3600.0, "min": 60.0, "s": 1.0}


def legible(value: Any, unit: str) -> tuple[Any, str]:
    """The same time in the unit that a person would say: 0.02 h are 72 s, and 0.00005 h 180 ms."""
    read = as_number(value)
    if unit not in _SECONDS or read is None or read == 0 or abs(read) >= 0.1:
        return value, unit
    seconds = read * _SECONDS[unit]
    return (round(seconds, 1), "s") if abs(seconds) >= 1 else (round(seconds * 1000, 1), "ms")


def _scientific(value: int) -> str:
    return f"about 10^{int(value.bit_length() * math.log10(2))}"


def size(count: Any) -> str:
    """Bytes in the unit a person would say: "1.4 MB"."""
    read = as_number(count)
    if read is None or read < 0:
        return NOTHING
    left = float(read)
    for unit in _BINARY[:-1]:
        if left < 1000:
            return f"{number(round(left, 1))} {unit}"
        left /= 1000
    return f"{number(round(left, 1))} {_BINARY[-1]}"


@dataclass(frozen=True, slots=True)
class Meter:
    value: str
    maximum: str
    now: float
    share: float  # 0 to 100, what the bar shows
    tone: str
    limit: float | None = None  # where the target stands on the bar, 0 to 100


def meter(value: Any, maximum: Any, *, target: Any = None, tone: str = "") -> Meter:
    """How full something is. Past its maximum the bar is full and the tone is bad."""
    read, top = as_number(value), as_number(maximum)
    filled = float(read) / float(top) * 100 if read is not None and top and top > 0 else 0.0
    goal = as_number(target)
    limit = None
    if goal is not None and top and top > 0:
        limit = round(min(max(float(goal) / float(top) * 100, 0.0), 100.0), 2)
    return Meter(
        number(value),
        number(maximum),
        float(read) if read is not None else 0.0,
        round(min(max(filled, 0.0), 100.0), 2),
        tone or ("bad" if filled > 100 else "info"),
        limit,
    )


@dataclass(frozen=True, slots=True)
class Target:
    sign: str
    text: str
    met: bool | None  # None: no value, or no target to compare with


def target(value: Any, goal: Any, direction: str = "at_least") -> Target | None:
    """The target as it is written beside a value, and whether it is met."""
    read, wanted = as_number(value), as_number(goal)
    if wanted is None:
        return None
    sign = _TARGETS.get(direction, "≥")
    met = None
    if read is not None:
        met = bool(read <= wanted if sign == "≤" else read >= wanted)
    return Target(sign, number(wanted), met)
