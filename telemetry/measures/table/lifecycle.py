"""Mission Lifecycle and the stage rollup, as far as events tell of missions.

Missions themselves, once they live in the portal, tell it exactly.
"""

from __future__ import annotations

from telemetry.measures.elsewhere import stages
from telemetry.measures.table.words import area, these

_add = area("lifecycle")
STARTED = these("mission_created", "intent_submitted", "brief_generated", "mission_brief_locked")
EXECUTED = these("execution_started", "execution_step_completed")
_STAGE = ("stage",)
_FROM = "From the first event of each stage of a mission."

_add(
    "stage.completion",
    "Stage completion",
    "%",
    "computed",
    compute=stages.completion,
    better="higher",
    target=85.0,
    min_sample=10,
    groups=_STAGE,
    about=f"Missions that went on to a later stage, of those that entered a stage. {_FROM} Over"
    " all stages it is the worst one's.",
)
_add(
    "stage.entered",
    "Missions entered",
    "missions",
    "computed",
    compute=stages.entered,
    groups=_STAGE,
    about=f"Missions that entered a stage. {_FROM}",
)
_add(
    "stage.left",
    "Missions gone on",
    "missions",
    "computed",
    compute=stages.left,
    groups=_STAGE,
    about=f"Missions that entered a stage and went on to a later one. {_FROM}",
)
_add(
    "stage.time_p50",
    "Time in stage, median",
    "h",
    "computed",
    compute=stages.dwell_p50,
    better="lower",
    min_sample=3,
    groups=_STAGE,
    about=f"Of missions that left it in the window. {_FROM} Over all stages it is the longest.",
)
_add(
    "stage.time_p95",
    "Time in stage, p95",
    "h",
    "computed",
    compute=stages.dwell_p95,
    better="lower",
    min_sample=3,
    groups=_STAGE,
    about=f"Of missions that left it in the window. {_FROM}",
)
_add(
    "transitions.p95",
    "Stage transitions, p95",
    "ms",
    "p95",
    these("mission_stage_transition"),
    better="lower",
    target=150.0,
    about="How long the change of a stage takes.",
)
_add(
    "transitions.rolled_back",
    "Stages sent back",
    "",
    "count",
    these("mission_stage_transition", status="warning"),
    over=these("mission_stage_transition"),
    better="lower",
)
_add(
    "missions.started",
    "Missions started",
    "missions",
    "missions",
    these("mission_created", "intent_submitted"),
    about="Different missions that reported an intent.",
)
_add(
    "missions.completed",
    "Missions completed",
    "missions",
    "missions",
    these("mission_completed"),
    over=STARTED,
    better="higher",
    about="Different missions that reported their completion.",
)
_add(
    "missions.completion_rate",
    "Missions completed of those executed",
    "%",
    "missions_share",
    these("mission_completed"),
    over=EXECUTED,
    better="higher",
    about="Of missions that executed in the window, those completed in it.",
)
_add(
    "missions.duration_p50",
    "Duration of missions, median",
    "h",
    "p50",
    these("mission_completed"),
    scale=1 / 3_600_000,
    better="lower",
)
_add(
    "brief.lock_p50",
    "Time to lock the brief, median",
    "s",
    "p50",
    these("mission_brief_locked"),
    scale=1 / 1_000,
    better="lower",
    target=120.0,
)
_add(
    "brief.generation_p95",
    "Generating a brief, p95",
    "ms",
    "p95",
    these("brief_generated"),
    better="lower",
)
# The funnel: missions with an event of each step.
FUNNEL = {
    "intent": ("Intent", ("intent_submitted", "mission_created")),
    "brief": ("Brief", ("brief_generated", "mission_brief_locked")),
    "toolkits": ("Toolkits", ("toolkit_connected", "toolkit_selected")),
    "plan": ("Plan", ("plan_ranked", "plan_selected")),
    "execution": ("Execution", ("execution_started",)),
    "reflection": (
        "Reflection",
        ("mission_completed", "feedback_submitted", "mission_retrospective_logged"),
    ),
}
for _name, (_title, _events) in FUNNEL.items():
    _add(
        f"funnel.{_name}",
        _title,
        "missions",
        "missions",
        these(*_events),
        about=f"Missions that reported {' or '.join(_events)}.",
    )
_add(
    "approvals.requested",
    "Approvals requested",
    "",
    "count",
    these("approval_requested"),
    over=STARTED,
)
_add(
    "approvals.rejected",
    "Approvals rejected",
    "%",
    "ratio",
    these("approval_rejected"),
    over=these("approval_granted", "approval_rejected"),
    better="lower",
)
# Undo.
_add(
    "undo.success",
    "Undo success",
    "%",
    "success_rate",
    these("undo_completed"),
    better="higher",
    target=98.0,
    warn=95.0,
    about="Completed of those that ended. Under 50 runs one failure misses the target.",
)
_add(
    "undo.failures",
    "Undo failures",
    "%",
    "ratio",
    these("undo_completed", status="error"),
    over=(these("undo_completed", status="error"), these("undo_completed", status="success")),
    better="lower",
    target=2.0,
    warn=5.0,
)
_add("undo.runs", "Undo runs", "", "count", these("undo_completed"), over=EXECUTED)
_add("undo.p95", "Undoing, p95", "ms", "p95", these("undo_completed"), better="lower")
_add(
    "undo.coverage",
    "Executions with an undo plan",
    "%",
    "missions_share",
    these("undo_available"),
    over=EXECUTED,
    better="higher",
    target=100.0,
    about="Missions that executed and had said before that they can be undone.",
)
_add(
    "undo.rollback_ratio",
    "Undone of executed",
    "%",
    "ratio",
    these("undo_requested"),
    over=these("execution_started"),
    better="lower",
    about="Undo runs asked for, of executions started.",
)
_add("executions.started", "Executions started", "", "count", these("execution_started"))
_add(
    "executions.paused",
    "Executions paused",
    "",
    "count",
    these("execution_paused"),
    over=EXECUTED,
    better="lower",
)
