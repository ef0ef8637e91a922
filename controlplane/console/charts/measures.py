"""Funnels and bullets: few rows, each with its number beside its bar."""

from __future__ import annotations

import itertools
import math

from controlplane.console.charts import frame, rows
from controlplane.console.charts.data import Bullet, Funnel, Measure, number
from controlplane.console.charts.svg import SafeString, clip, join, pct, tag
from controlplane.console.charts.units import format_value

# --- Funnel -----------------------------------------------------------------------------------


def render_funnel(chart: Funnel) -> SafeString:
    steps = list(chart.steps)[: rows.MOST]
    counts = [number(step.count) for step in steps]
    widest = max((count for count in counts if count is not None), default=0.0)
    if not any(count is not None for count in counts):
        return frame.empty(chart)
    told = _funnel_summary(chart, counts)
    row = rows.height_of(2)
    drawn = []
    for index, count in enumerate(counts):
        before = counts[index - 1] if index else None
        drawn += _funnel_bars(steps[index].name, index, count, before, widest, row)
    lines = [
        rows.Row(step.name, format_value(count), step.href, more=_kept(counts, index))
        for index, (step, count) in enumerate(zip(steps, counts, strict=True))
    ]
    body = rows.body(lines, join(drawn), title=chart.title, summary=told, bars=2)
    return frame.figure(chart, body, summary=told, table=_funnel_table(chart, counts))


def _funnel_bars(
    name: str, index: int, count: float | None, before: float | None, widest: float, row: float
) -> list[SafeString]:
    """The bar, and as an outline what the step before had: the loss is what one looks for."""
    width = max(0.0, (count or 0.0) / widest * 100) if widest > 0 else 0.0
    lost = max(0.0, min(100.0, before / widest * 100)) if before and widest > 0 else 0.0
    y = index * row + 5
    words = tag("title", f"{clip(name, 80)}: {format_value(count)}")
    parts = []
    if lost > width:
        parts.append(
            tag("rect", x="0%", y=y, width=pct(lost), height=row - 10, rx=3, class_="chart-lost")
        )
    parts.append(
        tag(
            "rect", words, x="0%", y=y, width=pct(width), height=row - 10, rx=3, class_="chart-fill"
        )
    )
    return parts


def _share(count: float | None, of: float | None) -> str:
    if count is None or not of or of < 0:
        return ""
    share = count / of * 100
    # A share of next to nothing is past what numbers hold, and says nothing.
    return format_value(share, "%") if math.isfinite(share) else ""


def _kept(counts: list[float | None], index: int) -> str:
    return _share(counts[index], counts[index - 1]) if index else ""


def _funnel_summary(chart: Funnel, counts: list[float | None]) -> str:
    names = [clip(step.name, 40) for step in chart.steps]
    first = next((i for i, count in enumerate(counts) if count is not None), 0)
    last = max(i for i, count in enumerate(counts) if count is not None)
    facts = [f"{format_value(counts[first])} {names[first]}"]
    if last > first:
        whole = _share(counts[last], counts[first])
        ended = f"{format_value(counts[last])} {names[last]}"
        facts.append(f"{ended} ({whole})" if whole else ended)
    drops = [
        ((before - after) / before, i + 1)
        for i, (before, after) in enumerate(itertools.pairwise(counts))
        if before and after is not None and before > after >= 0
    ]
    if drops:
        share, at = max(drops)
        facts.append(
            f"largest loss at {names[at]}: {format_value(share, 'ratio')} of {names[at - 1]}"
        )
    return frame.sentence(chart, *facts)


def _funnel_table(chart: Funnel, counts: list[float | None]) -> frame.Table:
    first = next((count for count in counts if count), None)
    lines = [
        [step.name, format_value(count), _kept(counts, i) or "—", _share(count, first) or "—"]
        for i, (step, count) in enumerate(zip(chart.steps, counts, strict=False))
    ]
    total = len(chart.steps)
    words = f"Only the first {len(counts)} of {total} steps." if total > len(counts) else ""
    return frame.Table(["Step", "Count", "Of the step before", "Of the first"], lines, words)


# --- Bullet -----------------------------------------------------------------------------------


