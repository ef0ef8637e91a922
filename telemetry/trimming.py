"""What of telemetry goes when its time is over, in the words of the clean-up.

Events go by whole days: the job `telemetry.partitions` closes a day's table, the clean-up drops it
and notes how many events that were; a day with anything in it that a legal hold keeps stays whole.
Minutes go by whole days as well, and the day is noted: an hour
of it that changes later is computed from events, since its other minutes are gone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from controlplane.base import holds
from controlplane.base.data_rules import Reach, RetentionClass, retention
from controlplane.base.retention import cutoff_of
from controlplane.lib.defaults import define
from telemetry import rollups
from telemetry.models import Partition, RollupMinute
from telemetry.partitions import closing, holding, tables
from telemetry.rollups import marks

EVENTS_DAYS = define(
    "retention.telemetry.events_days",
    180,
    unit="days",
    why="half a year of single events; what was summed up of them stays",
)
MINUTES_DAYS = define(
    "retention.telemetry.minutes_days",
    14,
    unit="days",
    why="charts of more than two weeks are drawn from hours",
)


def drop_days(cutoff: datetime, limit: int) -> int:
    """Drop the tables of closed days; how many events that were."""
    rows = 0
    waiting = Partition.objects.filter(state=Partition.State.DETACHED, day__lt=cutoff.date())
    is_held = holding.judge()
    for part in waiting.order_by("day"):
        if not is_held(part.day) and closing.drop(part.day):
            rows += part.rows
        if rows >= limit:
            break
    return rows


def count_days(cutoff: datetime) -> int:
    """How many events lie in days that ended before the cut-off, closed already or not, without
    days that a legal hold keeps."""
    closed = Partition.objects.filter(state=Partition.State.DETACHED, day__lt=cutoff.date())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM telemetry_events WHERE occurred_at < %s", [_midnight(cutoff)]
        )
        attached = int(cursor.fetchone()[0])
    whole = attached + sum(int(rows) for rows in closed.values_list("rows", flat=True))
    return whole - held_days(cutoff)


def held_days(cutoff: datetime) -> int:
    """How many events lie in such days that a legal hold keeps: a day goes whole or not at all."""
    old = Partition.objects.filter(day__lt=cutoff.date()).exclude(state=Partition.State.DROPPED)
    if holds.condition(holding.SLUG) is None:
        return 0
    is_held = holding.judge()
    return sum(tables.count(day) for day in old.values_list("day", flat=True) if is_held(day))


def drop_minutes(cutoff: datetime, limit: int) -> int:
    """Delete minutes of the days that ended before the cut-off."""
    midnight = _midnight(cutoff)
    with transaction.atomic(), connection.cursor() as cursor:
        marks.take_turn(cursor, wait=True)
        if Partition.objects.filter(day__lt=midnight.date(), trimmed_at=None).exists():
            # Hours that wait are summed up while their minutes are all there.
            rollups.settle(high=midnight)
            cursor.execute(
                "UPDATE telemetry_partition SET trimmed_at = clock_timestamp()"
                " WHERE day < %s AND trimmed_at IS NULL",
                [midnight.date()],
            )
        old = RollupMinute.objects.filter(bucket__lt=midnight).order_by("bucket")
        keys = list(holds.spared(old, MINUTES.slug).values_list("pk", flat=True)[:limit])
        RollupMinute.objects.filter(pk__in=keys).delete()
    return len(keys)


def count_minutes(cutoff: datetime) -> int:
    old = RollupMinute.objects.filter(bucket__lt=_midnight(cutoff))
    return int(holds.spared(old, MINUTES.slug).count())


def held_minutes(cutoff: datetime) -> int:
    old = RollupMinute.objects.filter(bucket__lt=_midnight(cutoff))
    return int(holds.kept(old, MINUTES.slug).count())


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


EVENTS = retention.register(
    RetentionClass(
        slug="telemetry.events",
        models=("telemetry.event",),
        keep=timedelta(days=EVENTS_DAYS.value),
        minimum=timedelta(days=35),
        what="telemetry events",
        why="180 days by the playbook; never less than what baselines and audits look back on",
        delete=drop_days,
        count=count_days,
        reach=Reach(workspace="workspace_id", refs={"MSN": "mission"}),
        held=held_days,
    )
)
MINUTES = retention.register(
    RetentionClass(
        slug="telemetry.minutes",
        models=("telemetry.rollupminute",),
        keep=timedelta(days=MINUTES_DAYS.value),
        minimum=timedelta(days=2),
        what="figures by the minute",
        why=MINUTES_DAYS.why,
        delete=drop_minutes,
        count=count_minutes,
        reach=Reach(workspace="workspace_id"),
        held=held_minutes,
    )
)


def events_cutoff() -> datetime:
    """Days that ended before it are closed."""
    cutoff = cutoff_of(EVENTS)
    if cutoff is None:
        raise AssertionError("events have an end")
    return cutoff
