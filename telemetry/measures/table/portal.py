"""System Health: the portal itself. Read for the installation, whichever workspace asks."""

from __future__ import annotations

from typing import Any

from telemetry.measures.elsewhere import growth
from telemetry.measures.table.words import area, gauge, these

_define = area("portal")
_REQUESTS = these("request_completed", service="portal")
_API = these("request_completed", service="portal", operation="api")


def _add(slug: str, title: str, unit: str, statistic: str, of: Any = (), **more: Any) -> None:
    _define(slug, title, unit, statistic, of, installation=True, **more)


_add(
    "portal.error_rate",
    "Portal: failed requests",
    "%",
    "error_rate",
    _REQUESTS,
    better="lower",
    target=1.0,
    warn=5.0,
    min_sample=20,
    about="Answers of 500 and above, of all. By operation: the class of routes.",
)
_add("portal.p50", "Portal: latency, median", "ms", "p50", _REQUESTS, better="lower")
_add(
    "portal.p95",
    "Portal: latency, p95",
    "ms",
    "p95",
    _REQUESTS,
    better="lower",
    target=200.0,
    warn=500.0,
    min_sample=20,
    about="By operation: the class of routes.",
)
_add("portal.p99", "Portal: latency, p99", "ms", "p99", _REQUESTS, better="lower")
_add(
    "portal.api_p95",
    "Portal: latency of the API, p95",
    "ms",
    "p95",
    _API,
    better="lower",
    target=200.0,
    warn=500.0,
    min_sample=20,
)
_add(
    "portal.per_second",
    "Portal: requests per second",
    "/s",
    "per_minute",
    _REQUESTS,
    scale=1 / 60,
)
_add("portal.requests", "Portal: requests", "requests", "count", _REQUESTS)
_add(
    "cpu.used",
    "CPU",
    "%",
    "mean",
    gauge("cpu_percent"),
    better="lower",
    target=70.0,
    about="Of the portal's host.",
)
_add(
    "memory.used",
    "Memory",
    "%",
    "max",
    gauge("memory_used_percent"),
    better="lower",
    target=80.0,
    about="Of the portal's host.",
)
_add(
    "disk.used",
    "Disk",
    "%",
    "max",
    gauge("disk_used_percent"),
    better="lower",
    target=85.0,
    warn=90.0,
    about="The fullest of the portal's disks.",
)
_add(
    "db.connections_used",
    "Database connections used",
    "%",
    "max",
    gauge("db_connections_percent"),
    better="lower",
    target=80.0,
    about="Of `max_connections`.",
)
_add(
    "db.connections",
    "Database connections",
    "",
    "last",
    gauge("db_connections"),
    about="By code: what they are doing.",
)
_add(
    "db.pool_used",
    "Connection pool used",
    "%",
    "max",
    gauge("db_pool_used_percent"),
    better="lower",
    target=80.0,
)
_add(
    "db.latency",
    "Database latency",
    "ms",
    "mean",
    gauge("db_latency_ms"),
    better="lower",
    target=50.0,
    warn=100.0,
    about="Of one small query, asked regularly.",
)
_add(
    "db.bloat",
    "Table bloat",
    "%",
    "max",
    gauge("db_bloat_percent"),
    better="lower",
    target=20.0,
    about="Dead rows of all rows, the worst table. By code: the table.",
)
_add(
    "db.connection_failures",
    "Failed database connections",
    "%",
    "max",
    gauge("db_connection_failures_percent"),
    better="lower",
    warn=50.0,
    about="Counted outside the database.",
)
_add(
    "queue.depth",
    "Queue depth",
    "messages",
    "max",
    gauge("queue_depth"),
    better="lower",
    target=100.0,
    about="The deepest queue of the broker. By code: the queue.",
)
_add("outbox.due", "Messages due", "messages", "max", gauge("outbox_due"), better="lower")
_add(
    "process.rss",
    "Memory of processes",
    "MiB",
    "max",
    gauge("process_rss_bytes"),
    scale=1 / 2**20,
    about="The largest. By code: the role of the process.",
)
_add(
    "process.growth",
    "Memory growth per hour",
    "%",
    "computed",
    compute=growth.over("process.rss", "code"),
    better="lower",
    warn=30.0,
    groups=("code",),
    about="How much more memory a process holds than an hour before; the worst role. By code:"
    " the role.",
)
_add(
    "beat.age",
    "Age of the last beat",
    "s",
    "max",
    gauge("beat_age_s"),
    better="lower",
    target=120.0,
    about="How long ago the scheduler was last heard of.",
)
_add(
    "telemetry.backlog",
    "Minutes waiting for rollup",
    "",
    "max",
    gauge("telemetry_backlog"),
    better="lower",
)
