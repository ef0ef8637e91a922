"""Old names, and the three vocabularies of stages."""

from __future__ import annotations

from controlplane.catalog.vocabulary import OPERATIONS as TOOL_OPERATIONS

ALIASES = {
    "tool_router_call": "composio_tool_call",
    "brief_field_edited": "brief_item_modified",
    "planner_generated": "plan_ranked",
    "execution_step_updated": "execution_step_completed",
    "plan_approved": "approval_granted",
    "validator_override": "validator_override_requested",
    "undo_triggered": "undo_requested",
    "rollback_triggered": "undo_requested",
    "play_generated": "planner_candidate_generated",
    "play_selected": "plan_selected",
    "connect_link_completed": "toolkit_connected",
    "inspection_preview_rendered": "data_preview_generated",
    "safeguard_edited": "safeguard_added",
}

STAGES = ("define", "prepare", "plan_approve", "execute_observe", "reflect_improve")
# Canonical stage <- what the three vocabularies call it.
STAGE_NAMES: dict[str, tuple[str, ...]] = {
    "define": ("intake", "mission_brief", "intent", "brief"),
    "prepare": ("toolkits_connect", "data_inspect", "toolkits", "connect", "inspect"),
    "plan_approve": ("plan", "approve", "plan_and_approve"),
    "execute_observe": ("governed_execution", "evidence", "execute", "execution"),
    "reflect_improve": ("feedback", "reflect", "reflection"),
}
_STAGE_OF = {name: stage for stage, names in STAGE_NAMES.items() for name in (stage, *names)}
# Where people meet the product before there is a mission: known, but no stage of one.
_NO_STAGE = frozenset({"", "home", "library", "any"})

# They stand in the stage that tells them most, and agents tell them in others too: a tool call to
# look for toolkits is no execution. None of them says that a mission has come to a stage.
ANYWHERE = frozenset({"composio_tool_call", "composio_tool_call_error", "session_heartbeat"})

# A mission may end without them: nobody changed, added, handed on or took back anything, or
# opened what was there to look at. Of many missions none without one is no chance any more.
BY_CHANCE = frozenset({
    "approval_delegated", "brief_item_modified", "coverage_preview_opened", "evidence_opened",
    "library_contribution", "plan_adjusted", "safeguard_added", "undo_completed",
    "validator_auto_fix_applied",
})  # fmt: skip

AGENT_ROLES = ("coordinator", "planner", "executor", "validator", "evidence", "inspector")
OPERATIONS = frozenset(TOOL_OPERATIONS)


def stage_of(name: str) -> str | None:
    """The canonical stage for a name of any vocabulary; None: nobody calls a stage so."""
    plain = name.strip().lower().replace(" ", "_").replace("-", "_").replace("_&_", "_")
    if plain in _NO_STAGE:
        return ""
    return _STAGE_OF.get(plain)
