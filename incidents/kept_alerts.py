"""What alerts keep about people, and for how long messages, alerts and their events are kept."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from controlplane.base.data_rules import Reach
from controlplane.base.personal import nothing
from controlplane.base.retention import keep_always, keep_found, keep_rows
from controlplane.jobs import leases
from controlplane.lib import defaults
from incidents.models import InboundEvent

UNSEEN = defaults.define(
    "alerts.unseen_days",
    150,
    unit="days",
    why="So much longer than the others a message stays that was given up and that nobody saw.",
)


def _read_messages(cutoff: datetime) -> QuerySet[InboundEvent]:
    """Those that nobody will look at again. By their age first, which has an index."""
    forgotten = cutoff - timedelta(days=UNSEEN.value)
    return InboundEvent.objects.filter(
        ~Q(state=leases.DEAD) | Q(seen_at__lt=cutoff) | Q(seen_at=None, created_at__lt=forgotten),
        created_at__lt=cutoff,
    ).order_by("created_at")


nothing(
    "alerts.received",
    "incidents.alertsource",
    "incidents.inboundevent",
    "incidents.alert",
    "incidents.alertevent",
    "incidents.silence",
    "incidents.routingrule",
    why="of machines; secrets are redacted before alerts are stored, raw messages go after a month,"
    " and who did something stands there by an opaque ref",
)
keep_always(
    "alerts.rules",
    "incidents.alertsource",
    "incidents.routingrule",
    why="what holds: a row a sender or rule, switched off or removed by people",
)
keep_found(
    "alerts.messages",
    "incidents.inboundevent",
    _read_messages,
    days=30,
    what="what alert senders sent, word for word",
    why="a month to read again what went wrong; what was given up stays a month longer than until"
    " somebody looked, and half a year when nobody does",
    reach=Reach(workspace="workspace_id", refs={"INC": "events__alert__incident__ref"}),
)
keep_rows(
    "alerts.events",
    "incidents.alertevent",
    "at",
    days=90,
    what="single reports of alerts",
    why="a quarter, to see how an alert behaved before a review",
    reach=Reach(workspace="alert__workspace_id", refs={"INC": "alert__incident__ref"}),
)
keep_rows(
    "alerts.resolved",
    "incidents.alert",
    "resolved_at",
    days=365,
    what="alerts that are over",
    why="a year, like evidence; an incident's own counts and timeline stay",
    reach=Reach(
        workspace="workspace_id", refs={"INC": "incident__ref"}, carries=("alerts.events",)
    ),
    status="resolved",
)
keep_rows(
    "alerts.silences",
    "incidents.silence",
    "ends_at",
    days=365,
    what="silences that are over",
    why="who kept what quiet, for the year that the audit looks back",
    settled_at__isnull=False,
)
