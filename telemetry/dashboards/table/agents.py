"""Agent Performance: six roles, all of them, the silent ones too."""

from __future__ import annotations

from telemetry.catalogue import AGENT_ROLES
from telemetry.dashboards.kinds import Dashboard, Panel, define

define(
    Dashboard(
        slug="agent-performance",
        title="Agent Performance",
        about="How fast and how well the six agents do what is theirs.",
        headline="agent.p95",
        keywords=("executor", "planner", "coordinator", "validator", "inspector", "evidence"),
        sources="What agents report of their runs, steps, checks, plays and previews.",
        panels=(
            Panel(
                "agents",
                "The six agents",
                "matrix",
                ("agent.runs", "agent.p50", "agent.p95", "agent.error_rate", "session.lag_p95"),
                group_by="agent",
                groups=tuple(AGENT_ROLES),
                names={
                    "agent.runs": "Runs",
                    "agent.p50": "Median",
                    "agent.p95": "p95",
                    "agent.error_rate": "Failed",
                    "session.lag_p95": "State sync",
                },
                about="Alerts: p95 above 5 s, more than 3 % failed.",
                size="full",
            ),
            Panel(
                "latency",
                "Latency, p95",
                "lines",
                ("agent.p95",),
                group_by="agent",
                groups=tuple(AGENT_ROLES),
            ),
            Panel(
                "failures",
                "Failed",
                "lines",
                ("agent.error_rate",),
                group_by="agent",
                groups=tuple(AGENT_ROLES),
            ),
            Panel(
                "coordinator",
                "Coordinator",
                "figures",
                ("coordinator.orchestration_p95", "coordinator.sync_p95"),
                names={
                    "coordinator.orchestration_p95": "Orchestration, p95",
                    "coordinator.sync_p95": "Session state sync, p95",
                },
                size="third",
            ),
            Panel(
                "planner",
                "Planner",
                "figures",
                ("planner.generation_p95", "planner.precedents"),
                names={
                    "planner.generation_p95": "Generating plays, p95",
                    "planner.precedents": "Precedents per play",
                },
                size="third",
            ),
            Panel(
                "executor",
                "Executor",
                "figures",
                ("executor.tool_success", "executor.step_p95", "executor.error_rate"),
                names={
                    "executor.tool_success": "Tool calls that succeeded",
                    "executor.step_p95": "Steps, p95",
                    "executor.error_rate": "Failures",
                },
                size="third",
            ),
            Panel(
                "validator",
                "Validator",
                "figures",
                ("validator.check_p95", "safeguard.auto_fix"),
                names={
                    "validator.check_p95": "Checks, p95",
                    "safeguard.auto_fix": "Fixed by itself",
                },
                size="third",
            ),
            Panel(
                "evidence",
                "Evidence",
                "figures",
                ("evidence.packaging_p95", "evidence.hash_mean"),
                names={
                    "evidence.packaging_p95": "Packaging, p95",
                    "evidence.hash_mean": "Hashing, mean",
                },
                size="third",
            ),
            Panel(
                "inspector",
                "Inspector",
                "figures",
                ("inspector.preview_p95", "inspector.coverage"),
                names={
                    "inspector.preview_p95": "Previews, p95",
                    "inspector.coverage": "Coverage",
                },
                size="third",
            ),
            Panel(
                "sessions",
                "Session states",
                "figures",
                ("session.conflicts", "session.heartbeats"),
                about="Alert when any write finds another version than it expected.",
            ),
            Panel(
                "models",
                "Models",
                "figures",
                ("agent.run_success", "model.calls", "model.success", "model.p95", "model.tokens"),
            ),
        ),
    )
)
