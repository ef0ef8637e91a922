"""An alert that was told of once is told of again, whatever became of its rule meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from telemetry.models import AlertRule
from telemetry.rules import services as rules
from tests import make
from tests.kit.rules import FIRED, RESOLVED, World, signals

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    rules.adopt()
    return World(monkeypatch)


def off_and_on(world: World, rule: AlertRule) -> None:
    rules.switch_rule(rule, actor=make.JOB, active=False)
    rules.switch_rule(rule, actor=make.JOB, active=True)


def other_question_and_back(world: World, rule: AlertRule) -> None:
    rules.change_rule(rule, actor=make.JOB, filters={"toolkit": ["slack"]})
    rules.change_rule(rule, actor=make.JOB, filters={})


def removed_and_made_again(world: World, rule: AlertRule) -> None:
    rules.remove_rule(rule, actor=make.JOB)
    world.rule(for_s=0)


@pytest.mark.parametrize(
    "what",
    [
        off_and_on,
        pytest.param(other_question_and_back, marks=pytest.mark.slow),
        pytest.param(removed_and_made_again, marks=pytest.mark.slow),
    ],
)
def test_fires_again_after_its_rule_was_touched__told_anew(
    world: World, what: Callable[[World, AlertRule], None]
) -> None:
    rule = world.rule(for_s=0)
    world.watch(60, bad=100)
    world.watch(420, good=100)
    assert (len(signals(FIRED)), len(signals(RESOLVED))) == (1, 1)
    what(world, rule)
    world.watch(60, bad=100)
    assert world.status() == "firing"
    first, second = signals(FIRED)
    assert first.payload["fingerprint"] == second.payload["fingerprint"]
    assert (first.payload["episode"], second.payload["episode"]) == (1, 2)
    world.watch(420, good=100)
    assert len(signals(RESOLVED)) == 2
