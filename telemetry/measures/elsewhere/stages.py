"""Stages, as far as events tell: a mission enters a stage with its first event of it, and has
left it when it reports one of a later stage. Sent back, it is still counted once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from django.db import connection

from controlplane.lib.defaults import define
from telemetry.catalogue import ANYWHERE, KINDS, STAGES
from telemetry.measures.kinds import NO_DATA, Filters, Period, Reading
from telemetry.measures.sharing import once

# What a mission reports when the last stage is over as well.
_AFTER = ("mission_retrospective_logged",)
LOOK_BACK = define(
    "telemetry.stage_look_back_days",
    60,
    unit="days",
    why="A mission that began longer before a window is old news for its stages.",
)

_QUERY = """
WITH stage AS (
    SELECT * FROM unnest(%(events)s::text[], %(places)s::int[]) AS s(event_type, place)
), entered AS (
    SELECT m.mission, s.place, min(m.first_at) AS at
    FROM telemetry_missionday m JOIN stage s USING (event_type)
    WHERE m.workspace_id {workspace} AND m.day >= %(from)s AND m.day <= %(until)s
    GROUP BY 1, 2
), moved AS (
    SELECT mission, place, at,
        min(at) OVER (PARTITION BY mission ORDER BY place
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS left_at
    FROM entered
), touched AS (
    SELECT * FROM moved WHERE at < %(last)s
        AND (left_at >= %(first)s OR (left_at IS NULL AND at >= %(first)s))
), period AS (
    SELECT * FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[])
        WITH ORDINALITY AS p(starts, ends, number)
)
SELECT p.number, m.place,
    count(*) FILTER (WHERE m.at >= p.starts AND m.at < p.ends),
    count(*) FILTER (WHERE m.at >= p.starts AND m.at < p.ends AND m.left_at IS NOT NULL),
    count(*) FILTER (WHERE {left}),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY {hours}) FILTER (WHERE {left}),
    percentile_cont(0.95) WITHIN GROUP (ORDER BY {hours}) FILTER (WHERE {left})
FROM period p JOIN touched m ON m.at < p.ends
    AND (m.left_at >= p.starts OR (m.left_at IS NULL AND m.at >= p.starts))
GROUP BY 1, 2
UNION ALL  -- where some stay that came before: nobody entered is a true 0 there
SELECT p.number, s.place, 0, 0, 0, NULL, NULL
FROM period p JOIN (SELECT place, min(at) AS at FROM moved WHERE left_at IS NULL GROUP BY place) s
    ON s.at < p.ends
"""
_LEFT = "m.left_at >= p.starts AND m.left_at < p.ends"
_HOURS = "greatest(extract(epoch FROM m.left_at - m.at), 0)::float8 / 3600"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage in one period."""

    entered: int
    gone_on: int  # of those that entered
    left: int  # in the period, whenever they entered
    p50_hours: float | None
    p95_hours: float | None


@lru_cache(maxsize=1)
def _places() -> tuple[list[str], list[int]]:
    known = [
        (kind.name, STAGES.index(kind.stage))
        for kind in KINDS.values()
        if kind.stage and kind.name not in ANYWHERE
    ]
    known += [(name, len(STAGES)) for name in _AFTER]
    return [name for name, _ in known], [place for _, place in known]


def stages(workspace_id: int | None, periods: Sequence[Period]) -> list[dict[str, Stage]]:
    """Each period's stages, in one statement, which all figures of stages share."""
    if not periods:
        return []
    return once(("stages", workspace_id, tuple(periods)), lambda: _asked(workspace_id, periods))


def _asked(workspace_id: int | None, periods: Sequence[Period]) -> list[dict[str, Stage]]:
    events, places = _places()
    statement = _QUERY.format(
        workspace="IS NULL" if workspace_id is None else "= %(workspace)s",
        left=_LEFT,
        hours=_HOURS,
    )
    first: datetime = min(start for start, _ in periods)
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "events": events,
                "places": places,
                "workspace": workspace_id,
                "first": first,
                "last": max(end for _, end in periods),
                "from": (first - timedelta(days=LOOK_BACK.value)).date(),
                "until": max(end for _, end in periods).date(),
                "starts": [start for start, _ in periods],
                "ends": [end for _, end in periods],
            },
        )
        rows = cursor.fetchall()
    found: list[dict[str, Stage]] = [{} for _ in periods]
    for number, place, *figures in rows:
        if place < len(STAGES):
            known, stage = found[number - 1], Stage(*figures)
            if stage.entered or stage.left:
                known[STAGES[place]] = stage
            else:
                known.setdefault(STAGES[place], stage)
    return found


def _answers(
    workspace_id: int | None,
    periods: Sequence[Period],
    group_by: str,
    filters: Filters,
    figure: str,
) -> list[Mapping[str, Reading]]:
    wanted = filters.get("stage", STAGES)
    names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    answers: list[Mapping[str, Reading]] = []
    for each in stages(workspace_id, periods):
        known = {
            name: reading
            for name in STAGES
            if name in names and name in each
            for reading in [_reading(each[name], figure)]
            if reading.value is not None
        }
        answers.append(known if group_by else {"": _whole(known, figure)})
    return answers


def _reading(stage: Stage, figure: str) -> Reading:
    if figure == "completion":
        if not stage.entered:
            return NO_DATA
        return Reading(100.0 * stage.gone_on / stage.entered, stage.entered)
    if figure in {"p50", "p95"}:
        return Reading(stage.p50_hours if figure == "p50" else stage.p95_hours, stage.left)
    return Reading(float(stage.entered if figure == "entered" else stage.gone_on), stage.entered)


def _whole(known: Mapping[str, Reading], figure: str) -> Reading:
    """Over all stages: the worst of them."""
    choose = min if figure == "completion" else max
    return choose(known.values(), key=lambda reading: reading.value or 0.0, default=NO_DATA)


def completion(
    workspace_id: int | None, periods: Sequence[Period], group_by: str, filters: Filters
) -> list[Mapping[str, Reading]]:
    return _answers(workspace_id, periods, group_by, filters, "completion")


def entered(
    workspace_id: int | None, periods: Sequence[Period], group_by: str, filters: Filters
) -> list[Mapping[str, Reading]]:
    return _answers(workspace_id, periods, group_by, filters, "entered")


def left(
    workspace_id: int | None, periods: Sequence[Period], group_by: str, filters: Filters
) -> list[Mapping[str, Reading]]:
    return _answers(workspace_id, periods, group_by, filters, "left")


def dwell_p50(
    workspace_id: int | None, periods: Sequence[Period], group_by: str, filters: Filters
) -> list[Mapping[str, Reading]]:
    return _answers(workspace_id, periods, group_by, filters, "p50")


def dwell_p95(
    workspace_id: int | None, periods: Sequence[Period], group_by: str, filters: Filters
) -> list[Mapping[str, Reading]]:
    return _answers(workspace_id, periods, group_by, filters, "p95")
