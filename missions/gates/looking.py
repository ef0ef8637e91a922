"""One look around a mission: what several gates ask of is read once."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

from controlplane.access.models import Grant
from controlplane.approvals.models import Request
from controlplane.lib import clock
from missions import links, reads, stages
from missions.gates import registry
from missions.gates.kinds import ENTRY, EXIT, PASSED, Check, Found
from missions.models import Brief, ChecklistTick, Mission, StageVisit
from missions.stages import Line, Stage


class Look:
    """`stage` is the one whose door is looked at: the mission's own, or the one it would enter."""

    def __init__(self, mission: Mission, *, stage: str = "", now: datetime | None = None) -> None:
        self.mission = mission
        self.stage: Stage = stages.get(stage or mission.stage)
        self.now = now or clock.now()
        self.answers: dict[tuple[str, str], Found] = {}

    def at(self, stage: str) -> Look:
        """The same mission at another stage's door, with what was read already."""
        other = Look(self.mission, stage=stage, now=self.now)
        other.answers = self.answers
        for name in ("visit", "visits", "brief", "owner_roles"):
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        return other

    @cached_property
    def visit(self) -> StageVisit | None:
        """Where it stands now; nowhere as a draft and at its end."""
        return next((each for each in self.visits if each.is_open), None)

    @cached_property
    def visits(self) -> list[StageVisit]:
        return reads.VISITS.of(self.mission)

    def last_visit(self, stage: str) -> StageVisit | None:
        return next((each for each in reversed(self.visits) if each.stage == stage), None)

    @cached_property
    def brief(self) -> Brief:
        return reads.brief(self.mission)

    @cached_property
    def owner_roles(self) -> frozenset[str]:
        """What the owner holds in the workspace now."""
        mission = self.mission
        rows = Grant.objects.held().of_active_people()
        held = rows.filter(
            membership__workspace_id=mission.workspace_id, membership__user_id=mission.owner_id
        ).values_list("role", flat=True)
        key = ("roles", mission.workspace_id, mission.owner_id)
        return reads.once(mission, key, lambda: frozenset(held))

    @cached_property
    def ticks(self) -> dict[str, ChecklistTick]:
        if self.visit is None:
            return {}
        rows = reads.TICKS.of(self.mission)
        return {each.line: each for each in rows if each.visit_id == self.visit.pk}

    @property
    def approval(self) -> Request | None:
        return self.visit.approval if self.visit is not None else None

    @cached_property
    def evidence(self) -> list[dict[str, str]]:
        return evidence_of(self.visit) if self.visit is not None else []

    def done(self, line: Line) -> bool:
        """Whether a line of the checklist is done: ticked, or its gate passes."""
        if line.gate:
            return registry.answer(line.gate, self).state in {PASSED, "not_applicable"}
        return line.slug in self.ticks

    def url(self, part: str = "") -> str:
        return links.page_of(self.mission) + (f"#{part}" if part else "")


def evidence_of(visit: StageVisit) -> list[dict[str, str]]:
    """Links of the visit and whatever other parts keep for it."""
    found = [
        {
            "label": each["label"],
            "link": each["link"],
            "sha256": each.get("sha256", ""),
            "by": each.get("by", ""),
        }
        for each in visit.evidence
    ]
    for more in registry.EVIDENCE:
        found += more(visit)
    return found


def exit_checks(look: Look, *, signed: bool = True) -> list[Check]:
    """What must hold before this stage is left. `signed`: the checkpoint too."""
    gates = look.stage.exit_gates
    with reads.together([look.mission]):
        return [
            Check(look.stage.slug, EXIT, gate, registry.answer(gate.slug, look))
            for gate in gates
            if signed or gate.slug != stages.SIGNED
        ]


def entry_checks(look: Look, stage: str = "") -> list[Check]:
    """What must hold before the stage is entered."""
    there = look.at(stage) if stage else look
    with reads.together([look.mission]):
        return [
            Check(there.stage.slug, ENTRY, gate, registry.answer(gate.slug, there))
            for gate in there.stage.entry
        ]


def all_checks(look: Look) -> list[Check]:
    """What is between the mission and its next stage: of a draft the door of the first, of one
    under way the end of its own and the door of the next."""
    if look.mission.status == Mission.Status.DRAFT:
        return entry_checks(look)
    if not look.mission.is_under_way:
        return []
    following = stages.after(look.stage.slug)
    with reads.together([look.mission]):
        found = exit_checks(look)
        return found + (entry_checks(look, following.slug) if following is not None else [])
