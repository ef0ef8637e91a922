"""Whatever people, the judge and others do to a rollout, in whatever order: the flag is where the
rollout says it is, a step runs or none does, and nothing happens twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError
from deployments.canary import services as canary
from deployments.canary.services.looking import tick
from deployments.canary.ticks import tick_all
from deployments.flags import services as flags
from deployments.models import Rollout
from tests.kit.rollouts import World, fresh, percents

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
Move = Callable[[World, Rollout], object]
MOVES: dict[str, Move] = {
    "start": lambda world, row: canary.start(row, actor=world.actor),
    "promote": lambda world, row: canary.promote(row, actor=world.actor),
    "promote early": lambda world, row: canary.promote(row, actor=world.actor, override="Now."),
    "pause": lambda world, row: canary.pause(row, actor=world.actor, reason="Lunch."),
    "resume": lambda world, row: canary.resume(row, actor=world.actor),
    "roll back": lambda world, row: canary.roll_back(row, actor=world.actor, reason="Bad."),
    "cancel": lambda world, row: canary.cancel(row, actor=world.actor, reason="No."),
    "complete": lambda world, row: canary.complete(row, actor=world.actor, metrics_note="Fine."),
    "clean": lambda world, row: canary.post_figures(row, {"n": 400}, actor=world.actor),
    "broken": lambda world, row: canary.post_figures(
        row, {"n": 400, "errors": 90}, actor=world.actor
    ),
    "by hand": lambda world, row: canary.change_rollout(row, actor=world.actor, automatic=False),
    "look": lambda world, row: tick(row),
    "look together": lambda world, row: tick_all(),
    "kill": lambda world, row: flags.kill(world.flag, actor=world.actor),
    "enable": lambda world, row: flags.enable(world.flag, actor=world.actor, reason="Again."),
}
STEPS = st.lists(
    st.tuples(st.sampled_from(sorted(MOVES)), st.sampled_from([0, 1, 7, 31, 70])),
    min_size=4,
    max_size=14,
)


THROUGH = [("start", 0), ("clean", 0), ("clean", 31), ("clean", 31), ("clean", 70)]


@given(STEPS)
@example([*THROUGH, ("complete", 0)])
@example([*THROUGH, ("roll back", 0), ("promote", 0)])
@example([("start", 0), ("kill", 1), ("look together", 1), ("enable", 1), ("resume", 1)])
@example([("start", 0), ("promote early", 1), ("broken", 1), ("promote early", 1)])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_order__flag_and_rollout_agree(db: None, moves: list[tuple[str, int]]) -> None:
    sid = transaction.savepoint()
    try:
        _walked(moves)
    finally:
        transaction.savepoint_rollback(sid)


def _walked(moves: list[tuple[str, int]]) -> None:
    with time_machine.travel(clock.now(), tick=False) as traveller:
        world = World()
        row = world.ready()
        for name, minutes in moves:
            traveller.shift(timedelta(minutes=minutes))
            stale = fresh(row)  # what somebody saw before they pressed
            try:
                with transaction.atomic():
                    MOVES[name](world, stale)
            except ControlPlaneError:
                pass
            _agree(world, fresh(row))


def _agree(world: World, row: Rollout) -> None:
    steps = list(row.steps.order_by("position"))
    state = world.state("staging")
    under_way = [step for step in steps if step.state in ("running", "held")]
    began = list(row.events.filter(what="began").values_list("step__position", flat=True))
    assert len(began) == len(set(began))  # no step begins twice
    assert set(began) == {step.position for step in steps if step.state != "pending"}
    assert all(step.snapshot is not None for step in steps if step.state == "passed")
    if row.status in ("planned", "baseline_taken", "rolled_back", "cancelled"):
        assert state.settings["on"] is False
        assert not under_way
        return
    assert state.settings["on"] is True
    if row.status in ("stabilizing", "completed"):
        assert not under_way
        assert state.settings["rules"] == []
    else:
        [step] = under_way
        wanted = [step.percent] if step.percent < 100 else []
        assert percents(state.settings) == wanted
        assert (row.status == "held") <= (step.state == "held")
    ends = row.events.filter(what__in=("rolled_back", "completed", "cancelled")).count()
    assert ends == (0 if row.is_open else 1)
