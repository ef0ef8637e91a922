"""Reading measures: over a window, along time, several at once.

    read(get("tool.error_rate"), workspace.pk, start, end)[""].value
    series_many([get("requests.p95"), get("requests.error_rate")], None, start, end)

Windows are half open and end at whole minutes; what is finer is not kept. Several measures over
one window share one statement, and a second one for histograms; so do the figures and the lines
of a page, however many ways they are split in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controlplane.lib import clock
from controlplane.lib.defaults import define
from telemetry.measures import distinct
from telemetry.measures.answers import Answer, Cut, Part
from telemetry.measures.asking import ask_all
from telemetry.measures.figures import ROLLED, Recipe
from telemetry.measures.grains import (
    DAY,
    MINUTE,
    Piece,
    floor,
    pieces,
    pieces_of_page,
    step_for,
    steps_of,
)
from telemetry.measures.kinds import NO_DATA, Filters, Measure, Period, Point, Reading, Series
from telemetry.measures.sharing import sharing

LINES = define(
    "telemetry.most_lines",
    40,
    unit="lines",
    why="A chart of more lines tells nothing; the smallest are left out and counted.",
)
Readings = dict[str, Reading]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of one way of splitting: figures of the window, and lines along it."""

    group_by: str = ""
    figures: Sequence[Measure] = ()
    lines: Sequence[Measure] = ()


@dataclass(slots=True)
class Told:
    """What was wanted, by measure."""

    figures: dict[str, Readings] = field(default_factory=dict)
    lines: dict[str, Series] = field(default_factory=dict)


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
    wanted = Wanted(group_by, figures=list(measures))
    [told] = read_together([wanted], workspace_id, start, end, filters=filters)
    return told.figures


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
    """Several figures along one time."""
    wanted = Wanted(group_by, lines=list(measures))
    [told] = read_together([wanted], workspace_id, start, end, step=step, filters=filters)
    return told.lines


def read_together(
    wanted: Sequence[Wanted],
    workspace_id: int | None,
    start: datetime,
    end: datetime,
    *,
    step: timedelta | None = None,
    filters: Filters | None = None,
) -> list[Told]:
    """A whole page in one question: figures and lines, split in several ways, each way once."""
    lined = any(each.lines for each in wanted)
    frame = _Frame.of(start, end, step, lined=lined)
    told = [Told() for _ in wanted]
    every = [one for each in wanted for one in (*each.figures, *each.lines)]
    with sharing():
        for scope, some in _by_scope(every, workspace_id):
            here = set(some)
            ways = [
                _Way(
                    each.group_by,
                    [one for one in dict.fromkeys(each.figures) if one in here],
                    [one for one in dict.fromkeys(each.lines) if one in here],
                    found,
                )
                for each, found in zip(wanted, told, strict=True)
            ]
            _rolled(ways, scope, frame, filters or {})
            for way in ways:
                _others(way, scope, frame, filters or {})
    return told


@dataclass(slots=True)
class _Frame:
    """The steps of a chart."""

    start: datetime
    end: datetime
    step: timedelta
    ats: Sequence[datetime]
    now: datetime

    @classmethod
    def of(cls, start: datetime, end: datetime, step: timedelta | None, *, lined: bool) -> _Frame:
        now = clock.now()
        width = step or step_for(start, end)
        ats = [at for at in steps_of(start, end, width) if at < now] if lined else []
        return cls(start, end, width, ats, now)

    @property
    def window(self) -> Period:
        return floor(self.start, MINUTE), floor(self.end, MINUTE)

    @property
    def steps(self) -> Period:
        """All of them, from the beginning of the first."""
        if not self.ats:
            return self.window[1], self.window[1]
        return self.ats[0], floor(min(self.ats[-1] + self.step, self.now), MINUTE)

    def pieces(self, *, figures: bool, lines: bool) -> list[Piece]:
        if figures and lines:
            return pieces_of_page(self.window, self.steps, self.step)
        return pieces(*self.steps, self.step) if lines else pieces(*self.window, DAY)

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


@dataclass(slots=True)
class _Way:
    """One way of splitting within one scope."""

    group_by: str
    figures: list[Measure]
    lines: list[Measure]
    told: Told


