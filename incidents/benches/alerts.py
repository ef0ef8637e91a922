"""What it costs to take alerts in, beside a bare upsert of the same rows in the same run; a storm
through the door, and the same storm again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from statistics import median
from typing import Any

from django.db import connection, transaction
from django.test import Client

from controlplane.access import services as access
from controlplane.base import bench
from controlplane.base.bench import Row, Run
from controlplane.lib import actors, clock, defaults
from incidents.benches import door
from incidents.intake import sources
from incidents.intake.formats.alertmanager import read_each
from incidents.intake.normal import Read
from incidents.intake.receiving import receive, take
from incidents.intake.sources import Keyed
from incidents.models import Alert, EscalationRun, Incident

STORM_S = defaults.define(
    "alerts.bench_storm_s", 10.0, unit="s", why="The least time-out of an Alertmanager."
)
RATIO = defaults.define(
    "alerts.bench_ratio", 2.0, unit="times", why="Of a bare batch upsert, from 500 rows on."
)
SINGLE = defaults.define(
    "alerts.bench_single_ratio", 2.5, unit="times", why="The same of small batches."
)
AGAIN = defaults.define(
    "alerts.bench_again", 1.2, unit="times", why="The same storm again, beside the first time."
)
SIZES = (1, 64, 500, 10_000)
STORM = 10_000
_FROM = 500
JOB = actors.job("bench")
# The same rows with the same keys, labels and texts; no judging, no events, no incident.
_BARE = """
    INSERT INTO incidents_alert (uid, workspace_id, source_id, dedup_key, status, severity, title,
        description, labels, annotations, links, starts_at, first_at, last_at, repeats, over_by,
        group_key, flips, asks, version)
    SELECT gen_random_uuid(), %(workspace)s, %(source)s, g.key, 'firing', 'critical', g.title, '',
        g.labels, g.annotations, '[]', %(now)s, %(now)s, %(now)s, 0, '', '', 0, '{}', 1
    FROM jsonb_to_recordset(%(given)s::jsonb) AS g(key text, title text, labels jsonb,
        annotations jsonb)
    ORDER BY g.key
    ON CONFLICT (source_id, dedup_key) WHERE status = 'firing' DO UPDATE SET
        last_at = excluded.last_at, repeats = incidents_alert.repeats + 1,
        labels = excluded.labels, annotations = excluded.annotations,
        version = incidents_alert.version + 1
