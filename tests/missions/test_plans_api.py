"""A plan, its execution and its undoing over HTTP, as agents and people do it."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

import pytest
from django.test import Client

from missions.api.plans import examples
from missions.models import Run
from missions.services import dispatching
from tests import make
from tests.kit import settled
from tests.kit.missions import again
from tests.kit.missions_plans import OTHER, PLAY, UNDO, World, many

pytestmark = pytest.mark.django_db


class Doors(World):
    """With a key for each."""

    def call(self, role: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = self.ask(role, method, path, body)
        return answer.status_code, answer.json()

    def ask(self, role: str, method: str, path: str, body: Any = None) -> Any:
        return Client().generic(
            method,
            f"/api/v1/missions/{path}",
            data=b"" if body is None else json.dumps(body).encode(),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.keys[role]}"},
        )

    @cached_property
    def keys(self) -> dict[str, str]:
        agents = {role: make.agent(self.workspace, role=role) for role in ("planner", "executor")}
        return {role: make.key(agent, scopes=["*"])[1] for role, agent in agents.items()}


@settled.once
def world() -> Doors:
    made = Doors()
    made.planner, made.executor, made.oc, made.keys  # noqa: B018
    return made


def test_plan__proposed_by_an_agent__chosen_by_nobody_but_people(world: Doors) -> None:
    row = world.imported(stage="Plan")
    status, told = world.call("planner", "POST", f"{row.ref}/plays", {"plays": [PLAY, OTHER]})
    assert (status, [play["rank"] for play in told["items"]]) == (200, [1, 2])
    first = told["items"][0]
    assert first["undo"]["coverage_percent"] == 100
    assert (first["undo"]["verified_percent"], told["items"][1]["undo"]) == (0, None)
    status, said = world.call("planner", "POST", f"{row.ref}/plays/{first['uid']}/select", {})
    assert (status, said["error"]["code"]) == (403, "FORBIDDEN")
    where = f"{row.ref}/plays/{first['uid']}/undo-plan"
    assert world.call("planner", "POST", f"{where}/ready", {})[1]["status"] == "ready"
    status, said = world.call("planner", "PUT", where, {**UNDO, "window_minutes": 3})
    assert (status, said["error"]["code"]) == (409, "INVALID_TRANSITION")
    assert world.call("planner", "POST", f"{where}/open", {})[1]["status"] == "draft"
    assert world.call("planner", "PUT", where, {**UNDO, "window_minutes": 3})[0] == 200
    status, notes = world.call("planner", "PUT", f"{row.ref}/plan-notes", examples.NOTES)
    assert (status, notes["version"]) == (200, 2)
    status, risk = world.call("planner", "POST", f"{row.ref}/risks", examples.RISK)
    assert (status, risk["score"], risk["owner"]) == (201, 6, None)
    changed = {"owner": str(world.owner.uid), "likelihood": 1}
    where = f"{row.ref}/risks/{risk['uid']}"
    assert world.call("planner", "PATCH", where, changed)[1]["score"] == 3
    assert world.call("planner", "POST", f"{where}/remove", {})[1]["removed_at"]
    assert world.call("planner", "GET", f"{row.ref}/risks")[1]["items"] == []
    assert world.call("planner", "GET", f"{row.ref}/hook-check")[1]["passed"] is None


def test_execution__step_by_step__and_back(world: Doors) -> None:
    row = world.executing()
    assert world.call("executor", "GET", f"{row.ref}/duty-windows")[1]["watched"]
    status, run = world.call("executor", "POST", f"{row.ref}/runs", examples.RUN)
    assert (status, run["status"]) == (200, "running")
    where = f"{row.ref}/runs/{run['external_id']}"
    status, let = world.call("executor", "POST", f"{where}/dispatch", examples.DISPATCH)
    assert (status, let["undo_step"], let["window_minutes"]) == (200, 1, 20)
    status, receipt = world.call("executor", "POST", f"{where}/steps", examples.STEPS | {
        "steps": [{**each, "started_at": None, "ended_at": None}
                  for each in examples.STEPS["steps"]]})  # fmt: skip
    assert (status, receipt["accepted"], receipt["rejected"]) == (200, 2, 0)
    status, steps = world.call("executor", "GET", f"{where}/steps?mutating=true")
    assert [step["external_id"] for step in steps["items"]] == ["tag-0001"]
    assert steps["items"][0]["undo_step"] == 1
    assert world.call("executor", "POST", f"{where}/finish", examples.FINISH)[1]["steps"][
        "failed"
    ] == 1  # fmt: skip
    undo = world.undo(Run.objects.get(mission=row))
    where = f"{row.ref}/undo-runs/{undo.uid}"
    status, told = world.call("executor", "POST", f"{where}/attempts", examples.ATTEMPTS)
    assert (status, told["status"], told["reversed"]) == (200, "completed", 1)
    assert world.call("executor", "GET", where)[1]["attempts"][0]["result"] == "done"


def test_dispatch__says_when_to_ask_again(world: Doors) -> None:
    run = world.run()
    where = f"{run.mission.ref}/runs/{run.external_id}/dispatch"
    dispatching.LIMITS.append(lambda mission, toolkit: 1)
    try:
        first, second = (
            world.ask("executor", "POST", where, {"external_id": key, "play_step": 1})
            for key in ("a", "b")
        )  # fmt: skip
    finally:
        dispatching.LIMITS.pop()
    assert (first.status_code, second.status_code) == (200, 429)
    assert 0 < int(second["Retry-After"]) <= 60
    assert second.json()["error"]["code"] == "RATE_LIMITED"


def test_strangers__find_nothing(world: Doors) -> None:
    other = World()
    other.planner  # noqa: B018
    run = other.run()
    play = run.play
    ref = again(run.mission).ref
    for method, path, body in (
        ("GET", "plays", None),
        ("POST", f"plays/{play.uid}/undo-plan/ready", {}),
        ("POST", f"runs/{run.external_id}/steps", {"steps": many(1)}),
        ("GET", f"runs/{run.external_id}", None),
    ):
        world.executing()  # of the same number, perhaps: then without such rows
        role = "planner" if "undo" in path else "executor"
        status, told = world.call(role, method, f"{ref}/{path}", body)
        assert status == 404 or told.get("items") != [str(play.uid)], path
    assert not run.steps.exists()


def test_bad_bodies__are_refused_in_words(world: Doors) -> None:
    run = world.run()
    where = f"{run.mission.ref}/runs/{run.external_id}"
    for path, body in (
        ("steps", {"steps": "all"}),
        ("steps", {"steps": [{"external_id": "a", "status": "great"}]}),
        ("steps", {"steps": many(501)}),
        ("steps", {"steps": [{"external_id": "a", "status": "running", "arguments": {"a": "\0"}}]}),
        ("dispatch", {"external_id": "a", "play_step": 10**9}),
        ("dispatch", {"external_id": "a\ud800", "play_step": 1}),
    ):
        status, told = world.call("executor", "POST", f"{where}/{path}", body)
        assert (status, told["error"]["code"]) == (400, "INVALID_ARGUMENT"), (path, told)
