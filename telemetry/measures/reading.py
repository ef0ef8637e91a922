"""Reading measures: over a window, along time, several at once.

    read(get("tool.error_rate"), workspace.pk, start, end)[""].value
    series_many([get("requests.p95"), get("requests.error_rate")], None, start, end)

Windows are half open and end at whole minutes; what is finer is not kept. Several measures over
one window share one statement, and a second one for histograms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controlplane.lib import clock
from controlplane.lib.defaults import define
from telemetry.measures import distinct
from telemetry.measures.asking import Answer, ask
from telemetry.measures.figures import ROLLED, Recipe
from telemetry.measures.grains import DAY, MINUTE, floor, pieces, step_for, steps_of
from telemetry.measures.kinds import NO_DATA, Filters, Measure, Period, Point, Reading, Series

LINES = define(
    "telemetry.most_lines",
    40,
    unit="lines",
    why="A chart of more lines tells nothing; the smallest are left out and counted.",
)
Readings = dict[str, Reading]


@dataclass(slots=True)
class _Question:
    workspace_id: int | None
    start: datetime
    end: datetime
    group_by: str = ""
    filters: Filters = field(default_factory=dict)


def read(
    measure: Measure,
    workspace_id: int | None,
    start: datetime,
    end: datetime,
    *,
    group_by: str = "",
    filters: Filters | None = None,
) -> Readings:
    """The figure over a window, by group; ungrouped it stands under ""."""
    found = read_many([measure], workspace_id, start, end, group_by=group_by, filters=filters)
    return found[measure.slug]


def read_many(
    measures: Iterable[Measure],
    workspace_id: int | None,
    start: datetime,
    end: datetime,
    *,
    group_by: str = "",
    filters: Filters | None = None,
) -> dict[str, Readings]:
    """Several figures over one window."""
    asked = _Question(
        workspace_id, floor(start, MINUTE), floor(end, MINUTE), group_by, filters or {}
    )
    found: dict[str, Readings] = {}
    for scope, some in _by_scope(measures, workspace_id):
        rolled = [Recipe.of_measure(each, asked.filters) for each in some if _rolls(each)]
        answer = _asked(rolled, scope, asked, None)
        length = asked.end - asked.start
        for recipe in rolled:
            found[recipe.measure.slug] = _grouped(recipe, answer, length, group_by)
        others = [each for each in some if not _rolls(each)]
        window = [(asked.start, asked.end)]
        for slug, readings in _elsewhere(others, scope, asked, window).items():
            found[slug] = readings[0]
    return found


def series(
    measure: Measure,
    workspace_id: int | None,
    start: datetime,
    end: datetime,
    *,
    step: timedelta | None = None,
    group_by: str = "",
    filters: Filters | None = None,
) -> Series:
    """The figure step by step. Steps begin at whole steps in UTC; the first and the last are
    whole ones, except for the one that has not ended yet."""
    found = series_many(
        [measure], workspace_id, start, end, step=step, group_by=group_by, filters=filters
    )
    return found[measure.slug]


def series_many(
    measures: Iterable[Measure],
    workspace_id: int | None,
    start: datetime,
    end: datetime,
    *,
    step: timedelta | None = None,
    group_by: str = "",
    filters: Filters | None = None,
) -> dict[str, Series]:
    """Several figures along one time: a dashboard's panels in one question."""
    now = clock.now()
    width = step or step_for(start, end)
    ats = [at for at in steps_of(start, end, width) if at < now]
    last = floor(min(ats[-1] + width, now), MINUTE) if ats else floor(end, MINUTE)
    asked = _Question(workspace_id, ats[0] if ats else last, last, group_by, dict(filters or {}))
    frame = _Frame(start, end, width, ats, now)
    found: dict[str, Series] = {}
    for scope, some in _by_scope(measures, workspace_id):
        rolled = [Recipe.of_measure(each, asked.filters) for each in some if _rolls(each)]
        answer = _asked(rolled, scope, asked, width)
        for recipe in rolled:
            found[recipe.measure.slug] = frame.series(
                recipe.measure, _lines(recipe, answer, frame, group_by)
            )
        others = {each.slug: each for each in some if not _rolls(each)}
        known = _elsewhere(list(others.values()), scope, asked, frame.periods())
        for slug, readings in known.items():
            found[slug] = frame.series(others[slug], _turned(readings))
    return found


