"""A mission in each stage, brought there by the services and the signatures of five people: what
is measured afterwards stands at doors that it really passed."""

from __future__ import annotations

import secrets
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from controlplane.access import services as access
from controlplane.access.models import User, Workspace
from controlplane.access.principals import actor_for_agent, actor_for_user
from controlplane.access.services.agents import create_agent
from controlplane.approvals import services as approvals
from controlplane.catalog import services as catalog
from controlplane.lib import actors, clock
from controlplane.lib.actors import Actor
from missions import services, stages
from missions.models import Mission, Play, UndoPlan
from missions.services import (
    evidence,
    executing,
    feedback,
    plan_notes,
    plays,
    reporting,
    retrospectives,
    undo_plans,
)
from missions.services.evidence import bundles

JOB = actors.job("bench")
TOOLKITS = ("crm", "mail")
_LINK = "https://docs.example.org/readiness/"
_BRIEF: dict[str, Any] = {
    "objective": "Draft mails to accounts that went quiet.",
    "audience": "Accounts with a contract that ends this year.",
    "business_objective": "Win back a tenth of them.",
    "kpi_name": "Accounts that answer",
    "kpi_unit": "accounts",
    "kpi_baseline": Decimal(4),
    "kpi_target": Decimal(20),
    "timeline": "Two weeks.",
}
_PLAY: dict[str, Any] = {
    "key": "drafts-first",
    "title": "Draft, then let the owner send",
    "rationale": "Nothing leaves before somebody read it.",
    "impact": "200 drafts",
    "effort": "low",
    "risk": "low",
    "steps": [
        {"toolkit": "crm", "action": "list_accounts", "summary": "Who went quiet"},
        {"toolkit": "crm", "action": "tag_accounts", "summary": "Mark them", "mutating": True},
        {"toolkit": "mail", "action": "create_drafts", "summary": "One each", "mutating": True},
    ],
    "undo": {
        "label": "Take tags and drafts away",
        "impact": "Nobody has seen them",
        "window_minutes": 20,
        "steps": [
            {"play_step": 2, "action": "Tags", "inverse": "Remove the tag from each account.",
             "verify": "No account has the tag."},
            {"play_step": 3, "action": "Drafts", "inverse": "Delete the drafts.",
             "verify": "The folder of drafts is empty."},
        ],
    },
}  # fmt: skip
_OTHER: dict[str, Any] = {
    "key": "call-them",
    "title": "Let account managers call",
    "effort": "high",
    "risk": "low",
    "steps": [{"action": "write_list", "summary": "Whom to call"}],
}


class Team:
    """Five people and three agents of one workspace."""

    def __init__(self, slug: str) -> None:
        self.workspace: Workspace = access.create_workspace(slug, actor=JOB)
        self.people: dict[str, User] = {}
        for role in _ROLES:
            self.people[role] = self._person(slug, role)
        for toolkit in TOOLKITS:
            catalog.add_integration(
                self.workspace, actor=JOB, slug=toolkit, name=toolkit.title(), kind="toolkit"
            )

    def _person(self, slug: str, role: str) -> User:
        return access.create_user(
            f"{role}@{slug}.example.org",
            actor=JOB,
            name=role.replace("_", " ").title(),
            workspace=self.workspace,
            roles=[role],
            password=secrets.token_urlsafe(24),
        )

    def actor(self, role: str) -> Actor:
        fresh = clock.now().timestamp()
        return actor_for_user(self.people[role], second_factor_at=fresh)

    @property
    def owner(self) -> Actor:
        return self.actor("mission_owner")

    @cached_property
    def agents(self) -> dict[str, Actor]:
        return {
            role: actor_for_agent(
                create_agent(self.workspace, actor=JOB, name=f"bench-{role}", role=role)
            )
            for role in ("inspector", "planner", "executor")
        }

    def mission(self, stage: str) -> Mission:
        """In this stage, with everything done there but the signatures."""
        row = services.create_mission(
            self.workspace,
            actor=self.owner,
            title=f"Win back quiet accounts ({stage})",
            intent="Write to accounts that went quiet and ask what they miss.",
            brief={**_BRIEF, "kpi_deadline": (clock.now() + timedelta(days=90)).date()},
        )
        row = services.start_mission(row, actor=self.owner)
        for slug, act in _ACTS.items():
            act(self, _again(row))
            self._ticked(_again(row))
            if slug == stage:
                break
            self._signed(_again(row))
        return _again(row)

    def _ticked(self, row: Mission) -> None:
        for line in stages.get(row.stage).checklist:
            if not line.gate:
                services.tick_line(row, line.slug, actor=self.actor(line.roles[0]))
        services.link_evidence(row, actor=self.owner, link=_LINK + row.stage, label="What was seen")
        if row.stage == "plan_approve":  # of the plan as it is signed
            analyst = self.actor("telemetry_analyst")
            plan_notes.check_hooks(row, actor=analyst, passed=True, details="All arrive.")

    def _signed(self, row: Mission) -> None:
        request = services.ask_checkpoint(row, actor=self.owner)
        for slot in request.slots.order_by("position"):
            request.refresh_from_db()
            approvals.decide(
                request,
                "approved",
                actor=self.actor(slot.roles[0]),
                sha256=request.sha256,
                slot=slot.slug,
            )


