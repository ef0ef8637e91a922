"""The demo's agents as somebody runs them: a process of its own, against a portal that is served,
and taken away from under them once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from controlplane.access import demo as agents
from controlplane.access.models import ApiKey
from controlplane.access.policy import PEOPLE
from controlplane.base.demo import Scene
from controlplane.catalog import demo as catalog
from controlplane.demo_agents.calls import KeyRefused, Portal, Refused
from controlplane.embedded.processes import wait_until
from controlplane.lib.dsn import with_database
from controlplane.work.models import Comment, Item
from deployments.models import Deployment
from missions.demo_told import _LATE
from missions.demo_walk import TYPE, Walk
from missions.models import Finding, Mission, RunStep
from missions.threads.models import Message, Thread
from telemetry.models import Event
from tests import make
from tests.kit.served import Served
from tests.kit.source import ROOT
from tests.missions.test_whole_mission import switch_on

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

WITHIN_S = 240  # on a machine that does much else


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    found = Served(tmp_path / "portal.log")
    yield found
    found.stop()


def _signed() -> Any:
    """A demo workspace in which one mission is signed up to its execution."""
    here = make.workspace("demo", is_demo=True)
    scene = Scene(here, {role: make.person(here, role) for role in sorted(PEOPLE)})
    agents.agents(scene)
    catalog.catalog(scene)
    switch_on(here, TYPE)
    walk = Walk(scene, _LATE)
    walk.define()
    walk.ask()
    walk.sign("mo", "gv")
    walk.prepare()
    walk.ask()
    walk.sign("mo", "gv", "ta", "oc")
    walk.plan()
    walk.ask()
    walk.sign("gv", "oc")
    assert walk.row.stage == "execute_observe"
    return here


def _started(url: str, out: Path) -> subprocess.Popen[bytes]:
    database = with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
    env = {**os.environ, "DATABASE_URL": database}
    command = [sys.executable, "manage.py", "demo_agents", "--url", url, "--pace", "12"]
    with out.open("wb") as told:
        return subprocess.Popen(command, cwd=ROOT, env=env, stdout=told, stderr=told)


def test_agents__move_the_demo__go_on_after_a_restart__and_end_when_told(
    settings: Any, served: Served, tmp_path: Path
) -> None:
    settings.ENVIRONMENT = "staging"
    here = _signed()
    there = make.workspace()
    stranger = make.key(make.agent(there, role="coordinator"))[1]
    served.start(CONTROLPLANE_ENV="staging")
    out = tmp_path / "told"
    process = _started(served.url, out)
    try:
        assert wait_until(lambda: _acts(out) > 45 or process.poll() is not None, WITHIN_S), (
            out.read_text()
        )
        served.kill()
        assert wait_until(lambda: "for the portal" in out.read_text(), WITHIN_S)
        served.start(CONTROLPLANE_ENV="staging")
        before = _acts(out)
        assert wait_until(lambda: _acts(out) > before + 15, WITHIN_S), out.read_text()[-2_000:]
        # A key of elsewhere sees nothing of it.
        nosy = Portal(served.url, stranger, pause=time.sleep, say=lambda _: None)
        assert nosy.get("missions?limit=5")["items"] == []
        ref = Mission.objects.filter(workspace=here).values_list("ref", flat=True)[0]
        with pytest.raises(Refused) as refused:
            nosy.post(f"missions/{ref}/runs", {"external_id": "mine"})
        assert refused.value.status == 404
        with pytest.raises(KeyRefused):
            Portal(served.url, "cp_no_key", pause=time.sleep, say=lambda _: None).get("me")
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(40)
    told = out.read_text()
    assert code == 0, told[-2_000:]
    assert "Their keys are ended." in told
    assert not re.search(r"is refused \(5\d\d\)|INTERNAL|Traceback", told), told
    assert not ApiKey.objects.filter(workspace=here, revoked_at=None).exists()
    assert Item.objects.filter(workspace=here, labels__contains=["agents"]).exists()
    assert Comment.objects.filter(item__workspace=here).exists()
    assert RunStep.objects.filter(mission__workspace=here, status="succeeded").exists()
    assert Finding.objects.filter(mission__workspace=here).exists()
    assert Mission.objects.filter(workspace=here, tags__contains=["by-agents"]).exists()
    assert Thread.objects.filter(workspace=here).exists()
    assert Message.objects.filter(thread__workspace=here, kind="event").exists()
    assert Event.objects.filter(workspace=here, event_type="composio_tool_call").exists()
    assert Deployment.objects.filter(workspace=here, release="4.3.0-rc.1").exists()
    for model in (Thread, Deployment, Event):
        assert not model.objects.filter(workspace=there).exists()


def _acts(out: Path) -> int:
    return len(re.findall(r"^\d\d:\d\d:\d\d  ", out.read_text(), re.MULTILINE))
