"""A rollout on its way, as people and the judge move it: on, held, back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controlplane.base.models import Signal
from controlplane.lib import clock
from controlplane.lib.errors import GateNotMet, Invalid, InvalidTransition, NotAllowed
from controlplane.notify.models import Notification
from deployments.canary import services as canary
from deployments.flags import services as flags
from deployments.flags.services import gates
from tests import make
from tests.kit import settled
from tests.kit.flags import on, rule
from tests.kit.rollouts import (
    BROKEN,
    CLEAN,
    World,
    events,
    fresh,
    later,
    look,
    percents,
    step_of,
    talked,
    walk,
)

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    return World()


# --- Going on ------------------------------------------------------------------------------------


def test_clean__goes_to_everybody_by_itself_with_a_snapshot_each(world: World) -> None:
    rollout = walk(world, world.running())
    assert rollout.status == "stabilizing"
    assert world.settings() == {**world.settings(), "on": True, "rules": []}
    assert all(step.snapshot for step in rollout.steps.all())
    what = events(rollout)
    assert what.count("began") == what.count("passed") == 3
    ended = canary.complete(rollout, actor=world.actor, metrics_note="Errors 0.4 %, p95 190 ms.")
    assert ended.status == "completed"
    flag = type(world.flag).objects.get(pk=world.flag.pk)
    assert flag.remove_by == clock.now().date() + timedelta(days=30)


def test_complete__needs_its_note_and_its_time(world: World) -> None:
    rollout = world.running()
    with pytest.raises(InvalidTransition):
        canary.complete(rollout, actor=world.actor, metrics_note="Fine.")
    rollout = walk(world, rollout)
    with pytest.raises(Invalid):
        canary.complete(rollout, actor=world.actor, metrics_note="  ")


def test_manual__waits_for_somebody_and_goes_on_once(world: World) -> None:
    rollout = world.running(automatic=False)
    with later(31):
        rollout = world.post(rollout, **CLEAN)
        assert (rollout.status, step_of(rollout).rule) == ("held", "waiting")
        canary.promote(rollout, actor=world.actor, step=1)
        assert percents(world.settings()) == [50]
        with pytest.raises(GateNotMet, match="past that step"):
            canary.promote(rollout, actor=world.actor, step=1)


def test_promote__before_its_time_only_with_a_reason_by_those_who_may(world: World) -> None:
    rollout = world.post(world.running(), **CLEAN)
    with pytest.raises(GateNotMet, match="is to run until"):
        canary.promote(rollout, actor=world.actor)
    operator = make.actor(make.person(world.workspace, "primary_operator"))
    with pytest.raises(NotAllowed):
        canary.promote(rollout, actor=operator, override="I want to.")
    canary.promote(rollout, actor=world.actor, override="The fix is urgent.")
    assert step_of(rollout).override_reason == "The fix is urgent."


def test_promote__without_figures_is_early_too(world: World) -> None:
    rollout = world.running()
    with later(31), pytest.raises(GateNotMet, match="Nothing was measured"):
        canary.promote(rollout, actor=world.actor)


def test_freeze__keeps_the_next_step_back_and_never_the_rollback(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = world.running()
    monkeypatch.setattr(gates, "FREEZES", [lambda flag, environment: "Frozen until Monday."])
    with later(31):
        rollout = world.post(rollout, **CLEAN)
        assert (rollout.status, step_of(rollout).rule) == ("held", "waiting")
        with pytest.raises(GateNotMet, match="Frozen"):
            canary.promote(rollout, actor=world.actor)
    with later(32):
        rollout = world.post(rollout, **BROKEN)
    assert rollout.status == "rolled_back"


# --- Back ----------------------------------------------------------------------------------------


def test_breach__flag_off_item_comment_alert_in_one_go(world: World) -> None:
    rollout = world.post(world.running(), **BROKEN)
    assert rollout.status == "rolled_back"
    assert world.settings()["on"] is False
    event = rollout.events.get(what="rolled_back")
    assert event.rule == "proof"
    assert event.numbers["errors"]["count"] == 300
    assert "300 of 1000 requests failed" in event.reason
    signal = Signal.objects.get(kind="canary.breach")
    assert signal.payload["ref"] == rollout.ref
    assert signal.payload["severity"] == "warning"
    told = Notification.objects.get(kind="canary.event")
    assert "was rolled back" in told.subject
    talked(rollout)
    rollout = fresh(rollout)
    assert rollout.blocker is not None
    assert rollout.item is not None
    assert rollout.item.edges_out.filter(target=rollout.blocker, kind="blocks").exists()
    assert rollout.item.comments.filter(text__contains="Rolled back at 10 %").exists()


def test_violation__is_critical(world: World) -> None:
    rollout = world.post(world.running(), n=1, violations=1)
    assert rollout.status == "rolled_back"
    assert Signal.objects.get(kind="canary.breach").payload["severity"] == "critical"


def test_by_hand__any_time_with_a_reason(world: World) -> None:
    rollout = world.running()
    with pytest.raises(Invalid):
        canary.roll_back(rollout, actor=world.actor, reason=" ")
    rollout = canary.roll_back(rollout, actor=world.actor, reason="Users complain.")
    assert rollout.status == "rolled_back"
    assert world.settings()["on"] is False
    assert not Signal.objects.filter(kind="canary.breach").exists()
    with pytest.raises(InvalidTransition):
        canary.roll_back(rollout, actor=world.actor, reason="Again.")
    with pytest.raises(InvalidTransition):
        canary.promote(rollout, actor=world.actor)


def test_rolled_back__may_be_planned_anew(world: World) -> None:
    canary.roll_back(world.running(), actor=world.actor, reason="Users complain.")
    assert world.running().ref == "CAN-2"


def test_paused__stays_and_is_still_judged(world: World) -> None:
    rollout = canary.pause(world.running(), actor=world.actor, reason="Lunch.")
    with later(31):
        rollout = world.post(rollout, **CLEAN)
        assert rollout.status == "paused"
        assert percents(world.settings()) == [10]
        rollout = canary.resume(rollout, actor=world.actor)
        assert rollout.status == "running"
    paused = canary.pause(rollout, actor=world.actor, reason="Supper.")
    with later(32):
        assert world.post(paused, **BROKEN).status == "rolled_back"


def test_changed_by_hand__pauses_and_says_so(world: World) -> None:
    rollout = world.running()
    world.put(on(rule(30)))
    rollout = look(rollout, 2)
    assert rollout.status == "paused"
    assert rollout.events.get(what="paused").reason == "The flag was changed by hand."
    with pytest.raises(GateNotMet, match="by hand"):
        canary.resume(rollout, actor=world.actor)
    # It is still on for some, so it is still judged.
    assert world.post(rollout, **BROKEN).status == "rolled_back"


def test_killed_by_hand__pauses_once(world: World) -> None:
    rollout = world.running()
    flags.kill(world.flag, actor=world.actor)
    for _ in range(3):
        rollout = look(rollout, 2)
    assert rollout.status == "paused"
    assert events(rollout).count("paused") == 1
    assert canary.roll_back(rollout, actor=world.actor, reason="Done.").status == "rolled_back"


def test_cancel__only_before_it_begins(world: World) -> None:
    assert canary.cancel(world.plan(), actor=world.actor, reason="Not now.").status == "cancelled"
    with pytest.raises(GateNotMet, match="roll it back"):
        canary.cancel(world.running(), actor=world.actor, reason="Not now.")
