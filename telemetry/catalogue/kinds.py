"""The form of a catalogue entry."""

from __future__ import annotations

from dataclasses import dataclass

from telemetry.catalogue.names import ALIASES

# What a key holds. Keys have one meaning whatever the event, so they are typed by name.
_TYPES = {
    "int": (
        "action_count actions_reversed alert_count buckets chip_count "
        "duplicate_cluster_count edits_before_lock expected_version findings "
        "found_version input_tokens intent_length library_precedent_count "
        "missions_visible output_tokens precedent_count rank result_count safeguard_count "
        "sample_count session_state_size_bytes size_bytes token_usage tokens toolkit_count"
    ),
    "number": (
        "confidence connector_latency_ms coverage_estimate coverage_percent duration_ms "
        "effort_saved_hours estimated_duration_seconds generation_latency_ms hash_ms "
        "lag_ms latency_ms rating resolution_time_minutes retry_after_seconds "
        "reuse_potential_score target time_on_panel time_remaining_seconds "
        "time_to_first_view time_to_lock_seconds time_to_view total_duration_seconds "
        "undo_window_seconds value"
    ),
    "bool": (
        "auth_required auto_fix_attempted has_preview needs_attention telemetry_disabled "
        "undo_plan_included"
    ),
    "list": (
        "alert_types granted_scopes mission_ids play_ids_ordered required_scopes "
        "scopes_granted scopes_requested"
    ),
    "time": "approval_timestamp due_at",
    "object": "stage_durations",
    "any": (
        "after_value before_value blockers blocking_items change confidence_scores "
        "field_summary filter_state follow_up_actions impact_metrics impact_summary "
        "next_actions outcome_summary pii_flags redaction_applied safeguard_compliance "
        "summary token_diff tool_usage_pattern validator_critique"
    ),
}
TYPE_OF = {key: kind for kind, keys in _TYPES.items() for key in keys.split()}
# Keys that hold a time span, and how many milliseconds one of it is.
SPANS = {"_ms": 1.0, "_seconds": 1_000.0, "_minutes": 60_000.0, "": 1_000.0}
_DURATIONS = ("duration_ms", "latency_ms", "lag_ms")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an event's context."""

    name: str
    type: str  # int, number, bool, list, time, object, any, text
    required: bool
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """One event. `ms`, `amount`, `code` and `operation` name the keys of the context that become
    the columns of those names, which is what rollups sum and split by."""

    name: str
    stage: str  # empty: any stage
    statuses: tuple[str, ...]  # the first is assumed
    keys: tuple[Key, ...]
    ms: str
    amount: str
    code: str
    operation: str
    mission: bool  # whether it must say which mission it is about
    does: str  # the operation that every such event is, unless it names another
    ms_factor: float = 1.0

    @property
    def status(self) -> str:
        return self.statuses[0]

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(key.name for key in self.keys if key.required)


KINDS: dict[str, Kind] = {}


def define(
    name: str,
    stage: str,
    statuses: str,
    keys: str,
    *,
    ms: str = "",
    amount: str = "",
    code: str = "",
    operation: str = "",
    mission: bool = True,
    does: str = "",
) -> None:
    """A line of the table. `keys`: "name", "name?" where it may be missing, "name:a|b" where it
    is one of a few words."""
    if name in KINDS:
        raise ValueError(f"event {name} is defined twice")
    parsed = tuple(_key(each) for each in keys.split())
    names = {key.name for key in parsed}
    span = ms or next((key for key in _DURATIONS if key in names), "duration_ms")
    KINDS[name] = Kind(
        name=name,
        stage=stage,
        statuses=tuple(statuses.split("/")),
        keys=parsed,
        ms=span,
        ms_factor=next(factor for ending, factor in SPANS.items() if span.endswith(ending)),
        amount=amount,
        code=code or ("error_code" if "error_code" in names else "outcome"),
        operation=operation,
        mission=mission,
        does=does,
    )


def _key(text: str) -> Key:
    text, optional = text.removesuffix("?"), text.endswith("?")
    name, _, options = text.partition(":")
    words = tuple(options.split("|")) if options else ()
    return Key(name, TYPE_OF.get(name, "text"), not optional, words)


def find(name: str) -> Kind | None:
    """The entry of this name or of the one it has become."""
    return KINDS.get(ALIASES.get(name, name))
