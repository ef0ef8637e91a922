"""The canary playbook by API, beside the commands it is written in: `bd` as a terminal runs it, the
kill switch by curl's request and by the line of SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection

from controlplane.lib import clock
from controlplane.work.local_key import local_key
from controlplane.work.models import Comment
from deployments.canary.ticks import tick_all
from deployments.models import Deployment, Rollout
from tests import make
from tests.kit import deployments
from tests.kit.api import Api, refused
from tests.kit.bd import Bd
from tests.kit.deployments import deliver, there
from tests.kit.rollouts import World, fresh
from tests.kit.telemetry import PATH, event

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ROLLOUTS = "/api/v1/rollouts"


class Terminal:
    """A pipeline's key, a terminal with `bd`, and the portal's clock."""

    def __init__(self, url: str, home: Path, clocks: ExitStack) -> None:
        self.world, self.clocks = World(), clocks
        around = deployments.World(self.world.workspace, self.world.person)
        self.deployment: Deployment = around.watched("staging", flag=self.world.flag, tier=2)
        agent = make.agent(self.world.workspace, role="", name="pipeline")
        scopes = ["rollout.*", "flag.*", "telemetry.ingest"]
        self.api = Api(make.key(agent, scopes=scopes)[1])
        self.bd = Bd(home, url=url, key=local_key(self.world.workspace))
        self.bd.ok("init")

    def later(self, minutes: float) -> None:
        moment = clock.now() + timedelta(minutes=minutes)
        self.clocks.close()
        self.clocks.enter_context(time_machine.travel(moment))
        tick_all()
        deliver()

    def report(self, count: int, *, answer: str = "on", bad: int = 0) -> None:
        sent = [
            event(
                at=clock.now(),
                status="error" if number < bad else "success",
                duration_ms=90.0,
                env="staging",
                context={"flags": {self.world.flag.flag_name: answer}},
            )
            for number in range(count)
        ]
        assert self.api.post(PATH, sent).json()["accepted"] == count

    def says(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.api.send(method, f"{ROLLOUTS}{path}", body)
        assert answer.status_code == status, answer.content
        return answer.json()

    def running(self) -> Rollout:
        self.report(300, answer="off")
        self.later(3)
        plan = {
            "flag": self.world.flag.flag_name,
            "environment": "staging",
            "deployment": self.deployment.ref,
            "automatic": False,
        }
        ref = self.says("POST", "", plan, 201)["ref"]
        refused(self.api.post(f"{ROLLOUTS}/{ref}/start", {}), "INVALID_TRANSITION")
        assert self.says("POST", f"/{ref}/baseline", {})["baseline"]["requests"] == 300
        self.says("POST", f"/{ref}/start", {})
        return Rollout.objects.get(ref=ref)


@pytest.fixture
def terminal(live_server: Any, tmp_path: Path) -> Iterator[Terminal]:
    with ExitStack() as clocks:
        yield Terminal(live_server.url, tmp_path, clocks)


def test_cohorts__are_sub_tasks_with_their_figures(terminal: Terminal) -> None:
    rollout = terminal.running()
    deliver()
    root, bd = there(terminal.deployment.item).key, terminal.bd
    bd.ok("comment", root, "Flag is off for everybody; baseline noted.")
    cohorts = [there(step.item).key for step in rollout.steps.select_related("item")]
    tree = bd.ok("dep", "tree", root)
    assert tree.count("10 %"), tree
    for key, percent in zip(cohorts, (10, 50, 100), strict=True):
        terminal.report(200, bad=1)
        terminal.later(31 if percent < 100 else 61)
        place = rollout.steps.get(percent=percent).position
        terminal.says("POST", f"/{rollout.ref}/promote", {"step": place})
        deliver()
        [shown] = bd.json("show", key)
        assert shown["status"] == "closed", shown
        said = " ".join(Comment.objects.filter(item=rollout.item).values_list("text", flat=True))
        assert f"{percent} % passed: 200 requests, errors 0.5 %, p95 90 ms" in said
        assert "0 safeguard violations; ready: " in said
    assert "Baseline: 300 requests" in said
    done = terminal.says(
        "POST", f"/{rollout.ref}/complete", {"metrics_note": "Half a percent fails, as before."}
    )
    assert done["status"] == "completed"
    assert bd.ok("ready", "--tag", "ops") is not None


def test_regression__blocks_the_deployment_until_its_blocker_is_closed(terminal: Terminal) -> None:
    rollout = terminal.running()
    terminal.report(100, bad=30)
    terminal.later(2)
    whole = terminal.says("GET", f"/{rollout.ref}")
    assert (whole["status"], whole["steps"][0]["rule"]) == ("rolled_back", "proof")
    assert terminal.world.settings()["on"] is False
    root, bd = there(terminal.deployment.item).key, terminal.bd
    blocker = whole["blocker"]
    assert blocker in bd.ok("dep", "tree", root)
    assert root in {each["id"] for each in bd.json("blocked")}
    bd.ok("comment", blocker, "The new parser fails on empty lists.")
    bd.ok("close", blocker, "--reason", "Rolled back by the flag; mended in 4.2.1")
    assert root not in {each["id"] for each in bd.json("blocked")}


@pytest.mark.parametrize("by", ["curl", "sql"])
def test_flag_disabled_by_the_playbooks_own_line__the_rollout_stands_still(
    terminal: Terminal, by: str
) -> None:
    rollout = terminal.running()
    name = terminal.world.flag.flag_name
    if by == "curl":
        assert terminal.api.raw("POST", f"/admin/flags/{name}/disable", b"", "").status_code == 200
    else:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE feature_flags SET enabled = false WHERE flag_name = %s", [name])
    terminal.report(200)
    terminal.later(31)
    rollout = fresh(rollout)
    assert rollout.status == "paused"
    refused(
        terminal.api.post(f"{ROLLOUTS}/{rollout.ref}/promote", {"step": 1}), "INVALID_TRANSITION"
    )
    back = terminal.says("POST", f"/{rollout.ref}/rollback", {"reason": "It was switched off."})
    assert back["status"] == "rolled_back"


def test_stranger__with_another_workspaces_key_sees_nothing(terminal: Terminal) -> None:
    rollout = terminal.running()
    elsewhere = World()
    key = make.key(make.agent(elsewhere.workspace, role=""), scopes=["rollout.*"])[1]
    refused(Api(key).get(f"{ROLLOUTS}/{rollout.ref}"), "NOT_FOUND")
    refused(Api(key).post(f"{ROLLOUTS}/{rollout.ref}/rollback", {"reason": "Mine."}), "NOT_FOUND")
