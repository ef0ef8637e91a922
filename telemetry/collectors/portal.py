"""How the portal's own engine fares: queues, outbox, beat, rollups, partitions."""

from __future__ import annotations

from collections.abc import Iterable

from controlplane.jobs import broker, heartbeats, leases
from controlplane.lib import clock
from controlplane.notify.models import OutboxMessage
from telemetry import rollups
from telemetry.collectors.table import QUICK, SLOW, Figure, gauge
from telemetry.models import Partition


@gauge("queue_depth", unit="messages", every=QUICK)
def queue_depth() -> Iterable[Figure]:
    return [Figure(depth, of=name) for name, depth in broker.queue_depths().items()]


@gauge("outbox_due", unit="messages", every=QUICK)
def outbox_due() -> Iterable[Figure]:
    yield Figure(leases.backlog(OutboxMessage)["due"])


@gauge("beat_age_s", unit="s", every=QUICK)
def beat_age() -> Iterable[Figure]:
    """Nothing where no beat was ever heard: an engine without one is no beat that died."""
    age = heartbeats.ages().get("beat")
    return [] if age is None else [Figure(round(age, 1))]


@gauge("telemetry_backlog", unit="minutes", every=QUICK)
def backlog() -> Iterable[Figure]:
    yield Figure(rollups.waiting().get("minute", 0))


@gauge("partition_days_ahead", unit="days", every=SLOW)
def partition_days_ahead() -> Iterable[Figure]:
    yield Figure(days_ahead())


def days_ahead() -> int:
    """Whole days after today for which there is a table."""
    today = clock.now().date()
    open_days = Partition.objects.filter(day__gt=today, state=Partition.State.OPEN)
    days = 0
    for day in open_days.order_by("day").values_list("day", flat=True)[:400]:
        if (day - today).days != days + 1:
            break
        days += 1
    return days
