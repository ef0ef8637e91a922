"""The SQL that computes buckets anew. One statement for all buckets of a pass.

Every grain goes the same way: `parts` are sums of a bucket's groups, one row for each bin of the
histogram; groups beyond the limit are named `(other)`; what is left is added up and stored. Only
where the parts come from differs: events for minutes, the finer rollup for hours and days.
"""

# ruff: noqa: S608 - nothing but constants of this file is put into the statements
from __future__ import annotations

from telemetry.models.rollups import DIMENSIONS
from telemetry.rollups.histogram import LEAST_MS, RATIO

OTHER = "(other)"
DIMS = ", ".join(DIMENSIONS)
# Reports of one failed tool call: the error is left out where its call failed too.
CALL, CALL_ERROR = "composio_tool_call", "composio_tool_call_error"
# Beyond it a sum could leave what a float holds, which would fail the whole pass.
MOST_AMOUNT = "1e15"
# greatest() and least() would make a number of none.
AMOUNT = (
    "CASE WHEN e.amount IS NOT NULL"
    f" THEN least(greatest(e.amount, -{MOST_AMOUNT}), {MOST_AMOUNT}) END AS amount"
)
ACTION = "coalesce(e.context ->> 'action', e.operation)"

WANTED = """
    wanted (workspace_id, bucket) AS MATERIALIZED (
        SELECT * FROM unnest(%(workspaces)s::bigint[], %(buckets)s::timestamptz[])
    )"""


def events_of_wanted(columns: str, only: str = "true", *, table: str = "telemetry_events") -> str:
    """The events of the wanted minutes. Twice, since no index finds `IS NOT DISTINCT FROM`. The
    outer bounds let the planner leave out days before it begins."""
    halves = [
        f"""
        SELECT w.bucket, {columns}
        FROM wanted w CROSS JOIN LATERAL (
            SELECT * FROM {table}
            WHERE workspace_id {same} AND occurred_at >= w.bucket
              AND occurred_at < w.bucket + interval '1 minute'
              AND occurred_at >= %(low)s AND occurred_at < %(high)s
            OFFSET 0
        ) AS e
        WHERE w.workspace_id {is_null} AND {only}"""
        for same, is_null in (("= w.workspace_id", "IS NOT NULL"), ("IS NULL", "IS NULL"))
    ]
    return " UNION ALL ".join(halves)


# Errors whose call is told of as failed as well, by the same correlation id and action and not
# far away in time. Keys are made few before they are joined: one correlation id may be on
# everything somebody sends.
_TWINS = f"""
    told AS MATERIALIZED ({
    events_of_wanted(
        f"e.id, e.workspace_id, e.correlation_id, {ACTION} AS action",
        f"e.event_type = '{CALL_ERROR}' AND e.status = 'error' AND e.correlation_id IS NOT NULL",
    )
}),
    spans AS MATERIALIZED (
        SELECT workspace_id, correlation_id, min(bucket) - %(apart)s::interval AS low,
            max(bucket) + %(apart)s::interval + interval '1 minute' AS high
        FROM told GROUP BY 1, 2
    ),
    calls AS MATERIALIZED (
        SELECT DISTINCT coalesce(s.workspace_id, 0) AS home, s.correlation_id,
            {ACTION} AS action, date_trunc('minute', e.occurred_at) AS bucket
        FROM spans s JOIN telemetry_events e ON e.correlation_id = s.correlation_id
            AND e.workspace_id IS NOT DISTINCT FROM s.workspace_id
            AND e.occurred_at >= s.low AND e.occurred_at < s.high
        WHERE e.event_type = '{CALL}' AND e.status = 'error'
          AND e.occurred_at >= %(low)s - %(apart)s::interval
          AND e.occurred_at < %(high)s + %(apart)s::interval
    ),
    twins AS MATERIALIZED (
        SELECT DISTINCT t.id, calls.home FROM told t JOIN calls
            ON calls.home = coalesce(t.workspace_id, 0)
            AND calls.correlation_id = t.correlation_id AND calls.action = t.action
            AND calls.bucket BETWEEN t.bucket - %(apart)s::interval
                AND t.bucket + %(apart)s::interval
    )"""

