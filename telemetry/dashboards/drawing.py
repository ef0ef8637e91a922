"""From what was read to what is drawn: charts for the kit, figures, tables of groups.

The same objects are drawn and exported, so that a file never says another number than the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from telemetry.dashboards.asked import Asked
from telemetry.dashboards.firing import SHOWN, Firing, about
from telemetry.dashboards.kinds import Panel
from telemetry.dashboards.reading import Read, visible
from telemetry.dashboards.standing import WORST, Standing, standing, worst
from telemetry.measures import Measure, Point, Reading, Series
from telemetry.shown.amounts import amount, change
from telemetry.shown.words import STAGE_WORDS

MOST_GROUPS = 24
FAR = 3.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure, and how it stands."""

    measure: Measure
    name: str
    reading: Reading
    before: Reading | None
    standing: Standing
    trend: Sequence[float | None]
    link: str = ""

    @property
    def text(self) -> str:
        return amount(self.reading.value, self.measure.unit)

    @property
    def levels(self) -> str:
        """What it should be, and where somebody is told."""
        return levels(self.measure)

    @property
    def change(self) -> str:
        if self.before is None:
            return ""
        return change(self.reading.value, self.before.value)

    @property
    def before_text(self) -> str:
        return "" if self.before is None else amount(self.before.value, self.measure.unit)

    @property
    def has_trend(self) -> bool:
        return any(value is not None for value in self.trend)

    @property
    def limit(self) -> float | None:
        """The line beside its trend, unless it is so far away that it would flatten it."""
        measure = self.measure
        level = measure.target if measure.target is not None else measure.warn
        most = max((abs(value) for value in self.trend if value is not None), default=0.0)
        return level if level is not None and most > 0 and abs(level) <= FAR * most else None


@dataclass(frozen=True, slots=True)
class GroupRow:
    name: str
    label: str
    figures: Sequence[Figure]
    standing: Standing
    link: str = ""


@dataclass(slots=True)
class Drawn:
    """A panel with its numbers. `columns` and `rows` are what is exported."""

    panel: Panel
    standing: Standing
    figures: Sequence[Figure] = ()
    chart: Mapping[str, Any] | None = None
    groups: Sequence[GroupRow] = ()
    heads: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    link: str = ""
    waits: str = ""
    template: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    firing: Sequence[Firing] = ()

    @property
    def silent(self) -> bool:
        return self.standing.slug == "no_data"


def draw(panel: Panel, read: Read, asked: Asked) -> Drawn:
    drawn = _DRAWERS[panel.kind](panel, read, asked)
    known = visible(panel, asked)
    if known:
        portal = all(each.installation for each in known)
        drawn.link = asked.events_link(panel.events, panel.only, installation=portal)
    fire = about((each.slug for each in known), read.firing)
    drawn.firing = fire[:SHOWN]
    drawn.standing = worst([drawn.standing, *(each.standing for each in fire)])
    return drawn


def levels(measure: Measure) -> str:
    sign = {"lower": "≤", "higher": "≥"}.get(measure.better, "")
    crossed = {"lower": "above", "higher": "below"}.get(measure.better, "")
    parts = []
    if measure.target is not None and sign:
        parts.append(f"target {sign} {amount(measure.target, measure.unit)}")
    if measure.warn is not None and crossed and measure.warn != measure.target:
        parts.append(f"alert {crossed} {amount(measure.warn, measure.unit)}")
    return ", ".join(parts)


def thresholds(measures: Sequence[Measure]) -> list[dict[str, Any]]:
    """The lines of these measures, each once; named where they are of several."""
    found: dict[tuple[str, float], dict[str, Any]] = {}
    for measure in measures:
        if measure.better == "neutral":
            continue
        worse = "above" if measure.better == "lower" else "below"
        for kind, value in (("target", measure.target), ("limit", measure.warn)):
            if value is None or (kind == "limit" and value == measure.target):
                continue
            label = "target" if kind == "target" else "alert"
            drawn = kit_value(value, measure)
            found.setdefault(
                (kind, value), {"value": drawn, "label": label, "kind": kind, "worse": worse}
            )
    return list(found.values())


