"""The KPI board: every key figure that any part of the portal computes, against its target."""

from __future__ import annotations

from telemetry.dashboards.kinds import Dashboard, Panel, define

define(
    Dashboard(
        slug="kpi-board",
        title="KPI board",
        about="Key figures against their targets: the period that runs, and the one before.",
        keywords=("kpi", "targets", "key figures"),
        sources="The job telemetry.kpis computes every figure each hour, from what is reported.",
        panels=(Panel("kpis", "Key figures", "kpis", size="full"),),
    )
)