_FROM_EVENTS = f"""
    events AS ({
    events_of_wanted(
        f"e.id, e.workspace_id, {', '.join('e.' + name for name in DIMENSIONS)}, e.status,"
        " e.weight::bigint AS weight, e.flags, e.occurred_at, e.duration_ms,"
        f" {AMOUNT}"
    )
}),
    parts AS MATERIALIZED (
        SELECT bucket, workspace_id, {DIMS},
            CASE WHEN duration_ms IS NOT NULL THEN ceil(
                ln(greatest(duration_ms, {LEAST_MS})) / ln({RATIO}::float8))::smallint END AS bin,
            sum(weight) FILTER (WHERE duration_ms IS NOT NULL) AS hits,
            sum(weight) AS total,
            sum(weight) FILTER (WHERE status = 'error' AND NOT (event_type = '{CALL_ERROR}'
                AND (id, coalesce(workspace_id, 0)) IN (SELECT id, home FROM twins))) AS errors,
            sum(weight) FILTER (WHERE status = 'warning') AS warnings,
            sum(weight) FILTER (WHERE status = 'success') AS successes,
            sum(weight) FILTER (WHERE flags <> 0) AS flagged,
            sum(weight) FILTER (WHERE amount IS NOT NULL) AS amounts,
            sum(amount * weight) AS amount_sum,
            min(amount) AS amount_min,
            max(amount) AS amount_max,
            max(ARRAY[extract(epoch FROM occurred_at)::float8, amount])
                FILTER (WHERE amount IS NOT NULL) AS amount_last,
            max(occurred_at) AS last_at,
            sum(duration_ms * weight) AS duration_sum
        FROM events
        GROUP BY bucket, workspace_id, {DIMS}, bin
    )"""


def _from_rollup(source: str, unit: str) -> str:
    fine = ", ".join(f"r.{name}" for name in DIMENSIONS)
    return f"""
    finer AS MATERIALIZED (
        SELECT w.bucket AS at, r.* FROM wanted w JOIN {source} r
            ON r.workspace_id IS NOT DISTINCT FROM w.workspace_id
            AND r.bucket >= w.bucket AND r.bucket < w.bucket + interval '1 {unit}'
        WHERE r.bucket >= %(low)s AND r.bucket < %(high)s
    ),
    parts AS MATERIALIZED (
        SELECT r.at AS bucket, r.workspace_id, {fine}, NULL::smallint AS bin,
            NULL::bigint AS hits, r.total, r.errors, r.warnings, r.successes, r.flagged,
            r.amounts, r.amount_sum, r.amount_min, r.amount_max,
            CASE WHEN r.amount_last IS NOT NULL
                THEN ARRAY[extract(epoch FROM r.bucket)::float8, r.amount_last] END AS amount_last,
            r.last_at, r.duration_sum
        FROM finer r
        UNION ALL
        SELECT r.at, r.workspace_id, {fine}, h.bin, sum(h.hits), 0, 0, 0, 0, 0, 0, 0,
            NULL, NULL, NULL, max(r.last_at), 0
        FROM finer r CROSS JOIN LATERAL unnest(r.bins, r.counts) AS h (bin, hits)
        GROUP BY r.at, r.workspace_id, {fine}, h.bin
    )"""


# What was collapsed in a finer grain stays so and takes nobody's place.
# The stage of a collapsed group is kept: there are six, and boards ask for them.
_PLACES = ", ".join(f'{name} COLLATE "C"' for name in DIMENSIONS)
_NAMED = ", ".join(
    [
        f"CASE WHEN k.place > %(most_kinds)s THEN '{OTHER}' ELSE g.event_type END AS as_event_type",
        *(
            "g.stage AS as_stage"
            if name == "stage"
            else f"CASE WHEN g.place > %(most_groups)s THEN '{OTHER}' ELSE g.{name} END"
            f" AS as_{name}"
            for name in DIMENSIONS[1:]
        ),
    ]
)
_AS = ", ".join(f"as_{name}" for name in DIMENSIONS)
_SAME = " AND ".join(f"p.{name} = n.{name}" for name in DIMENSIONS)
_SUMS = ("hits", "total", "errors", "warnings", "successes", "flagged", "amounts")

_NAMING = f"""
    sized AS (
        SELECT bucket, workspace_id, {DIMS}, sum(total) AS size
        FROM parts GROUP BY bucket, workspace_id, {DIMS}
    ),
    groups AS (
        SELECT *, row_number() OVER (PARTITION BY workspace_id, bucket, event_type,
                toolkit = '{OTHER}' AND code = '{OTHER}'
            ORDER BY size DESC, {_PLACES}) AS place
        FROM sized
    ),
    kinds AS (
        SELECT bucket, workspace_id, event_type, row_number() OVER (
            PARTITION BY workspace_id, bucket
            ORDER BY sum(size) DESC, event_type COLLATE "C") AS place
        FROM sized WHERE event_type <> ALL (%(known)s) AND event_type <> '{OTHER}'
        GROUP BY bucket, workspace_id, event_type
    ),
    named AS MATERIALIZED (
        SELECT g.bucket, g.workspace_id, {", ".join("g." + name for name in DIMENSIONS)}, {_NAMED}
        FROM groups g LEFT JOIN kinds k ON k.bucket = g.bucket AND k.event_type = g.event_type
            AND k.workspace_id IS NOT DISTINCT FROM g.workspace_id
    ),
    coarse AS (
        SELECT p.bucket, p.workspace_id, {_AS}, p.bin,
            {", ".join(f"sum(p.{name}) AS {name}" for name in _SUMS)},
            sum(amount_sum) AS amount_sum, min(amount_min) AS amount_min,
            max(amount_max) AS amount_max, max(amount_last) AS amount_last,
            max(last_at) AS last_at, sum(duration_sum) AS duration_sum
        FROM parts p JOIN named n ON p.bucket = n.bucket
            AND coalesce(p.workspace_id, 0) = coalesce(n.workspace_id, 0) AND {_SAME}
        GROUP BY p.bucket, p.workspace_id, {_AS}, p.bin
    )"""