def render_bullet(chart: Bullet) -> SafeString:
    measures = list(chart.measures)[: rows.MOST]
    if not any(number(one.value) is not None for one in measures):
        return frame.empty(chart)
    told = _bullet_summary(chart, measures)
    row = rows.height_of(2)
    drawn = [
        part for index, one in enumerate(measures) for part in _bullet_bars(chart, one, index, row)
    ]
    lines = [
        rows.Row(
            one.name,
            _amount(chart, one, one.value),
            one.href,
            tone=_tone(one),
            more=_verdict(chart, one),
        )
        for one in measures
    ]
    body = rows.body(lines, join(drawn), title=chart.title, summary=told, bars=2)
    return frame.figure(chart, body, summary=told, table=_bullet_table(chart))


def _amount(chart: Bullet, one: Measure, value: object) -> str:
    found = number(value)
    return (
        "no data"
        if found is None
        else format_value(found, chart.unit if one.unit is None else one.unit)
    )


def met(one: Measure) -> bool | None:
    """None where nothing was measured or nothing is demanded."""
    value, target = number(one.value), number(one.target)
    if value is None or target is None:
        return None
    return value >= target if one.better == "higher" else value <= target


def _tone(one: Measure) -> str:
    return {True: "good", False: "bad", None: "quiet"}[met(one)]


def _verdict(chart: Bullet, one: Measure) -> str:
    if number(one.target) is None:
        return "no target"
    sign = "≥" if one.better == "higher" else "≤"
    state = {True: "✓ ", False: "✕ ", None: ""}[met(one)]
    return f"{state}{sign} {_amount(chart, one, one.target)}"


def _bullet_bars(chart: Bullet, one: Measure, index: int, row: float) -> list[SafeString]:
    value, target = number(one.value), number(one.target)
    y = index * row
    low = min(0.0, value or 0.0, target or 0.0)
    high = max(0.0, value or 0.0, target or 0.0)
    span = (high - low) * 1.15 or 1.0
    zero = -low / span * 100
    parts = [
        tag("rect", x="0%", y=y + 11, width="100%", height=row - 22, rx=3, class_="chart-track")
    ]
    words = f"{clip(one.name, 80)}: {_amount(chart, one, one.value)}, {_verdict(chart, one)}"
    if value is not None:
        at = (value - low) / span * 100
        left, width = min(zero, at), max(abs(at - zero), 0.3)
        parts.append(
            tag(
                "rect",
                tag("title", words),
                x=pct(min(left, 99.7)),
                y=y + 11,
                width=pct(width),
                height=row - 22,
                rx=3,
                class_=f"chart-fill t-{_tone(one)}",
            )
        )
    if target is not None:
        x = pct((target - low) / span * 100)
        parts.append(tag("line", x1=x, x2=x, y1=y + 6, y2=y + row - 6, class_="chart-goal"))
    return parts


def _bullet_summary(chart: Bullet, measures: list[Measure]) -> str:
    missed = [one for one in measures if met(one) is False]
    reached = sum(met(one) is True for one in measures)
    silent = sum(number(one.value) is None for one in measures)
    facts = [f"{reached} of {reached + len(missed)} targets met"] if reached + len(missed) else []
    facts += [
        f"{clip(one.name, 40)} misses with {_amount(chart, one, one.value)} against"
        f" {_amount(chart, one, one.target)}"
        for one in missed[:3]
    ]
    if len(missed) > 3:
        facts.append(f"{len(missed) - 3} more miss")
    if silent:
        facts.append(f"{silent} without data")
    if not facts:
        facts = [f"{clip(one.name, 40)} {_amount(chart, one, one.value)}" for one in measures[:3]]
    return frame.sentence(chart, *facts)


def _bullet_table(chart: Bullet) -> frame.Table:
    words = {True: "met", False: "missed", None: "—"}
    lines = [
        [
            one.name,
            _amount(chart, one, one.value),
            _verdict(chart, one).lstrip("✓✕ "),
            words[met(one)],
        ]
        for one in chart.measures
    ]
    return frame.Table(["Measure", "Value", "Target", "Verdict"], lines)
