"""The reference agents as a stranger starts them: each in a process of its own, against a portal
that is served for real, with one supervisor. Nobody helps them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection

from controlplane.access.models import Agent, Workspace
from controlplane.embedded.processes import wait_until
from controlplane.lib.dsn import with_database
from missions.threads.models import Message
from missions.threads.services import reporting
from telemetry import rollups
from telemetry.models import Event
from tests import make
from tests.kit.served import Served
from tests.kit.source import ROOT

EXAMPLES = ROOT / "docs" / "examples"
WITHIN_S = 120


class Pilot:
    def __init__(self, served: Served, folder: Path) -> None:
        self.url, self.folder = served.url, folder

    def starts(self, program: str, agent: Agent, *arguments: str) -> subprocess.Popen[str]:
        """Nothing of our environment but the address and the agent's own key."""
        env = {"PATH": os.environ["PATH"], "BASE": self.url, "KEY": make.key(agent)[1]}
        return subprocess.Popen(
            [sys.executable, str(EXAMPLES / program), *arguments],
            env=env, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ends(self, agent: subprocess.Popen[str]) -> Any:
        """What it says at its end."""
        out, err = agent.communicate(timeout=WITHIN_S)
        assert agent.returncode == 0, err
        return json.loads(out)


@contextmanager
def piloting(folder: Path, supervisors: int = 1) -> Iterator[Pilot]:
    database = with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
    env = {**os.environ, "DATABASE_URL": database, "CONTROLPLANE_OUTGOING_ALLOW": "127.0.0.1"}
    served = Served(folder / "web.log")
    with ExitStack() as stack:
        log = stack.enter_context((folder / "waker.log").open("ab"))
        for _ in range(supervisors):
            waker = subprocess.Popen(
                [sys.executable, "manage.py", "wake_supervisor"],
                cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
            stack.callback(_stop, waker)
        stack.callback(served.stop)
        served.start(CONTROLPLANE_OUTGOING_ALLOW="127.0.0.1")
        yield Pilot(served, folder)


def service_levels(workspace: Workspace, folder: Path) -> dict[str, Any]:
    """The report of the pilot, as an operator writes it, once the portal told what it counted."""
    said = Message.objects.filter(thread__workspace=workspace).exclude(kind="system").count()
    posts = Event.objects.filter(workspace_id=workspace.pk, event_type="message_posted")
    assert wait_until(lambda: posts.count() >= said, WITHIN_S), "the portal tells what it counted"
    reporting.work(time.monotonic() + 5)
    rollups.settle()
    file = folder / "pilot_sli.json"
    call_command("thread_sli", "--workspace", workspace.slug, "--days", "1", "--output", str(file))
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
