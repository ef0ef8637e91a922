"""Mission Lifecycle and the stage rollup."""

from __future__ import annotations

from telemetry.catalogue import STAGES
from telemetry.dashboards.kinds import Dashboard, Panel, define
from telemetry.measures.table.lifecycle import FUNNEL

define(
    Dashboard(
        slug="mission-lifecycle",
        title="Mission Lifecycle",
        about="How missions get through the five stages, and where they stay.",
        headline="missions.completion_rate",
        keywords=("funnel", "stages", "completion"),
        sources="The first event of each stage of a mission.",
        panels=(
            Panel(
                "missions",
                "Missions",
                "figures",
                (
                    "missions.started",
                    "missions.completed",
                    "missions.completion_rate",
                    "missions.duration_p50",
                    "transitions.p95",
                ),
                size="full",
            ),
            Panel(
                "completion",
                "Stage completion",
                "bars",
                ("stage.completion",),
                group_by="stage",
                groups=STAGES,
                about="Missions that went on, of those that entered. Alert below 85 %.",
            ),
            Panel(
                "time",
                "Median time per stage",
                "bars",
                ("stage.time_p50",),
                group_by="stage",
                groups=STAGES,
                about="Alert above twice the median of the four weeks before.",
            ),
            Panel(
                "funnel",
                "From intent to reflection",
                "funnel",
                tuple(f"funnel.{name}" for name in FUNNEL),
                about="Missions that reported each step.",
                size="full",
            ),
            Panel(
                "safeguards",
                "Safeguard compliance",
                "figures",
                (
                    "safeguard.auto_fix",
                    "safeguard.alerts",
                    "safeguard.overrides",
                    "safeguard.violations",
                ),
                about="Alert when more than 5 % of missions have a violation.",
            ),
            Panel(
                "undo",
                "Undo success",
                "figures",
                ("undo.success", "undo.failures", "undo.runs"),
                about="Alert when more than 5 % of undo runs fail.",
            ),
            Panel("violations", "Missions with a violation", "lines", ("safeguard.violations",)),
            Panel("undone", "Undo failures", "lines", ("undo.failures",)),
        ),
    )
)

define(
    Dashboard(
        slug="stage-rollup",
        title="Stage Rollup",
        about="Missions, dwell time and success of each stage, over all stages side by side.",
        headline="stage.completion",
        keywords=("dwell", "stages"),
        sources="The first event of each stage of a mission.",
        panels=(
            Panel(
                "stages",
                "Stages",
                "matrix",
                (
                    "stage.entered",
                    "stage.left",
                    "stage.completion",
                    "stage.time_p50",
                    "stage.time_p95",
                ),
                group_by="stage",
                groups=STAGES,
                names={
                    "stage.entered": "Entered",
                    "stage.left": "Gone on",
                    "stage.completion": "Success",
                    "stage.time_p50": "Dwell, median",
                    "stage.time_p95": "Dwell, p95",
                },
                about="A mission sent back counts once; its time is that of all its visits.",
                size="full",
            ),
            Panel(
                "success",
                "Success rate",
                "bars",
                ("stage.completion",),
                group_by="stage",
                groups=STAGES,
            ),
            Panel(
                "dwell",
                "Dwell time",
                "bars",
                ("stage.time_p50", "stage.time_p95"),
                group_by="stage",
                groups=STAGES,
                names={"stage.time_p50": "median", "stage.time_p95": "p95"},
            ),
            Panel(
                "sent-back",
                "Stages sent back",
                "area",
                ("transitions.rolled_back",),
            ),
            Panel("speed", "Time to change a stage", "lines", ("transitions.p95",)),
            Panel(
                "mission-stages",
                "As the missions stand",
                "later",
                waits="Missions that live in the portal: open, abandoned and reworked visits.",
            ),
        ),
    )
)
