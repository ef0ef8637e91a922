"""Figures with their units, as the pages outside charts write them."""

from __future__ import annotations

NOTHING = "no data"
_THIN = "\u202f"
_WORDS = {"count": "", "": "", "missions": "", "events": ""}


def amount(value: float | None, unit: str = "") -> str:
    if value is None:
        return NOTHING
    if unit in {"ms", "s"}:
        return _time(value if unit == "ms" else value * 1000)
    if unit in {"h", "min"} and abs(value) < 1:
        return _time(value * (3_600_000 if unit == "h" else 60_000))
    if unit == "bytes":
        return _bytes(value)
    said = _WORDS.get(unit, unit)
    return f"{_digits(value)}{_THIN}{said}" if said else _digits(value)


def change(now: float | None, before: float | None) -> str:
    """Against the period before: "+12 %", "the same", nothing where one of them is not known."""
    if now is None or before is None:
        return ""
    if now == before:
        return "the same"
    if before == 0:
        return "from 0"
    share = (now - before) / abs(before) * 100
    sign = "+" if share > 0 else "\u2212"
    return f"{sign}{_digits(abs(share)) if abs(share) < 1000 else 'over 1000'}{_THIN}%"


def _digits(value: float) -> str:
    """Three figures that matter; whole numbers whole."""
    if value < 0:
        return f"\u2212{_digits(-value)}"
    if value == int(value) or value >= 1000:
        return f"{value:,.0f}".replace(",", _THIN)
    places = 2 if value < 10 else 1
    text = f"{value:.{places}f}" if value >= 0.01 else f"{value:.2g}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def _time(milliseconds: float) -> str:
    if milliseconds < 1_000:
        return f"{_digits(milliseconds)}{_THIN}ms"
    for size, name in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")):
        if milliseconds >= 2 * size or size == 1_000:
            return f"{_digits(milliseconds / size)}{_THIN}{name}"
    return ""


def _bytes(value: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1000:
            return f"{_digits(round(value, 2))}{_THIN}{unit}"
        value /= 1000
    return f"{_digits(round(value, 2))}{_THIN}TB"
