"""Steps run by a worker: once, with a log, and never a second time unnoticed."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from controlplane.lib.errors import Conflict, GateNotMet, Invalid, NotAllowed
from deployments import services
from deployments.models import Step, StepAttempt
from deployments.steps import kinds, worker
from tests.kit.deployments import World, again, steps, there

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@pytest.fixture
def world() -> World:
    return World()


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def asked(world: World, **given: Any) -> Step:
    """The first step of a started deployment, given to a worker."""
    adapter = world.adapter(**given)
    row = world.started()
    return services.run_step(steps(row)[0], actor=world.actor, adapter=adapter)


def fresh(step: Step) -> Step:
    return Step.objects.get(pk=step.pk)


def sent() -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    worker.dispatch(lambda pk, token: found.append((pk, token)))
    return found


def test_command__runs_once__with_its_output(world: World) -> None:
    step = asked(world)
    [(pk, token)] = sent()
    assert worker.perform(pk, token) == "done"
    assert worker.perform(pk, token) == "taken by another"
    step = fresh(step)
    assert (step.state, step.exit_code, step.output) == ("done", 0, "hello 4.2.0\n")
    assert StepAttempt.objects.get(step=step).adapter_slug == "deploy"


def test_command__that_fails__says_how(world: World) -> None:
    code = "import sys; print('tok' + 'en=abcdef123456789'); sys.exit(3)"
    step = asked(world, argv=python(code))
    assert worker.perform(*sent()[0]) == "failed"
    step = fresh(step)
    assert (step.exit_code, "abcdef" in step.output) == (3, False)


def test_command__past_its_time__is_ended(world: World) -> None:
    step = asked(world, argv=python("import time; print('on', flush=True); time.sleep(60)"),
                 timeout_s=1)  # fmt: skip
    worker.perform(*sent()[0])
    step = fresh(step)
    assert step.state == "failed"
    assert "time-out" in step.outcome
    assert step.output == "on\n"


def test_command__that_says_no_more__is_waited_for(world: World) -> None:
    code = "import os, sys, time; os.close(1); os.close(2); time.sleep(0.6); sys.exit(4)"
    step = asked(world, argv=python(code))
    assert worker.perform(*sent()[0]) == "failed"
    assert fresh(step).exit_code == 4  # its own end, not ours


def test_database_away__for_less_than_the_lease__ends_no_command(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(world)
    held = worker.claim(*sent()[0])
    assert held is not None
    holding = worker.Holding(held)

    def away(step: Step, output: str) -> bool:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(worker, "renew", away)
    assert holding("log") is True
    holding.since -= 31
    assert holding("log") is False


def test_command__sees_no_secret(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "of the portal")
    code = "import os; print(sorted(k for k in os.environ if 'SECRET' in k or 'DATABASE' in k))"
    step = asked(world, argv=python(code))
    worker.perform(*sent()[0])
    assert fresh(step).output == "[]\n"


def test_arguments__are_no_shell(world: World) -> None:
    adapter = world.adapter(argv=["/bin/echo", "{release}; touch /tmp/x", "$(id)"])
    row = world.started(release="1.0-$IFS".replace("$IFS", "a"))
    step = services.run_step(steps(row)[0], actor=world.actor, adapter=adapter)
    worker.perform(*sent()[0])
    assert fresh(step).output == "1.0-a; touch /tmp/x $(id)\n"


@pytest.mark.parametrize(
    "argv",
    [
        ["sh", "-c", "id"],
        ["/bin/bash", "-x", "-c", "id"],
        ["bash", "-o", "pipefail", "-ec", "id"],
        ["/usr/bin/env", "FOO=1", "sh", "-c", "id"],
        ["fish", "--command=id"],
    ],
)
def test_shell__with_a_line_to_read__is_not_listed(world: World, argv: list[str]) -> None:
    with pytest.raises(Invalid, match="put it into a script"):
        world.adapter(argv=argv)


def test_shell__with_a_script__is(world: World) -> None:
    for number, argv in enumerate((["bash", "-e", "deploy.sh", "-c"], ["sh", "deploy.sh"])):
        assert world.adapter(slug=f"script-{number}", argv=argv).argv == argv


def test_killed_worker__step_is_not_run_again(world: World) -> None:
    step = asked(world)
    [(pk, token)] = sent()
    held = worker.claim(pk, token)
    assert held is not None
    assert sent() == []  # somebody has it
    Step.objects.filter(pk=pk).update(lease_until=Now() - timedelta(seconds=1))
    assert worker.bury() == 1
    step = fresh(step)
    assert step.state == "failed"
    assert "nobody knows how it ended" in step.outcome
    assert worker.perform(pk, token) == "taken by another"
    assert sent() == []
    # The worker was only slow: it comes back, and changes nothing any more.
    assert worker.renew(held, "late") is False
    assert worker._finish(held, kinds.Ended("done", "late", 0)) == "lost"
    assert fresh(step).state == "failed"


def test_lost_message__is_sent_again(world: World) -> None:
    asked(world)
    assert len(sent()) == 1
    assert sent() == []
    Step.objects.filter(state="running").update(lease_until=Now() - timedelta(seconds=1))
    [(pk, token)] = sent()
    assert worker.perform(pk, token) == "done"


def test_stop__ends_the_command(world: World) -> None:
    step = asked(world, argv=python("import time; time.sleep(60)"))
    pk, token = sent()[0]
    held = worker.claim(pk, token)
    assert held is not None
    services.stop_step(fresh(step), actor=world.actor, reason="Wrong release.")
    ended = kinds.run(held, lambda text: worker.renew(held, text))
    assert "taken from the worker" in ended.outcome
    assert worker._finish(held, ended) == "lost"
    assert fresh(step).outcome == "Stopped: Wrong release."


def test_adapter__off_or_elsewhere__is_refused(world: World) -> None:
    row = world.started()
    off = world.adapter(slug="off", on=False)
    elsewhere = world.adapter(slug="else", environments=[world.place("local")])
    for adapter, words in ((off, "switched off"), (elsewhere, "not allowed in")):
        with pytest.raises(Conflict, match=words):
            services.run_step(steps(row)[0], actor=world.actor, adapter=adapter)


def test_adapter__changed__is_off(world: World) -> None:
    adapter = world.adapter()
    changed = services.change_adapter(adapter, actor=world.lead, argv=["/bin/true"])
    assert changed.enabled is False


@pytest.mark.parametrize(
    "argv",
    [[], "ls -l", ["bash", "-c", "ls"], ["{release}"], ["ls", "password=hunter2hunter2"], ["a\0"]],
)
def test_adapter__what_is_no_command__is_refused(world: World, argv: Any) -> None:
    with pytest.raises(Invalid):
        world.adapter(argv=argv)


def test_adapter__operators_allow_nothing(world: World) -> None:
    with pytest.raises(NotAllowed):
        services.add_adapter(
            world.workspace, "x", actor=world.actor, title="X", kind="command", argv=["ls"],
            environments=[world.place("staging")],
        )  # fmt: skip


def test_blocked_item__holds_the_next_automatic_step(world: World) -> None:
    from controlplane.work import services as work
    from tests import make

    adapter = world.adapter()
    row = world.started()
    blocker = work.create_item(there(row.item).project, actor=make.JOB, title="Registry is down")
    work.block(there(row.item), by=blocker, actor=make.JOB)
    with pytest.raises(GateNotMet, match="waits for 1 open blocker"):
        services.run_step(steps(row)[0], actor=world.actor, adapter=adapter)
    assert again(row).status == "deploying"
