"""What each mission reported per day. A mission some minute of which changed waits until it is
counted anew for that whole day, which its index makes cheap.

The more it has, the longer it waits: a mission of a thousand events a second at least, one of a
million ten minutes. So a pass reads about as many events for missions as for minutes, however
large missions become.
"""

# ruff: noqa: S608 - nothing but constants is put into the statements
from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.backends.utils import CursorWrapper

from controlplane.lib.defaults import define
from telemetry.rollups import statements

EVENTS = define(
    "telemetry.mission_events_a_pass",
    10_000,
    unit="events",
    why="counted anew at a time; what is beyond waits for the next turn",
)
PER_SECOND = define(
    "telemetry.mission_events_a_second",
    1_000.0,
    unit="events per second",
    why="a mission waits a second for each so many events it has that day",
)
LONGEST = define("telemetry.mission_rest_s", 600.0, unit="seconds", why="and no longer than this")
LOOKED_AT = 20_000
Touched = Sequence[tuple[int | None, date, str]]

_NOTE = f"""
    WITH {statements.WANTED}
    INSERT INTO telemetry_dirtymission (workspace_id, day, mission, at)
    SELECT DISTINCT workspace_id, (bucket AT TIME ZONE 'UTC')::date, mission, clock_timestamp()
    FROM ({statements.events_of_wanted("e.workspace_id, e.mission", "e.mission IS NOT NULL")})
        AS events
    ON CONFLICT DO NOTHING
"""
_TAKE = """
    WITH few AS (
        SELECT * FROM telemetry_dirtymission
        WHERE day >= coalesce(%(low)s, '-infinity'::date)
          AND day < coalesce(%(high)s, 'infinity'::date)
        ORDER BY id LIMIT %(looked_at)s
    ), due AS (
        SELECT f.*, m.size FROM few f CROSS JOIN LATERAL (
            SELECT coalesce(sum(total), 0) AS size FROM telemetry_missionday
            WHERE mission = f.mission AND day = f.day
              AND workspace_id IS NOT DISTINCT FROM f.workspace_id
        ) m
        WHERE %(all)s OR f.at + least(m.size / %(per_second)s, %(longest)s)
            * interval '1 second' <= clock_timestamp()
    ), chosen AS (
        SELECT id, sum(size) OVER (ORDER BY at, id) - size AS before FROM due
    )
    DELETE FROM telemetry_dirtymission d USING chosen c
    WHERE d.id = c.id AND c.before < %(most)s
    RETURNING d.workspace_id, d.day, d.mission
"""
_GIVEN = """
    given (workspace_id, day, mission) AS MATERIALIZED (
        SELECT * FROM unnest(%(workspaces)s::bigint[], %(days)s::date[], %(missions)s::text[])
    )"""
_FORGET = f"""
    WITH {_GIVEN}
    DELETE FROM telemetry_missionday m USING given g
    WHERE m.mission = g.mission AND m.day = g.day
      AND m.workspace_id IS NOT DISTINCT FROM g.workspace_id
"""
_COUNT = f"""
    WITH {_GIVEN}
    INSERT INTO telemetry_missionday
        (workspace_id, day, mission, event_type, total, errors, first_at, last_at)
    SELECT g.workspace_id, g.day, g.mission, e.event_type, sum(e.weight),
        coalesce(sum(e.weight) FILTER (WHERE e.status = 'error'), 0),
        min(e.occurred_at), max(e.occurred_at)
    FROM given g CROSS JOIN LATERAL (
        SELECT * FROM telemetry_events
        WHERE mission = g.mission AND workspace_id IS NOT DISTINCT FROM g.workspace_id
          AND occurred_at >= g.day::timestamp AT TIME ZONE 'UTC'
          AND occurred_at < (g.day + 1)::timestamp AT TIME ZONE 'UTC'
          AND occurred_at >= %(low)s AND occurred_at < %(high)s
    ) AS e
    GROUP BY 1, 2, 3, 4
"""


def note(cursor: CursorWrapper, params: dict[str, Any]) -> None:
    """Remember the missions told of in these minutes."""
    cursor.execute(_NOTE, params)


def take(
    cursor: CursorWrapper, *, all_: bool, low: datetime | None, high: datetime | None
) -> Touched:
    """Those that waited long enough, as many as a pass may count; at least one."""
    cursor.execute(
        _TAKE,
        {
            "all": all_,
            "low": low.date() if low else None,
            "high": high.date() if high else None,
            "looked_at": LOOKED_AT,
            "per_second": PER_SECOND.value,
            "longest": LONGEST.value,
            "most": EVENTS.value,
        },
    )
    return list(cursor.fetchall())


def recount(cursor: CursorWrapper, given: Touched) -> int:
    """Count these missions' days anew; how many rows that made."""
    if not given:
        return 0
    dates = [day for _, day, _ in given]
    params: dict[str, Any] = {
        "workspaces": [workspace for workspace, _, _ in given],
        "days": dates,
        "missions": [mission for _, _, mission in given],
        "low": _midnight(min(dates)),
        "high": _midnight(max(dates)) + timedelta(days=1),
    }
    cursor.execute(_FORGET, params)
    cursor.execute(_COUNT, params)
    return int(cursor.rowcount)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
