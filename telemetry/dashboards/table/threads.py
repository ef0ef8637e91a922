"""Thread Health: messages, reads, deliveries, wakes."""

from __future__ import annotations

from telemetry.dashboards.kinds import Dashboard, Panel, define

WAKES = ("triggered", "already_active", "failed", "fallback_spawned")

define(
    Dashboard(
        slug="thread-health",
        title="Thread Health",
        about="Whether agents that talk in threads reach each other, and wake in time.",
        headline="thread.messages_per_minute",
        keywords=("messages", "wakes", "bridge", "loops"),
        sources="What the bridge reports of messages, reads, deliveries and wakes.",
        panels=(
            Panel(
                "figures",
                "Promises",
                "figures",
                (
                    "thread.post_success",
                    "thread.read_success",
                    "thread.read_p50",
                    "thread.read_p95",
                    "thread.delivery_failures",
                    "thread.wake_p95",
                ),
                about="Posts taken 99.0 %, reads answered 99.5 %, woken within 3 s.",
                size="full",
            ),
            Panel("messages", "Messages per minute", "area", ("thread.messages_per_minute",)),
            Panel(
                "reading",
                "Read latency",
                "lines",
                ("thread.read_p50", "thread.read_p95"),
                names={"thread.read_p50": "median", "thread.read_p95": "p95"},
            ),
            Panel("delivery", "Delivery failures", "lines", ("thread.delivery_failures",)),
            Panel(
                "states",
                "Threads by state",
                "bars",
                ("thread.by_state",),
                group_by="code",
                about="Active, blocked, resolved, closed: each thread that is not put away.",
            ),
            Panel(
                "wakes",
                "Wake attempts by result",
                "bars",
                ("thread.wakes",),
                group_by="code",
                groups=WAKES,
            ),
            Panel(
                "escalations",
                "Escalations and loops",
                "figures",
                ("thread.escalations", "thread.loops", "thread.wake_failures", "thread.post_p95"),
            ),
            Panel(
                "requests",
                "Requests to the portal",
                "figures",
                ("portal.requests", "portal.p50", "portal.p95"),
                about="The same counters and durations as at /metrics.",
            ),
            Panel("escalating", "Escalations", "area", ("thread.escalations",)),
        ),
    )
)
