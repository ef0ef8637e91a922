"""Writing down what was counted: one statement a table, whatever the number of requests.

Rows are taken in the order of their keys, so that two processes that write the same ones never
wait for each other in a circle. An environment that is gone takes its counts along.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from controlplane.lib import clock
from controlplane.lib.defaults import define
from deployments.flags.services import apps
from deployments.flags.services.apps import App, Told

UNKNOWN_MOST = define(
    "flags.unknown_most",
    1_000,
    unit="names",
    why="Unknown flags kept of one environment: a client that makes up names must not fill it.",
)
INSTANCES_MOST = define(
    "flags.instances_most",
    5_000,
    unit="instances",
    why="Running copies kept of one environment; those not seen for a month go.",
)

MOST = 2**53  # where a sum stops: a whole number in JSON, far from the end of the column
Answers = Mapping[tuple[int, App, datetime | None], Mapping[Any, int]]  # (flag, enabled, variant)
Unknown = Mapping[tuple[int, App, str], int]
Instances = Mapping[tuple[int, App, str], Mapping[str, Any]]

_USAGE = """
    INSERT INTO feature_flags_flagusage AS kept
        (workspace_id, environment_id, flag_name, app, hour, yes, no, variants)
    SELECT e.workspace_id, e.id, t.flag_name, t.app, t.hour, t.yes, t.no, t.variants
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::timestamptz[],
                %s::bigint[], %s::bigint[], %s::jsonb[])
        AS t(environment_id, flag_name, app, hour, yes, no, variants)
    JOIN catalog_environment e ON e.id = t.environment_id
    ORDER BY e.id, t.flag_name, t.hour, t.app
    ON CONFLICT (environment_id, flag_name, hour, app) DO UPDATE SET
        yes = least(kept.yes::numeric + excluded.yes, {most})::bigint,
        no = least(kept.no::numeric + excluded.no, {most})::bigint,
        variants = (
            SELECT coalesce(jsonb_object_agg(key, total), '{}') FROM (
                SELECT key, least(sum(value::numeric), {most}) AS total FROM (
                    SELECT * FROM jsonb_each_text(kept.variants)
                    UNION ALL SELECT * FROM jsonb_each_text(excluded.variants)
                ) both_of GROUP BY key
            ) added
        )
""".replace("{most}", str(MOST))
_UNKNOWN = """
    INSERT INTO feature_flags_unknownflag AS kept
        (workspace_id, environment_id, flag_name, app, times, first_seen, last_seen)
    SELECT e.workspace_id, e.id, t.flag_name, t.app, t.times, %s, %s
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[])
        AS t(environment_id, flag_name, app, times)
    JOIN catalog_environment e ON e.id = t.environment_id
    WHERE (SELECT count(*) FROM feature_flags_unknownflag u WHERE u.environment_id = e.id) < %s
        OR EXISTS (SELECT FROM feature_flags_unknownflag u WHERE u.environment_id = e.id
                   AND u.flag_name = t.flag_name AND u.app = t.app)
    ORDER BY e.id, t.flag_name, t.app
    ON CONFLICT (environment_id, flag_name, app) DO UPDATE SET
        times = least(kept.times::numeric + excluded.times, {most})::bigint,
        last_seen = excluded.last_seen
""".replace("{most}", str(MOST))
_INSTANCES = """
    INSERT INTO feature_flags_sdkinstance AS kept
        (workspace_id, environment_id, app, instance, sdk, platform, spec, strategies,
         started_at, first_seen, last_seen)
    SELECT e.workspace_id, e.id, t.app, t.instance, t.sdk, t.platform, t.spec, t.strategies,
           t.started_at, t.last_seen, t.last_seen
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                %s::jsonb[], %s::timestamptz[], %s::timestamptz[])
        AS t(environment_id, app, instance, sdk, platform, spec, strategies, started_at, last_seen)
    JOIN catalog_environment e ON e.id = t.environment_id
    WHERE (SELECT count(*) FROM feature_flags_sdkinstance u WHERE u.environment_id = e.id) < %s
        OR EXISTS (SELECT FROM feature_flags_sdkinstance u WHERE u.environment_id = e.id
                   AND u.app = t.app AND u.instance = t.instance)
    ORDER BY e.id, t.app, t.instance
    ON CONFLICT (environment_id, app, instance) DO UPDATE SET
        sdk = coalesce(nullif(excluded.sdk, ''), kept.sdk),
        platform = coalesce(nullif(excluded.platform, ''), kept.platform),
        spec = coalesce(nullif(excluded.spec, ''), kept.spec),
        strategies = CASE WHEN excluded.strategies = '[]' THEN kept.strategies
                          ELSE excluded.strategies END,
        started_at = coalesce(excluded.started_at, kept.started_at),
        last_seen = greatest(kept.last_seen, excluded.last_seen)