def _store(target: str) -> str:
    return f"""
    INSERT INTO {target} (workspace_id, bucket, {DIMS}, total, errors, warnings, successes,
        flagged, amounts, amount_sum, amount_min, amount_max, amount_last, last_at, durations,
        duration_sum, bins, counts)
    SELECT workspace_id, bucket, {_AS}, sum(total),
        coalesce(sum(errors), 0), coalesce(sum(warnings), 0), coalesce(sum(successes), 0),
        coalesce(sum(flagged), 0), coalesce(sum(amounts), 0), coalesce(sum(amount_sum), 0),
        min(amount_min), max(amount_max), (max(amount_last))[2], max(last_at),
        coalesce(sum(hits), 0), coalesce(sum(duration_sum), 0),
        coalesce(array_agg(bin ORDER BY bin) FILTER (WHERE bin IS NOT NULL), ARRAY[]::smallint[]),
        coalesce(array_agg(hits ORDER BY bin) FILTER (WHERE bin IS NOT NULL), ARRAY[]::bigint[])
    FROM coarse
    GROUP BY bucket, workspace_id, {_AS}
"""


def _statement(target: str, *parts: str) -> str:
    return f"WITH {','.join([WANTED, *parts, _NAMING])} {_store(target)}"


def forget(target: str) -> str:
    return (
        f"WITH {WANTED} DELETE FROM {target} r USING wanted w WHERE r.bucket = w.bucket"
        " AND r.workspace_id IS NOT DISTINCT FROM w.workspace_id"
        " AND r.bucket >= %(low)s AND r.bucket < %(high)s"
    )


MINUTE, HOUR, DAY = "telemetry_rollupminute", "telemetry_rolluphour", "telemetry_rollupday"
MINUTES = _statement(MINUTE, _TWINS, _FROM_EVENTS)
HOURS = _statement(HOUR, _from_rollup(MINUTE, "hour"))
DAYS = _statement(DAY, _from_rollup(HOUR, "day"))
FORGET = {target: forget(target) for target in (MINUTE, HOUR, DAY)}

# Minutes that hold an error whose failed call stands in a wanted minute. The call may have come
# later than the error: then its minute is right again only when it is computed anew.
NEIGHBOURS = f"""
    WITH {WANTED},
    failed AS MATERIALIZED ({
    events_of_wanted(
        f"e.workspace_id, e.correlation_id, {ACTION} AS action",
        f"e.event_type = '{CALL}' AND e.status = 'error' AND e.correlation_id IS NOT NULL",
    )
}),
    spans AS MATERIALIZED (
        SELECT workspace_id, correlation_id, min(bucket) - %(apart)s::interval AS low,
            max(bucket) + %(apart)s::interval + interval '1 minute' AS high
        FROM failed GROUP BY 1, 2
    ),
    told AS MATERIALIZED (
        SELECT DISTINCT s.workspace_id, s.correlation_id, {ACTION} AS action,
            date_trunc('minute', e.occurred_at) AS bucket
        FROM spans s JOIN telemetry_events e ON e.correlation_id = s.correlation_id
            AND e.workspace_id IS NOT DISTINCT FROM s.workspace_id
            AND e.occurred_at >= s.low AND e.occurred_at < s.high
        WHERE e.event_type = '{CALL_ERROR}' AND e.status = 'error'
          AND e.occurred_at >= %(low)s - %(apart)s::interval
          AND e.occurred_at < %(high)s + %(apart)s::interval
    )
    SELECT DISTINCT t.workspace_id, t.bucket
    FROM told t JOIN (SELECT DISTINCT * FROM failed) f
        ON coalesce(f.workspace_id, 0) = coalesce(t.workspace_id, 0)
        AND f.correlation_id = t.correlation_id AND f.action = t.action
        AND f.bucket BETWEEN t.bucket - %(apart)s::interval AND t.bucket + %(apart)s::interval
"""
