"""The guide's walk of a mission is run as it stands, with curl and in Python, against a live
portal. Meanwhile its people do their part over HTTP, as soon as there is something to do."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from controlplane.catalog import services as catalog
from controlplane.lib import clock
from missions.models import Mission
from missions.services.evidence import bundles
from tests import make
from tests.docs.test_agents_guide import blocks, keys

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ROLES = {"mo": "mission_owner", "gv": "governance_validator", "oc": "operations_command",
         "ta": "telemetry_analyst", "kc": "knowledge_curator"}  # fmt: skip


SHIFT = timedelta(hours=8)


class People:
    """Five with sessions. What one of them can do now they do, and what they can't they leave."""

    def __init__(self, workspace: Any) -> None:
        self.persons = {short: make.person(workspace, role) for short, role in ROLES.items()}
        self.sessions: dict[str, Client] = {
            short: make.client(person) for short, person in self.persons.items()
        }
        self.workspace = workspace

    def look(self, path: str) -> Any:
        return self.sessions["mo"].get(f"/api/v1/{path}").json()

    def do(self, who: str, path: str, body: Any = None) -> bool:
        answer = self.sessions[who].post(
            f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json"
        )
        assert answer.status_code < 500, answer.content
        return answer.status_code < 300

    def attend(self) -> None:
        row = Mission.objects.filter(workspace=self.workspace).first()
        if row is not None and row.status == Mission.Status.ACTIVE:
            at = f"missions/{row.ref}"
            getattr(self, row.stage)(at)
            self.sign(at)

    def sign(self, at: str) -> None:
        asked = self.look(f"{at}/checkpoint")
        if asked.get("status") == "open":
            for slot in asked["slots"]:
                if slot["signed"] < slot["needed"]:
                    given = {"verdict": "approved", "sha256": asked["sha256"], "slot": slot["slot"]}
                    self.do(slot["slot"], f"approvals/{asked['uid']}/decide", given)

    def tick(self, at: str, **lines: str) -> None:
        done = {each["line"] for each in self.look(at)["checklist"] if each["done"]}
        for line, who in lines.items():
            if line not in done:
                self.do(who, f"{at}/checklist/{line}/tick")

    def define(self, at: str) -> None:
        if self.look(f"{at}/brief")["locked_at"]:
            return
        for each in self.look(f"{at}/safeguards")["items"]:
            if each["status"] == "suggested":
                self.do("gv", f"{at}/safeguards/{each['uid']}/decide", {"to": "accepted"})
        for who in ("mo", "gv"):
            self.do(who, f"{at}/safeguards/acknowledge")
        self.tick(at, intent_validated="mo", safeguards_confirmed="gv")
        self.do("mo", f"{at}/brief/lock")

    def prepare(self, at: str) -> None:
        for kit in self.look(f"{at}/toolkits")["items"]:
            path = f"{at}/toolkits/{kit['toolkit']}"
            if kit["status"] == "undecided" and self.look(f"{path}/inspections")["items"]:
                self.do("oc", f"{path}/approve", {"scopes": kit["requested_scopes"]})
                self.do("gv", f"{path}/attest", {"text": "The least that it needs."})
        self.tick(at, compliance_attested="gv")

    def plan_approve(self, at: str) -> None:
        gates = {each["gate"]: each["state"] for each in self.look(f"{at}/gates")["gates"]}
        if gates["risk_notes"] != "passed":
            return  # the planner is not done
        for play in self.look(f"{at}/plays")["items"]:
            if play["status"] == "proposed":
                self.do("mo", f"{at}/plays/{play['uid']}/select", {"reason": "The safest."})
        if gates["risk_matrix"] != "passed":
            owner = str(self.persons["oc"].uid)
            self.do("mo", f"{at}/risks", {
                "title": "The wrong accounts are tagged", "likelihood": 2, "impact": 3,
                "reversibility": "full", "mitigation": "Two people read the list.", "owner": owner,
            })  # fmt: skip
            now = clock.now()
            window = {"starts_at": now.isoformat(), "ends_at": (now + SHIFT).isoformat()}
            self.do("oc", f"{at}/duty-windows", {"person": owner, **window})
        self.tick(at, plays_reviewed="oc")
        if gates["hook_check"] != "passed" and gates["evidence"] == "passed":
            self.do("ta", f"{at}/hook-check", {"passed": True, "details": "All arrive."})

    def execute_observe(self, at: str) -> None:
        bundles.make_due()
        gates = {each["gate"]: each["state"] for each in self.look(f"{at}/gates")["gates"]}
        if gates["actions_ended"] == "passed" and gates["undo_closed"] != "passed":
            [play] = [p for p in self.look(f"{at}/plays")["items"] if p["status"] == "selected"]
            self.do("oc", f"{at}/plays/{play['uid']}/undo-plan/close", {"reason": "All is well."})
        self.tick(at, playbooks_run="oc", outcomes_documented="oc")

    def reflect_improve(self, at: str) -> None:
        gates = {each["gate"]: each["state"] for each in self.look(f"{at}/gates")["gates"]}
        if gates["feedback_given"] != "passed":
            self.do("mo", f"{at}/feedback", {"rating": 4, "effort_saved_minutes": 60})
        if gates["retrospective_written"] == "passed" and gates["reuse_classified"] != "passed":
            said = {"reuse": "none", "reason": "It was for this list alone."}
            self.do("kc", f"{at}/retrospective/reuse", said)
            self.do("kc", f"{at}/retrospective/training", {"note": "Nothing new was learnt."})


