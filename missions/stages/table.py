"""The table: each stage with its checklist, its evidence, its checkpoint, and what stands at its
doors."""

from __future__ import annotations

from missions.stages.kinds import (
    ANALYST,
    CURATOR,
    OPERATIONS,
    OWNER,
    VALIDATOR,
    Checkpoint,
    Evidence,
    Gate,
    Line,
    Slot,
    Stage,
)


def _owner(says: str) -> Slot:
    return Slot("mo", "Mission Owner", (OWNER,), says, owner_may=True)


def _slot(slug: str, role: str, title: str, says: str) -> Slot:
    return Slot(slug, title, (role,), says)


def _validator(says: str) -> Slot:
    return _slot("gv", VALIDATOR, "Governance Validator", says)


def _operations(says: str) -> Slot:
    return _slot("oc", OPERATIONS, "Operations Command", says)


def _analyst(says: str) -> Slot:
    return _slot("ta", ANALYST, "Telemetry Analyst", says)


def _curator(says: str) -> Slot:
    return _slot("kc", CURATOR, "Knowledge Curator", says)


_LEADS = ("head_of_product", "vp_engineering")
_WHOLE = "The stage before, on the mission's page"
_BRIEF = "The mission owner, in the brief"

DEFINE = Stage(
    "define",
    "Define",
    "Define",
    1,
    legacy=("intake", "mission_brief"),
    seven=("define",),
    checklist=(
        Line("intent_validated", "Intent validated", (OWNER, VALIDATOR)),
        Line("safeguards_confirmed", "Safeguard defaults confirmed", (VALIDATOR,)),
        Line(
            "objective_logged",
            "Business objective logged with a measurable KPI",
            (OWNER,),
            gate="kpi_measurable",
        ),
    ),
    evidence=Evidence("define_intake_validation", "Intake validation"),
    checkpoint=Checkpoint(
        "mission_intent",
        "Intent Confirmation",
        "The safeguards follow the policy templates and the objective has a measurable KPI.",
        (
            _owner("I confirm that this is what the business wants, and answer for it."),
            _validator(
                "I confirm that the safeguards follow the templates and the KPI can be measured."
            ),
        ),
        ("compliance", *_LEADS),
    ),
    entry=(
        Gate("owner_set", "A mission owner answers for it", "The mission's form", (OWNER,)),
        Gate("intent_written", "The intent is written down", "The mission's form", (OWNER,)),
    ),
    exit=(
        Gate("brief_complete", "The brief says everything", _BRIEF, (OWNER, "coordinator")),
        Gate("objective_logged", "The business objective is logged", _BRIEF, (OWNER,)),
        Gate("kpi_measurable", "The KPI can be measured", _BRIEF, (OWNER,)),
        Gate("brief_locked", "The brief is locked", _BRIEF, (OWNER,)),
        Gate(
            "safeguards_justified",
            "Every safeguard cites a template or is justified",
            "The mission owner, in the safeguards",
            (OWNER, VALIDATOR),
        ),
        Gate(
            "safeguards_acknowledged",
            "Owner and validator acknowledged the safeguards",
            "Each of the two, in the safeguards",
            (OWNER, VALIDATOR),
        ),
    ),
)

PREPARE = Stage(
    "prepare",
    "Prepare",
    "Prepare",
    2,
    legacy=("toolkits_connect", "data_inspect"),
    seven=("prepare",),
    checklist=(
        Line("scopes_approved", "Toolkit scopes approved", (OPERATIONS,), gate="toolkits_decided"),
        Line("coverage_documented", "Data coverage documented", (ANALYST,), gate="data_coverage"),
        Line("compliance_attested", "Compliance attested", (VALIDATOR,)),
    ),
    evidence=Evidence("prepare_toolkit_attestation", "Toolkit attestation"),
    checkpoint=Checkpoint(
        "mission_toolkits",
        "Toolkit Authorization",
        "The scopes are what the mission needs, and each source was inspected read-only first.",
        (
            _owner("I confirm that the mission needs these toolkits, and no others."),
            _validator("I confirm that the safeguards cover what these toolkits can do."),
            _analyst("I confirm that the data covers what will be measured."),
            _operations(
                "I confirm these scopes, and that each toolkit was inspected read-only first."
            ),
        ),
        ("security_lead", *_LEADS),
    ),
    entry=(Gate("stage_before", "Define is complete", _WHOLE),),
    exit=(
        Gate(
            "toolkits_decided",
            "Every toolkit is approved or dropped",
            "Operations Command, in the toolkits",
            (OPERATIONS,),
        ),
        Gate(
            "inspected_first",
            "Every connection was inspected read-only first",
            "The inspector, before the connection is granted",
            ("inspector", OPERATIONS),
        ),
        Gate(
            "scopes_granted",
            "Granted scopes cover what is needed and are not expired",
            "The inspector asks again; Operations Command approves",
            ("inspector", OPERATIONS),
        ),
        Gate(
            "data_coverage",
            "The data covers enough, or a gap was accepted",
            "The inspector looks again, or the validator accepts the gap",
            ("inspector", VALIDATOR),
        ),
    ),
)

