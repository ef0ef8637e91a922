"""The watch and this package: alarms become news for every workspace's admins, and a channel
that keeps failing becomes a finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Max, Min
from django.urls import reverse

from controlplane.access.models import Workspace
from controlplane.jobs import alarms, watch
from controlplane.jobs.models import WatchAlarm
from controlplane.lib import clock, defaults
from controlplane.notify import wording
from controlplane.notify.models import (
    GATEWAYS,
    Channel,
    Delivery,
    Method,
    Notification,
    Urgency,
)
from controlplane.notify.services.news import To, notify

FAILING = defaults.define(
    "notify.channel_failing_after",
    3,
    unit="failures in a row",
    why="One failure is weather, three are a broken channel.",
)

STALLED = defaults.define(
    "notify.gateway_stalled_s",
    180.0,
    unit="seconds",
    why="A throttle holds a page for one minute, retries of a gateway that is away for two more.",
)
WAITING = defaults.define(
    "notify.critical_waits_s",
    60.0,
    unit="seconds",
    why="A mail server that was started anew is back by then; pages that still wait are told.",
)
SHOWN = defaults.define(
    "notify.undelivered_shown_hours",
    24,
    unit="hours",
    why="Critical news that reached nobody is looked at within a day, or is history.",
)

wording.register(
    "portal.alarm",
    "Something of the portal itself has stopped",
    subject="Portal: {what}",
    body="{detail}\n\nOpen since {since} UTC. What to do: {runbook}",
)
wording.register(
    "portal.alarm_over",
    "Something of the portal itself works again",
    subject="Portal: {what} is over",
    body="{detail}\n\nIt lasted from {since} to {until} UTC.",
)


@alarms.on_alarm
def tell_admins(found: Sequence[WatchAlarm], moment: alarms.Moment) -> None:
    """The key holds the first alarm and the telling, so that a second teller adds nothing."""
    over = moment == "closed"
    first = found[0]
    closed = [alarm.closed_at for alarm in found if alarm.closed_at]
    values = {
        "what": alarms.summary(found),
        "detail": alarms.listing(found),
        "since": f"{min(alarm.opened_at for alarm in found):%Y-%m-%d %H:%M:%S}",
        "runbook": f"{settings.PUBLIC_URL}{_page(found)}",
        "until": f"{max(closed):%Y-%m-%d %H:%M:%S}" if closed else "",
    }
    critical = any(alarm.critical for alarm in found)
    for workspace_id in Workspace.objects.filter(archived_at=None).values_list("pk", flat=True):
        notify(
            workspace_id=workspace_id,
            kind="portal.alarm_over" if over else "portal.alarm",
            to=To(roles=["workspace_admin"]),
            key=f"alarm:{first.uid}:{moment}:{first.tellings}",
            values=values,
            urgency=Urgency.CRITICAL if critical and not over else Urgency.NORMAL,
            about=f"jobs.watchalarm:{first.pk}",
            link=_page(found),
        )


def _page(found: Sequence[WatchAlarm]) -> str:
    """Where its runbook stands: the page of the alarm, or of the likely cause of several."""
    return reverse("admin:jobs_watchalarm_change", args=(found[0].uid,))


@watch.probe("notify.channels")
def failing_channels() -> Iterator[watch.Finding]:
    """Not critical: the portal is up, one of its ways out is not."""
    failing = Channel.objects.filter(is_active=True, failures_in_a_row__gte=FAILING.value)
    for channel in failing.select_related("workspace")[:50]:
        yield watch.Finding(
            "channel",
            f"{channel.workspace.slug}/{channel.name}"[:100],
            f"{channel} failed {channel.failures_in_a_row} times in a row: {channel.last_error}",
            critical=False,
        )


@watch.probe("notify.gateways")
def stalled_gateways() -> Iterator[watch.Finding]:
    """Pages for telephones that nothing has taken for minutes: a gateway that neither takes nor
    refuses, or none where people rely on one. Critical, for these are pages."""
    late = clock.now() - timedelta(seconds=STALLED.value)
    waiting = (
        Delivery.objects.filter(
            state=Delivery.State.WAITING,
            method__in=GATEWAYS,
            notification__urgency=Urgency.CRITICAL,
            created_at__lt=late,
            created_at__gt=late - timedelta(days=1),
        )
        .values("notification__workspace__slug", "method")
        .annotate(count=Count("pk"), since=Min("created_at"))
        .order_by("since")
    )
    for row in waiting[:50]:
        what = "text messages" if row["method"] == Channel.Kind.SMS else "calls"
        yield watch.Finding(
            "gateway",
            f"{row['notification__workspace__slug']}/{row['method']}"[:100],
            f"{row['count']} critical {what} wait since {row['since']:%Y-%m-%d %H:%M:%S} UTC",
            critical=True,
        )


@watch.probe("notify.waiting")
def waiting_pages() -> Iterator[watch.Finding]:
    """Pages that nobody outside has taken for a minute, by mail, channel or webhook: a server that
    is away, or that hangs. The watch's own news is left out: its telling would find itself."""
    late = clock.now() - timedelta(seconds=WAITING.value)
    waiting = (
        Delivery.objects.filter(
            state=Delivery.State.WAITING,
            notification__urgency=Urgency.CRITICAL,
            created_at__lt=late,
            created_at__gt=late - timedelta(days=1),
        )
        .exclude(method__in=GATEWAYS)
        .exclude(notification__kind__startswith="portal.")
        .values("notification__workspace__slug", "method")
        .annotate(count=Count("pk"), since=Min("created_at"))
        .order_by("since")
    )
    for row in waiting[:50]:
        how = Method(row["method"]).label.lower()
        yield watch.Finding(
            "gateway",
            f"{row['notification__workspace__slug']}/{row['method']}"[:100],
            f"{row['count']} critical messages wait since {row['since']:%Y-%m-%d %H:%M:%S} UTC for"
            f" their way out: {how}",
        )


@watch.probe("notify.undelivered")
def undelivered_news() -> Iterator[watch.Finding]:
    """Critical news of the last day that reached nobody. The watch's own news is left out: its
    telling would find itself."""
    since = clock.now() - timedelta(hours=SHOWN.value)
    lost = (
        Notification.objects.filter(undelivered_at__gt=since)
        .exclude(kind__startswith="portal.")
        .values("workspace__slug")
        .annotate(count=Count("pk"), last=Max("undelivered_at"))
        .order_by("-last")
    )
    for row in lost[:50]:
        yield watch.Finding(
            "undelivered",
            str(row["workspace__slug"])[:100],
            f"{row['count']} critical messages reached nobody, the last at"
            f" {row['last']:%Y-%m-%d %H:%M:%S} UTC",
            critical=True,
        )
