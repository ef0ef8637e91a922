"""The questions that the runbooks ask, ready to run."""

from __future__ import annotations

from typing import Any

from telemetry.measures.table.words import OPERATION_NAMES
from telemetry.queries.kinds import TIME, Parameter, Query, Question

SHIPPED: dict[str, Query] = {}
_TOOLKIT = Parameter("toolkit", "Toolkit")
_OPERATION = Parameter("operation", "Operation", options=OPERATION_NAMES)
_SERVICE = Parameter("service", "Service")
_AGENT = Parameter("agent", "Agent")
_ENV = Parameter("env", "Environment")
_CALLS = ("tool.calls", "tool.failures", "tool.error_rate", "tool.rate_limits", "tool.p95")


def _ship(
    slug: str, title: str, measures: tuple[str, ...], about: str, runbook: str = "", **more: Any
) -> None:
    SHIPPED[slug] = Query(slug, title, about, Question(measures, **more), runbook)


_ship(
    "calls-by-operation",
    "Calls per operation",
    _CALLS,
    "Which operation of the Tool Router is called how often, fails and is slowed down.",
    "composio_rate_limit",
    group_by="operation",
    parameters=(_TOOLKIT, _ENV),
)
_ship(
    "calls-by-toolkit",
    "Calls per toolkit",
    _CALLS,
    "Which toolkit is called how often, fails and is slowed down.",
    "composio_rate_limit",
    group_by="toolkit",
    parameters=(_OPERATION, _ENV),
)
_ship(
    "calls-by-agent",
    "Calls per agent",
    _CALLS,
    "Whose calls they are: where to slow down when a limit is hit.",
    "composio_rate_limit",
    group_by="agent",
    parameters=(_TOOLKIT, _OPERATION),
)
_ship(
    "rate-limits-over-time",
    "Rate limit hits over time",
    ("tool.calls", "tool.rate_limits", "tool.rate_limit_wait"),
    "Whether calls are still being refused, and how long they are asked to wait.",
    "composio_rate_limit",
    group_by=TIME,
    step="5m",
    window="6h",
    parameters=(_TOOLKIT, _OPERATION),
)
_ship(
    "errors-by-code",
    "Failed calls by error",
    ("tool.failures",),
    "What the failed calls said.",
    "integration_degradation",
    group_by="code",
    parameters=(_TOOLKIT, _OPERATION),
)
_ship(
    "integration-errors-over-time",
    "Tool calls over time",
    ("tool.calls", "tool.error_rate", "tool.p50", "tool.p95"),
    "When it began, and whether it gets better.",
    "integration_degradation",
    group_by=TIME,
    window="24h",
    step="1h",
    parameters=(_TOOLKIT, _OPERATION),
)
_ship(
    "oauth-by-toolkit",
    "Sign-ins per toolkit",
    ("oauth.failure_rate", "oauth.refresh_failures", "oauth.waiting", "tool.auth_expired"),
    "Whose sign-ins expire or fail.",
    "oauth_drift",
    group_by="toolkit",
    window="24h",
    parameters=(_ENV,),
)
_ship(
    "requests-by-service",
    "Requests per service",
    ("requests.count", "requests.error_rate", "requests.p50", "requests.p95", "requests.p99"),
    "Which service is slow or failing.",
    "service_down",
    group_by="service",
    parameters=(_ENV,),
)
_ship(
    "requests-by-route",
    "Requests per route",
    ("requests.count", "requests.error_rate", "requests.p95"),
    "Which route is slow or failing.",
    "high_latency",
    group_by="operation",
    parameters=(_SERVICE, _ENV),
)
_ship(
    "requests-over-time",
    "Requests over time",
    ("requests.per_second", "requests.error_rate", "requests.p50", "requests.p95"),
    "When it began, and whether it gets better.",
    "high_latency",
    group_by=TIME,
    window="24h",
    step="1h",
    parameters=(_SERVICE, _ENV),
)
_ship(
    "agents",
    "Agents by role",
    ("agent.runs", "agent.error_rate", "agent.p50", "agent.p95", "session.lag_p95"),
    "How the six roles fare.",
    "agent_degradation",
    group_by="agent",
    window="24h",
    parameters=(_ENV,),
)
_ship(
    "tokens-by-agent",
    "Tokens per agent",
    ("model.tokens", "model.calls", "tool.tokens"),
    "Who uses up the quota.",
    group_by="agent",
    window="24h",
    parameters=(_TOOLKIT,),
)
_ship(
    "stages",
    "Missions per stage",
    ("stage.entered", "stage.left", "stage.completion", "stage.time_p50", "stage.time_p95"),
    "How many missions entered each stage, went on, and how long it took.",
    group_by="stage",
    window="7d",
)
_ship(
    "overrides-by-reason",
    "Overrides by reason",
    ("safeguard.overrides",),
    "Why safeguards were overridden.",
    group_by="code",
    window="7d",
    parameters=(_AGENT,),
)
_ship(
    "undo-over-time",
    "Undo over time",
    ("undo.runs", "undo.success", "undo.p95"),
    "Whether what was done can be undone.",
    "undo_failure",
    group_by=TIME,
    window="7d",
    step="1d",
    parameters=(_TOOLKIT,),
)
_ship(
    "evidence-uploads",
    "Evidence uploads over time",
    ("evidence.upload_success", "evidence.upload_failures", "evidence.packaging_p95"),
    "Whether evidence is being lost.",
    "evidence_upload_failure",
    group_by=TIME,
    window="24h",
    step="1h",
)
_ship(
    "wakes-by-result",
    "Wakes by result",
    ("thread.wakes", "thread.wake_p95"),
    "What became of the wakes: triggered, already active, failed, spawned instead.",
    group_by="code",
    window="24h",
    parameters=(_AGENT,),
)
_ship(
    "security-refusals",
    "Refusals by reason",
    ("security.refusals",),
    "What was refused, and why.",
    "security_incident",
    group_by="code",
    window="24h",
    parameters=(_SERVICE,),
)
_ship(
    "events-by-type",
    "Events by name",
    ("events.count", "events.errors"),
    "What is being reported: the first look after a deployment.",
    "telemetry_gap",
    group_by="event_type",
    window="1h",
    parameters=(_SERVICE, _AGENT, Parameter("stage", "Stage"), _ENV),
)
_ship(
    "database-connections",
    "Database connections by state",
    ("db.connections",),
    "What the connections are doing.",
    "postgres_pool",
    group_by="code",
    window="15m",
)
_ship(
    "database-over-time",
    "Database over time",
    ("db.connections_used", "db.pool_used", "db.latency"),
    "Whether the pool is filling up.",
    "postgres_pool",
    group_by=TIME,
    window="6h",
    step="5m",
)
_ship(
    "table-bloat",
    "Tables by bloat",
    ("db.bloat",),
    "Which tables need a vacuum.",
    "postgres_pool",
    group_by="code",
    window="24h",
)
_ship(
    "queues",
    "Queues by depth",
    ("queue.depth",),
    "Which queue is behind.",
    "queue_backlog",
    group_by="code",
    window="15m",
)
_ship(
    "portal-routes",
    "The portal by class of routes",
    ("portal.requests", "portal.error_rate", "portal.p50", "portal.p95"),
    "What the portal itself answers.",
    "high_latency",
    group_by="operation",
)