PLAN_APPROVE = Stage(
    "plan_approve",
    "Plan & Approve",
    "Plan",
    3,
    legacy=("plan",),
    seven=("plan", "approve"),
    checklist=(
        Line("plays_reviewed", "Ranked plays reviewed", (OWNER, VALIDATOR, OPERATIONS)),
        Line("undo_approved", "Undo plan approved", (OPERATIONS,), gate="undo_ready"),
        Line("risks_captured", "Risk notes captured", (OWNER,), gate="risk_notes"),
        Line("sla_confirmed", "SLA impact confirmed", (OPERATIONS,), gate="sla_impact"),
        Line("hooks_present", "Telemetry hooks present", (ANALYST,), gate="hook_check"),
    ),
    evidence=Evidence("plan_approval_packet", "Approval packet"),
    checkpoint=Checkpoint(
        "mission_packet",
        "Approval Packet Review",
        "Two different people sign the same packet: the play, its undo plan and the risks.",
        (
            _validator(
                "I confirm that the play keeps to the safeguards, and that it can be undone."
            ),
            _operations("I confirm that the play can be run and taken back as planned."),
        ),
        ("compliance", *_LEADS),
    ),
    entry=(
        Gate("stage_before", "Prepare is complete", _WHOLE),
        Gate(
            "scopes_fresh",
            "What was prepared is still fresh",
            "The inspector looks again, in Prepare",
            ("inspector",),
        ),
    ),
    exit=(
        Gate("play_selected", "One play is selected", "The mission owner, in the plan", (OWNER,)),
        Gate(
            "undo_ready",
            "The undo plan covers every step that changes something",
            "The planner, in the undo plan",
            ("planner", OPERATIONS),
        ),
        Gate("risk_matrix", "The risk matrix is filled", "The plan's risks", (OWNER, "planner")),
        Gate("risk_notes", "Risk notes are written", "The plan's notes", (OWNER, "planner")),
        Gate("sla_impact", "The SLA impact is said", "The plan's notes", (OPERATIONS, OWNER)),
        Gate(
            "hook_check",
            "The telemetry hooks were checked",
            "The telemetry analyst, in the plan",
            (ANALYST,),
        ),
    ),
)

EXECUTE_OBSERVE = Stage(
    "execute_observe",
    "Execute & Observe",
    "Execute",
    4,
    legacy=("governed_execution", "evidence"),
    seven=("execute",),
    checklist=(
        Line("window_staffed", "Monitoring window staffed", (OPERATIONS,), gate="duty_window"),
        Line("playbooks_run", "Playbooks run for alerts", (OPERATIONS,)),
        Line("outcomes_documented", "Incident outcomes documented", (OPERATIONS, ANALYST)),
    ),
    evidence=Evidence("execute_observe_runlog", "Run log"),
    checkpoint=Checkpoint(
        "mission_execution",
        "Live Execution Oversight",
        "It ran under watch, and what went wrong is documented or taken back.",
        (
            _operations(
                "I confirm that it was watched while it ran, and that alerts were answered."
            ),
            _analyst("I confirm that what was reported is whole."),
        ),
        ("sre_liaison", *_LEADS),
    ),
    entry=(
        Gate(
            "packet_unchanged",
            "The approved packet still stands",
            "Send it back to Plan & Approve and ask again",
            (OWNER, OPERATIONS),
        ),
        Gate(
            "duty_window",
            "Somebody of Operations Command is on duty",
            "Operations Command, in the duty windows",
            (OPERATIONS,),
        ),
        Gate(
            "governance_green",
            "The governance check finds nothing",
            "Whoever each of its findings names",
        ),
        Gate(
            "type_enabled",
            "Missions of this type may run",
            "Whoever may change the flag of its type",
            (OPERATIONS, "release_manager"),
        ),
    ),
    exit=(
        Gate("actions_ended", "All actions ended", "The executor, in the run log", ("executor",)),
        Gate(
            "findings_closed",
            "No critical finding is open",
            "The governance validator, in the findings",
            (VALIDATOR,),
        ),
        Gate(
            "undo_closed",
            "The time to undo is over, or was closed",
            "Operations Command, in the undo plan",
            (OPERATIONS,),
        ),
        Gate(
            "bundle_verified",
            "The evidence bundle is stored and verified",
            "The evidence agent, or anybody who may make it again",
            ("evidence", OPERATIONS),
        ),
    ),
)

REFLECT_IMPROVE = Stage(
    "reflect_improve",
    "Reflect & Improve",
    "Reflect",
    5,
    legacy=("feedback",),
    seven=("reflect",),
    checklist=(
        Line("feedback_collected", "Feedback collected", (OWNER,), gate="feedback_given"),
        Line("reuse_classified", "Reuse classified", (CURATOR,), gate="reuse_classified"),
        Line("training_updated", "Training backlog updated", (CURATOR,), gate="training_updated"),
    ),
    evidence=Evidence("reflect_improve_retro", "Retrospective"),
    checkpoint=Checkpoint(
        "mission_retrospective",
        "Retrospective Sign-Off",
        "The summary notes feedback, what goes into the library and what follows.",
        (
            _owner("I confirm that the outcome is as the summary says."),
            _curator("I confirm that what can be used again is in the library."),
            _analyst("I confirm that the figures of the summary are right."),
        ),
        _LEADS,
    ),
    entry=(Gate("execution_ended", "The execution ended", _WHOLE),),
    exit=(
        Gate(
            "feedback_given",
            "There is feedback, or a reason why not",
            "Whoever the mission was for, in the feedback form",
            (OWNER,),
        ),
        Gate(
            "reuse_classified",
            "It is said what can be used again",
            "The knowledge curator, in the retrospective",
            (CURATOR,),
        ),
        Gate(
            "training_updated",
            "The training backlog is up to date",
            "The knowledge curator, in the training backlog",
            (CURATOR,),
        ),
        Gate(
            "retrospective_written",
            "The retrospective is written",
            "The mission owner, in the retrospective",
            (OWNER,),
        ),
        Gate(
            "followups_owned",
            "Every follow-up has an owner and a date",
            "The mission owner, in the follow-ups",
            (OWNER,),
        ),
    ),
)

STAGES: dict[str, Stage] = {
    stage.slug: stage for stage in (DEFINE, PREPARE, PLAN_APPROVE, EXECUTE_OBSERVE, REFLECT_IMPROVE)
}
