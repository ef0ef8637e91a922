"""The body of charts that lie: names left, drawing in the middle, values right.

Names and values are HTML beside the SVG, in rows of the same height, so that a long name is cut
by the browser at the width there is, and a phone keeps readable letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.console.charts.frame import safe_href
from controlplane.console.charts.plot import Scale, x_label, x_marks
from controlplane.console.charts.svg import SafeString, clip, image, join, pct, tag
from controlplane.console.charts.units import zone

MOST = 60
FOOT = 24.0
FEWER = (6, 2)  # marks beside names and values, at a desk and on a phone


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    value: str = ""
    href: str = ""
    tone: str = ""
    more: str = ""


def height_of(bars: int = 1) -> float:
    """The same numbers as `.chart-rows-1` to `-8` in the stylesheet."""
    return 16.0 + 12.0 * min(8, max(1, bars))


def body(
    rows: Sequence[Row],
    *drawn: str,
    title: str,
    summary: str,
    bars: int = 1,
    foot: float = 0.0,
) -> SafeString:
    height = height_of(bars) * len(rows) + foot
    picture = image(*drawn, title=title, summary=summary, height=height, class_="chart-plot")
    return tag(
        "div",
        tag("ul", *map(_name, rows), class_="chart-names"),
        tag("div", picture, class_="chart-stage"),
        tag("ul", *map(_value, rows), class_="chart-values") if any(r.value for r in rows) else "",
        class_=f"chart-rows chart-rows-{min(8, max(1, bars))}",
    )


def _name(row: Row) -> SafeString:
    words = clip(row.name, 80)
    title = row.name
    if safe_href(row.href):
        return tag("li", tag("a", words, href=row.href, title=title))
    return tag("li", tag("span", words, title=title))


def _value(row: Row) -> SafeString:
    tone = f"chart-num t-{row.tone}" if row.tone else "chart-num"
    return tag(
        "li",
        tag("span", row.value, class_=tone),
        tag("span", row.more, class_="chart-more") if row.more else "",
    )


def verticals(marks: Sequence[tuple[float, str, str]], height: float) -> SafeString:
    """Grid lines under the marks of the axis."""
    return join(
        tag("line", x1=pct(at), x2=pct(at), y1=0, y2=height, class_=f"chart-grid {kind}".strip())
        for at, _, kind in marks
    )


def axis(marks: Sequence[tuple[float, str, str]], height: float) -> SafeString:
    return join(x_label(at, label, height, kind) for at, label, kind in marks)


def amounts(scale: Scale, unit: str) -> list[tuple[float, str, str]]:
    return x_marks(scale, False, zone("UTC"), unit, counts=FEWER)
