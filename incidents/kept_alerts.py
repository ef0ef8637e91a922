"""What alerts keep about people, and for how long messages, alerts and their events are kept."""

from __future__ import annotations

from controlplane.base.personal import nothing
from controlplane.base.retention import keep_always, keep_rows

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
keep_rows(
    "alerts.messages",
    "incidents.inboundevent",
    "seen_at",
    days=30,
    why="a month to read again what went wrong; what was given up stays until somebody looked",
)
keep_rows(
    "alerts.events",
    "incidents.alertevent",
    "at",
    days=90,
    why="a quarter, to see how an alert behaved before a review",
)
keep_rows(
    "alerts.resolved",
    "incidents.alert",
    "resolved_at",
    days=365,
    why="a year, like evidence; an incident's own counts and timeline stay",
    status="resolved",
)
keep_rows(
    "alerts.silences",
    "incidents.silence",
    "ends_at",
    days=365,
    why="who kept what quiet, for the year that the audit looks back",
    settled_at__isnull=False,
)
