"""What stands around every drawing: title, summary, legend, table of all values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.console.charts.data import Annotation, Chart, position
from controlplane.console.charts.svg import SafeString, clip, join, marker, series_class, tag
from controlplane.console.charts.units import THIN, format_value, stamp, zone

MOST_ROWS = 200
MOST_NOTES = 50


@dataclass(frozen=True, slots=True)
class Table:
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    newest_last: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """A line of the legend, with the same mark and dashes as in the drawing."""

    index: int
    name: str
    value: str = ""
    shape: str = "line"


def head(chart: Chart) -> str:
    period = f", {clip(chart.period, 80)}" if chart.period else ""
    return f"{clip(chart.title, 120)}{period}: "


def sentence(chart: Chart, *facts: str) -> str:
    """ "Error rate, last 24 h: 1.2 % now, highest 4.1 % at 14:05." """
    told = ", ".join(clip(fact, 160) for fact in facts if fact)
    return f"{head(chart)}{told}."


def figure(
    chart: Chart,
    *body: str,
    summary: str,
    table: Table,
    legend: Sequence[Key] = (),
    notes: Sequence[Annotation] = (),
) -> SafeString:
    return tag(
        "figure",
        _caption(chart),
        tag("p", _seen(chart, summary), class_="chart-summary"),
        _legend(legend),
        *body,
        _table(chart, table, notes),
        class_=f"chart chart-kind-{chart.kind}",
    )


def _seen(chart: Chart, summary: str) -> str:
    """Below a visible title its words need no repeating; the `<desc>` stands alone and has them."""
    facts = summary.removeprefix(head(chart)) if chart.heading else summary
    # A name that begins it keeps its own spelling.
    return f"H{facts[1:]}" if facts.startswith("highest ") else facts


def empty(chart: Chart) -> SafeString:
    """Never a flat line at zero: nothing measured and nothing happened are two things."""
    words = chart.empty or "Widen the time range, or check that its source still reports."
    return tag(
        "figure",
        _caption(chart),
        tag(
            "div",
            tag("strong", "No data in this range"),
            tag("span", words),
            class_="chart-empty",
        ),
        class_=f"chart chart-kind-{chart.kind}",
    )


def _caption(chart: Chart) -> SafeString:
    title = clip(chart.title, 120)
    full = chart.title if title != chart.title else None
    return tag(
        "figcaption",
        tag("span", title, class_="chart-title", title=full),
        tag("span", clip(chart.period, 60), class_="chart-period") if chart.period else "",
        tag("span", clip(chart.note, 160), class_="chart-note") if chart.note else "",
        class_="chart-head" if chart.heading else "chart-head chart-unseen",
    )


def _legend(keys: Sequence[Key]) -> SafeString | str:
    if not keys:
        return ""
    return tag("ul", *(_key(key) for key in keys), class_="chart-legend")


def _key(key: Key) -> SafeString:
    if key.shape == "line":
        drawn = join(
            [
                tag(
                    "line", x1=1, x2=25, y1=6, y2=6, class_=f"chart-line {series_class(key.index)}"
                ),
                marker(key.index, "13", 6.0),
            ]
        )
    else:
        drawn = tag(
            "rect",
            x=5,
            y=1,
            width=14,
            height=10,
            rx=2,
            class_=f"{key.shape} {series_class(key.index)}",
        )
    name = clip(key.name, 40)
    return tag(
        "li",
        tag("svg", drawn, width=26, height=12, aria_hidden="true"),
        tag("span", name, title=key.name if name != key.name else None),
        tag("span", key.value, class_="chart-num") if key.value else "",
    )


def _table(chart: Chart, table: Table, notes: Sequence[Annotation]) -> SafeString:
    total = len(table.rows)
    rows = table.rows
    capped = ""
    if total > MOST_ROWS:
        rows = rows[-MOST_ROWS:] if table.newest_last else rows[:MOST_ROWS]
        which = "the latest" if table.newest_last else "the first"
        capped = f"Shown are {which} {MOST_ROWS} of {format_value(total)} rows."
    words = " ".join(text for text in (clip(chart.title, 120) + ".", table.caption, capped) if text)
    head = tag("tr", *(tag("th", clip(name, 60), scope="col") for name in table.head))
    label = f"Values of {clip(chart.title, 120)}"
    return tag(
        "details",
        tag(
            "summary",
            "Data",
            tag(
                "span",
                f" {format_value(total)}{THIN}{'row' if total == 1 else 'rows'}",
                class_="chart-count",
            ),
        ),
        tag(
            "div",
            tag("table", tag("caption", words), tag("thead", head), tag("tbody", *map(_row, rows))),
            _notes(chart, notes),
            class_="chart-scroll",
            tabindex="0",
            role="region",
            aria_label=label,
        ),
        class_="chart-data",
    )


def _row(cells: Sequence[str]) -> SafeString:
    first, *rest = cells
    name = clip(first, 80)
    return tag(
        "tr",
        tag("th", name, scope="row", title=first if name != first else None),
        *(tag("td", clip(cell, 80)) for cell in rest),
    )


def _notes(chart: Chart, notes: Sequence[Annotation]) -> SafeString | str:
    items = []
    for note in list(notes)[:MOST_NOTES]:
        at, until = position(note.at), position(note.until)
        if at is None:
            continue
        when = stamp(at, zone(chart.tz)) + (f" to {stamp(until, zone(chart.tz))}" if until else "")
        words = clip(note.label, 120)
        items.append(tag("li", tag("span", when, class_="chart-num"), " ", link(words, note.href)))
    return tag("ul", *items, class_="chart-notes") if items else ""


def link(words: str, href: str, full: str = "") -> SafeString:
    """A link where the address is one of the web's or our own; `javascript:` stays text."""
    title = full if full and full != words else None
    if not safe_href(href):
        return tag("span", words, title=title)
    return tag("a", words, href=href, title=title)


def safe_href(href: str) -> bool:
    if href.startswith(("https://", "http://", "#", "?")):
        return True
    # "//host" and "/\host" are other people's machines.
    return href.startswith("/") and not href.startswith(("//", "/\\"))
