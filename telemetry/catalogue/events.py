"""The events, a line each: name, stage, usual statuses, keys of the context.

Stages are the five; an empty one means any. Mission, agent and work item are fields of every
event and no keys here.
"""

from __future__ import annotations

from telemetry.catalogue.kinds import define

define("home_tile_opened", "", "info", "missions_visible filter_state", mission=False)
define(
    "readiness_badge_rendered",
    "",
    "info",
    "badge_state:ready|needs_auth|needs_data|blocked blocking_reason",
    code="badge_state",
    mission=False,
)
define(
    "alert_rail_viewed",
    "",
    "info",
    "alert_count alert_types time_to_first_view",
    ms="time_to_first_view",
    mission=False,
)
define(
    "mission_list_action_taken",
    "",
    "info",
    "action_type:open|approve|library mission_stage needs_attention",
    code="action_type",
    mission=False,
)
define(
    "intent_submitted",
    "define",
    "success",
    "intent_length source:template|freeform",
    amount="intent_length",
    code="source",
)
define(
    "brief_generated",
    "define",
    "success",
    "chip_count confidence_scores generation_latency_ms template_id",
    ms="generation_latency_ms",
)
define("brief_item_modified", "define", "info", "chip_type edit_type token_diff", code="edit_type")
define(
    "mission_brief_locked",
    "define",
    "success",
    "safeguard_count time_to_lock_seconds edits_before_lock",
    ms="time_to_lock_seconds",
)
define("safeguard_added", "define", "info", "category reason_code", code="reason_code")
define(
    "composio_discovery",
    "prepare",
    "success/error",
    "query toolkit_count latency_ms coverage_estimate result_count? meta_tool? payload_sha?",
    ms="latency_ms",
    amount="coverage_estimate",
    does="COMPOSIO_SEARCH_TOOLS",
)
define("toolkit_recommended", "prepare", "info", "toolkit_slug rank precedent_count auth_required")
define(
    "toolkit_connected",
    "prepare",
    "success",
    "toolkit_slug scopes_granted connector_latency_ms",
    ms="connector_latency_ms",
)
define(
    "composio_auth_flow",
    "prepare",
    "info/success/error",
    "toolkit status:initiated|approved|expired|revoked scopes_requested connect_link_id",
    code="status",
)
define(
    "data_preview_generated",
    "prepare",
    "success/warning",
    "toolkit sample_count pii_flags duplicate_cluster_count",
    amount="sample_count",
)
define(
    "readiness_status_changed",
    "prepare",
    "info/warning",
    "status coverage_percent blocking_items",
    amount="coverage_percent",
    code="status",
)
define(
    "coverage_preview_opened",
    "prepare",
    "info",
    "toolkit field_summary time_to_view",
    ms="time_to_view",
)
define(
    "governance_override_requested",
    "prepare",
    "warning",
    "override_type requested_by rationale",
    code="override_type",
)
define(
    "planner_candidate_generated",
    "plan_approve",
    "info",
    "play_id confidence library_precedent_count tool_usage_pattern undo_plan_included",
    amount="library_precedent_count",
)
define(
    "plan_ranked", "plan_approve", "success", "play_ids_ordered ranking_method validator_critique"
)
define(
    "plan_adjusted", "plan_approve", "info", "adjustment_type before_value after_value reason_note"
)
define(
    "plan_selected",
    "plan_approve",
    "success",
    "play_id selection_method:auto|manual reason_note undo_plan_id",
    code="selection_method",
)
define(
    "validator_scope_check",
    "plan_approve",
    "success/error",
    "required_scopes granted_scopes alignment_status",
    code="alignment_status",
)
define(
    "approval_requested",
    "plan_approve",
    "info",
    "approval_type:plan|toolkit|safeguard approver_role due_at play_id",
    code="approval_type",
)
define("approval_delegated", "plan_approve", "info", "from_role to_role reason delegated_by")
define(
    "approval_granted",
    "plan_approve",
    "success",
    "play_id approver_role approval_timestamp undo_window_seconds",
    amount="undo_window_seconds",
    code="approver_role",
)
define(
    "approval_rejected",
    "plan_approve",
    "warning",
    "play_id rejection_reason feedback_note",
    code="approver_role",
)
define(
    "audit_event_recorded", "plan_approve", "success", "artifact_hash export_format approver_role"
)
define(
    "execution_started",
    "execute_observe",
    "info",
    "play_id action_count estimated_duration_seconds",
    amount="action_count",
)
define(
    "execution_step_completed",
    "execute_observe",
    "success/error",
    "action_id toolkit action_name duration_ms status",
    code="status",
    operation="action_name",
)
define(
    "composio_tool_call",
    "execute_observe",
    "success",
    "toolkit action duration_ms outcome token_usage meta_tool? payload_sha?",
    amount="token_usage",
    operation="action",
)
define(
    "composio_tool_call_error",
    "execute_observe",
    "error",
    "toolkit action error_code retry_after_seconds recovery_action meta_tool? payload_sha?",
    amount="retry_after_seconds",
    operation="action",
)
define(
    "validator_alert_raised",
    "execute_observe",
    "warning/error",
    "severity safeguard_id auto_fix_attempted auto_fix_status",
    code="auto_fix_status",
)
define(
    "validator_override_requested",
    "execute_observe",
    "warning",
    "safeguard_id override_reason approver_role",
    code="override_reason",
)
define(
    "undo_available",
    "execute_observe",
    "info",
    "undo_plan_id time_remaining_seconds impact_summary",
    amount="time_remaining_seconds",
)
define("undo_requested", "execute_observe", "warning", "undo_plan_id reason initiated_by")
define(
    "undo_completed",
    "execute_observe",
    "success/error",
    "undo_plan_id actions_reversed duration_ms outcome",
    amount="actions_reversed",
)
define(
    "session_heartbeat",
    "execute_observe",
    "info",
    "lag_ms token_usage session_state_size_bytes",
    ms="lag_ms",
    amount="token_usage",
)
define(
    "mission_completed",
    "reflect_improve",
    "success",
    "total_duration_seconds stage_durations outcome_summary",
    ms="total_duration_seconds",
)
define(
    "evidence_opened",
    "reflect_improve",
    "info",
    "artifact_id artifact_type redaction_applied",
    code="artifact_type",
)
define(
    "feedback_submitted",
    "reflect_improve",
    "success",
    "rating effort_saved_hours blockers qualitative_notes",
    amount="effort_saved_hours",
    code="rating",
)
define(
    "followup_scheduled", "reflect_improve", "info", "task_type due_at owner_role", code="task_type"
)
define(
    "library_contribution",
    "reflect_improve",
    "success",
    "artifact_id library_category reuse_potential_score",
    amount="reuse_potential_score",
    code="library_category",
)
define(
    "mission_retrospective_logged",
    "reflect_improve",
    "success",
    "impact_metrics safeguard_compliance next_actions",
)
define(
    "workspace_stream_open",
    "",
    "info",
    "session_id stage telemetry_disabled sampling_mode",
    code="sampling_mode",
    mission=False,
)
define(
    "inspection_viewed",
    "",
    "info",
    "toolkit stage has_preview time_on_panel",
    ms="time_on_panel",
    mission=False,
)
define("approval_exported", "", "info", "format requested_by", code="format", mission=False)
define(
    "incident_opened",
    "",
    "error",
    "severity component initiator mission_ids",
    code="severity",
    mission=False,
)
define(
    "incident_resolved",
    "",
    "success",
    "resolution_time_minutes root_cause follow_up_actions",
    ms="resolution_time_minutes",
    mission=False,
)
define("toolkit_selected", "prepare", "success", "toolkit_slug selection_method?")
define("safeguard_reviewed", "prepare", "success", "safeguard_id outcome")
define(
    "evidence_bundle_generated",
    "execute_observe",
    "success/error",
    "bundle_id duration_ms hash_ms? size_bytes? outcome?",
    amount="hash_ms",
)
define("evidence_upload_failed", "execute_observe", "error", "bundle_id error_code")
define("execution_paused", "execute_observe", "warning", "reason initiated_by?")
define("execution_completed", "execute_observe", "success/error", "play_id? duration_ms outcome?")
define("mission_created", "define", "success", "source?")
define(
    "mission_stage_transition",
    "",
    "info",
    "from_stage to_stage status:entered|rolled_back duration_ms?",
    code="to_stage",
)
define(
    "validator_check_completed",
    "execute_observe",
    "success/warning/error",
    "safeguard_id? duration_ms outcome",
)
define("validator_auto_fix_applied", "execute_observe", "success", "safeguard_id")