# --- Figures ----------------------------------------------------------------------------------


def figure(
    panel: Panel, measure: Measure, read: Read, asked: Asked, *, group: str = "", link: str = ""
) -> Figure:
    by = panel.group_by
    reading = read.reading(measure, group, by)
    line = read.series(measure, by)
    points: Sequence[Point] = line.groups.get(group, ()) if line is not None else ()
    # What is still filling would end every trend in a dip.
    trend = [None if point.partial else point.value for point in points]
    return Figure(
        measure=measure,
        name=panel.name_of(measure),
        reading=reading,
        before=read.reading_before(measure, group, by),
        standing=standing(measure, reading),
        trend=trend,
        link=link,
    )


def _figures(panel: Panel, read: Read, asked: Asked) -> Drawn:
    found = [
        figure(panel, each, read, asked, link=events_of(each, asked))
        for each in visible(panel, asked)
    ]
    columns = ["measure", "value", "unit", "sample", "target", "alert", "state", "before"]
    rows = [[each.name, *_exported(each)] for each in found]
    return Drawn(panel, worst(each.standing for each in found), found, columns=columns, rows=rows)


def _exported(one: Figure) -> list[Any]:
    return [
        one.reading.value,
        one.measure.unit,
        one.reading.sample,
        one.measure.target,
        one.measure.warn,
        one.standing.slug,
        one.before.value if one.before else None,
    ]


def events_of(measure: Measure, asked: Asked) -> str:
    if not measure.events:
        return ""
    return asked.events_link(measure.events, where_of(measure), installation=measure.installation)


def where_of(measure: Measure) -> dict[str, tuple[str, ...]]:
    """Values that all of its selections ask for alike."""
    selections = [*measure.numerator, *measure.denominator]
    if not selections:
        return {}
    first = dict(selections[0].where)
    return {
        name: values
        for name, values in first.items()
        if all(each.where.get(name) == values for each in selections)
    }


# --- Lines ------------------------------------------------------------------------------------


def _lines(panel: Panel, read: Read, asked: Asked) -> Drawn:
    known = visible(panel, asked)
    named = _named_lines(panel, known, read)
    before = _lines_before(panel, known, read, asked) if len(named) == 1 else []
    drawn = [*named, *before]
    lead = known[0] if known else None
    chart = {
        "kind": "area" if panel.kind == "area" else "line",
        "title": panel.title,
        "heading": False,
        "period": asked.time.words,
        "unit": kit_unit(lead) if lead else "",
        "tz": asked.tz,
        "series": [{"name": name, "points": _points(points, lead)} for name, points in drawn],
        "thresholds": thresholds(known),
        # A step that the range begins within is read whole, and so it is drawn whole.
        "start": min([asked.time.start, *(p[0].at for _, p in named if p)]),
        "end": asked.time.end,
        "empty": why_empty(panel),
        "note": _note(named),
    }
    if panel.kind == "area":
        chart["stacked"] = panel.stacked
    judged = [
        standing(measure, reading)
        for measure in known
        for reading in _readings(panel, measure, read)
    ]
    return Drawn(
        panel,
        worst(judged),
        chart=chart,
        columns=["at", *(name for name, _ in drawn)],
        rows=_by_time(drawn),
    )


def _points(points: Sequence[Point], lead: Measure | None) -> list[tuple[datetime, float | None]]:
    if lead is None:
        return []
    return [(point.at, kit_value(point.value, lead)) for point in points]


def _readings(panel: Panel, measure: Measure, read: Read) -> list[Reading]:
    if not panel.group_by:
        return [read.reading(measure)]
    groups = panel.groups or read.groups(measure, panel.group_by)
    return [read.reading(measure, group, panel.group_by) for group in groups]


