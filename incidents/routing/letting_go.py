"""What was held back and fires still is told when what held it back is gone: a silence that ended,
a graver alert that is over, a flapping that lasts. And what nobody says again is over.

An engine module: missed or doubled ticks do no harm, since rows say what is due.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from controlplane.jobs import engine
from controlplane.lib import clock, defaults
from incidents.intake import acting, receiving
from incidents.intake.deciding import MADE, Decision
from incidents.intake.normal import FIRING, Incoming
from incidents.models import Alert, AlertEvent, AlertSource, Incident, Silence
from incidents.paging import runs
from incidents.records import joining, levels
from incidents.records.noting import PORTAL
from incidents.routing import following
from incidents.routing.judging import Judge, Verdict

BATCH = defaults.define(
    "alerts.letting_go_batch", 2_000, unit="alerts", why="One transaction stays below a second."
)
EVERY = timedelta(seconds=1)
# Said again since this was promised: they are looked at when that is over.
_PUT_OFF = """
    WITH due AS (
        SELECT id FROM incidents_alert
        WHERE status = 'firing' AND look_at <= %(now)s
            AND (resolve_due_at IS NULL OR resolve_due_at > %(now)s)
        ORDER BY look_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    UPDATE incidents_alert a SET look_at = a.resolve_due_at FROM due WHERE a.id = due.id
"""
_EXPIRE = """
    WITH due AS (
        SELECT id FROM incidents_alert
        WHERE status = 'firing' AND look_at <= %(now)s AND resolve_due_at <= %(now)s
        ORDER BY look_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ),
    over AS (
        UPDATE incidents_alert a SET status = 'resolved', over_by = 'expired',
            resolved_at = greatest(a.resolve_due_at, a.starts_at), resolve_due_at = NULL,
            look_at = NULL, version = a.version + 1
        FROM due WHERE a.id = due.id RETURNING a.id, a.incident_id
    ),
    told AS (
        INSERT INTO incidents_alertevent (alert_id, at, kind, note)
        SELECT id, %(now)s, 'resolved', 'It was not said again.' FROM over
    )
    SELECT id, incident_id FROM over
"""


def work(deadline: float) -> int:
    done = 0
    for step in (_put_off, _expire, _end_silences, _uninhibit, _settle_flapping):
        while time.monotonic() < deadline:
            count = step(clock.now())
            done += count
            if count < BATCH.value:
                break
    return done


@transaction.atomic
def _put_off(now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_PUT_OFF, {"now": now, "limit": BATCH.value})
        return int(cursor.rowcount)


@transaction.atomic
def _expire(now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, {"now": now, "limit": BATCH.value})
        rows = cursor.fetchall()
    ended: dict[int, int] = defaultdict(int)
    for _, incident in rows:
        if incident is not None:
            ended[incident] += 1
    for incident, count in sorted(ended.items()):
        joining.leave(incident, count, now)
    following.over([alert for alert, _ in rows])
    return len(rows)


@transaction.atomic
def _end_silences(now: datetime) -> int:
    rows = (
        Silence.objects.filter(settled_at=None, ends_at__lte=now)
        .select_for_update(skip_locked=True)
        .order_by("ends_at")[:20]
    )
    for row in rows:
        held = Alert.objects.firing().filter(silence=row)
        keys = list(held.order_by("pk").values_list("pk", flat=True)[: BATCH.value])
        if len(keys) < BATCH.value:
            Silence.objects.filter(pk=row.pk).update(settled_at=now)
        Alert.objects.filter(pk__in=keys).update(silence=None)
        release(keys, "Its silence is over.")
        _call_again(keys)
    return 0


def _call_again(keys: Sequence[int]) -> None:
    """Of incidents that burn, that nobody took, and that nobody was called for any more."""
    rows = Incident.objects.burning().filter(alerts__in=keys, acknowledged_at=None).distinct()
    for incident in rows.exclude(escalations__status="running").order_by("pk"):
        level = levels.level(incident.workspace_id, incident.severity)
        if level.pages:
            runs.begin(
                incident, policy=level.policy, why="more", actor=PORTAL,
                reason="The silence of its alerts is over.",
            )  # fmt: skip


@transaction.atomic
def _uninhibit(now: datetime) -> int:
    """The graver one is over, or is itself silenced: then this one speaks for itself."""
    gone = Q(inhibited_by__status="resolved") | Q(inhibited_by__silence__isnull=False)
    rows = Alert.objects.firing().filter(gone, inhibited_by__isnull=False)
    keys = list(
        rows.select_for_update(of=("self",), skip_locked=True)
        .order_by("pk")
        .values_list("pk", flat=True)[: BATCH.value]
    )
    Alert.objects.filter(pk__in=keys).update(inhibited_by=None)
    release(keys, "What held it back is over.")
    return len(keys)


@transaction.atomic
def _settle_flapping(now: datetime) -> int:
    """Quiet for its time, and fires: that is no flapping."""
    rows = Alert.objects.firing().filter(flaps_until__lte=now)
    keys = list(
        rows.select_for_update(of=("self",), skip_locked=True)
        .order_by("pk")
        .values_list("pk", flat=True)[: BATCH.value]
    )
    Alert.objects.filter(pk__in=keys).update(flaps_until=None, flips=0)
    release(keys, "It fires steadily now.")
    return len(keys)


def release(keys: Sequence[int], why: str) -> None:
    """Judged anew and acted on as if they came now; those that something else holds back wait for
    that. In the caller's transaction."""
    by_source: dict[AlertSource, list[Alert]] = defaultdict(list)
    rows = Alert.objects.firing().filter(pk__in=keys, incident=None, item=None, silence=None)
    for alert in rows.select_related("source__workspace", "source__service").order_by("pk"):
        by_source[alert.source].append(alert)
    for source, alerts in by_source.items():
        _release(source, alerts, why)


def _release(source: AlertSource, alerts: Sequence[Alert], why: str) -> None:
    now = clock.now()
    said = [_said(alert) for alert in alerts]
    verdicts = Judge.of(source, now).look_at_all(said)
    free: list[tuple[Alert, Incoming, Verdict]] = []
    for alert, incoming, verdict in zip(alerts, said, verdicts, strict=True):
        if not verdict.held_back:
            free.append((alert, incoming, verdict))
            continue
        Alert.objects.filter(pk=alert.pk).update(
            silence_id=verdict.silence, inhibited_by_id=verdict.inhibited_by
        )
    if not free:
        return
    receiving.hold_groups(source.workspace_id, [verdict.group_key for _, _, verdict in free])
    prepared = acting.prepare(
        source,
        [incoming for _, incoming, _ in free],
        [verdict for _, _, verdict in free],
        [Decision(MADE, None)] * len(free),
    )
    together: dict[str, list[int]] = defaultdict(list)
    for alert, _, verdict in free:
        together[verdict.group_key].append(alert.pk)
    for key, found in together.items():
        place = prepared.places.get(key)
        if place is not None and place.item is not None:
            Alert.objects.filter(pk__in=found).update(item=place.item)
        if place is not None and place.incident is not None:
            joining.join(prepared.incidents[place.incident], found, now)
    AlertEvent.objects.bulk_create(
        AlertEvent(alert_id=alert.pk, at=now, kind=AlertEvent.Kind.RELEASED, note=why)
        for alert, _, _ in free
    )


def _said(alert: Alert) -> Incoming:
    return Incoming(
        key=alert.dedup_key,
        status=FIRING,
        severity=alert.severity,
        title=alert.title,
        description=alert.description,
        labels=alert.labels,
        annotations=alert.annotations,
        links=alert.links,
        starts_at=alert.starts_at,
        ends_at=alert.ends_at,
        asks=alert.asks,
    )


engine.module("letting_go", work, every=EVERY, order=22)
