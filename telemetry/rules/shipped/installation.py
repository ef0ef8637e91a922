"""The portal itself. Evaluated once, for the installation."""

from __future__ import annotations

from typing import Any

from telemetry.rules.shipped.form import HOUR, MINUTE, rule

_SEV1 = {"incident": "sev1", "open_item": 0}


def _own(
    slug: str,
    title: str,
    severity: str,
    measure: str,
    comparison: str,
    threshold: float | None = None,
    **more: Any,
) -> None:
    more.setdefault("no_data", "keep")
    rule(
        f"portal-{slug}",
        title,
        severity,
        measure,
        comparison,
        threshold,
        scope="installation",
        **more,
    )


_own(
    "database-outage",
    "Database outage",
    "critical",
    "db.connection_failures",
    "gt",
    50.0,
    window_s=2 * MINUTE,
    resolve_for_s=2 * MINUTE,
    notify_roles=["database_lead"],
    hooks=_SEV1,
    labels={"category": "database"},
    runbook="supabase_pool",
    about="Over half of the attempts to connect fail. Counted outside the database; while it is"
    " away altogether, an outside watch has to tell.",
)
_own(
    "error-rate",
    "The portal fails",
    "critical",
    "portal.error_rate",
    "gt",
    5.0,
    for_s=5 * MINUTE,
    resolve_for_s=MINUTE,
    min_sample=20,
    no_data="ok",
    hooks={"incident": "sev2", "open_item": 0, "rollback": True},
    runbook="service_unavailable",
    about="More than one answer in twenty is an error of ours, for five minutes.",
)
_own(
    "latency",
    "The portal is slow",
    "warning",
    "portal.p95",
    "gt",
    multiple=2.0,
    floor=500.0,
    for_s=10 * MINUTE,
    resolve_for_s=2 * MINUTE,
    min_sample=20,
    no_data="ok",
    hooks={"tag": "warning"},
    runbook="service_unavailable",
    about="p95 is over twice its median of four weeks, and over 500 ms, for ten minutes.",
)
_own(
    "traffic",
    "Traffic spike on the portal",
    "info",
    "portal.per_second",
    "gt",
    against="weekday_hour",
    multiple=2.0,
    floor=5.0,
    window_s=10 * MINUTE,
    for_s=5 * MINUTE,
    no_data="ok",
    about="Over twice as many requests as in the same hour of the four weeks before.",
)
_own(
    "security-refusals",
    "Unauthorised access to the portal tried",
    "critical",
    "security.refusals",
    "gt",
    50.0,
    resolve_for_s=5 * MINUTE,
    no_data="ok",
    notify_roles=["security_lead"],
    hooks=_SEV1,
    labels={"category": "security"},
    runbook="authorization_misconfiguration",
    about="A burst of refused sign-ins and keys that belong to no workspace.",
)
_own(
    "beat",
    "The scheduler is silent",
    "critical",
    "beat.age",
    "gt",
    120.0,
    window_s=5 * MINUTE,
    for_s=MINUTE,
    no_data="fire",
    hooks={"open_item": 0, "advice": "See that beat and the worker run."},
    runbook="service_unavailable",
    about="Beat was not heard of for two minutes, or what watches it no longer reports.",
)
_own(
    "queue-backlog",
    "Queue backlog",
    "warning",
    "queue.depth",
    "gt",
    100.0,
    group_by="code",
    window_s=2 * MINUTE,
    for_s=5 * MINUTE,
    hooks={"advice": "Start another worker."},
    runbook="message_delivery_delay",
    about="More than a hundred messages wait in a queue.",
)
_own(
    "outbox",
    "Messages wait to leave",
    "warning",
    "outbox.due",
    "gt",
    100.0,
    window_s=2 * MINUTE,
    for_s=10 * MINUTE,
    runbook="message_delivery_delay",
    about="More than a hundred messages are due and have not left.",
)
_own(
    "connections",
    "Database connections run out",
    "warning",
    "db.connections_used",
    "gt",
    80.0,
    window_s=2 * MINUTE,
    for_s=5 * MINUTE,
    notify_roles=["database_lead"],
    runbook="supabase_pool",
    about="Four fifths of the connections the database allows are taken.",
)
_own(
    "pool",
    "Connection pool is full",
    "warning",
    "db.pool_used",
    "gt",
    80.0,
    window_s=2 * MINUTE,
    for_s=5 * MINUTE,
    runbook="supabase_pool",
    about="Four fifths of the connections of the fullest pool are in use.",
)
_own(
    "query-latency",
    "The database is slow",
    "warning",
    "db.latency",
    "gt",
    100.0,
    for_s=5 * MINUTE,
    notify_roles=["database_lead"],
    runbook="supabase_pool",
    about="A small query takes over 100 ms; 50 ms is the goal.",
)
_own(
    "bloat",
    "Table bloat",
    "warning",
    "db.bloat",
    "gt",
    20.0,
    group_by="code",
    window_s=HOUR,
    for_s=HOUR,
    resolve_for_s=HOUR,
    hooks={"advice": "Vacuum the table."},
    runbook="storage_contention",
    about="More than a fifth of a table is dead rows.",
)
_own(
    "disk",
    "Disk space is low",
    "warning",
    "disk.used",
    "gt",
    90.0,
    window_s=5 * MINUTE,
    hooks={"advice": "Clean up, or enlarge the disk."},
    runbook="storage_contention",
    about="A disk of the portal is over 90 % full.",
)
_own(
    "memory-growth",
    "Memory leak",
    "warning",
    "process.growth",
    "gt",
    30.0,
    group_by="code",
    window_s=5 * MINUTE,
    for_s=15 * MINUTE,
    hooks={"advice": "Restart the process."},
    runbook="agent_health",
    about="A process holds over 30 % more memory than an hour before.",
)
_own(
    "rollup-backlog",
    "Telemetry falls behind",
    "warning",
    "telemetry.backlog",
    "gt",
    60.0,
    window_s=2 * MINUTE,
    for_s=5 * MINUTE,
    hooks={"advice": "Charts and rules are late by as much. See that the worker keeps up."},
    runbook="data_gap",
    about="More than sixty minutes of events wait to be summed up.",
)
