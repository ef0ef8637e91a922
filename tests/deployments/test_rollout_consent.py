"""Who may move a rollout, what is consented to, and what the database holds to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from controlplane.access.principals import actor_for_agent
from controlplane.approvals import owners
from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, GateNotMet, NotAllowed
from deployments.canary import services as canary
from deployments.canary.limits import Limits
from deployments.flags import services as flags
from deployments.models import Rollout, RolloutEvent
from tests import make
from tests.kit import settled
from tests.kit.deployments import there
from tests.kit.flags import rule
from tests.kit.rollouts import (
    BROKEN,
    CLEAN,
    World,
    fresh,
    later,
    percents,
    step_of,
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


def test_consent__names_its_limits_in_words_to_whoever_signs(world: World) -> None:
    world.guard()
    rollout = world.ready(where="production")
    request = canary.ask_consent(rollout, actor=world.actor)
    terms = owners.terms(request, desk=True)
    assert not set(Limits().written()) - set(terms.names), "each limit has words"
    packet = (
        make.client(make.person(world.workspace, "engineering_lead"))
        .get(f"/desk/approvals/{request.uid}/")
        .content.decode()
    )
    assert "Failed requests, as a share" in packet
    assert "Max error rate" not in packet
    stranger = make.client(make.person(make.workspace(), "release_manager"))
    assert stranger.get(f"/desk/approvals/{request.uid}/").status_code in {403, 404}


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


def consented(world: World, **given: Any) -> tuple[Rollout, Request]:
    world.guard()
    rollout = world.ready(where="production", **given)
    request = canary.ask_consent(rollout, actor=world.actor)
    approvals.decide(request, "approved", actor=world.lead, sha256=request.sha256)
    return fresh(rollout), request


def test_consent__names_what_is_served_and_to_whom(world: World) -> None:
    staff = {"contextName": "userId", "operator": "IN", "values": ["u1"]}
    flags.create_segment(world.workspace, "staff", actor=world.actor, constraints=[staff])
    world.put({"on": False, "rules": [rule(100, segments=["staff"])]}, "production")
    _, request = consented(world)
    packet = request.packet
    assert (packet["value_type"], packet["on_value"], packet["off_value"]) == (
        "boolean",
        True,
        False,
    )
    assert list(packet["segments"]) == ["staff"]


def test_consent__given_and_then_the_values_change__starts_nothing(world: World) -> None:
    """The flag is off there, so its values may change; what was signed was another one."""
    colour = world.make("colour", value_type="string", on_value="blue", off_value="grey")
    rollout, request = consented(world, flag=colour)
    flags.change_flag(colour, actor=world.actor, on_value="red", reason="Nicer.")
    rollout = fresh(rollout)
    with pytest.raises(GateNotMet, match=f"What {request.ref} consented to has changed"):
        canary.start(rollout, actor=world.actor)
    anew = canary.ask_consent(rollout, actor=world.actor)
    assert (anew.pk != request.pk, anew.packet["on_value"]) == (True, "red")
    request.refresh_from_db()
    assert request.status == "void"
    approvals.decide(anew, "approved", actor=world.lead, sha256=anew.sha256)
    assert canary.start(fresh(rollout), actor=world.actor).status == "running"


def test_cancelled__takes_its_question_back(world: World) -> None:
    world.guard()
    rollout = world.ready(where="production")
    request = canary.ask_consent(rollout, actor=world.actor)
    canary.cancel(fresh(rollout), actor=world.actor, reason="Not now.")
    request.refresh_from_db()
    assert request.status == "withdrawn"
    rollout, request = consented(world)
    canary.cancel(rollout, actor=world.actor, reason="Not now either.")
    request.refresh_from_db()
    assert request.status == "void"


def test_consent__to_promoting_by_hand__is_not_to_going_on_by_itself(world: World) -> None:
    rollout, _ = consented(world, automatic=False)
    rollout = canary.start(rollout, actor=world.actor)
    with pytest.raises(GateNotMet, match="somebody who promotes"):
        canary.change_rollout(rollout, actor=world.actor, automatic=True)
    by_itself = world.running(flag=world.make("second"))
    canary.change_rollout(by_itself, actor=world.actor, automatic=False)
    assert canary.change_rollout(by_itself, actor=world.actor, automatic=True).automatic


def test_production_without_consent__is_started_by_people(world: World) -> None:
    """By default flags ask nobody, and a key could bring it there alone."""
    rollout = world.ready(where="production")
    key, _ = make.key(make.agent(world.workspace, role=""))
    service = actor_for_agent(there(key.agent), key=key, scopes=["*"])
    with pytest.raises(NotAllowed, match="a person does this in Production"):
        canary.start(rollout, actor=service)
    assert canary.start(rollout, actor=world.actor).status == "running"
    with later(31), pytest.raises(NotAllowed):
        canary.promote(fresh(rollout), actor=service)
    with later(32):
        assert step_of(world.post(rollout, **CLEAN)).percent == 50  # the judge goes on


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