def _rolled(ways: Sequence[_Way], scope: int | None, frame: _Frame, filters: Filters) -> None:
    """What rollups hold. What is drawn as a line tells the window's figure by the way."""
    cuts: list[Cut] = []
    asked: list[tuple[_Way, list[Recipe], list[Recipe]]] = []
    for way in ways:
        lines = [Recipe.of_measure(each, filters) for each in way.lines if _rolls(each)]
        figures = [Recipe.of_measure(each, filters) for each in way.figures if _rolls(each)]
        asked.append((way, figures, lines))
        alone = [each for each in figures if each.measure not in way.lines]
        cuts.append(Cut(_parts(lines), way.group_by, True, len(alone) < len(figures)))
        cuts.append(Cut(_parts(alone), way.group_by))
    some_lines = any(lines for *_, lines in asked)
    window = frame.pieces(figures=any(figures for _, figures, _ in asked), lines=some_lines)
    answers = iter(ask_all(scope, window, cuts, step=frame.step if some_lines else None))
    begin, end = frame.window
    for way, figures, lines in asked:
        along, apart = next(answers), next(answers)
        for recipe in lines:
            drawn = _lines(recipe, along, frame, way.group_by)
            way.told.lines[recipe.measure.slug] = frame.series(recipe.measure, drawn)
        for recipe in figures:
            answer = along if recipe.measure in way.lines else apart
            found = _grouped(recipe, answer, end - begin, way.group_by)
            way.told.figures[recipe.measure.slug] = found


_COUNTED = frozenset({"count", "per_minute", "per_hour"})


def _parts(recipes: Sequence[Recipe]) -> tuple[Part, ...]:
    return tuple(dict.fromkeys(part for recipe in recipes for part in recipe.parts()))


def _grouped(recipe: Recipe, answer: Answer, length: timedelta, group_by: str) -> Readings:
    if not group_by:
        return {"": recipe.reading(answer, (None, ""), length)}
    found = {
        name: recipe.reading(answer, (None, name), length)
        for name in _names(recipe, answer, group_by)
    }
    return {name: reading for name, reading in found.items() if reading.value is not None}


def _names(recipe: Recipe, answer: Answer, group_by: str) -> list[str]:
    """A code means something else on another event: of what is counted, the codes of the events
    that only tell that somebody reports are no groups."""
    names = answer.groups()
    if group_by != "code" or not recipe.over or recipe.measure.statistic not in _COUNTED:
        return names
    own = {cell[1] for cell in answer.figures if recipe.number(answer, cell)}
    return [name for name in names if name in own]


def _lines(
    recipe: Recipe, answer: Answer, frame: _Frame, group_by: str
) -> dict[str, list[Reading]]:
    names = _names(recipe, answer, group_by) if group_by else [""]
    found = {
        name: [recipe.reading(answer, (at, name), frame.length(at)) for at in frame.ats]
        for name in names
    }
    if recipe.measure.statistic in _COUNTED and not recipe.over:
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


def _others(way: _Way, scope: int | None, frame: _Frame, filters: Filters) -> None:
    """What rollups don't hold: missions, who is active, figures computed by others."""
    figures = [each for each in way.figures if not _rolls(each)]
    lines = [each for each in way.lines if not _rolls(each)]
    missions = _missions([*figures, *lines], scope, frame, lined=any(map(_of_missions, lines)))
    active = distinct.active(
        [each for each in dict.fromkeys((*figures, *lines)) if each.statistic == "active"],
        scope,
        frame.periods()[-1][1] if lines and frame.ats else frame.window[1],
        filters,
    )

    def readings(measure: Measure, periods: Sequence[Period], first: int) -> list[Readings]:
        if _of_missions(measure):
            line = missions[measure.slug][first : first + len(periods)]
            return [{"": reading} for reading in line]
        if measure.statistic == "active":
            # Only the last step tells: who was active at earlier times is not kept.
            return [*({"": NO_DATA} for _ in periods[1:]), {"": active[measure.slug]}]
        if measure.compute is None:
            return [{"": NO_DATA} for _ in periods]
        return [dict(one) for one in measure.compute(scope, periods, way.group_by, filters)]

    for each in figures:
        way.told.figures[each.slug] = readings(each, [frame.window], 0)[0]
    for each in lines:
        found = readings(each, frame.periods(), 1) if frame.ats else []
        way.told.lines[each.slug] = frame.series(each, _turned(found))


def _of_missions(measure: Measure) -> bool:
    return measure.statistic in {"missions", "missions_share"}


def _missions(
    measures: Sequence[Measure], scope: int | None, frame: _Frame, *, lined: bool
) -> dict[str, list[Reading]]:
    """The window, and the steps where any is drawn, in one statement."""
    counted = list(dict.fromkeys(filter(_of_missions, measures)))
    return distinct.missions(counted, scope, [frame.window, *(frame.periods() if lined else ())])


def _turned(readings: Sequence[Readings]) -> dict[str, list[Reading]]:
    """From groups of each step to steps of each group."""
    names = dict.fromkeys(name for each in readings for name in each) or {"": None}
    return {name: [each.get(name, NO_DATA) for each in readings] for name in names}
