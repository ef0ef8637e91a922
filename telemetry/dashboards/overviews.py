"""All dashboards in short: how each stands, what presses most, the trend of its headline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry import measures
from telemetry.dashboards import firing
from telemetry.dashboards.asked import Asked
from telemetry.dashboards.drawing import levels
from telemetry.dashboards.firing import Firing
from telemetry.dashboards.kinds import DASHBOARDS, Dashboard, Panel
from telemetry.dashboards.reading import Read, read, visible
from telemetry.dashboards.standing import WORST, Standing, standing, worst
from telemetry.kpis.board import board
from telemetry.measures import MEASURES, Measure
from telemetry.shown import figures
from telemetry.shown.amounts import amount

PRESSING = 2
KPI_BOARD = "kpi-board"
_OF_KPI = {"met": "good", "missed": "warn", "low_sample": "low_sample", "no_data": "no_data"}
_WHOLE = Panel("all", "All", "figures")


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    text: str
    levels: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class Card:
    dashboard: Dashboard
    url: str
    standing: Standing
    lines: Sequence[Line]
    headline: Measure | None
    headline_text: str
    trend: Sequence[float | None]
    counted: str
    firing: Sequence[Firing] = ()

    @property
    def has_trend(self) -> bool:
        """A figure that is computed anew has none; "no data" beside its value would be wrong."""
        return any(value is not None for value in self.trend)


def cards(asked: Asked) -> list[Card]:
    """One question for the figures of all and the trends of the headlines."""
    everything = {one.slug: one for each in DASHBOARDS.values() for one in _judged(each)}
    whole = Panel("all", "All", "bars", measures=tuple(everything))
    # As beside any figure: no trend of what would be computed anew for each of its steps.
    heads = tuple(
        each.headline
        for each in DASHBOARDS.values()
        if each.headline in MEASURES and MEASURES[each.headline].compute is None
    )
    trends = Panel("heads", "Headlines", "lines", measures=heads)
    found = read([whole, trends], asked)
    return [
        _of_kpis(each, asked) if each.slug == KPI_BOARD else _card(each, found, asked)
        for each in DASHBOARDS.values()
    ]


def _card(dashboard: Dashboard, found: Read, asked: Asked) -> Card:
    known = visible(_with(_judged(dashboard)), asked)
    lines = [*(_line(one, found) for one in known), *_kept(dashboard, asked)]
    fire = firing.about((one.slug for one in known), found.firing)
    pressing = sorted(lines, key=lambda line: line.standing.rank)
    shown = [line for line in pressing if line.standing.slug in {"bad", "warn"}][:PRESSING]
    head = next((one for one in known if one.slug == dashboard.headline), None)
    series = found.series(head) if head is not None else None
    points = series.groups.get("", ()) if series is not None else ()
    reading = found.reading(head) if head is not None else measures.NO_DATA
    return Card(
        dashboard=dashboard,
        url=asked.link(dashboard.slug),
        standing=worst([*(line.standing for line in lines), *(one.standing for one in fire)])
        if lines
        else WORST["later"],
        firing=fire[:PRESSING],
        lines=shown,
        headline=head,
        headline_text=amount(reading.value, head.unit) if head is not None else "",
        trend=[None if point.partial else point.value for point in points],
        counted=_counted(lines),
    )


def _of_kpis(dashboard: Dashboard, asked: Asked) -> Card:
    """The board keeps its figures as rows: by period, whatever time is asked here."""
    lines = board(asked.workspace, asked.actor) if asked.workspace is not None else []
    stands = [WORST[_OF_KPI.get(str(line.state), "neutral")] for line in lines]
    missed = [line for line in lines if _OF_KPI.get(str(line.state)) == "warn"]
    judged = sum(each.slug in {"good", "warn"} for each in stands)
    silent = sum(each.slug == "no_data" for each in stands)
    said = f"{judged - len(missed)} of {judged} met, {silent} of {len(lines)} without data"
    shown = [
        Line(
            line.kpi.title,
            amount(row.value if (row := line.last or line.now) else None, line.kpi.unit),
            "",
            WORST["warn"],
        )
        for line in missed[:PRESSING]
    ]
    return Card(dashboard, asked.link(dashboard.slug), worst(stands), shown, None, "", (), said)


def _judged(dashboard: Dashboard) -> list[Measure]:
    """What there is something to say of in short: figures with a target or a limit, and the one
    that stands for the dashboard. The others are for its own page."""
    return [
        one
        for one in dashboard.measures()
        if one.slug == dashboard.headline or one.target is not None or one.warn is not None
    ]


def _with(known: Sequence[Measure]) -> Panel:
    return Panel("one", "One", "bars", measures=tuple(one.slug for one in known))


def _line(measure: Measure, found: Read) -> Line:
    reading = found.reading(measure)
    return Line(
        measure.title,
        amount(reading.value, measure.unit),
        levels(measure),
        standing(measure, reading),
    )


def _kept(dashboard: Dashboard, asked: Asked) -> list[Line]:
    """Key figures, where a dashboard shows them: they are no measures but kept by periods."""
    if asked.workspace is None or all(one.kind != "kpis" for one in dashboard.panels):
        return []
    return [
        Line(each.kpi.title, each.text, each.target, each.standing)
        for each in figures.cards(asked.workspace, asked.actor)
    ]


def _counted(lines: Sequence[Line]) -> str:
    """In words: of how many figures how many are as they should be, off, silent."""
    if not lines:
        return "Its numbers come with later parts of the portal."
    judged = [line for line in lines if line.standing.slug in {"good", "warn", "bad"}]
    silent = sum(line.standing.slug == "no_data" for line in lines)
    parts = []
    if judged:
        fine = sum(line.standing.slug == "good" for line in judged)
        parts.append(f"{fine} of {len(judged)} on target")
    if silent:
        parts.append(f"{silent} of {len(lines)} without data")
    return ", ".join(parts) or f"{len(lines)} figures reported"
