"""Lanes of states over time: what was up, what was down, who was on call.

States differ by height and outline, not by hue alone: what is bad fills its lane, what is well is
a thin line through it, what is unknown is only an outline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from controlplane.console.charts import frame, plot, rows
from controlplane.console.charts.data import Span, Timeline, Tone, position
from controlplane.console.charts.plot import Scale
from controlplane.console.charts.svg import SafeString, clip, join, pct, tag
from controlplane.console.charts.units import clock, format_value, stamp, zone
from controlplane.console.kit import tones

# One map of states for the whole console; a chart calls two of its tones otherwise.
_TONES: dict[str, Tone] = {"info": "active", "neutral": "quiet"}
HEIGHT = {"good": 8.0, "warn": 14.0, "bad": 20.0, "active": 14.0, "agent": 14.0, "quiet": 8.0}
MOST_SPANS = 2000


@dataclass(frozen=True, slots=True)
class Placed:
    lane: int
    start: float
    end: float
    lasting: bool
    span: Span
    tone: Tone


def tone_of(state: str, tone: Tone | None = None) -> Tone:
    if tone:
        return tone
    said = tones.state_tone(state)
    return _TONES.get(said, cast("Tone", said))


def render(chart: Timeline) -> SafeString:
    lanes = list(chart.lanes)[: rows.MOST]
    x = _scale(chart)
    placed = _placed(chart, x) if x else []
    if not placed or x is None:
        return frame.empty(chart)
    told = _summary(chart, placed, x)
    row = rows.height_of()
    height = row * len(lanes)
    marks = plot.x_marks(x, True, zone(chart.tz), counts=rows.FEWER)
    lines = [
        rows.Row(lane.name, _well(placed, index) if chart.shares else "", lane.href)
        for index, lane in enumerate(lanes)
    ]
    body = rows.body(
        lines,
        rows.verticals(marks, height),
        join(_box(chart, one, x, row) for one in _painted(placed)),
        _moments(chart, x, height),
        rows.axis(marks, height),
        title=chart.title,
        summary=told,
        foot=rows.FOOT,
    )
    return frame.figure(
        chart,
        _legend(placed),
        body,
        summary=told,
        table=_table(chart, placed),
        notes=chart.annotations,
    )


def _scale(chart: Timeline) -> Scale | None:
    edges = [
        at
        for lane in chart.lanes
        for span in lane.spans
        for at in (position(span.start), position(span.end))
        if at is not None
    ]
    start, end = position(chart.start), position(chart.end)
    if not edges:
        return None
    low = min(edges) if start is None else start
    high = max(edges) if end is None else end
    return Scale(low, high) if high > low else Scale(low, low + 3600.0)


def _placed(chart: Timeline, x: Scale) -> list[Placed]:
    """Spans cut to the range, by lane and start; one that ends before it starts is left out."""
    found = []
    for index, lane in enumerate(list(chart.lanes)[: rows.MOST]):
        for span in lane.spans:
            start, end = position(span.start), position(span.end)
            if start is None or (span.end is not None and end is None):
                continue
            until = x.high if end is None else end
            if until < start or until < x.low or start > x.high:
                continue
            found.append(
                Placed(
                    index,
                    max(start, x.low),
                    min(until, x.high),
                    end is None,
                    span,
                    tone_of(span.state, span.tone),
                )
            )
    return sorted(found, key=lambda one: (one.lane, one.start))


def _painted(placed: list[Placed]) -> list[Placed]:
    """What is bad is painted last: a minute's outage must not vanish under hours of health."""
    worst = sorted(placed, key=lambda one: one.tone != "bad")[:MOST_SPANS]
    return sorted(worst, key=lambda one: one.tone == "bad")


def _box(chart: Timeline, one: Placed, x: Scale, row: float) -> SafeString:
    left, right = x.pct(one.start), x.pct(one.end)
    width = max(0.8 if one.tone == "bad" else 0.35, right - left)
    left = min(left, 100 - width)
    tall = HEIGHT[one.tone]
    y = one.lane * row + (row - tall) / 2
    words = clip(one.span.label or one.span.state, 40)
    box = tag(
        "rect",
        tag("title", _words(chart, one, x)),
        x=pct(left),
        y=y,
        width=pct(width),
        height=tall,
        rx=2,
        class_=f"chart-span t-{one.tone}",
    )
    # A letter takes about one per cent of a desk's plot; below that the title alone tells.
    if tall < 14 or len(words) * 1.15 + 2 > width:
        return box
    text = tag("text", words, x=6, y=4, class_=f"on-{one.tone}")
    return join(
        [
            box,
            tag(
                "svg",
                text,
                x=pct(left),
                y=one.lane * row + row / 2,
                class_="chart-span-label chart-wide",
            ),
        ]
    )


