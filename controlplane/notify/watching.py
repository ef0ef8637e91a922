"""The watch and this package: alarms become news for every workspace's admins, and a channel
that keeps failing becomes a finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.conf import settings
from django.urls import reverse

from controlplane.access.models import Workspace
from controlplane.jobs import alarms, watch
from controlplane.jobs.models import WatchAlarm
from controlplane.lib import defaults
from controlplane.notify import wording
from controlplane.notify.models import Channel, Urgency
from controlplane.notify.services.news import To, notify

FAILING = defaults.define(
    "notify.channel_failing_after",
    3,
    unit="failures in a row",
    why="One failure is weather, three are a broken channel.",
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
