"""What each mission reported per day. A mission some minute of which changed is counted anew for
that whole day, which its index makes cheap: missions are many and small."""

# ruff: noqa: S608 - nothing but constants is put into the statements
from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db.backends.utils import CursorWrapper

from controlplane.lib.defaults import define
from telemetry.rollups import statements

HOT = define(
    "telemetry.hot_mission_events",
    2_000,
    unit="events",
    why="a mission with more in a day is counted anew with the day, not with every minute",
)
Touched = Sequence[tuple[int | None, date, str]]

_TOUCHED = f"""
    WITH {statements.WANTED},
    touched AS (
        SELECT DISTINCT workspace_id, (bucket AT TIME ZONE 'UTC')::date AS day, mission
        FROM ({statements.events_of_wanted("e.workspace_id, e.mission", "e.mission IS NOT NULL")})
            AS events
    )
    SELECT t.workspace_id, t.day, t.mission FROM touched t
    WHERE coalesce((SELECT sum(m.total) FROM telemetry_missionday m
        WHERE m.mission = t.mission AND m.day = t.day
          AND m.workspace_id IS NOT DISTINCT FROM t.workspace_id), 0) <= %(hot)s
"""
_HOT = """
    SELECT m.workspace_id, m.day, m.mission
    FROM telemetry_missionday m JOIN unnest(%(workspaces)s::bigint[], %(days)s::date[])
        AS w (workspace_id, day)
        ON m.day = w.day AND m.workspace_id IS NOT DISTINCT FROM w.workspace_id
    GROUP BY m.workspace_id, m.day, m.mission HAVING sum(m.total) > %(hot)s
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


def touched(cursor: CursorWrapper, params: dict[str, Any]) -> Touched:
    """The missions told of in these minutes, without the hot ones."""
    cursor.execute(_TOUCHED, {**params, "hot": HOT.value})
    return list(cursor.fetchall())


def hot(cursor: CursorWrapper, days: Sequence[tuple[int | None, date]]) -> Touched:
    cursor.execute(
        _HOT,
        {
            "workspaces": [workspace for workspace, _ in days],
            "days": [day for _, day in days],
            "hot": HOT.value,
        },
    )
    return list(cursor.fetchall())


def recount(cursor: CursorWrapper, given: Touched, bounds: dict[str, Any]) -> int:
    """Count these missions' days anew; how many rows that made."""
    if not given:
        return 0
    params = {
        **bounds,
        "workspaces": [workspace for workspace, _, _ in given],
        "days": [day for _, day, _ in given],
        "missions": [mission for _, _, mission in given],
    }
    cursor.execute(_FORGET, params)
    cursor.execute(_COUNT, params)
    return int(cursor.rowcount)