def _words(chart: Timeline, one: Placed, x: Scale) -> str:
    tz, span = zone(chart.tz), x.high - x.low
    until = "now" if one.lasting else clock(one.end, tz, span)
    label = f" ({clip(one.span.label, 60)})" if one.span.label else ""
    length = format_value(one.end - one.start, "s")
    return f"{clip(one.span.state, 40)}{label}: {clock(one.start, tz, span)} to {until}, {length}"


def _moments(chart: Timeline, x: Scale, height: float) -> SafeString:
    parts = []
    for note in chart.annotations:
        at = position(note.at)
        if at is not None and x.low <= at <= x.high:
            where = pct(x.pct(at))
            words = tag("title", clip(note.label, 120))
            parts.append(
                tag("line", words, x1=where, x2=where, y1=0, y2=height, class_="chart-moment")
            )
    return join(parts)


def _lasted(placed: Sequence[Placed], tones: set[str]) -> float:
    """Time covered by such states: where two overlap, it counts once."""
    total, reached = 0.0, float("-inf")
    for one in sorted((o for o in placed if o.tone in tones), key=lambda o: o.start):
        total += max(0.0, one.end - max(one.start, reached))
        reached = max(reached, one.end)
    return total


def _well(placed: Sequence[Placed], lane: int) -> str:
    """The share of the known time that was good: only where good and bad are what is told."""
    mine = [one for one in placed if one.lane == lane]
    if not any(one.tone == "good" for one in mine) and not any(one.tone == "bad" for one in mine):
        return ""
    known = _lasted(mine, {"good", "warn", "bad"})
    return format_value((known - _lasted(mine, {"bad"})) / known, "ratio") if known else "—"


def _legend(placed: Sequence[Placed]) -> SafeString:
    seen = Counter((one.span.state, one.tone) for one in placed)
    items = []
    for (state, tone), _ in seen.most_common(8):
        tall = HEIGHT[tone] * 0.6
        box = tag(
            "rect",
            x=1,
            y=(12 - tall) / 2,
            width=22,
            height=tall,
            rx=2,
            class_=f"chart-span t-{tone}",
        )
        svg = tag("svg", box, width=24, height=12, aria_hidden="true")
        items.append(tag("li", svg, tag("span", clip(state, 30))))
    return tag("ul", *items, class_="chart-legend")


def _summary(chart: Timeline, placed: list[Placed], x: Scale) -> str:
    bad = [one for one in placed if one.tone == "bad"]
    lanes = len(chart.lanes)
    facts = [
        f"{lanes} {'lane' if lanes == 1 else 'lanes'} over {format_value(x.high - x.low, 's')}"
    ]
    if bad:
        longest = max(bad, key=lambda one: one.end - one.start)
        name = clip(chart.lanes[longest.lane].name, 40)
        facts.append(
            f"{len(bad)} bad {'span' if len(bad) == 1 else 'spans'}, longest"
            f" {format_value(longest.end - longest.start, 's')} ({name},"
            f" {clip(longest.span.state, 30)} from"
            f" {clock(longest.start, zone(chart.tz), x.high - x.low)})"
        )
        still = sum(one.lasting for one in bad)
        facts.append(f"{still} lasting still" if still else "none lasting")
    elif any(one.tone == "good" for one in placed):
        facts.append("nothing bad")
    else:
        latest = max(placed, key=lambda one: one.start)
        facts.append(
            f"latest: {clip(chart.lanes[latest.lane].name, 40)} {clip(latest.span.state, 30)}"
        )
    return frame.sentence(chart, *facts)


def _table(chart: Timeline, placed: list[Placed]) -> frame.Table:
    tz = zone(chart.tz)
    lines = [
        [
            chart.lanes[one.lane].name,
            one.span.state,
            stamp(one.start, tz),
            "lasting" if one.lasting else stamp(one.end, tz),
            format_value(one.end - one.start, "s"),
            one.span.label,
        ]
        for one in placed
    ]
    words = f"Times in {tz}."
    if len(chart.lanes) > rows.MOST:
        words += f" Only the first {rows.MOST} of {len(chart.lanes)} lanes."
    return frame.Table(["Lane", "State", "From", "To", "Lasted", "Note"], lines, words)