def _again(row: Mission) -> Mission:
    found: Mission = Mission.objects.select_related("workspace", "owner", "item").get(pk=row.pk)
    return found


def _define(team: Team, row: Mission) -> None:
    validator = team.actor("governance_validator")
    for each in row.safeguards.filter(status="suggested"):
        services.decide_safeguard(each, "accepted", actor=validator)
    services.lock_brief(row, actor=team.owner)
    for actor in (team.owner, validator):
        services.acknowledge_safeguards(_again(row), actor=actor)


def _prepare(team: Team, row: Mission) -> None:
    inspector, soon = team.agents["inspector"], clock.now() + timedelta(days=60)
    for slug in TOOLKITS:
        scopes = [f"{slug}.read", f"{slug}.write"]
        kit = services.ask_toolkit(
            row,
            actor=inspector,
            toolkit=slug,
            purpose="What it needs.",
            requested_scopes=scopes,
            minimum_scopes=scopes[:1],
            mutating=True,
        )
        services.record_inspection(
            kit,
            actor=inspector,
            source="Accounts",
            coverage_percent="91.5",
            sample_count=400,
            result="pass",
            read_only=True,
            proof="GET only.",
        )
        services.approve_toolkit(kit, actor=team.actor("operations_command"), scopes=scopes)
        validator = team.actor("governance_validator")
        services.attest_toolkit(kit, actor=validator, text="The least that it needs.")
        begun = services.begin_connection(kit, actor=inspector, link_id=f"link-{slug}-{row.pk}")
        services.complete_connection(begun, actor=inspector, granted_scopes=scopes, expires_at=soon)


def _plan(team: Team, row: Mission) -> None:
    first = plays.propose_plays(row, [_PLAY, _OTHER], actor=team.agents["planner"])[0]
    undo_plans.make_undo_ready(UndoPlan.objects.get(play=first), actor=team.agents["planner"])
    plays.select_play(Play.objects.get(pk=first.pk), actor=team.owner, reason="The safest.")
    plan_notes.put_plan_note(row, actor=team.owner, risk_notes="Tags show.", sla_impact="None.")
    plan_notes.add_risk(
        row,
        actor=team.owner,
        title="Wrong accounts are tagged",
        likelihood=2,
        impact=3,
        reversibility="full",
        mitigation="Compare with last year.",
        owner=team.people["operations_command"],
    )
    now = clock.now()
    plan_notes.add_duty(
        row,
        actor=team.actor("operations_command"),
        person=team.people["operations_command"],
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(days=2),
    )


def _execute(team: Team, row: Mission) -> None:
    executor, chief = team.agents["executor"], team.actor("operations_command")
    run = executing.start_run(row, actor=executor, external_id="run-1")
    done = [
        {"external_id": f"step-{place}", "status": "succeeded", "play_step": 1, "toolkit": "crm",
         "action": "list_accounts", "latency_ms": 40}
        for place in range(10)
    ]  # fmt: skip
    reporting.report_steps(run, done, actor=executor)
    executing.finish_run(run, actor=executor, outcome="The list is there.")
    plan = UndoPlan.objects.select_related("play__mission").get(play__mission=row, status="ready")
    undo_plans.close_undo(plan, actor=chief, reason="Nothing was changed.")
    evidence.ask_bundle(_again(row), actor=chief, reason="For the checkpoint.")
    bundles.make_due()


def _reflect(team: Team, row: Mission) -> None:
    curator = team.actor("knowledge_curator")
    feedback.give_feedback(row, actor=team.owner, rating=4, satisfaction=5, text="Again.")
    retrospectives.write_retrospective(row, actor=team.owner, summary="31 of 200 answered.")
    retrospectives.classify_reuse(row, "adapt", actor=curator, reason="The mails fit others.")
    retrospectives.settle_training(row, actor=curator, note_="One lesson for owners.")


_ROLES = (
    "mission_owner",
    "governance_validator",
    "operations_command",
    "telemetry_analyst",
    "knowledge_curator",
)
_ACTS = {
    "define": _define,
    "prepare": _prepare,
    "plan_approve": _plan,
    "execute_observe": _execute,
    "reflect_improve": _reflect,
}
