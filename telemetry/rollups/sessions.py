"""Sessions with the Tool Router, computed anew from all that a mission told of them.

A table and not a view: whoever asks for sessions over 20,000 tokens must not read the events of a
month. And not added to: a mission some minute of which changed has its few sessions computed
again, so late, repeated and erased events come out right. What is left of a day that was closed
stays as it is.

Tokens of tool calls and of heartbeats are added up: the first are what a tool's answers cost, the
second what the agent's own turns did since its last heartbeat.
"""

# ruff: noqa: S608 - nothing but constants is put into the statements
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.backends.utils import CursorWrapper

from telemetry.rollups.missions import Touched
from telemetry.rollups.statements import ACTION, CALL, CALL_ERROR

EVENTS = ("session_created", CALL, CALL_ERROR, "session_heartbeat")
_NAMES = ", ".join(f"'{name}'" for name in EVENTS)
_DAY = timedelta(days=1)

# What each mission's sessions span: the days that changed and those known from before.
_SPANS = """
    WITH given (workspace_id, mission, low, high) AS MATERIALIZED (
        SELECT * FROM unnest(%(workspaces)s::bigint[], %(missions)s::text[],
            %(lows)s::timestamptz[], %(highs)s::timestamptz[])
    )
    SELECT g.workspace_id, g.mission, least(g.low, min(s.first_at)),
        greatest(g.high, max(s.last_at) + interval '1 second')
    FROM given g LEFT JOIN telemetry_toolsession s
        ON s.mission = g.mission AND s.workspace_id IS NOT DISTINCT FROM g.workspace_id
    GROUP BY g.workspace_id, g.mission, g.low, g.high
    HAVING NOT EXISTS (
        SELECT 1 FROM telemetry_partition p
        WHERE p.day = (min(s.first_at) AT TIME ZONE 'UTC')::date
          AND (p.sealed_at IS NOT NULL OR p.state IN ('detached', 'dropped'))
    )
"""
# One failed call may be told of twice: it counts once, by its correlation id and action.
_KEY = f"coalesce(e.correlation_id || ' ' || {ACTION}, e.id::text)"
_FAILED = f"e.status = 'error' AND e.event_type IN ('{CALL}', '{CALL_ERROR}')"
_CLAMPED = "least(coalesce(sum(e.amount * e.weight) FILTER (WHERE {}), 0), 1e15)::bigint"
_TOKENS = f"e.amount > 0 AND e.event_type IN ('{CALL}', 'session_heartbeat')"
_COMPUTE = f"""
    INSERT INTO telemetry_toolsession AS known
        (workspace_id, mission, agent, key, created_at, creation_ms, failed, first_at, last_at,
         calls, errors, tokens, call_tokens, state_bytes, computed_at)
    SELECT g.workspace_id, g.mission, e.agent, e.session,
        min(e.occurred_at) FILTER (WHERE e.event_type = 'session_created'),
        min(e.duration_ms) FILTER (WHERE e.event_type = 'session_created'),
        coalesce(bool_and(e.status = 'error')
            FILTER (WHERE e.event_type = 'session_created'), false),
        min(e.occurred_at), max(e.occurred_at),
        coalesce(sum(e.weight) FILTER (WHERE e.event_type = '{CALL}'), 0)
            + count(DISTINCT {_KEY}) FILTER (WHERE {_FAILED})
            - count(DISTINCT {_KEY}) FILTER (WHERE {_FAILED} AND e.event_type = '{CALL}'),
        count(DISTINCT {_KEY}) FILTER (WHERE {_FAILED}),
        {_CLAMPED.format(_TOKENS)},
        {_CLAMPED.format(f"{_TOKENS} AND e.event_type = '{CALL}'")},
        max((e.context ->> 'session_state_size_bytes')::numeric)
            FILTER (WHERE e.context ->> 'session_state_size_bytes' ~ '^[0-9]{{1,15}}$')::bigint,
        %(at)s
    FROM unnest(%(workspaces)s::bigint[], %(missions)s::text[],
            %(lows)s::timestamptz[], %(highs)s::timestamptz[])
        AS g (workspace_id, mission, low, high)
    CROSS JOIN LATERAL (
        SELECT * FROM telemetry_events
        WHERE mission = g.mission AND workspace_id IS NOT DISTINCT FROM g.workspace_id
          AND occurred_at >= g.low AND occurred_at < g.high
          AND occurred_at >= %(low)s AND occurred_at < %(high)s
          AND session IS NOT NULL AND event_type IN ({_NAMES})
        OFFSET 0
    ) AS e
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (workspace_id, mission, agent, key) DO UPDATE SET
        created_at = EXCLUDED.created_at, creation_ms = EXCLUDED.creation_ms,
        failed = EXCLUDED.failed, first_at = EXCLUDED.first_at, last_at = EXCLUDED.last_at,
        calls = EXCLUDED.calls, errors = EXCLUDED.errors, tokens = EXCLUDED.tokens,
        call_tokens = EXCLUDED.call_tokens, state_bytes = EXCLUDED.state_bytes,
        computed_at = EXCLUDED.computed_at
"""
# Of which no event is left.
_FORGET = """
    DELETE FROM telemetry_toolsession s
    USING unnest(%(workspaces)s::bigint[], %(missions)s::text[]) AS g (workspace_id, mission)
    WHERE s.mission = g.mission AND s.workspace_id IS NOT DISTINCT FROM g.workspace_id
      AND s.computed_at < %(at)s
"""
ERASE = """
    DELETE FROM telemetry_toolsession
    WHERE workspace_id IS NOT DISTINCT FROM %(workspace)s
      AND (%(mission)s::text IS NULL OR mission = %(mission)s)
"""


def recompute(cursor: CursorWrapper, touched: Touched) -> int:
    """The sessions of missions that something happened to; how many there are now."""
    spans: dict[tuple[int | None, str], tuple[datetime, datetime]] = {}
    for workspace_id, day, mission in touched:
        low = datetime(day.year, day.month, day.day, tzinfo=UTC)
        known = spans.get((workspace_id, mission), (low, low + _DAY))
        spans[(workspace_id, mission)] = (min(known[0], low), max(known[1], low + _DAY))
    if not spans:
        return 0
    cursor.execute(_SPANS, _arrays([(*key, *span) for key, span in spans.items()]))
    rows = cursor.fetchall()
    if not rows:
        return 0
    params = _arrays(rows)
    params.update(low=min(params["lows"]), high=max(params["highs"]))
    # The clock of the transaction would be the same for two passes of one, as in a test.
    cursor.execute("SELECT clock_timestamp()")
    params["at"] = cursor.fetchone()[0]
    cursor.execute(_COMPUTE, params)
    found = int(cursor.rowcount)
    cursor.execute(_FORGET, params)
    return found


def _arrays(rows: list[tuple[int | None, str, datetime, datetime]]) -> dict[str, Any]:
    return {
        "workspaces": [row[0] for row in rows],
        "missions": [row[1] for row in rows],
        "lows": [row[2] for row in rows],
        "highs": [row[3] for row in rows],
    }
