"""The portal's own events. One that names flags in its context says in which variant they were:

    {"event_type": "…", "status": "error", "duration_ms": 812, "context": {"flags": {"pay": "on"}}}

Events that stand for an outcome (success, warning, error) or took a time are requests. A violated
safeguard counts for the cohort whose flag it names.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection

from deployments.canary.judge import Figures
from deployments.canary.sources.kinds import Baseline, Reading, Source
from deployments.models import Rollout
from deployments.services.reading import refuse

VIOLATION = "validator_alert_raised"
OFF = ["off", "false", "disabled", "", "control"]

# By cohort: true is on. Both bounds of time let the partitions that can't hold a row go unread.
_COUNT = """
SELECT lower(context->'flags'->>%(flag)s) <> ALL(%(off)s) AS cohort,
       coalesce(sum(weight) FILTER (WHERE asked), 0)::bigint AS n,
       coalesce(sum(weight) FILTER (WHERE asked AND status = 'error'), 0)::bigint AS errors,
       coalesce(sum(weight) FILTER (WHERE asked AND duration_ms > %(slow)s), 0)::bigint AS slow,
       coalesce(sum(weight) FILTER (WHERE event_type = %(violation)s), 0)::bigint AS violations,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE asked) AS p95
FROM (
    SELECT context, weight, status, duration_ms, event_type,
           event_type <> %(violation)s
           AND (status <> 'info' OR duration_ms IS NOT NULL) AS asked
    FROM telemetry_events
    WHERE workspace_id = %(workspace)s AND occurred_at >= %(start)s AND occurred_at < %(end)s
      AND env = %(env)s AND jsonb_exists(context->'flags', %(flag)s)
) told
GROUP BY 1
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


def _asked(rollout: Rollout, start: datetime, end: datetime) -> dict[str, Any]:
    return {
        "flag": rollout.flag.flag_name,
        "workspace": rollout.workspace_id,
        "env": rollout.environment.slug,
        "start": start,
        "end": end,
        "slow": rollout.slow_ms if rollout.slow_ms is not None else NEVER,
        "off": OFF,
        "violation": VIOLATION,
    }


def _rows(sql: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, asked)
        return list(cursor.fetchall())


def read(rollout: Rollout, start: datetime, end: datetime) -> Reading:
    found = {row[0]: row[1:] for row in _rows(_COUNT, _asked(rollout, start, end))}
    n, errors, slow, violations, p95 = found.get(True, (0, 0, 0, 0, None))
    others, others_errors, others_slow, _, others_p95 = found.get(False, (0, 0, 0, 0, None))
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
    asked = _asked(rollout, start, end)
    found = {row[0]: row[1:] for row in _rows(_COUNT, asked)}
    if False in found:
        n, errors, _, violations, p95 = found[False]
    else:
        violations = 0
        n, errors, p95 = _rows(_ALL, asked)[0]
    rate = errors / n if n else None
    return Baseline(requests=n, error_rate=rate, p95_ms=p95, violations=violations)


SOURCE = Source(_checked, baseline, read)
