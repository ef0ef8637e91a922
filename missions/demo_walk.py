"""How the demo brings a mission through its stages: as its people and agents would, each part by
the service that theirs is, with every gate as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from controlplane.access.models import Agent
from controlplane.access.principals import actor_for_agent
from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.base import demo
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from missions import services, stages
from missions.models import Mission, Play, UndoPlan
from missions.services import (
    dispatching,
    evidence,
    executing,
    feedback,
    followups,
    plan_notes,
    plays,
    reporting,
    retrospectives,
    undo_plans,
)
from missions.services.evidence import bundles
from missions.services.holding import open_visit

TYPE = "market_research"  # its flag is on where the demo runs
_KIT = "gmail"
_SCOPES = ["gmail.readonly", "gmail.compose"]
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Story:
    """What is wanted of one mission, in the words that its pages show."""

    key: str
    title: str
    intent: str
    objective: str
    audience: str
    gain: str
    kpi: str
    unit: str
    baseline: int
    target: int
    action: str = "create_drafts"
    tags: tuple[str, ...] = ()
    due_in: int = 30
    learnt: dict[str, Any] = field(default_factory=dict)
    next_time: str = "Let the mailbox keep drafts for a week"


class Walk:
    def __init__(self, scene: demo.Scene, story: Story) -> None:
        self.scene, self.story = scene, story
        self.row = self._made()

    def _made(self) -> Mission:
        now, story = clock.now(), self.story
        row = services.create_mission(
            self.scene.workspace,
            actor=self.by("mission_owner"),
            title=story.title,
            intent=story.intent,
            mission_type=TYPE,
            persona="Customer success",
            tags=list(story.tags),
            due_on=(now + timedelta(days=story.due_in)).date(),
            external_ref=story.key,
            brief={
                "objective": story.objective,
                "audience": story.audience,
                "business_objective": story.gain,
                "kpi_name": story.kpi,
                "kpi_unit": story.unit,
                "kpi_direction": "up" if story.target > story.baseline else "down",
                "kpi_baseline": Decimal(story.baseline),
                "kpi_target": Decimal(story.target),
                "kpi_deadline": (now + timedelta(days=story.due_in + 30)).date(),
                "timeline": "A first sample in two days, all of it in two weeks.",
            },
        )
        return services.start_mission(row, actor=self.by("mission_owner"))

    # --- Who does it ------------------------------------------------------------------------

    def by(self, role: str) -> Actor:
        return self.scene.actor(role)

    def agent(self, role: str) -> Actor:
        rows = Agent.objects.filter(workspace=self.scene.workspace, role=role)
        return actor_for_agent(rows.earliest("id"))

    def again(self) -> Mission:
        rows = Mission.objects.select_related("workspace", "owner", "item")
        self.row = rows.get(pk=self.row.pk)
        return self.row

    # --- Consent ----------------------------------------------------------------------------

    def ask(self) -> Request:
        """With what shows that the stage was done: its evidence."""
        stage = stages.get(self.row.stage)
        services.link_evidence(
            self.row, actor=self.agent("evidence"), label=stage.evidence.title,
            link=f"docs/readiness/{stage.evidence.slug}.md",
        )  # fmt: skip
        return services.ask_checkpoint(self.again(), actor=self.agent("coordinator"))

    def answer(self, slot: str, verdict: str = "approved", comment: str = "") -> None:
        visit = open_visit(self.again())
        asked = visit.approval if visit is not None else None
        if asked is None:
            raise LookupError(f"{self.row.ref} asks nothing.")
        [role] = asked.slots.get(slug=slot).roles
        approvals.decide(
            asked, verdict, actor=self.by(role), sha256=asked.sha256, slot=slot, comment=comment
        )
        self.again()

    def sign(self, *slots: str) -> None:
        for slot in slots:
            self.answer(slot)

    # --- Stages, each up to its signatures ---------------------------------------------------

    def define(self) -> None:
        owner, validator = self.by("mission_owner"), self.by("governance_validator")
        services.lock_brief(self.row, actor=owner)
        for each in self.row.safeguards.undecided().select_related("template"):
            services.decide_safeguard(each, "accepted", actor=validator)
        for actor in (owner, validator):
            services.acknowledge_safeguards(self.row, actor=actor)
        services.tick_line(self.again(), "intent_validated", actor=owner,
                           note_="Read with the team that asked for it.")  # fmt: skip
        services.tick_line(self.row, "safeguards_confirmed", actor=validator)

    def prepare(self) -> None:
        inspector, now = self.agent("inspector"), clock.now()
        kit = services.ask_toolkit(
            self.row, actor=inspector, toolkit=_KIT, purpose=self.story.objective,
            requested_scopes=_SCOPES, minimum_scopes=_SCOPES[:1], mutating=True,
        )  # fmt: skip
        services.record_inspection(
            kit, actor=inspector, source="Mails of the last year", coverage_percent="94.2",
            read_only=True, proof="GET only; the key has no other scope.", sample_count=380,
            result="pass", pii_flags=["email"], freshness_at=now - _DAY,
        )  # fmt: skip
        services.approve_toolkit(kit, actor=self.by("operations_command"))
        services.attest_toolkit(
            kit, actor=self.by("governance_validator"),
            text="Reading and drafting is the least it needs.",
        )  # fmt: skip
        held = services.begin_connection(kit, actor=inspector, link_id=f"link-{self.story.key}")
        services.complete_connection(
            held, actor=inspector, granted_scopes=_SCOPES, expires_at=now + 60 * _DAY
        )
        services.tick_line(
            self.again(), "compliance_attested", actor=self.by("governance_validator")
        )

    def plan(self) -> None:
        planner, operations = self.agent("planner"), self.by("operations_command")
        [play] = plays.propose_plays(self.row, [self._play()], actor=planner, method="agent")
        undo_plans.make_undo_ready(
            UndoPlan.objects.select_related("play__mission").get(play=play), actor=planner
        )
        plays.select_play(
            play, actor=self.by("mission_owner"), reason="Nothing leaves before somebody read it."
        )
        plan_notes.add_risk(
            self.row, actor=planner, owner=self.scene.people["operations_command"],
            title="A draft quotes what was said in confidence", likelihood=2, impact=4,
            reversibility="full", mitigation="Each draft is read by whoever knows the customer.",
        )  # fmt: skip
        plan_notes.put_plan_note(
            self.row, actor=planner, risk_notes="Drafts stay in the folder of whoever sends them.",
            sla_impact="None: the mailbox' limits leave enough for others.",
        )  # fmt: skip
        services.tick_line(self.again(), "plays_reviewed", actor=operations)
        services.link_evidence(
            self.row, actor=self.agent("evidence"), label="Approval packet",
            link="docs/readiness/plan_approval_packet.md",
        )  # fmt: skip
        plan_notes.check_hooks(
            self.again(), actor=self.by("telemetry_analyst"), passed=True,
            details="execution_started, undo_available and execution_step_completed arrive.",
        )  # fmt: skip
        now = clock.now()
        plan_notes.add_duty(
            self.row, actor=operations, person=self.scene.people["operations_command"],
            starts_at=now, ends_at=now + 3 * _DAY, note_="Until the last draft is read.",
        )  # fmt: skip

    def _play(self) -> dict[str, Any]:
        story = self.story
        return {
            "key": "drafts-first",
            "title": "Draft each one, let people send",
            "rationale": "Nothing leaves the house before somebody has read it.",
            "impact": f"{story.kpi}: from {story.baseline} to {story.target}",
            "confidence": "0.84",
            "effort": "low",
            "risk": "low",
            "steps": [
                {"toolkit": _KIT, "action": "search_threads", "summary": "What was written"},
                {"toolkit": _KIT, "action": story.action, "summary": "A draft for each",
                 "mutating": True},
            ],
            "undo": {
                "label": "Take the drafts away",
                "impact": "Nobody outside has seen them.",
                "window_minutes": 120,
                "steps": [
                    {"play_step": 2, "action": "The drafts", "inverse": "Delete each by its id.",
                     "verify": "None of the ids is found any more."},
                ],
            },
        }  # fmt: skip

    def execute(self) -> None:
        executor, operations = self.agent("executor"), self.by("operations_command")
        key = f"run-{self.story.key}"
        run = executing.start_run(self.row, actor=executor, external_id=key, estimated_seconds=900)
        for place in (1, 2):
            dispatching.dispatch(run, actor=executor, external_id=f"{key}-{place}", play_step=place)
        now = clock.now()
        reporting.report_steps(run, [
            {"external_id": f"{key}-{place}", "status": "succeeded", "sequence": 2,
             "started_at": now, "ended_at": now + timedelta(seconds=3), "latency_ms": 1_840}
            for place in (1, 2)
        ], actor=executor)  # fmt: skip
        executing.finish_run(run, actor=executor, outcome="Every draft is there.")
        play = Play.objects.get(mission=self.row, status="selected")
        undo_plans.close_undo(
            UndoPlan.objects.select_related("play__mission").get(play=play),
            actor=operations, reason="Every draft was read.",
        )  # fmt: skip
        for line in ("playbooks_run", "outcomes_documented"):
            services.tick_line(self.again(), line, actor=operations)
        evidence.ask_bundle(self.row, actor=self.agent("evidence"), reason="For the sign-off.")
        bundles.make_due()

    def reflect(self) -> None:
        owner, curator = self.by("mission_owner"), self.by("knowledge_curator")
        feedback.give_feedback(
            self.row, actor=owner, rating=4, satisfaction=5, effort_saved_minutes=260,
            text="I would do it again.",
        )  # fmt: skip
        retrospectives.write_retrospective(self.row, actor=owner, **self.story.learnt)
        followups.add_followup(
            self.row, actor=owner, title=self.story.next_time,
            owner=self.scene.people["operations_command"], due_on=(clock.now() + 12 * _DAY).date(),
        )  # fmt: skip
        retrospectives.classify_reuse(
            self.row, "adapt", actor=curator, reason="The drafts fit every customer who asks."
        )
        retrospectives.settle_training(
            self.row, actor=curator, note_="Owners know how to read drafts."
        )
        self.again()
