"""System Health: are services there, do they answer, is there room."""

from __future__ import annotations

from telemetry.dashboards.kinds import Dashboard, Panel, define

define(
    Dashboard(
        slug="system-health",
        title="System Health",
        about="Whether services are there, how fast and how well they answer, what room is left.",
        headline="requests.p95",
        keywords=("uptime", "errors", "latency", "cpu", "queue"),
        sources="Probes of the catalogue, request_completed of services, gauges of hosts.",
        panels=(
            Panel(
                "vitals",
                "Vital figures",
                "figures",
                (
                    "service.uptime",
                    "requests.error_rate",
                    "requests.p95",
                    "transitions.p95",
                    "requests.per_second",
                    "missions.completion_rate",
                ),
                about="Targets of the playbook: 99.9 % there, under 1 % failed, 200 ms, 150 ms.",
                size="full",
            ),
            Panel(
                "services",
                "Service status",
                "services",
                about="As probes saw them. Red: down now.",
                size="full",
            ),
            Panel("errors", "Error rate", "lines", ("requests.error_rate",)),
            Panel(
                "latency",
                "Latency",
                "lines",
                ("requests.p50", "requests.p95", "requests.p99"),
                names={"requests.p50": "median", "requests.p95": "p95", "requests.p99": "p99"},
            ),
            Panel("throughput", "Throughput", "area", ("requests.per_second",)),
            Panel(
                "active",
                "Active now",
                "figures",
                ("people.active", "agents.active", "missions.concurrent", "missions.completed"),
                about="Who reported in the last 15 minutes; missions completed in the range.",
            ),
            Panel("cpu", "CPU", "lines", ("cpu.used",), about="Under 70 %.", size="third"),
            Panel("memory", "Memory", "lines", ("memory.used",), about="Under 80 %.", size="third"),
            Panel("disk", "Disk", "lines", ("disk.used",), about="Under 85 %.", size="third"),
            Panel(
                "connections",
                "Database connections",
                "lines",
                ("db.connections_used", "db.pool_used"),
                names={"db.connections_used": "of the server", "db.pool_used": "of the pool"},
            ),
            Panel("queues", "Queue depth", "lines", ("queue.depth",), group_by="code"),
            Panel(
                "portal",
                "The portal itself",
                "figures",
                ("portal.error_rate", "portal.p95", "portal.api_p95", "portal.per_second"),
            ),
        ),
    )
)
