"""Numbers as people read them: a unit always, thin separators, no more digits than matter."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

THIN = "\u202f"  # narrow, and never broken at a line's end
MINUS = "\u2212"
_COMPACT = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_EDGE = 1e18  # past it digits say nothing: powers of ten
YEAR_ONE, YEAR_LAST = -62135596800.0, 253402300799.0


def format_value(value: float | None, unit: str = "") -> str:
    """As a sentence or a table shows it. "ratio" is a share of 1 and is shown in per cent."""
    if value is None:
        return "—"
    if value < 0:
        return MINUS + format_value(-value, unit)
    if math.isinf(value):
        return "∞"
    if unit == "ratio":
        return format_value(value * 100, "%")
    if unit == "bytes":
        return _bytes(value)
    if unit in {"s", "ms"}:
        return _duration(value if unit == "s" else value / 1000, unit)
    text = _digits(value)
    return text if unit in {"", "count"} else f"{text}{THIN}{unit}"


def _digits(value: float) -> str:
    """Three figures that matter (two below one), whole numbers whole."""
    if value == 0:
        return "0"
    if value >= _EDGE or value < 1e-6:
        return _power(value)
    if value == int(value) or value >= 1000:
        return f"{value:,.0f}".replace(",", THIN)
    places = max(0, (2 if value >= 1 else 1) - math.floor(math.log10(value)))
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _power(value: float) -> str:
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _bytes(value: float) -> str:
    power = 0
    while value >= 1024 and power < len(_BYTES) - 1:
        value /= 1024
        power += 1
    return f"{_digits(value)}{THIN}{_BYTES[power]}"


def _duration(seconds: float, unit: str) -> str:
    if seconds == 0:
        return f"0{THIN}{unit}"
    if seconds < 0.9995:
        return f"{_digits(seconds * 1000)}{THIN}ms"
    if seconds < 60:
        return f"{_digits(round(seconds, 2))}{THIN}s"
    if seconds >= _EDGE:
        return f"{_power(seconds)}{THIN}s"
    return _pair(seconds)


def _pair(seconds: float) -> str:
    """Two neighbouring units at most: 2 h 10 m."""
    # Past ten minutes the seconds say nothing.
    whole = round(seconds) if seconds < 600 else round(seconds / 60) * 60
    sizes = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
    for (size, name), (lesser, small) in itertools.pairwise(sizes):
        if whole >= size:
            rest = whole % size // lesser
            # 35 min alone would read as metres in "35 m".
            alone = "min" if name == "m" else name
            if not rest:
                return f"{_digits(whole // size)}{THIN}{alone}"
            return f"{_digits(whole // size)}{THIN}{name} {rest}{THIN}{small}"
    return f"{whole}{THIN}s"


def axis_labels(ticks: list[float], unit: str = "") -> list[str]:
    """Short, and with as many decimals on every tick as the step needs."""
    if unit in {"s", "ms", "bytes"}:
        return [format_value(tick, unit) for tick in ticks]
    if unit == "ratio":
        ticks, unit = [tick * 100 for tick in ticks], "%"
    largest = max((abs(tick) for tick in ticks), default=0.0)
    step = min((b - a for a, b in itertools.pairwise(ticks)), default=largest)
    if largest >= _EDGE or (0 < largest < 1e-6):
        return [_signed(tick, _power(abs(tick)) if tick else "0", unit) for tick in ticks]
    size, letter = next(
        (
            (size, letter)
            for size, letter in _COMPACT
            if largest >= size * (10 if size == 1e3 else 1)
        ),
        (1.0, ""),
    )
    places = _places(step / size)
    return [
        _signed(tick, f"{abs(tick) / size:.{places}f}" + (letter if tick else ""), unit)
        for tick in ticks
    ]


def _places(step: float) -> int:
    if step <= 0:
        return 0
    return min(8, max(0, -math.floor(math.log10(step) + 1e-9)))


def _signed(value: float, text: str, unit: str) -> str:
    tail = f"{THIN}{unit}" if unit == "%" else ""
    return (MINUS if value < 0 else "") + text + tail


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """A person's setting may name a zone this machine hasn't got: then UTC, said in the caption."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def moment(epoch: float, tz: tzinfo) -> datetime | None:
    """The local time; None where no calendar reaches."""
    if not YEAR_ONE + 172800 <= epoch <= YEAR_LAST - 172800:
        return None
    whole = math.floor(epoch)
    return datetime.fromtimestamp(whole, UTC).astimezone(tz)


def clock(epoch: float, tz: tzinfo, span: float) -> str:
    """A moment inside a sentence: as much of it as the span leaves open."""
    local = moment(epoch, tz)
    if local is None:
        return _signed(epoch, _digits(abs(epoch)), "")
    if span <= 600 and local.second:
        return f"{local:%H:%M:%S}"
    if span <= 86400 * 1.05:
        return f"{local:%H:%M}"
    if span <= 86400 * 45:
        return f"{local:%a} {local.day} {local:%b %H:%M}"
    return f"{local.day} {local:%b} {local.year}"


def stamp(epoch: float, tz: tzinfo) -> str:
    """A moment in a table: complete, sortable."""
    local = moment(epoch, tz)
    if local is None:
        return _digits(abs(epoch)) if epoch >= 0 else MINUS + _digits(-epoch)
    text = f"{local.year:04}-{local:%m-%d %H:%M}"
    return f"{text}:{local:%S}" if local.second else text