"""
_TOKENS = """
    UPDATE feature_flags_sdktoken SET last_used_at = t.at
    FROM unnest(%s::bigint[], %s::timestamptz[]) AS t(id, at)
    WHERE feature_flags_sdktoken.id = t.id
        AND (last_used_at IS NULL OR last_used_at < t.at - interval '1 minute')
        AND feature_flags_sdktoken.id IN (
            SELECT id FROM feature_flags_sdktoken WHERE id = ANY(%s)
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
"""


@transaction.atomic
def write(
    answers: Answers,
    unknown: Unknown,
    instances: Instances,
    tokens: Mapping[int, datetime],
) -> None:
    """All of it or nothing: what could not be written is counted again."""
    now = clock.now()
    names = apps.settle(key[:2] for told in (answers, unknown, instances) for key in told)
    _write_usage(answers, names, now)
    _write_unknown(unknown, names, now)
    _write_instances(instances, names)
    if tokens:
        ids = sorted(tokens)
        _execute(_TOKENS, [ids, [tokens[pk] for pk in ids], ids])


def _write_usage(answers: Answers, names: Mapping[Told, str], now: datetime) -> None:
    present = now.replace(minute=0, second=0, microsecond=0)
    rows: dict[tuple[int, str, str, datetime], list[Any]] = {}
    for (environment_id, app, hour), counter in answers.items():
        for (flag, enabled, variant), times in counter.items():
            key = (environment_id, flag, names[environment_id, app], hour or present)
            row = rows.setdefault(key, [0, 0, Counter()])
            row[0 if enabled else 1] += times
            if variant:
                row[2][variant] += times
    for row in rows.values():
        row[:2] = [min(times, MOST) for times in row[:2]]
        row[2] = {variant: min(times, MOST) for variant, times in row[2].items()}
    if rows:
        counted = [*rows.values()]
        columns = [list(column) for column in zip(*rows, strict=True)]
        yes, no, variants = zip(*counted, strict=True)
        _execute(_USAGE, [*columns, list(yes), list(no), [json.dumps(each) for each in variants]])


def _write_unknown(unknown: Unknown, names: Mapping[Told, str], now: datetime) -> None:
    if not unknown:
        return
    rows: Counter[tuple[int, str, str]] = Counter()
    for (environment_id, app, flag), times in unknown.items():
        rows[environment_id, flag, names[environment_id, app]] += times
    columns = [list(column) for column in zip(*rows, strict=True)]
    counted = [min(times, MOST) for times in rows.values()]
    _execute(_UNKNOWN, [now, now, *columns, counted, UNKNOWN_MOST.value])


def _write_instances(instances: Instances, names: Mapping[Told, str]) -> None:
    if not instances:
        return
    columns: defaultdict[str, list[Any]] = defaultdict(list)
    rows = {
        (environment_id, names[environment_id, app], instance): told
        for (environment_id, app, instance), told in instances.items()
    }
    for told in rows.values():
        for name in ("sdk", "platform", "spec"):
            columns[name].append(told.get(name, ""))
        columns["strategies"].append(json.dumps(told.get("strategies", [])))
        columns["started_at"].append(told.get("started_at"))
        columns["last_seen"].append(told["last_seen"])
    keys = [list(column) for column in zip(*rows, strict=True)]
    _execute(_INSTANCES, [*keys, *columns.values(), INSTANCES_MOST.value])


def _execute(sql: str, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
