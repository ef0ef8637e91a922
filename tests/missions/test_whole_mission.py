"""A mission from intent to retrospective through the doors that its people and agents use, with
every gate as it is: nobody answers for anybody."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from controlplane.access.models import Workspace
from controlplane.base.registries import PanelQuestion, panels
from controlplane.lib import clock
from controlplane.notify import outbox
from deployments.flags import services as flags
from deployments.flags.models import FlagState
from deployments.flags.serving.store import store
from missions import governance
from missions.api import examples
from missions.api.learning import examples as learnt
from missions.api.plans import examples as plans
from missions.models import Mission
from missions.services.evidence import bundles
from telemetry.audits import Window
from telemetry.audits.kinds import BOOK
from telemetry.models import Event
from tests import make
from tests.kit.guarding import World
from tests.missions.test_api import Api

_AGENTS_PAGE = Path(__file__).parents[2].joinpath("docs/agents.md").read_text(encoding="utf-8")
PEOPLE = {
    "mo": "mission_owner",
    "gv": "governance_validator",
    "oc": "operations_command",
    "ta": "telemetry_analyst",
    "kc": "knowledge_curator",
}


def switch_on(workspace: Workspace, mission_type: str) -> None:
    """The flag of a type of missions, on where the portal itself runs."""
    manager = make.actor(make.person(workspace, "release_manager"))
    flag = flags.create_flag(
        workspace, f"mission_type_{mission_type}", actor=manager, kind="mission_type"
    )
    for state in FlagState.objects.filter(flag=flag, environment__slug="staging"):
        flags.change_settings(state, {"on": True}, actor=manager, version=state.version)
    store.clear()


class Team:
    """Five people with sessions and six agents with keys, over HTTP alone."""

    def __init__(self) -> None:
        self.world = World()
        self.workspace = self.world.workspace
        self.people = {"mo": self.world.owner}
        for short, role in PEOPLE.items():
            if short != "mo":
                self.people[short] = make.person(self.workspace, role)
        self.sessions: dict[str, Client] = {
            short: make.client(person) for short, person in self.people.items()
        }
        self.agents = {
            role: Api(self.world, role=role)
            for role in ("coordinator", "inspector", "planner", "executor", "validator", "evidence")
        }
        for slug in ("crm", "mail"):
            self.world.integration(slug)
        self.ref = ""
        switch_on(self.workspace, "outreach")

    def person(self, who: str, path: str, body: Any = None, method: str = "post") -> Any:
        call = getattr(self.sessions[who], method)
        answer = call(f"/api/v1/{self._at(path)}", json.dumps(body or {}),
                      content_type="application/json")  # fmt: skip
        assert answer.status_code in (200, 201, 202), (path, answer.content)
        return answer.json()

    def agent(self, role: str, path: str, body: Any = None, method: str = "POST") -> Any:
        answer = self.agents[role].call(method, self._at(path), body)
        assert answer.status_code in (200, 201, 202, 207), (path, answer.content)
        return answer.json()

    def tell(self, role: str, name: str, **said: Any) -> None:
        """What only the agent saw, as docs/agents.md asks of it."""
        assert f"| `{name}`" in _AGENTS_PAGE, f"nobody tells agents to report {name}"
        row = self.row()
        answer = self.agent(role, "telemetry/events", {
            "event": name, "occurred_at": clock.now().isoformat(), "mission_id": row.ref,
            "stage": row.stage, "agent_name": role, "correlation_id": f"{role}-{row.ref}",
            "context": said,
        })  # fmt: skip
        assert (answer["accepted"], answer["verdicts"]) == (1, []), answer

    def _at(self, path: str) -> str:
        return f"missions/{self.ref}{path}" if path.startswith("/") else path

    def row(self) -> Mission:
        return Mission.objects.get(workspace=self.workspace, ref=self.ref)

    def open_gates(self, *, doors: bool = False) -> dict[str, str]:
        found = self.agent("coordinator", "/gates", method="GET")["gates"]
        return {
            each["gate"]: each["detail"]
            for each in found
            if each["state"] not in {"passed", "not_applicable"}
            and (doors or each["phase"] == "exit")
        }

    def sign(self, *who: str) -> None:
        """Ask for the stage's checkpoint, and let these people sign what they are shown."""
        self.agent("coordinator", "/checkpoint")
        for short in who:
            asked = self.agent("coordinator", "/checkpoint", method="GET")
            self.person(
                short,
                f"approvals/{asked['uid']}/decide",
                {"verdict": "approved", "sha256": asked["sha256"], "slot": short},
            )


