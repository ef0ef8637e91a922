"""The portal's own events. One that names flags in its context says in which variant they were:

    {"event_type": "…", "status": "error", "duration_ms": 812, "context": {"flags": {"pay": "on"}}}

Events that stand for an outcome (success, warning, error) or took a time are requests. A violated
safeguard counts for the cohort whose flag it names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from deployments.canary.numbers import settled
from deployments.canary.seen import MOST_PEOPLE, Figures
from deployments.canary.sources.kinds import Baseline, Reading, Source
from deployments.models import Rollout, RolloutStep
from deployments.services.reading import refuse

VIOLATION = "validator_alert_raised"
OFF = ["off", "false", "disabled", "", "control"]

# What was said of the flags of all rollouts in one environment, by when it happened and by when it
# came in. What names flags in any other form than an object names none. First all that was said,
# then whose it is: the other way round each event would be held against each rollout.
_SAID = """
WITH told AS (
    SELECT CASE jsonb_typeof(context->'flags') WHEN 'object' THEN context->'flags'
           ELSE '{}' END AS answers,
           weight, status, duration_ms, event_type, occurred_at,
           coalesce('user ' || user_ref, 'session ' || session) AS person,
           event_type <> %(violation)s
           AND (status <> 'info' OR duration_ms IS NOT NULL) AS asked
    FROM telemetry_events
    WHERE workspace_id = %(workspace)s AND env = %(env)s AND jsonb_exists(context, 'flags')
      AND occurred_at >= %(since)s AND occurred_at < %(until)s::timestamptz
      AND received_at >= %(start)s::timestamptz AND received_at < %(end)s::timestamptz
), named AS MATERIALIZED (
    SELECT told.*, flag, lower(answers->>flag) <> ALL(%(off)s) AS cohort
    FROM told CROSS JOIN LATERAL jsonb_object_keys(answers) AS answer(flag)
    WHERE flag = ANY(%(flags)s)
), wanted AS (
    SELECT * FROM unnest(%(flags)s::text[], %(slow)s::float8[], %(begun)s::timestamptz[],
                         %(settled)s::timestamptz[]) AS listed(flag, slow, begun, settled)
)
"""
# By flag and cohort (true is on).
_COUNT = f"""{_SAID}
SELECT flag, cohort,
       coalesce(sum(weight) FILTER (WHERE asked), 0)::bigint AS n,
       coalesce(sum(weight) FILTER (WHERE asked AND status = 'error'), 0)::bigint AS errors,
       coalesce(sum(weight) FILTER (WHERE asked AND duration_ms > slow), 0)::bigint AS slow,
       coalesce(sum(weight) FILTER (WHERE event_type = %(violation)s), 0)::bigint AS violations,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE asked) AS p95
FROM named JOIN wanted USING (flag)
WHERE occurred_at >= begun
GROUP BY flag, cohort
"""  # noqa: S608 (of constants)
# Of each flag those people whose numbers are the smallest, with the last answer each got.
_PEOPLE = f"""{_SAID}, answered AS (
    SELECT DISTINCT ON (flag, who) flag, who, cohort
    FROM (
        SELECT flag, hashtext(person) AS who, cohort, occurred_at
        FROM named JOIN wanted USING (flag)
        WHERE asked AND occurred_at >= settled AND person IS NOT NULL
    ) people
    ORDER BY flag, who, occurred_at DESC
)
SELECT flag, who, cohort
FROM (
    SELECT *, row_number() OVER (PARTITION BY flag ORDER BY who) AS place FROM answered
) ranked
WHERE place <= %(most)s
"""  # noqa: S608 (of constants)
_ALL = """
SELECT coalesce(sum(weight), 0)::bigint,
       coalesce(sum(weight) FILTER (WHERE status = 'error'), 0)::bigint,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms)
FROM telemetry_events
WHERE workspace_id = %(workspace)s AND occurred_at >= %(since)s AND occurred_at < %(until)s
  AND env = %(env)s AND event_type <> %(violation)s
  AND (status <> 'info' OR duration_ms IS NOT NULL)
"""
NEVER = float("inf")


def _checked(asking: dict[str, Any]) -> dict[str, Any]:
    if asking:
        raise refuse("asking", "The portal's telemetry needs nothing to be said.")
    return {}


def _asked(rollouts: Sequence[Rollout]) -> dict[str, Any]:
    first = rollouts[0]
    return {
        "flags": [each.flag.flag_name for each in rollouts],
        "slow": [NEVER if each.slow_ms is None else each.slow_ms for each in rollouts],
        "workspace": first.workspace_id,
        "env": first.environment.slug,
        "off": OFF,
        "violation": VIOLATION,
    }


def _rows(sql: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, asked)
        return list(cursor.fetchall())


_NOBODY = (0, 0, 0, 0, None)
Counted = dict[tuple[str, bool], tuple[Any, ...]]


def _counted(asked: dict[str, Any]) -> Counted:
    return {(flag, cohort): tuple(rest) for flag, cohort, *rest in _rows(_COUNT, asked)}


def read_many(rollouts: Sequence[Rollout], start: datetime, end: datetime) -> dict[int, Reading]:
    """What came in of rollouts in one environment, by their keys: one question for all of them.

    However late it comes, for it is the minutes that fail that come last: the step that runs judges
    it. Only whom a step lets in is of its own time, when the applications had heard of it."""
    begun = [each.started_at or start for each in rollouts]
    asked = _asked(rollouts) | {
        "start": start,
        "end": end,
        "since": min(begun),
        "until": "infinity",
        "begun": begun,
        "settled": _settled(rollouts, start),
        "most": MOST_PEOPLE,
    }
    found = _counted(asked)
    people: dict[str, dict[int, bool]] = defaultdict(dict)
    for flag, who, cohort in _rows(_PEOPLE, asked):
        people[flag][who] = cohort
    names = {each.pk: each.flag.flag_name for each in rollouts}
    return {key: _reading(found, name, people[name]) for key, name in names.items()}


def _settled(rollouts: Sequence[Rollout], start: datetime) -> list[datetime]:
    steps = RolloutStep.objects.filter(
        rollout__in=[each.pk for each in rollouts if each.pk], state__in=["running", "held"]
    )
    began: dict[int, datetime] = dict(steps.values_list("rollout_id", "started_at"))
    return [settled(began[each.pk]) if each.pk in began else start for each in rollouts]


def read(rollout: Rollout, start: datetime, end: datetime) -> Reading:
    return read_many([rollout], start, end)[rollout.pk]


def _reading(found: Counted, flag: str, people: Mapping[int, bool]) -> Reading:
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
            people=people,
        ),
        p95_ms=p95,
        others_p95_ms=others_p95,
    )


def baseline(rollout: Rollout, start: datetime, end: datetime) -> Baseline:
    """Of those who were asked about the flag and got it off; of all, where nobody was asked."""
    asked = _asked([rollout]) | {
        "start": "-infinity",
        "end": "infinity",
        "since": start,
        "until": end,
        "begun": [start],
        "settled": [start],
    }
    found = _counted(asked).get((rollout.flag.flag_name, False))
    if found is not None:
        n, errors, _, violations, p95 = found
    else:
        violations = 0
        n, errors, p95 = _rows(_ALL, asked)[0]
    rate = errors / n if n else None
    return Baseline(requests=n, error_rate=rate, p95_ms=p95, violations=violations)


SOURCE = Source(_checked, baseline, read)
