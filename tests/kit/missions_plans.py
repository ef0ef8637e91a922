"""A mission with a plan, and one that carries it out."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Any

from controlplane.access.models import User, Workspace
from controlplane.catalog import services as catalog
from controlplane.catalog.models import Integration
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from missions.models import Mission, Play, Run, UndoPlan, UndoRun
from missions.services import (
    dispatching,
    executing,
    plan_notes,
    plays,
    reporting,
    undo_plans,
    undoing,
)
from tests import make
from tests.kit import missions as kit
from tests.kit.missions import again

STEPS: list[dict[str, Any]] = [
    {"toolkit": "crm", "action": "list_accounts", "summary": "Who went quiet"},
    {"toolkit": "crm", "action": "tag_accounts", "summary": "Mark them", "mutating": True},
    {"toolkit": "mail", "action": "create_drafts", "summary": "A draft each", "mutating": True},
]
UNDO: dict[str, Any] = {
    "label": "Take tags and drafts away",
    "impact": "Nobody has seen them",
    "window_minutes": 20,
    "steps": [
        {"play_step": 2, "action": "Tags", "inverse": "Remove the tag from each account.",
         "verify": "No account has the tag."},
        {"play_step": 3, "action": "Drafts", "inverse": "Delete the drafts.",
         "verify": "The folder of drafts is empty."},
        {"play_step": 3, "action": "Drafts by hand", "inverse": "Ask the mailbox' owner.",
         "verify": "They say so.", "alternate": True},
    ],
}  # fmt: skip
PLAY: dict[str, Any] = {
    "key": "drafts-first",
    "title": "Draft, then let the owner send",
    "rationale": "Nothing leaves before somebody read it.",
    "impact": "200 drafts",
    "confidence": 0.8,
    "effort": "low",
    "risk": "low",
    "precedents": [{"id": "P-1", "title": "Spring campaign", "similarity": 0.7, "summary": "Same"}],
    "steps": STEPS,
    "undo": UNDO,
}
OTHER: dict[str, Any] = {
    "key": "call-them",
    "title": "Let account managers call",
    "effort": "high",
    "risk": "low",
    "steps": [{"action": "write_list", "summary": "Whom to call"}],
}


def many(number: int, status: str = "succeeded", **more: Any) -> list[dict[str, Any]]:
    """Reports of so many steps."""
    return [
        {"external_id": f"s-{n}", "status": status, "toolkit": "crm", "action": "list_accounts",
         "play_step": 1, "latency_ms": 40, **more}
        for n in range(number)
    ]  # fmt: skip


class World(kit.World):
    """With integrations, agents, and missions that came from another system in Plan & Approve, so
    that no test walks there."""

    def integrations(self) -> None:
        known = Integration.objects.of(self.workspace).values_list("slug", flat=True)
        for slug in {"crm", "mail"} - set(known):
            catalog.add_integration(
                self.workspace, actor=make.JOB, slug=slug, name=slug, kind="toolkit"
            )

    def agent(self, role: str) -> Actor:
        return make.actor(make.agent(self.workspace, role=role))

    @cached_property
    def planner(self) -> Actor:
        self.integrations()
        return self.agent("planner")

    @cached_property
    def executor(self) -> Actor:
        return self.agent("executor")

    def planned(self, row: Mission | None = None, **given: Any) -> Play:
        """Two plays, the first chosen, its way back ready."""
        row = row or self.imported(stage="Plan", **given)
        first = self.proposed(row)[0]
        plays.select_play(first, actor=self.actor, reason="It is the safest.")
        undo_plans.make_undo_ready(UndoPlan.objects.get(play=first), actor=self.planner)
        found: Play = Play.objects.select_related("mission__workspace").get(pk=first.pk)
        return found

    def proposed(self, row: Mission) -> list[Play]:
        return plays.propose_plays(row, [PLAY, OTHER], actor=self.planner)

    def noted(self, row: Mission) -> None:
        """Everything else a plan says."""
        plan_notes.put_plan_note(
            row, actor=self.actor, risk_notes="Tags may be seen.", sla_impact="None."
        )
        plan_notes.add_risk(
            row, actor=self.actor, title="Wrong accounts are tagged", likelihood=2, impact=3,
            reversibility="full", mitigation="Compare with last year.", owner=self.owner,
        )  # fmt: skip

    def watched(self, row: Mission) -> None:
        person = make.person(self.workspace, "operations_command", name="Olga Chief")
        now = clock.now()
        plan_notes.add_duty(
            row, actor=self.oc, person=person, starts_at=now - timedelta(hours=1),
            ends_at=now + timedelta(hours=8),
        )  # fmt: skip

    def executing(self, **given: Any) -> Mission:
        """In Execute & Observe with a play that may be run."""
        row = self.planned(**given).mission
        self.watched(row)
        with kit.all_answered():
            self.sign(self.asked(row))
        return again(row)

    def run(self, row: Mission | None = None, key: str = "run-1") -> Run:
        row = row or self.executing()
        return executing.start_run(row, actor=self.executor, external_id=key)

    def step(self, run: Run, place: int = 2, key: str = "", **given: Any) -> dispatching.Dispatched:
        """Ask for a step of the play."""
        return dispatching.dispatch(
            run, actor=self.executor, external_id=key or f"step-{place}", play_step=place, **given
        )

    def report(self, run: Run, *steps: dict[str, Any]) -> reporting.Receipt:
        return reporting.report_steps(run, list(steps), actor=self.executor)

    def changed(self) -> Run:
        """A run that changed everything its play changes."""
        run = self.run()
        for place in (2, 3):
            self.step(run, place)
            self.report(run, {"external_id": f"step-{place}", "status": "succeeded"})
        return run

    def undo_of(self, run: Run) -> UndoPlan:
        found: UndoPlan = UndoPlan.objects.select_related("play__mission").get(play=run.play_id)
        return found

    def undo_of_play(self, play: Play) -> UndoPlan:
        found: UndoPlan = UndoPlan.objects.select_related("play__mission").get(play=play)
        return found

    def proposed_anew(self, plan: UndoPlan, *given: dict[str, Any]) -> list[Play]:
        return plays.propose_plays(plan.play.mission, list(given), actor=self.planner)

    def undo(self, run: Run, **given: Any) -> UndoRun:
        return undoing.request_undo(
            self.undo_of(run), actor=self.oc, reason="The tags are wrong.", **given
        )

    def tries(self, run: UndoRun, *results: tuple[int, str]) -> UndoRun:
        told = [
            {"step": place, "result": result, "note": "" if result == "done" else "It said no."}
            for place, result in results
        ]
        return undoing.report_undo(run, told, actor=self.executor)


def inhabit(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    """One whose plays wait for a choice, and one that was run, drilled and is being taken back."""
    world = World(workspace, root)
    back = [{**each, "inverse": hostile} for each in UNDO["steps"]]
    said = {**PLAY, "title": hostile, "rationale": f"{hostile}\n{long}", "impact": long[:480],
            "key": hostile[:90], "steps": [{**each, "summary": hostile} for each in STEPS],
            "precedents": [{"id": "<b>", "title": hostile, "summary": long[:480]}],
            "undo": {**UNDO, "label": hostile, "impact": long[:480], "steps": back}}  # fmt: skip
    waiting = world.imported(stage="Plan", title="Plays wait", external_ref="plans-waiting")
    plays.propose_plays(waiting, [PLAY, OTHER], actor=world.planner)
    plays.propose_plays(waiting, [said, OTHER], actor=world.planner)  # the first is withdrawn
    _say(world, waiting, hostile, long)
    run = world.run(world.executing(title="Run and undone", external_ref="plans-run"), "run<b>")
    drill = world.undo(run, drill=True)
    world.tries(drill, (2, "done"), (1, "done"))
    for place in (2, 3):
        world.step(run, place, arguments={"note": hostile})
    world.report(
        run,
        {"external_id": "step-2", "status": "failed", "error_code": hostile[:60], "agent": "x<b>"},
        {"external_id": "step-3", "status": "running"},
        *many(3, action=hostile[:100]),
        *many(2, "skipped", external_id="skip"),
    )
    undo = undoing.request_undo(world.undo_of(run), actor=world.actor, reason=hostile)
    world.tries(undo, (2, "failed"))


def _say(world: World, row: Mission, hostile: str, long: str) -> None:
    plan_notes.put_plan_note(row, actor=world.actor, risk_notes=hostile, sla_impact=long)
    for title, likely in ((hostile, 5), (long[:190], 1)):
        risk = plan_notes.add_risk(
            row, actor=world.actor, title=title, likelihood=likely, impact=4,
            reversibility="none", mitigation=hostile, owner=world.owner,
        )  # fmt: skip
    plan_notes.remove_risk(risk, actor=world.actor, reason=hostile)
    plan_notes.check_hooks(row, actor=world.actor, passed=False, details=hostile)