@pytest.fixture
def env(transactional_db: None, live_server: Any, settings: Any) -> dict[str, str]:
    settings.PUBLIC_URL = live_server.url
    workspace = make.workspace("demo")
    catalog.add_integration(workspace, actor=make.JOB, slug="crm", name="CRM")
    people = People(workspace)
    return {
        "PATH": os.environ["PATH"], "BASE": live_server.url, "LC_ALL": "C.UTF-8",
        "OWNER": str(people.persons["mo"].uid), **keys(), "_people": people,
    }  # fmt: skip


def walked(argv: list[str], env: dict[str, Any], folder: Path) -> Mission:
    people: People = env.pop("_people")
    told = folder / "told"
    with told.open("wb") as out:
        guide = subprocess.Popen(argv, env=env, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
        try:
            for _ in range(150):
                people.attend()
                try:
                    guide.wait(timeout=0.2)
                    break
                except subprocess.TimeoutExpired:
                    continue
        finally:
            guide.kill()
            guide.wait()
    row = Mission.objects.get(workspace=people.workspace)
    gates = [each for each in people.look(f"missions/{row.ref}/gates")["gates"]
             if each["state"] not in {"passed", "not_applicable"}]  # fmt: skip
    assert guide.returncode == 0, (row.stage, gates, told.read_text()[-2_000:])
    return row


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl__walks_a_mission_as_it_stands(env: dict[str, Any], tmp_path: Path) -> None:
    script = "\n".join(blocks("sh", "mission"))
    row = walked(["bash", "-euo", "pipefail", "-c", script], env, tmp_path)
    assert (row.status, row.stage) == ("completed", "reflect_improve")


def test_python__walks_a_mission_as_it_stands(env: dict[str, Any], tmp_path: Path) -> None:
    script = tmp_path / "walk.py"
    script.write_text("\n".join(blocks("python", "mission")))
    row = walked([sys.executable, "-I", str(script)], env, tmp_path)
    assert (row.status, row.stage) == ("completed", "reflect_improve")


def test_client__is_of_thirty_lines() -> None:
    client = blocks("python", "mission")[0]
    lines = [line for line in client.splitlines() if re.search(r"\S", line)]
    assert len(lines) <= 34, len(lines)
