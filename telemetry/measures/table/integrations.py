"""Integration Health: the Tool Router's operations, sign-ins, streams, storage."""

from __future__ import annotations

from telemetry.measures.table.words import (
    CALL,
    CALL_ERROR,
    DISCOVERY,
    OPERATION_NAMES,
    area,
    calls,
    failed_calls,
    gauge,
    operations,
    these,
)

_add = area("integrations")
_ONCE = "A failed call counts once, however many events tell of it."
_LIMITED = ("RATE_LIMIT_EXCEEDED", "rate_limit", "rate_limited", "429")
_EXPIRED = ("AUTH_EXPIRED", "auth_expired", "expired")
_FINISHED = ("approved", "expired", "failed", "error")

_add("tool.calls", "Tool calls", "calls", "count", calls(), about=_ONCE)
_add("tool.per_minute", "Tool calls per minute", "/min", "per_minute", calls(), about=_ONCE)
_add(
    "tool.error_rate",
    "Failed tool calls",
    "%",
    "ratio",
    failed_calls(),
    over=calls(),
    better="lower",
    target=5.0,
    warn=10.0,
    min_sample=20,
    about=f"{_ONCE} By toolkit or operation.",
)
_add(
    "tool.success_rate",
    "Tool calls that succeeded",
    "%",
    "ratio",
    these(CALL, status="success"),
    over=calls(),
    better="higher",
    target=95.0,
    warn=90.0,
    min_sample=20,
    about=f"{_ONCE} By toolkit or operation.",
)
_add(
    "router.success_rate",
    "Tool Router: operations that succeeded",
    "%",
    "ratio",
    these(CALL, DISCOVERY, status="success", operation=OPERATION_NAMES),
    over=operations(),
    better="higher",
    target=95.0,
    warn=90.0,
    min_sample=20,
    about="Of the six operations, discoveries among them. By operation: each.",
)
_add(
    "router.error_rate",
    "Tool Router: failures",
    "%",
    "ratio",
    these(CALL, CALL_ERROR, DISCOVERY, status="error", operation=OPERATION_NAMES),
    over=operations(),
    better="lower",
    target=5.0,
    warn=10.0,
    min_sample=20,
    about="Of the six operations, discoveries among them. By operation: each.",
)
_add(
    "router.calls",
    "Tool Router: calls",
    "calls",
    "count",
    operations(),
    about="Of the six operations, discoveries among them. By operation: each.",
)
_add("tool.p50", "Tool calls, median", "ms", "p50", these(CALL), better="lower")
_add("tool.p95", "Tool calls, p95", "ms", "p95", these(CALL), better="lower", min_sample=20)
_add("tool.p99", "Tool calls, p99", "ms", "p99", these(CALL), better="lower")
_add(
    "tool.tokens",
    "Tokens of tool calls",
    "tokens",
    "sum",
    these(CALL),
)
_add(
    "tool.failures",
    "Failed calls",
    "calls",
    "count",
    failed_calls(),
    over=calls(),
    better="lower",
    about=f"{_ONCE} By code: the error.",
)
_add(
    "tool.rate_limits",
    "Rate limit hits per hour",
    "/h",
    "per_hour",
    these(CALL, CALL_ERROR, status="error", code=_LIMITED),
    at_least=these(CALL_ERROR, code=_LIMITED),
    over=calls(),
    better="lower",
    target=100.0,
    about=f"{_ONCE} By toolkit: whose limit.",
)
_add(
    "tool.rate_limit_wait",
    "Asked to wait",
    "s",
    "mean",
    these(CALL_ERROR, code=_LIMITED),
    better="lower",
    about="What `retry_after_seconds` said, on average.",
)
_add(
    "tool.auth_expired",
    "Calls with an expired sign-in",
    "calls",
    "count",
    these(CALL, CALL_ERROR, status="error", code=_EXPIRED),
    at_least=these(CALL_ERROR, code=_EXPIRED),
    over=calls(),
    better="lower",
)
_add(
    "tool.discoveries",
    "Discoveries",
    "",
    "count",
    these(DISCOVERY),
    over=calls(),
)
_add(
    "tool.discovery_p95",
    "Discovery, p95",
    "ms",
    "p95",
    these(DISCOVERY),
    better="lower",
    target=5_000.0,
)
_add(
    "tool.discovery_ratio",
    "Discoveries per tool call",
    "",
    "ratio",
    these(DISCOVERY),
    over=calls(),
    about="Compared with the median of the two weeks before.",
)
_add(
    "oauth.failure_rate",
    "OAuth failures",
    "%",
    "ratio",
    (
        these("composio_auth_flow", code=("expired", "failed", "error")),
        these("oauth_refresh_failed"),
    ),
    over=(
        these("composio_auth_flow", code=_FINISHED),
        these("oauth_refresh_failed", "oauth_refreshed"),
    ),
    better="lower",
    target=10.0,
    min_sample=10,
    about="Expired and failed, of sign-ins that finished and refreshes. By toolkit.",
)
_add(
    "oauth.refresh_failures",
    "OAuth refresh failures",
    "",
    "count",
    these("oauth_refresh_failed"),
    over=(*calls(), these("oauth_refreshed", "composio_auth_flow")),
    better="lower",
)
_add(
    "oauth.waiting",
    "Sign-ins begun",
    "",
    "count",
    these("composio_auth_flow", code="initiated"),
    about="Begun in the window; how they ended is counted apart.",
)
_add(
    "session.creation_p95",
    "Creating a tool session, p95",
    "ms",
    "p95",
    these("session_created"),
    better="lower",
    target=5_000.0,
)
_add(
    "session.creation_success",
    "Tool sessions created",
    "%",
    "success_rate",
    these("session_created"),
    better="higher",
)
_add("stream.opened", "Streams opened", "", "count", these("workspace_stream_open"))
_add(
    "stream.disconnects",
    "Streams cut off",
    "%",
    "ratio",
    these("workspace_stream_closed", code="abnormal"),
    over=these("workspace_stream_open"),
    better="lower",
    target=2.0,
    min_sample=20,
    about="Ended abnormally, of those opened.",
)
_add(
    "stream.lasting_p50",
    "Streams last, median",
    "min",
    "p50",
    these("workspace_stream_closed"),
    scale=1 / 60_000,
    better="higher",
)
_add(
    "stream.delivery",
    "Messages delivered",
    "%",
    "success_rate",
    these("message_delivered"),
    better="higher",
    target=99.0,
    min_sample=20,
)
_add(
    "stream.delivery_p95",
    "Delivery, p95",
    "ms",
    "p95",
    these("message_delivered"),
    better="lower",
)
_add(
    "evidence.upload_failures",
    "Failed evidence uploads",
    "%",
    "ratio",
    these("evidence_upload_failed"),
    over=these("evidence_bundle_generated", "evidence_upload_failed"),
    better="lower",
    target=1.0,
    warn=10.0,
    about="Failed uploads, of bundles made and uploads failed.",
)
_add(
    "evidence.upload_success",
    "Evidence uploads that succeeded",
    "%",
    "ratio",
    these("evidence_bundle_generated", status="success"),
    over=(
        these("evidence_bundle_generated", status="success"),
        these("evidence_bundle_generated", status="error"),
        these("evidence_upload_failed"),
    ),
    better="higher",
    target=99.0,
    warn=90.0,
)
_add(
    "evidence.room_used",
    "Room that evidence takes",
    "%",
    "max",
    gauge("evidence_used_percent"),
    better="lower",
    target=80.0,
    warn=95.0,
    about="Of what a workspace may keep: files and bundles of its missions.",
)
_add(
    "breaker.open",
    "Open breakers",
    "",
    "max",
    gauge("breaker_open"),
    better="lower",
    target=0.0,
    about="1: open. By code: the integration.",
)
_add(
    "breaker.changes",
    "Breakers opened or closed",
    "",
    "count",
    these("breaker_state_changed"),
    over=calls(),
)
