"""A workspace that runs missions, with the five roles around them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from controlplane.access.models import User, Workspace
from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.lib.actors import Actor
from controlplane.notify import outbox
from missions import governance, services, stages
from missions.gates import computing, registry
from missions.gates.kinds import passed
from missions.gates.looking import Look, all_checks
from missions.models import Mission, StageVisit
from missions.services.holding import open_visit
from tests import make

ROLES = {
    "mo": "mission_owner",
    "gv": "governance_validator",
    "oc": "operations_command",
    "ta": "telemetry_analyst",
    "kc": "knowledge_curator",
}
BRIEF: dict[str, Any] = {
    "objective": "Draft mails to accounts that went quiet.",
    "audience": "Dormant accounts in the EU.",
    "business_objective": "Win back a tenth of them.",
    "kpi_name": "Accounts that answer",
    "kpi_unit": "accounts",
    "kpi_baseline": Decimal(4),
    "kpi_target": Decimal(20),
    "kpi_deadline": date(2027, 3, 31),
    "timeline": "Two weeks.",
}
LINK = "https://docs.example.org/readiness/7"


class World:
    """An owner who wants something, and everybody who signs."""

    def __init__(self, workspace: Workspace | None = None, owner: User | None = None) -> None:
        self.workspace = workspace or make.workspace()
        self.owner = owner or make.person(self.workspace, "mission_owner", name="Mona Ode")
        self.actor = make.actor(self.owner)

    def someone(self, *roles: str) -> Actor:
        return make.actor(make.person(self.workspace, *roles))

    @cached_property
    def gv(self) -> Actor:
        return self.someone("governance_validator")

    @cached_property
    def oc(self) -> Actor:
        return self.someone("operations_command")

    @cached_property
    def importer(self) -> Actor:
        return self.someone("operations_command")

    @cached_property
    def ta(self) -> Actor:
        return self.someone("telemetry_analyst")

    @cached_property
    def kc(self) -> Actor:
        return self.someone("knowledge_curator")

    def of_role(self, role: str) -> Actor:
        for short, name in ROLES.items():
            if name == role:
                return self.actor if short == "mo" else getattr(self, short)
        raise KeyError(role)

    def draft(self, **given: Any) -> Mission:
        values: dict[str, Any] = {
            "title": "Win back dormant accounts",
            "intent": "Write to accounts that went quiet.",
            "brief": dict(BRIEF),
            "actor": self.actor,
            **given,
        }
        return services.create_mission(self.workspace, **values)

    def started(self, **given: Any) -> Mission:
        return services.start_mission(self.draft(**given), actor=self.actor)

    def locked(self, **given: Any) -> Mission:
        row = self.started(**given)
        services.lock_brief(row, actor=self.actor)
        return again(row)

    def done(self, row: Mission) -> Mission:
        """Tick what people tick and link the evidence."""
        for line in stages.get(row.stage).checklist:
            if not line.gate:
                services.tick_line(row, line.slug, actor=self.of_role(line.roles[0]))
        services.link_evidence(row, actor=self.actor, link=LINK, label="What was found")
        return again(row)

    def asked(self, row: Mission | None = None) -> Mission:
        """Its checkpoint waits for people; call within `all_answered`."""
        row = self.done(row or self.locked())
        services.ask_checkpoint(row, actor=self.actor)
        return again(row)

    def sign(self, row: Mission, *slots: str, verdict: str = "approved") -> Request:
        """The people of these slots answer, or of all that still wait."""
        request = request_of(row)
        for slot in request.slots.order_by("position"):
            if slot.is_full or (slots and slot.slug not in slots):
                continue
            request = Request.objects.get(pk=request.pk)
            approvals.decide(
                request, verdict, actor=self.of_role(slot.roles[0]), sha256=request.sha256,
                slot=slot.slug, comment="" if verdict == "approved" else "Not like this.",
            )  # fmt: skip
            if verdict != "approved":
                break
        return Request.objects.get(pk=request.pk)

    def in_stage(self, stage: str, **given: Any) -> Mission:
        """Brought there by signatures; call within `all_answered`."""
        row = self.locked(**given)
        while row.stage != stage:
            self.sign(self.asked(row))
            row = again(row)
        return row

    def completed(self, **given: Any) -> Mission:
        row = self.in_stage(stages.LAST, **given)
        self.sign(self.asked(row))
        return again(row)

    def imported(self, **given: Any) -> Mission:
        row: dict[str, Any] = {
            "external_ref": f"old-{Mission.objects.count()}",
            "title": "Of the old system",
            "owner": self.owner,
            **given,
        }
        found = services.import_missions(self.workspace, [row], actor=self.importer)
        return found[0].mission


@contextmanager
def all_answered(*but: str) -> Iterator[None]:
    """Somebody says that every gate holds but those of the mission itself (its brief, checklist,
    evidence and signatures) and those named: what answers these is asked."""
    known = dict(registry.PROVIDERS)
    own = {slug for slug, asked in known.items() if asked.__module__ == computing.__name__}
    own.add(stages.EVIDENCE)
    registry.PROVIDERS.update(dict.fromkeys(stages.gate_slugs() - own - set(but), _holds))
    try:
        yield
    finally:
        registry.PROVIDERS.clear()
        registry.PROVIDERS.update(known)


def _holds(look: Look) -> Any:
    return passed("It holds in this test.")


def again(row: Mission) -> Mission:
    found: Mission = Mission.objects.select_related("workspace", "item", "owner").get(pk=row.pk)
    return found


def request_of(row: Mission) -> Request:
    visit = visit_of(row)
    assert visit.approval is not None
    return visit.approval


def visit_of(row: Mission) -> StageVisit:
    found = open_visit(row)
    assert found is not None
    return found


def states_of(row: Mission) -> dict[str, str]:
    """State by gate, of what is between it and its next stage."""
    found: dict[str, str] = {}
    for each in all_checks(Look(again(row))):
        found.setdefault(each.slug, each.state)
    return found


def deliver() -> None:
    """Send what waits in the outbox."""
    outbox.work(time.monotonic() + 5)


def inhabit(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    """One that says everything and waits for signatures, and one for every other state."""
    world = World(workspace, root)
    said: dict[str, Any] = {
        "title": hostile, "intent": f"# About\n\n{hostile}", "persona": hostile[:90],
        "tags": ["ops", "eu"], "priority": 0, "due_on": date(2020, 1, 1), "mission_type": "crm",
        "brief": {**BRIEF, "objective": hostile, "audience": long, "timeline": hostile,
                  "business_objective": f"{hostile}\n{long}", "kpi_unit": hostile[:30],
                  "kpi_name": hostile[:100]},
    }  # fmt: skip
    given: Any = {"actor": world.actor, "reason": hostile}
    world.draft(title=long[:190])
    services.cancel_mission(world.draft(title=hostile), **given)
    services.pause_mission(world.started(title="Paused"), **given)
    row = world.done(world.locked(**said))
    services.untick_line(row, "intent_validated", **given)
    services.tick_line(
        row, "intent_validated", actor=world.actor, note_=hostile,
        evidence=[{"label": hostile, "link": "https://ci.example.org/<img>"}],
    )  # fmt: skip
    services.link_evidence(row, actor=world.actor, link=f"{LINK}/<b>", label=hostile)
    with all_answered():
        services.ask_checkpoint(row, actor=world.actor)
        signed = world.asked(world.locked(title="Signed and sent back"))
        world.sign(signed)
    services.send_back(again(signed), to="define", **given)
    world.imported(title=long[:190], stage="Governed Execution", external_ref=hostile[:100])
    done = world.imported(status="archived", title="Done before", external_ref="old-archived")
    services.archive_mission(done, actor=world.actor, on=False)
    world.locked(title="To be asked", external_ref="newest")
    governance.check(workspace, actor=world.gv)