def define(team: Team) -> None:
    made = team.agent(
        "coordinator", "missions", {**examples.NEW, "owner": str(team.people["mo"].uid)}
    )
    team.ref = made["ref"]
    team.agent("coordinator", "/start")
    for each in team.agent("validator", "/safeguards", method="GET")["items"]:
        if each["status"] == "suggested":
            team.person("gv", f"/safeguards/{each['uid']}/decide", {"to": "accepted"})
    team.person("mo", "/safeguards/acknowledge")
    team.person("gv", "/safeguards/acknowledge")
    team.person("mo", "/checklist/intent_validated/tick", examples.TICK)
    team.person("gv", "/checklist/safeguards_confirmed/tick")
    team.person("mo", "/brief/lock")
    team.tell("coordinator", "brief_generated", chip_count=7, confidence_scores={"audience": 0.8},
              generation_latency_ms=900, template_id="win-back")  # fmt: skip
    team.agent("evidence", "/evidence-links", examples.LINK)
    assert set(team.open_gates()) == {"signed"}
    team.sign("mo", "gv")
    assert team.row().stage == "prepare"


def prepare(team: Team) -> None:
    team.tell("inspector", "composio_discovery", query="tag accounts", toolkit_count=2,
              latency_ms=310, coverage_estimate=0.9)  # fmt: skip
    for rank, slug in enumerate(("crm", "mail"), 1):
        team.tell("inspector", "toolkit_recommended", toolkit_slug=slug, rank=rank,
                  precedent_count=0, auth_required=True)  # fmt: skip
        kit = team.agent("inspector", "/toolkits", {
            "toolkit": slug, "purpose": "What the mission needs.",
            "requested_scopes": [f"{slug}.read", f"{slug}.write"],
            "minimum_scopes": [f"{slug}.read"], "mutating": True,
        })  # fmt: skip
        at = f"/toolkits/{kit['toolkit']}"
        team.agent("inspector", f"{at}/inspections", {
            "external_id": f"look-{slug}", "source": "Accounts of the EU", "read_only": True,
            "proof": "GET only.", "coverage_percent": "91.50", "sample_count": 400,
            "result": "pass",
        })  # fmt: skip
        team.person("oc", f"{at}/approve", {"scopes": [f"{slug}.read", f"{slug}.write"]})
        team.person("gv", f"{at}/attest", {"text": "The least that it needs."})
        begun = team.agent("inspector", f"{at}/connections", {"link_id": f"link-{slug}"})
        expires = (clock.now() + timedelta(days=60)).isoformat()
        team.agent("inspector", f"{at}/connections/{begun['uid']}/complete", {
            "granted_scopes": [f"{slug}.read", f"{slug}.write"], "expires_at": expires,
        })  # fmt: skip
    team.person("gv", "/checklist/compliance_attested/tick")
    team.agent("evidence", "/evidence-links", examples.LINK)
    assert set(team.open_gates()) == {"signed"}
    team.sign("mo", "gv", "ta", "oc")
    assert team.row().stage == "plan_approve"


