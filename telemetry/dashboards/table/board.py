"""The KPI board: every key figure that any part of the portal computes, against its target."""

from __future__ import annotations

from telemetry.dashboards.kinds import Dashboard, Panel, define

define(
    Dashboard(
        slug="kpi-board",
        title="KPI board",
        about="Key figures against their targets, over the time that is chosen.",
        headline="missions.completed",
        keywords=("kpi", "targets", "key figures"),
        sources="Whatever registers a key figure: the catalogue, backups, missions.",
        panels=(
            Panel("kpis", "Key figures", "kpis", size="full"),
            Panel(
                "rules",
                "Numbers behind them",
                "figures",
                (
                    "missions.completed",
                    "undo.success",
                    "feedback.participation",
                    "safeguard.escalated",
                    "requests.error_rate",
                    "service.uptime",
                ),
                about="The same questions, asked of events.",
                size="full",
            ),
        ),
    )
)
