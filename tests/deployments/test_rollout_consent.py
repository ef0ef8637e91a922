"""Who may move a rollout, what is consented to, and what the database holds to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from controlplane.approvals import services as approvals
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, GateNotMet, NotAllowed
from deployments.canary import services as canary
from deployments.models import Rollout, RolloutEvent
from tests import make
from tests.kit import settled
from tests.kit.flags import rule
from tests.kit.rollouts import (
    BROKEN,
    CLEAN,
    World,
    fresh,
    later,
    percents,
)

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    return World()


# --- Consent -------------------------------------------------------------------------------------


def test_consent__once_for_the_whole_plan(world: World) -> None:
    world.guard()
    rollout = world.ready(where="production")
    with pytest.raises(GateNotMet, match="Consent"):
        canary.start(rollout, actor=world.actor)
    request = canary.ask_consent(rollout, actor=world.actor)
    assert canary.ask_consent(rollout, actor=world.actor).pk == request.pk
    assert [each["rules"][0]["percent"] for each in request.packet["after"][:2]] == [10, 50]
    approvals.decide(request, "approved", actor=world.lead, sha256=request.sha256)
    rollout = canary.start(fresh(rollout), actor=world.actor)
    with later(31):
        world.post(rollout, **CLEAN)
    assert percents(world.settings("production")) == [50]


def test_consent__a_flag_that_moved_since_is_not_what_was_signed(world: World) -> None:
    world.guard()
    rollout = world.ready(where="production")
    request = canary.ask_consent(rollout, actor=world.actor)
    with pytest.raises(GateNotMet):
        canary.change_rollout(fresh(rollout), actor=world.actor, limits={"judge": "strict"})
    world.guard(needed=False)
    world.put({"on": False, "rules": [rule(40)]}, "production")
    world.guard()
    with pytest.raises(Conflict):
        approvals.decide(request, "approved", actor=world.lead, sha256=request.sha256)
    with pytest.raises(GateNotMet, match="Consent"):
        canary.start(fresh(rollout), actor=world.actor)


# --- What the database holds to ------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE deployments_rolloutevent SET reason = 'nicer'",
        "DELETE FROM deployments_rolloutevent",
        "UPDATE deployments_rolloutsample SET errors = 0",
        "DELETE FROM deployments_rollout",
        "UPDATE deployments_rollout SET flag_id = flag_id + 1",
    ],
)
def test_history__is_only_added_to(world: World, statement: str) -> None:
    world.post(world.running(), **CLEAN)
    with (
        pytest.raises(IntegrityError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_database__starts_nothing_without_consent(world: World) -> None:
    rollout = world.ready(where="production")
    world.guard()
    with pytest.raises(IntegrityError, match="nobody consented"), transaction.atomic():
        Rollout.objects.filter(pk=rollout.pk).update(status="running", started_at=clock.now())


# --- Strangers -----------------------------------------------------------------------------------


def test_strangers__move_nothing(world: World) -> None:
    rollout = world.running()
    before = RolloutEvent.objects.count()
    for who in (
        World().actor,
        make.actor(make.person(world.workspace, "viewer")),
    ):
        moves: list[tuple[Callable[..., object], dict[str, Any]]] = [
            (canary.promote, {"override": "Mine."}),
            (canary.roll_back, {"reason": "Mine."}),
            (canary.pause, {"reason": "Mine."}),
            (canary.post_figures, {"given": dict(BROKEN)}),
            (canary.change_rollout, {"automatic": False}),
        ]
        for move, given in moves:
            with pytest.raises(NotAllowed):
                move(rollout, actor=who, **given)
    assert RolloutEvent.objects.count() == before
    assert world.settings()["on"] is True
