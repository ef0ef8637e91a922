"""What the portal's own parts say, a line each, as in `events`."""

from __future__ import annotations

from telemetry.catalogue.kinds import define

define("agent_error", "", "error", "error_code component?", mission=False)
define(
    "agent_run_completed",
    "",
    "success/error",
    "duration_ms outcome? token_usage? model?",
    amount="token_usage",
    mission=False,
)
define(
    "session_state_conflict",
    "",
    "error",
    "session_id expected_version? found_version?",
    mission=False,
)
define("session_created", "", "success/error", "session_id duration_ms", mission=False)
define(
    "workspace_stream_closed",
    "",
    "info/error",
    "session_id reason:normal|abnormal duration_ms?",
    code="reason",
    mission=False,
)
define("message_delivered", "", "success/error", "channel? duration_ms? outcome?", mission=False)
define("oauth_refresh_failed", "", "error", "toolkit error_code", mission=False)
define("oauth_refreshed", "", "success", "toolkit", mission=False)
define("metrics_refresh_completed", "", "success/error", "duration_ms buckets?", mission=False)
define(
    "request_completed",
    "",
    "success/error",
    "route? duration_ms code?",
    operation="route",
    code="code",
    mission=False,
)
define("security_refusal", "", "warning", "reason", code="reason", mission=False)
define(
    "gauge_reported",
    "",
    "info",
    "name value unit? of?",
    amount="value",
    code="of",
    operation="name",
    mission=False,
)
define("feature_flag_changed", "", "info", "flag change", operation="flag", mission=False)
define(
    "rollout_stage_promoted",
    "",
    "info",
    "rollout? flag? from_stage to_stage",
    operation="flag",
    code="to_stage",
    mission=False,
)
define(
    "rollout_rolled_back", "", "warning", "rollout? flag? reason", operation="flag", mission=False
)
define(
    "deployment_started",
    "",
    "info",
    "deployment environment tier?",
    operation="environment",
    mission=False,
)
define(
    "deployment_completed",
    "",
    "success/error",
    "deployment environment outcome duration_ms?",
    operation="environment",
    mission=False,
)
define("maintenance_started", "", "info", "window reason?", mission=False)
define("maintenance_completed", "", "info", "window duration_ms?", mission=False)
define(
    "breaker_state_changed",
    "",
    "warning",
    "integration from_state to_state reason?",
    operation="integration",
    code="to_state",
    mission=False,
)
define(
    "alert_fired",
    "",
    "warning",
    "rule series? value?",
    operation="rule",
    amount="value",
    mission=False,
)
define("alert_resolved", "", "info", "rule series? duration_ms?", operation="rule", mission=False)
define("on_call_acknowledged", "", "info", "incident duration_ms?", mission=False)
define(
    "backup_reported",
    "",
    "success/error",
    "target size_bytes? duration_ms?",
    operation="target",
    amount="size_bytes",
    mission=False,
)
define(
    "audit_run_completed",
    "",
    "success/warning",
    "mode findings",
    operation="mode",
    amount="findings",
    mission=False,
)
define(
    "governance_check_completed",
    "",
    "success/warning",
    "findings",
    amount="findings",
    mission=False,
)
define(
    "kpi_missed", "", "warning", "kpi value target", operation="kpi", amount="value", mission=False
)
define("message_posted", "", "success/error", "thread? duration_ms? outcome?", mission=False)
define("messages_read", "", "success/error", "thread? duration_ms? outcome?", mission=False)
define("loop_detected", "", "warning", "thread rule", code="rule", mission=False)
define("thread_escalated", "", "warning", "thread reason", code="reason", mission=False)
define(
    "wake_attempted",
    "",
    "info/success/error",
    "agent result:triggered|already_active|failed|fallback_spawned duration_ms?",
    code="result",
    mission=False,
)
define(
    "gen_ai_call",
    "",
    "success/error",
    "model? operation? input_tokens? output_tokens? duration_ms?",
    operation="operation",
    amount="tokens",
    mission=False,
)
define("log", "", "info", "", mission=False)
define("span", "", "info", "name? duration_ms?", operation="name", mission=False)
