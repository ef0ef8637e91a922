"""Integration Health: the Tool Router, streams, models, the database and storage."""

from __future__ import annotations

from telemetry.catalogue import OPERATIONS
from telemetry.dashboards.kinds import Dashboard, Panel, define

_SIX = tuple(OPERATION for OPERATION in sorted(OPERATIONS))

define(
    Dashboard(
        slug="integration-health",
        title="Integration Health",
        about="What agents reach out to: the Tool Router, streams, models, database, storage.",
        headline="tool.error_rate",
        keywords=("tools", "composio", "oauth", "rate limit", "sse", "storage"),
        sources="Tool calls, sign-ins and streams that agents and services report.",
        panels=(
            Panel(
                "operations",
                "Tool Router: the six operations",
                "matrix",
                ("router.calls", "router.success_rate", "router.error_rate"),
                group_by="operation",
                groups=_SIX,
                names={
                    "router.calls": "Calls",
                    "router.success_rate": "Succeeded",
                    "router.error_rate": "Failed",
                },
                about="Amber from 5 % failed, alert from 10 %.",
                size="full",
            ),
            Panel("errors", "Failed tool calls", "lines", ("tool.error_rate",)),
            Panel(
                "toolkits",
                "Failed, by toolkit",
                "bars",
                ("tool.error_rate",),
                group_by="toolkit",
            ),
            Panel(
                "signing-in",
                "Sign-ins and limits",
                "figures",
                (
                    "oauth.failure_rate",
                    "oauth.refresh_failures",
                    "tool.rate_limits",
                    "session.creation_p95",
                ),
                about="Alerts: more than 10 % of sign-ins failed, more than 100 limits an hour.",
            ),
            Panel("limits", "Rate limit hits per hour", "lines", ("tool.rate_limits",)),
            Panel(
                "streams",
                "CopilotKit streams",
                "figures",
                (
                    "stream.opened",
                    "stream.disconnects",
                    "stream.delivery",
                    "stream.delivery_p95",
                    "stream.lasting_p50",
                ),
                about="Alert when more than 2 % of streams are cut off.",
            ),
            Panel("disconnects", "Streams cut off", "lines", ("stream.disconnects",)),
            Panel(
                "models",
                "ADK: agent runs and models",
                "figures",
                ("agent.run_success", "model.success", "model.tokens", "quota.used"),
                about="Runs and calls that succeeded, tokens, the fullest quota.",
            ),
            Panel(
                "database",
                "Database",
                "figures",
                (
                    "db.latency", "db.connections_used", "db.pool_used",
                    "db.connection_failures", "db.bloat",
                ),
            ),
            Panel(
                "storage",
                "Storage: evidence uploads",
                "figures",
                ("evidence.upload_success", "evidence.upload_failures", "evidence.room_used"),
                about="Alert when more than 10 % of uploads fail, or from 80 % of the room on.",
            ),
            Panel(
                "breakers",
                "Breakers",
                "figures",
                ("breaker.open", "breaker.changes"),
            ),
            Panel("speed", "Tool calls", "lines", ("tool.p50", "tool.p95", "tool.p99"),
                  names={"tool.p50": "median", "tool.p95": "p95", "tool.p99": "p99"}),
            Panel("volume", "Tool calls per minute", "area", ("tool.per_minute",)),
        ),
    )
)  # fmt: skip
