"""A worker that is killed while a command runs: a process of its own, ended by the kernel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.models.functions import Now

from controlplane.embedded.processes import wait_until
from controlplane.lib.dsn import with_database
from controlplane.lib.errors import GateNotMet
from controlplane.work.models import Comment
from deployments import services
from deployments.models import Step
from deployments.steps import worker
from tests.kit.deployments import World, again, deliver, steps
from tests.kit.source import ROOT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.servers]
# The first time it stops in the middle; the second time it goes through.
COMMAND = """
import os, pathlib, sys, time
ran = pathlib.Path(sys.argv[1])
first = not ran.exists()
with ran.open("a") as file:
    file.write(f"{os.getpid()}\\n")
print("half way", flush=True)
while first:
    time.sleep(60)
"""
WORKER = """
import sys, django
django.setup()
from deployments.steps import worker
worker.perform(int(sys.argv[1]), sys.argv[2])
"""


def messages() -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    worker.dispatch(lambda pk, token: found.append((pk, token)))
    return found


@contextmanager
def elsewhere(pk: int, token: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process takes the message."""
    url = with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
    env = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "controlplane.settings"}
    process = subprocess.Popen([sys.executable, "-c", WORKER, str(pk), token], env=env, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_killed_in_mid_step__runs_no_second_time_by_itself(tmp_path: Path) -> None:
    world, ran = World(), tmp_path / "ran"
    adapter = world.adapter(argv=[sys.executable, "-c", COMMAND, str(ran)])
    row = world.started()
    step = services.run_step(steps(row)[0], actor=world.actor, adapter=adapter)
    [message] = messages()
    try:
        with elsewhere(*message) as process:
            assert wait_until(lambda: "half way" in Step.objects.get(pk=step.pk).output, 30)
            os.kill(process.pid, signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        # Its lease still stands: nobody else begins.
        assert (worker.bury(), messages(), worker.perform(*message)) == (0, [], "taken by another")
        Step.objects.filter(pk=step.pk).update(lease_until=Now() - timedelta(seconds=1))
        assert (worker.bury(), messages(), worker.perform(*message)) == (1, [], "taken by another")
    finally:
        for line in ran.read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(line), signal.SIGKILL)  # the command that outlived its worker
    step = Step.objects.get(pk=step.pk)
    assert (step.state, step.output) == ("failed", "half way\n")
    assert "nobody knows how it ended" in step.outcome
    assert len(ran.read_text().split()) == 1
    deliver()
    assert Comment.objects.filter(item=row.item, text__contains="nobody knows").exists()
    # It stays open until somebody who looked decides.
    with pytest.raises(GateNotMet):
        services.steps_done(again(row), actor=world.actor)
    step = services.try_again(step, actor=world.actor, reason="Looked: nothing went out.")
    services.run_step(step, actor=world.actor, adapter=adapter)
    assert [worker.perform(*each) for each in messages()] == ["done"]
    assert len(ran.read_text().split()) == 2
    assert list(step.attempts.values_list("attempt", "state")) == [(1, "failed"), (2, "done")]