def plan(team: Team) -> None:
    proposed = team.agent("planner", "/plays", plans.PLAYS)
    play = f"/plays/{proposed['items'][0]['uid']}"
    team.agent("planner", f"{play}/undo-plan/ready")
    team.person("mo", f"{play}/select", plans.SELECT)
    team.agent("planner", "/plan-notes", plans.NOTES, method="PUT")
    team.person("mo", "/risks", {**plans.RISK, "owner": str(team.people["oc"].uid)})
    for line in ("plays_reviewed",):
        team.person("oc", f"/checklist/{line}/tick")
    team.agent("evidence", "/evidence-links", examples.LINK)
    team.person("ta", "/hook-check", plans.HOOKS)
    assert set(team.open_gates()) == {"signed"}
    start = clock.now()
    team.person("oc", "/duty-windows", {
        "person": str(team.people["oc"].uid),
        "starts_at": (start - timedelta(minutes=1)).isoformat(),
        "ends_at": (start + timedelta(hours=8)).isoformat(),
    })  # fmt: skip
    team.sign("gv", "oc")
    assert team.row().stage == "execute_observe", team.open_gates(doors=True)


def execute(team: Team) -> None:
    run = team.agent("executor", "/runs", plans.RUN)
    at = f"/runs/{run['external_id']}"
    beat = {"key": "router-5", "creation_ms": 640, "tokens": 1_200, "lag_ms": 40}
    team.agent("executor", "/sessions/executor", beat, method="PUT")
    team.agent("executor", f"{at}/dispatch", plans.DISPATCH)
    for action in ("list_accounts", "tag_accounts"):
        team.tell("executor", "composio_tool_call", toolkit="crm", action=action, duration_ms=70,
                  outcome="success", token_usage=600, session_id="router-5")  # fmt: skip
    team.agent("executor", f"{at}/steps", {"steps": [
        {"external_id": "list-0001", "status": "succeeded", "sequence": 2, "play_step": 1,
         "toolkit": "crm", "action": "list_accounts", "latency_ms": 40},
        {"external_id": "tag-0001", "status": "succeeded", "sequence": 2, "latency_ms": 70},
    ]})  # fmt: skip
    team.agent("validator", "/findings", {"findings": [
        {"external_id": "check-1", "phase": "postflight", "result": "passed", "severity": "low",
         "message": "Nothing was sent unread."},
    ]})  # fmt: skip
    team.tell("validator", "validator_check_completed", duration_ms=35, outcome="passed")
    team.agent("executor", "/sessions/executor", {"tokens": 2_400}, method="PUT")
    team.agent("executor", f"{at}/finish", plans.FINISH)
    play = team.agent("planner", "/plays", method="GET")["items"][0]["uid"]
    team.person("oc", f"/plays/{play}/undo-plan/close", {"reason": "Every draft was read."})
    for line in ("playbooks_run", "outcomes_documented"):
        team.person("oc", f"/checklist/{line}/tick")
    team.agent("evidence", "/evidence-links", examples.LINK)
    team.agent("evidence", "/regenerate-evidence")
    assert bundles.make_due() == 1
    assert set(team.open_gates()) == {"signed"}
    team.sign("oc", "ta")
    assert team.row().stage == "reflect_improve"


def reflect(team: Team) -> None:
    team.person("mo", "/feedback", learnt.FEEDBACK)
    team.person("mo", "/retrospective", learnt.RETROSPECTIVE, method="patch")
    team.person("mo", "/retrospective/followups", {
        **learnt.FOLLOWUP, "owner": str(team.people["oc"].uid), "due_on": _in(30),
    })  # fmt: skip
    team.person("kc", "/retrospective/reuse", learnt.REUSE)
    team.person("kc", "training", {**learnt.TRAINING, "mission": team.ref, "due_on": _in(40)})
    team.person("kc", "/retrospective/training", {"note": "One lesson for owners."})
    team.agent("evidence", "/evidence-links", examples.LINK)
    assert set(team.open_gates()) == {"signed"}
    team.sign("mo", "kc", "ta")


def _in(days: int) -> str:
    return (clock.now() + timedelta(days=days)).date().isoformat()