def _named_lines(
    panel: Panel, known: Sequence[Measure], read: Read
) -> list[tuple[str, Sequence[Point]]]:
    found: list[tuple[str, Sequence[Point]]] = []
    for measure in known:
        line = read.series(measure, panel.group_by)
        if not panel.group_by:
            found.append((panel.name_of(measure), line.groups.get("", ()) if line else ()))
            continue
        groups = group_names(panel, list(line.groups) if line else [])
        found += [(label_of(name), line.groups.get(name, ()) if line else ()) for name in groups]
    return found


def _lines_before(
    panel: Panel, known: Sequence[Measure], read: Read, asked: Asked
) -> list[tuple[str, Sequence[Point]]]:
    """The period before, laid over this one. Of one line only: of several nobody could tell."""
    line = read.series_before(known[0], panel.group_by) if known else None
    points = line.groups.get("", ()) if line is not None else ()
    if not points:
        return []
    moved = [Point(each.at + asked.time.length, each.value, each.sample) for each in points]
    return [("the period before", moved)]


def _by_time(lines: Sequence[tuple[str, Sequence[Point]]]) -> list[list[Any]]:
    columns = [{point.at: point.value for point in points} for _, points in lines]
    ats: list[datetime] = sorted({at for column in columns for at in column})
    return [[at, *(column.get(at) for column in columns)] for at in ats]


def _note(lines: Sequence[tuple[str, Sequence[Point]]]) -> str:
    filling = any(points and points[-1].partial for _, points in lines)
    return "the last step is still filling" if filling else ""


# --- What the drawers share ------------------------------------------------------------------


def label_of(group: str) -> str:
    """`COMPOSIO_SEARCH_TOOLS` and `coordinator` as people read them; nothing is "not said"."""
    if not group:
        return "not said"
    if group.startswith("COMPOSIO_"):
        return group.removeprefix("COMPOSIO_").replace("_", " ").capitalize()
    if group in STAGE_WORDS:
        return STAGE_WORDS[group]
    text = group.replace("_", " ")
    return text[:1].upper() + text[1:] if text.islower() else text


def group_names(panel: Panel, found: Sequence[str]) -> list[str]:
    """Those that are always listed, in their order; then what else there is."""
    if panel.groups:
        return list(panel.groups)
    return sorted(name for name in found if name)[:MOST_GROUPS]


def _later(panel: Panel, read: Read, asked: Asked) -> Drawn:
    return Drawn(panel, WORST["later"], waits=panel.waits)


def why_empty(panel: Panel) -> str:
    names = ", ".join(panel.events[:3])
    return f"It is made of {names}." if names else ""


# The kit says lengths of time in the unit that fits, where it is given seconds. Hours that
# somebody worked or saved are added up and stay hours.
_SECONDS = {"h": 3_600.0, "min": 60.0}
_AMOUNTS = frozenset({"sum", "mean", "count"})


def _per_second(measure: Measure) -> float | None:
    return None if measure.statistic in _AMOUNTS else _SECONDS.get(measure.unit)


def kit_unit(measure: Measure) -> str:
    """Its unit as the chart kit knows it."""
    return "s" if _per_second(measure) else measure.unit


def kit_value(value: float | None, measure: Measure) -> float | None:
    return None if value is None else value * (_per_second(measure) or 1.0)


_Drawer = Callable[[Panel, Read, Asked], Drawn]
_DRAWERS: dict[str, _Drawer] = {
    "figures": _figures,
    "lines": _lines,
    "area": _lines,
    "later": _later,
}


def drawer(kind: str, function: _Drawer) -> None:
    """A kind of panel that reads elsewhere."""
    _DRAWERS[kind] = function


__all__ = ["Drawn", "Figure", "GroupRow", "Series", "draw", "drawer", "thresholds"]