@dataclass(slots=True)
class _Frame:
    """The steps of a chart."""

    start: datetime
    end: datetime
    step: timedelta
    ats: Sequence[datetime]
    now: datetime

    def periods(self) -> list[Period]:
        return [(at, min(at + self.step, self.now)) for at in self.ats]

    def length(self, at: datetime) -> timedelta:
        return min(self.step, self.now - at)

    def series(self, measure: Measure, lines: Mapping[str, Sequence[Reading]]) -> Series:
        kept = sorted(lines, key=lambda name: -sum(r.sample for r in lines[name]))
        names = sorted(kept[: LINES.value])
        groups = {
            name: [
                Point(at, reading.value, reading.sample, partial=at + self.step > self.now)
                for at, reading in zip(self.ats, lines[name], strict=True)
            ]
            for name in names
        }
        return Series(
            measure, self.start, self.end, self.step, groups, left_out=len(lines) - len(names)
        )


def _rolls(measure: Measure) -> bool:
    return measure.statistic in ROLLED


def _by_scope(
    measures: Iterable[Measure], workspace_id: int | None
) -> list[tuple[int | None, list[Measure]]]:
    """What is about the installation is read there, whichever workspace asks."""
    mine: list[Measure] = []
    portals: list[Measure] = []
    for each in dict.fromkeys(measures):
        (portals if each.installation and workspace_id is not None else mine).append(each)
    found = [(workspace_id, mine), (None, portals)]
    return [(scope, some) for scope, some in found if some]


def _asked(
    recipes: Sequence[Recipe], scope: int | None, asked: _Question, step: timedelta | None
) -> Answer:
    parts = [part for recipe in recipes for part in recipe.parts()]
    window = pieces(asked.start, asked.end, step or DAY)
    return ask(scope, window if parts else [], parts, step=step, group_by=asked.group_by)


def _grouped(recipe: Recipe, answer: Answer, length: timedelta, group_by: str) -> Readings:
    if not group_by:
        return {"": recipe.reading(answer, (None, ""), length)}
    found = {name: recipe.reading(answer, (None, name), length) for name in answer.groups()}
    return {name: reading for name, reading in found.items() if reading.value is not None}


def _lines(
    recipe: Recipe, answer: Answer, frame: _Frame, group_by: str
) -> dict[str, list[Reading]]:
    names = answer.groups() if group_by else [""]
    found = {
        name: [recipe.reading(answer, (at, name), frame.length(at)) for at in frame.ats]
        for name in names
    }
    if recipe.measure.statistic in {"count", "per_minute", "per_hour"} and not recipe.over:
        found = {name: _between(line) for name, line in found.items()}
    if not group_by:
        return found
    return {name: line for name, line in found.items() if any(r.value is not None for r in line)}


def _between(line: list[Reading]) -> list[Reading]:
    """Steps without any, after the first one with some: nothing happened in them."""
    first = next((n for n, reading in enumerate(line) if reading.value is not None), len(line))
    return [
        reading if reading.value is not None or number < first else Reading(0.0, 0)
        for number, reading in enumerate(line)
    ]


def _elsewhere(
    measures: Sequence[Measure], scope: int | None, asked: _Question, periods: Sequence[Period]
) -> dict[str, list[Readings]]:
    """What rollups don't hold: missions, who is active, figures computed by others."""
    counted = [each for each in measures if each.statistic in {"missions", "missions_share"}]
    found: dict[str, list[Readings]] = {
        slug: [{"": reading} for reading in line]
        for slug, line in distinct.missions(counted, scope, periods).items()
    }
    for each in measures:
        if each.compute is not None:
            readings = each.compute(scope, periods, asked.group_by, asked.filters)
            found[each.slug] = [dict(one) for one in readings]
        elif each.statistic == "active":
            found[each.slug] = _active(each, scope, asked, periods)
    return found


def _active(
    measure: Measure, scope: int | None, asked: _Question, periods: Sequence[Period]
) -> list[Readings]:
    """Only the last step tells: who was active at earlier times is not kept."""
    filters = {
        name: [value] if isinstance(value, str) else list(value)
        for name, value in asked.filters.items()
    }
    found: list[Readings] = [{"": NO_DATA} for _ in periods]
    if periods:
        found[-1] = {"": distinct.active(measure, scope, periods[-1][1], filters)}
    return found


def _turned(readings: Sequence[Readings]) -> dict[str, list[Reading]]:
    """From groups of each step to steps of each group."""
    names = dict.fromkeys(name for each in readings for name in each) or {"": None}
    return {name: [each.get(name, NO_DATA) for each in readings] for name in names}
