"""Markup, written piece by piece and escaped once, here.

Never a `style` attribute: the console's Content-Security-Policy refuses them, also inside SVG.
Looks are classes; places are attributes. A plot has no viewBox of its own: its y is in pixels and
its x in per cent, so that text and strokes keep their size at any width. Only paths, which know
no per cent, live in a nested `<svg>` that is stretched (`stretched`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from django.utils.safestring import SafeString

# What XML can't hold, and lone surrogates, which no response can encode.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_SPACE = re.compile("[ \t\n\r\v\f]+")
# Marks that turn the reading direction of what follows, beyond the label's own end.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")

__all__ = [
    "WIDTH",
    "SafeString",
    "clip",
    "image",
    "join",
    "marker",
    "num",
    "pct",
    "plain",
    "series_class",
    "stretched",
    "tag",
    "tone_mark",
]
WIDTH = 1000.0  # of the stretched box
Attr = str | float | None


def plain(value: object) -> str:
    text = str(value)
    if text.isascii() and text.isprintable():  # nearly all; a chart has thousands
        return text
    return _TURNING.sub("", _UNPRINTABLE.sub("\ufffd", text))


def clip(value: object, length: int) -> str:
    """At most `length` characters; the whole belongs into a title beside it."""
    # Not split(): it would turn the narrow no-break spaces of numbers into ones that break.
    text = _SPACE.sub(" ", plain(value)).strip(" ")
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def num(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def pct(value: float) -> str:
    return f"{num(value)}%"


def join(parts: Iterable[str]) -> SafeString:
    return SafeString(
        "".join(part if isinstance(part, SafeString) else escape(plain(part)) for part in parts)
    )


def tag(name: str, *children: object, **attrs: Attr) -> SafeString:
    """`tag("text", label, x="4%", class_="tick")`; None leaves an attribute out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attrs.items()
        if value is not None
    )
    inner = "".join(
        child if isinstance(child, SafeString) else escape(plain(child)) for child in children
    )
    if not inner and name in _ALONE:
        return SafeString(f"<{name}{written}/>")
    return SafeString(f"<{name}{written}>{inner}</{name}>")


_ALONE = frozenset(["path", "line", "rect", "circle", "polygon", "col", "br"])


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return escape(plain(value))
    return num(value)


def stretched(*children: object, top: float, height: float) -> SafeString:
    return tag(
        "svg",
        *children,
        x=0.0,
        y=top,
        width="100%",
        height=height,
        viewBox=f"0 0 {num(WIDTH)} {num(height)}",
        preserveAspectRatio="none",
        class_="chart-stretched",
    )


def image(*children: object, title: str, summary: str, height: float, class_: str) -> SafeString:
    return tag(
        "svg",
        tag("title", title),
        tag("desc", summary),
        *children,
        width="100%",
        height=height,
        role="img",
        class_=class_,
    )


# Marks of series and states: told apart by their shape alone.
_SHAPES = (
    "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0Z",
    "M-3.2 -3.2H3.2V3.2H-3.2Z",
    "M0 -4.2L4 3.2H-4Z",
    "M0 -4.6L4.6 0L0 4.6L-4.6 0Z",
    "M0 4.2L4 -3.2H-4Z",
    "M-3.8 -1.2H-1.2V-3.8H1.2V-1.2H3.8V1.2H1.2V3.8H-1.2V1.2H-3.8Z",
    "M-4.4 0L-1.4 -1.4L0 -4.4L1.4 -1.4L4.4 0L1.4 1.4L0 4.4L-1.4 1.4Z",
    "M-4 -2H4V2H-4Z",
)


def series_class(index: int) -> str:
    return f"s{index % 8 + 1}"


def marker(index: int, x: str, y: float) -> SafeString:
    """The mark of a series, at x per cent: shapes are paths, so a nested svg carries them there."""
    shape = tag("path", d=_SHAPES[index % 8])
    return tag("svg", shape, x=x, y=y, class_=f"chart-mark {series_class(index)}")


_TONES = {
    "good": "M-3.6 0.2L-1.2 2.8L3.8 -2.8",
    "warn": "M0 -4L4.2 3.4H-4.2Z",
    "bad": "M-3 -3L3 3M3 -3L-3 3",
    "active": "M-3.8 0a3.8 3.8 0 1 0 7.6 0a3.8 3.8 0 1 0 -7.6 0ZM0 -3.8V3.8",
    "agent": "M0 -4.4L4.2 0L0 4.4L-4.2 0Z",
    "quiet": "M-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0 -6.8 0Z",
}


def tone_mark(tone: str, x: float, y: float) -> SafeString:
    return tag(
        "path",
        d=_TONES.get(tone, _TONES["quiet"]),
        transform=f"translate({num(x)} {num(y)})",
        class_=f"chart-tone t-{tone}",
    )