@pytest.mark.slow
def test_mission__from_intent_to_retrospective(db: None, settings: Any) -> None:
    settings.ENVIRONMENT = "staging"
    team = Team()
    for stage, act in STAGES.items():
        act(team)
        found = team.agent(
            "validator", f"missions/governance-check?mission={team.ref}", method="GET"
        )
        assert found["result"] == "clean", (
            stage,
            [each for each in found["lines"] if each["text"]],
        )
    row = team.row()
    assert (row.status, row.closed_at is not None) == ("completed", True)
    assert [each.stage for each in row.visits.order_by("pk")] == list(STAGES)
    run = governance.check(team.workspace, actor=make.JOB, scope="all")
    assert not [line for line in run.rules if line["rule"].startswith("G") and line["found"]]
    story = team.agent("coordinator", "/timeline", method="GET")["items"]
    assert len(story) > 40
    words = [each["words"] for each in story]
    assert [each for each in words if each in _CARRIED_OUT] == list(_CARRIED_OUT)
    while outbox.work(time.monotonic() + 5):
        pass
    told = set(Event.objects.filter(mission=row.ref).values_list("event_type", flat=True))
    assert told >= {
        "mission_created", "mission_brief_locked", "approval_granted", "execution_started",
        "execution_step_completed", "evidence_bundle_generated", "feedback_submitted",
        "mission_completed", "session_created", "session_heartbeat", "audit_event_recorded",
    }, told  # fmt: skip
    assert {code: looked_at(team, code) for code in _AUDITED} == dict.fromkeys(_AUDITED, ("ok", []))
    each_stage_once(team)


# What the audit of telemetry asks of missions: known names, whole, told when a stage is left and
# of all that happens in it, none of another stage, the way back before the change, signs of life.
_AUDITED = ("T1", "T2", "T3", "T5", "T8", "T9", "T10", "T11")


def looked_at(team: Team, code: str) -> tuple[str, list[str]]:
    now = clock.now()
    window = Window(team.workspace.pk, now - timedelta(days=1), now + timedelta(hours=1), 1_000)
    check = BOOK.check_of(BOOK.rules[code])
    assert check is not None
    answer = check(window)
    return answer.status, [gap.text for gap in answer.gaps]


def each_stage_once(team: Team) -> None:
    """The table of stages counts what happened: entered, open, completed, given up, done again."""
    panel = panels.get("mission-stages")
    assert panel is not None
    now = clock.now()
    asked = PanelQuestion(team.workspace.pk, now - timedelta(days=1), now + timedelta(minutes=1))
    assert [line[1:7] for line in panel.data(asked).rows] == [(1, 0, 1, 0, 0, 100.0)] * 5


def test_agents__sign_nothing_and_skip_nothing(db: None) -> None:
    team = Team()
    define(team)
    early = team.agents["coordinator"].refused(
        409, "POST", f"missions/{team.ref}/advance", {"to": "execute_observe"}
    )
    assert early["code"] == "INVALID_TRANSITION"
    shut = team.agents["coordinator"].refused(422, "POST", f"missions/{team.ref}/advance")
    assert "toolkits_decided" in {each["gate"] for each in shut["details"]["gates"]}
    run = team.agents["executor"].call("POST", f"missions/{team.ref}/runs", plans.RUN)
    assert run.status_code in (409, 422), run.content
    last = team.row().visits.get(stage="define").approval
    assert last is not None
    signed = team.agents["coordinator"].call(
        "POST", f"approvals/{last.uid}/decide",
        {"verdict": "approved", "sha256": last.sha256, "slot": "mo"},
    )  # fmt: skip
    assert signed.status_code in (403, 404), signed.content


# Of plays, runs and what takes them back, told with the mission they belong to.
_CARRIED_OUT = (
    "Declared the undo plan ready",
    "Chose the play",
    "Began to carry the mission out",
    "Finished the run",
    "Ended the time to undo",
)
STAGES = {
    "define": define,
    "prepare": prepare,
    "plan_approve": plan,
    "execute_observe": execute,
    "reflect_improve": reflect,
}
