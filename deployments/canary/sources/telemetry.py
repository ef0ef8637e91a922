"""The portal's own events. One that names flags in its context says in which variant they were:

    {"event_type": "…", "status": "error", "duration_ms": 812, "context": {"flags": {"pay": "on"}}}

Events that stand for an outcome (success, warning, error) or took a time are requests. A violated
safeguard counts for the cohort whose flag it names.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from deployments.canary.judge import Figures
from deployments.canary.sources.kinds import Baseline, Reading, Source
from deployments.models import Rollout
from deployments.services.reading import refuse

VIOLATION = "validator_alert_raised"
OFF = ["off", "false", "disabled", "", "control"]

# By flag and cohort (true is on), all rollouts of one environment at once. What names flags in any
# other form than an object names none. Both bounds of time let partitions go unread.
_COUNT = """
SELECT flag, lower(answers->>flag) <> ALL(%(off)s) AS cohort,
       coalesce(sum(weight) FILTER (WHERE asked), 0)::bigint AS n,
       coalesce(sum(weight) FILTER (WHERE asked AND status = 'error'), 0)::bigint AS errors,
       coalesce(sum(weight) FILTER (WHERE asked AND duration_ms > slow), 0)::bigint AS slow,
       coalesce(sum(weight) FILTER (WHERE event_type = %(violation)s), 0)::bigint AS violations,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE asked) AS p95
FROM (
    SELECT CASE jsonb_typeof(context->'flags') WHEN 'object' THEN context->'flags'
           ELSE '{}' END AS answers,
           weight, status, duration_ms, event_type,
           event_type <> %(violation)s
           AND (status <> 'info' OR duration_ms IS NOT NULL) AS asked
    FROM telemetry_events
    WHERE workspace_id = %(workspace)s AND occurred_at >= %(start)s AND occurred_at < %(end)s
      AND env = %(env)s AND jsonb_exists(context, 'flags')
) told
CROSS JOIN LATERAL jsonb_object_keys(answers) AS named(flag)
JOIN unnest(%(flags)s::text[], %(slow)s::float8[]) AS wanted(flag, slow) USING (flag)
GROUP BY flag, 2
"""
_ALL = """
SELECT coalesce(sum(weight), 0)::bigint,
       coalesce(sum(weight) FILTER (WHERE status = 'error'), 0)::bigint,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms)
FROM telemetry_events
WHERE workspace_id = %(workspace)s AND occurred_at >= %(start)s AND occurred_at < %(end)s
  AND env = %(env)s AND event_type <> %(violation)s
  AND (status <> 'info' OR duration_ms IS NOT NULL)
"""
NEVER = float("inf")


def _checked(asking: dict[str, Any]) -> dict[str, Any]:
    if asking:
        raise refuse("asking", "The portal's telemetry needs nothing to be said.")
    return {}


def _asked(rollouts: Sequence[Rollout], start: datetime, end: datetime) -> dict[str, Any]:
    first = rollouts[0]
    return {
        "flags": [each.flag.flag_name for each in rollouts],
        "slow": [NEVER if each.slow_ms is None else each.slow_ms for each in rollouts],
        "workspace": first.workspace_id,
        "env": first.environment.slug,
        "start": start,
        "end": end,
        "off": OFF,
        "violation": VIOLATION,
    }


def _rows(sql: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, asked)
        return list(cursor.fetchall())


_NOBODY = (0, 0, 0, 0, None)


def _counted(
    rollouts: Sequence[Rollout], start: datetime, end: datetime
) -> dict[tuple[str, bool], tuple[Any, ...]]:
    rows = _rows(_COUNT, _asked(rollouts, start, end))
    return {(flag, cohort): tuple(rest) for flag, cohort, *rest in rows}


def read_many(rollouts: Sequence[Rollout], start: datetime, end: datetime) -> dict[int, Reading]:
    """Of rollouts in one environment, by their keys: one question for all of them."""
    found = _counted(rollouts, start, end)
    return {each.pk: _reading(found, each.flag.flag_name) for each in rollouts}


def read(rollout: Rollout, start: datetime, end: datetime) -> Reading:
    return read_many([rollout], start, end)[rollout.pk]


def _reading(found: dict[tuple[str, bool], tuple[Any, ...]], flag: str) -> Reading:
    n, errors, slow, violations, p95 = found.get((flag, True), _NOBODY)
    others, others_errors, others_slow, _, others_p95 = found.get((flag, False), _NOBODY)
    return Reading(
        figures=Figures(
            n=n,
            errors=errors,
            slow=slow,
            violations=violations,
            others=others,
            others_errors=others_errors,
            others_slow=others_slow,
            on=n,
            off=others,
        ),
        p95_ms=p95,
        others_p95_ms=others_p95,
    )


def baseline(rollout: Rollout, start: datetime, end: datetime) -> Baseline:
    """Of those who were asked about the flag and got it off; of all, where nobody was asked."""
    found = _counted([rollout], start, end).get((rollout.flag.flag_name, False))
    if found is not None:
        n, errors, _, violations, p95 = found
    else:
        violations = 0
        n, errors, p95 = _rows(_ALL, _asked([rollout], start, end))[0]
    rate = errors / n if n else None
    return Baseline(requests=n, error_rate=rate, p95_ms=p95, violations=violations)


SOURCE = Source(_checked, baseline, read)
