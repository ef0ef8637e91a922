"""Agent Performance: six roles, each by what it does."""

from __future__ import annotations

from telemetry.catalogue import AGENT_ROLES
from telemetry.measures.table.words import area, calls, failed_calls, gauge, these

_add = area("agents")
# What an agent does that takes time and succeeds or fails.
WORK = (
    "agent_run_completed",
    "execution_step_completed",
    "validator_check_completed",
    "evidence_bundle_generated",
    "data_preview_generated",
    "brief_generated",
    "plan_ranked",
    "planner_candidate_generated",
    "composio_discovery",
)
_ROLE = tuple(AGENT_ROLES)
_HEARTBEAT = these("session_heartbeat")

_add(
    "agent.p50",
    "Agents: median",
    "ms",
    "p50",
    these(*WORK, agent=_ROLE),
    better="lower",
    about="How long what they do takes. By agent: the role.",
)
_add(
    "agent.p95",
    "Agents: p95",
    "ms",
    "p95",
    these(*WORK, agent=_ROLE),
    better="lower",
    target=5_000.0,
    min_sample=20,
    about="How long what they do takes. By agent: the role.",
)
_add(
    "agent.error_rate",
    "Agents: failures",
    "%",
    "ratio",
    (these(*WORK, "agent_error", agent=_ROLE, status="error"), *failed_calls(agent=_ROLE)),
    over=(
        these(*WORK, "agent_error", agent=_ROLE, status="error"),
        these(*WORK, agent=_ROLE, status="success"),
        *calls(agent=_ROLE),
    ),
    better="lower",
    target=3.0,
    min_sample=20,
    about="Failed of what ended one way or the other, tool calls included. By agent: the role.",
)
_add(
    "agent.runs", "Agent runs", "", "count", these(*WORK, agent=_ROLE), about="By agent: the role."
)
_add(
    "agent.run_success",
    "Agent runs that succeeded",
    "%",
    "success_rate",
    these("agent_run_completed"),
    better="higher",
    target=97.0,
    min_sample=20,
)
_add(
    "session.conflicts",
    "Inconsistent session states",
    "",
    "count",
    these("session_state_conflict"),
    over=_HEARTBEAT,
    better="lower",
    target=0.0,
    about="Writes of a session's state that found another version than they expected.",
)
_add(
    "session.lag_p95",
    "Session state sync, p95",
    "ms",
    "p95",
    _HEARTBEAT,
    better="lower",
    target=5_000.0,
    about="The lag that heartbeats report. By agent: the role.",
)
_add("session.heartbeats", "Heartbeats", "", "count", _HEARTBEAT)
_add(
    "coordinator.orchestration_p95",
    "Coordinator: orchestration, p95",
    "ms",
    "p95",
    these("agent_run_completed", "mission_stage_transition", agent="coordinator"),
    better="lower",
    target=5_000.0,
)
_add(
    "coordinator.sync_p95",
    "Coordinator: state sync, p95",
    "ms",
    "p95",
    these("session_heartbeat", agent="coordinator"),
    better="lower",
    target=5_000.0,
)
_add(
    "planner.generation_p95",
    "Planner: generating plays, p95",
    "ms",
    "p95",
    these("planner_candidate_generated", "plan_ranked", "agent_run_completed", agent="planner"),
    better="lower",
    target=5_000.0,
)
_add(
    "planner.precedents",
    "Planner: precedents per play",
    "",
    "mean",
    these("planner_candidate_generated"),
    better="higher",
    about="How many plays of the library a candidate cites, on average.",
)
_add(
    "executor.tool_success",
    "Executor: tool calls that succeeded",
    "%",
    "ratio",
    these("composio_tool_call", agent="executor", status="success"),
    over=calls(agent="executor"),
    better="higher",
    target=97.0,
    min_sample=20,
)
_add(
    "executor.step_p50",
    "Executor: steps, median",
    "ms",
    "p50",
    these("execution_step_completed"),
    better="lower",
)
_add(
    "executor.step_p95",
    "Executor: steps, p95",
    "ms",
    "p95",
    these("execution_step_completed"),
    better="lower",
    target=5_000.0,
)
_add(
    "executor.error_rate",
    "Executor: failures",
    "%",
    "ratio",
    (
        these("execution_step_completed", agent="executor", status="error"),
        *failed_calls(agent="executor"),
    ),
    over=(
        these("execution_step_completed", agent="executor"),
        *calls(agent="executor"),
    ),
    better="lower",
    target=3.0,
    min_sample=20,
    about="Failed steps and tool calls, of all. By toolkit: which one.",
)
_add(
    "validator.check_p95",
    "Validator: checks, p95",
    "ms",
    "p95",
    these("validator_check_completed"),
    better="lower",
    target=5_000.0,
)
_add(
    "evidence.packaging_p95",
    "Evidence: packaging, p95",
    "ms",
    "p95",
    these("evidence_bundle_generated"),
    better="lower",
    target=5_000.0,
)
_add(
    "evidence.hash_mean",
    "Evidence: hashing, mean",
    "ms",
    "mean",
    these("evidence_bundle_generated"),
    better="lower",
    target=5_000.0,
)
_add(
    "inspector.preview_p95",
    "Inspector: previews, p95",
    "ms",
    "p95",
    these("data_preview_generated"),
    better="lower",
    target=5_000.0,
)
_add(
    "inspector.coverage",
    "Inspector: coverage",
    "%",
    "mean",
    these("readiness_status_changed"),
    better="higher",
    target=85.0,
    about="The share of the needed data that was found, on average.",
)
_add(
    "model.success",
    "Model calls that succeeded",
    "%",
    "success_rate",
    these("gen_ai_call"),
    better="higher",
    target=97.0,
    min_sample=20,
)
_add("model.calls", "Model calls", "", "count", these("gen_ai_call"))
_add("model.p95", "Model calls, p95", "ms", "p95", these("gen_ai_call"), better="lower")
_add(
    "model.tokens",
    "Tokens",
    "tokens",
    "sum",
    these("gen_ai_call", "agent_run_completed", "composio_tool_call"),
    about="What model calls, agent runs and tool calls say they used.",
)
_add(
    "quota.used",
    "Quota used",
    "%",
    "max",
    gauge("quota_used_percent"),
    better="lower",
    target=80.0,
    about="The fullest. By code: the integration.",
)