"""


@bench.register("alerts", doc="alerts taken in: batches, a storm of 10,000, the same storm again")
def measure(run: Run) -> Iterator[Row]:
    storm = run.rows or STORM
    with bench.quiet():
        found = [
            *_batches(run, [size for size in SIZES if size <= storm]),
            *_kept(),
            *_storm(run, storm),
            *_through_the_door(run),
        ]
    yield from found


def _source(name: str) -> Keyed:
    workspace = access.create_workspace(name, actor=JOB)
    return sources.create_source(workspace, actor=JOB, name="Bench", format="alertmanager")


def said(many: int, serial: int) -> list[dict[str, Any]]:
    """As Alertmanager sends them: six labels, two annotations."""
    return [
        {
            "status": "firing", "startsAt": "2026-01-01T00:00:00.5Z",
            "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prometheus.example/graph",
            "labels": {
                "alertname": "HighErrorRate", "service": "agent", "severity": "critical",
                "env": "prod", "instance": f"host-{serial}-{number}", "zone": f"z{number % 7}",
            },
            "annotations": {"summary": f"{number % 90} percent of calls fail",
                            "runbook_url": "https://runbooks.example/agent_health"},
        }
        for number in range(many)
    ]  # fmt: skip


def _batches(run: Run, sizes: Sequence[int]) -> Iterator[Row]:
    ours, bare = _source("bench-alerts").source, _source("bench-bare").source
    serial = count()
    _taken(ours, said(1, next(serial)))  # the incident they all join is there
    for size in sizes:
        times = 60 if size == 1 else 20 if size == 64 else 6 if size == 500 else 2
        pairs = []
        for _ in range(times):
            alerts = said(size, next(serial))
            whole = _timed(partial(_taken, ours, alerts))
            plain = _timed(partial(_upserted, bare, alerts))
            pairs.append((whole, plain))
        spent, bare_s = (median(each) for each in zip(*pairs, strict=True))
        yield Row(f"alerts, batches of {size:,}", size / spent, "alerts/s", "bare upsert",
                  size / bare_s)  # fmt: skip
        ratio = median(whole / plain for whole, plain in pairs)
        limit = RATIO.value if size >= _FROM else SINGLE.value
        yield _judged(run, f"time of a batch of {size:,}, bare upsert = 1", ratio, "times", limit)


def _kept() -> Iterator[Row]:
    """A message of one alert as its sender waits for it: kept as it came by a transaction of its
    own, read, judged, stored, and marked done."""
    ours, bare = _source("bench-kept").source, _source("bench-kept-bare").source
    _taken(ours, said(1, 0))
    pairs = []
    for number in range(1, 100):
        alerts = said(1, number)
        body = json.dumps({"version": "4", "alerts": alerts}).encode()
        whole = _timed(partial(receive, ours, "webhook", body))
        pairs.append((whole, _timed(partial(_upserted, bare, alerts))))
    spent, bare_s = (median(each) for each in zip(*pairs, strict=True))
    yield Row("a message of one alert, kept and taken", spent * 1000, "ms", "bare upsert",
              bare_s * 1000)  # fmt: skip


def _through_the_door(run: Run) -> Iterator[Row]:
    """New alerts of sixteen groups; each sender has alerts of its own."""
    made = _source("bench-door")

    def one(sender: int, number: int) -> list[dict[str, Any]]:
        (alert,) = said(1, number)
        labels = {"service": f"s{number % 16}", "instance": f"host-{sender}-{number}"}
        alert["labels"] |= labels
        return [alert]

    yield from door.measure(run, f"/api/v1/alerts/alertmanager/{made.key}", one)


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@transaction.atomic
def _taken(source: Any, alerts: list[dict[str, Any]]) -> None:
    take(source, read_each(alerts, clock.now()) if alerts else Read())


@transaction.atomic
def _upserted(source: Any, alerts: list[dict[str, Any]]) -> None:
    rows = [
        {"key": each["labels"]["instance"], "title": each["annotations"]["summary"],
         "labels": each["labels"], "annotations": each["annotations"]}
        for each in alerts
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            _BARE,
            {"given": json.dumps(rows), "workspace": source.workspace_id, "source": source.pk,
             "now": clock.now()},
        )  # fmt: skip


def _storm(run: Run, many: int) -> Iterator[Row]:
    """Through the door, as one message; then the very same again."""
    made = _source("bench-storm")
    body = json.dumps(
        {"version": "4", "status": "firing", "groupKey": "{}", "truncatedAlerts": 0,
         "alerts": said(many, 0)}
    ).encode()  # fmt: skip
    first = _timed(lambda: _sent(made.key, body))
    again = _timed(lambda: _sent(made.key, body))
    workspace = made.source.workspace
    kept = Alert.objects.filter(source=made.source).count()
    opened = Incident.objects.filter(workspace=workspace).count()
    calls = EscalationRun.objects.filter(workspace=workspace).count()
    yield _judged(run, f"storm of {many:,} through the door", first, "s", STORM_S.value)
    yield _judged(run, "the same storm again, first time = 1", again / first, "times", AGAIN.value)
    yield _judged(run, "alerts lost", float(many - kept), f"of {many:,}", 0.0)
    yield _judged(run, "incidents of both storms", float(opened), "incidents", 1.0)
    yield _judged(run, "calls begun for both storms", float(calls), "calls", 1.0)


def _judged(run: Run, figure: str, value: float, unit: str, most: float) -> Row:
    if value > most:
        run.missed.append(f"{figure}: {value:.2f} {unit}, at most {most:g}")
    return Row(figure, value, unit, note=f"goal {most:g}")


def _sent(key: str, body: bytes) -> None:
    answer = Client().post(
        f"/api/v1/alerts/alertmanager/{key}", body, content_type="application/json"
    )
    if answer.status_code != 202:
        raise RuntimeError(f"answered {answer.status_code}: {answer.content[:300]!r}")
