"""Keeping what applications measure of themselves, for those who decide about a rollout.

SDKs send what came since they last sent: counters and histograms add up within their minute, of a
gauge the last value stays. Written before the SDK is told that all is well, since it forgets then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from deployments.flags.models import SdkToken
from deployments.flags.services import apps
from deployments.flags.services.apps import App
from deployments.flags.services.counts import MOST

_KEEP = """
    INSERT INTO feature_flags_impactsample AS kept
        (workspace_id, environment_id, source, minute, app, name, kind, labels, labels_key,
         value, count, buckets)
    SELECT e.workspace_id, e.id, %s, %s, t.app, t.name, t.kind, t.labels, t.labels_key,
           t.value, t.count, t.buckets
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::jsonb[], %s::text[],
                %s::double precision[], %s::bigint[], %s::jsonb[])
        AS t(app, name, kind, labels, labels_key, value, count, buckets)
    JOIN catalog_environment e ON e.id = %s
    ORDER BY t.name, t.app, t.kind, t.labels_key
    ON CONFLICT (environment_id, name, minute, app, kind, labels_key, source) DO UPDATE SET
        value = CASE kept.kind WHEN 'gauge' THEN excluded.value
            ELSE greatest(least(kept.value, 1e300), -1e300)
                 + greatest(least(excluded.value, 1e300), -1e300) END,
        count = least(kept.count::numeric + excluded.count, {most})::bigint,
        buckets = (
            SELECT coalesce(jsonb_object_agg(key, total), '{}') FROM (
                SELECT key, least(sum(value::numeric), {most}) AS total FROM (
                    SELECT * FROM jsonb_each_text(kept.buckets)
                    UNION ALL SELECT * FROM jsonb_each_text(excluded.buckets)
                ) both_of GROUP BY key
            ) added
        )
""".replace("{most}", str(MOST))


@dataclass(slots=True)
class Sample:
    """One metric of one application under one set of labels, since it was last sent."""

    app: str
    name: str
    kind: str
    labels: Mapping[str, str]
    value: float = 0.0
    count: int = 0
    buckets: dict[str, int] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.app, self.name, self.kind, self.labels_key

    @property
    def labels_key(self) -> str:
        spelled = json.dumps(self.labels, sort_keys=True).encode()
        return hashlib.blake2b(spelled, digest_size=16).hexdigest()


@transaction.atomic
def keep(
    environment_id: int,
    at: datetime,
    samples: Iterable[Sample],
    *,
    source: str = SdkToken.Kind.CLIENT,
) -> int:
    """Add the samples to their minute; how many rows that touched. `source` is the kind of the
    token they came with: what browsers say never adds up with what services say."""
    rows: dict[tuple[str, str, str, str], Sample] = {}
    for sample in _by_kept_name(environment_id, [*samples], source == SdkToken.Kind.FRONTEND):
        first = rows.setdefault(sample.key, sample)
        if first is not sample:
            _add(first, sample)
    if not rows:
        return 0
    columns: dict[str, list[Any]] = {
        "app": [each.app for each in rows.values()],
        "name": [each.name for each in rows.values()],
        "kind": [each.kind for each in rows.values()],
        "labels": [json.dumps(dict(each.labels)) for each in rows.values()],
        "labels_key": [each.labels_key for each in rows.values()],
        "value": [each.value for each in rows.values()],
        "count": [min(each.count, MOST) for each in rows.values()],
        "buckets": [json.dumps(each.buckets) for each in rows.values()],
    }
    minute = at.replace(second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [source, minute, *columns.values(), environment_id])
    return len(rows)


def _by_kept_name(environment_id: int, samples: list[Sample], browser: bool) -> Iterator[Sample]:
    names = apps.settle((environment_id, App(each.app, browser)) for each in samples)
    for each in samples:
        yield replace(each, app=names[environment_id, App(each.app, browser)])


def _add(first: Sample, other: Sample) -> None:
    """A statement may touch each row only once: what is told twice is added up before."""
    first.value = other.value if first.kind == "gauge" else first.value + other.value
    first.count += other.count
    for bound, number in other.buckets.items():
        first.buckets[bound] = first.buckets.get(bound, 0) + number
