"""What holds a mission: each cause for itself, and lifted for itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction

from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.lib.errors import GateNotMet, NotAllowed
from missions import services
from missions.models import Mission
from missions.standing import standing
from tests import make
from tests.kit import settled
from tests.kit.guarding import World
from tests.kit.missions import again

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    made = World()
    assert {made.gv.ref, made.oc.ref, made.agent("validator").ref, made.agent("inspector").ref}
    made.integration()
    return made


@settled.once
def row(world: World) -> Mission:
    return world.started()


def pause(row: Mission, actor: Any, cause: str = "operator", reason: str = "Wait.") -> Mission:
    return services.pause_mission(again(row), actor=actor, reason=reason, cause=cause)


def resume(row: Mission, actor: Any) -> Mission:
    return services.resume_mission(again(row), actor=actor, reason="It is over.")


def causes(row: Mission) -> list[str]:
    held = again(row)
    return [held.paused_cause, *(each["cause"] for each in held.held_too)]


def test_two_people__each_holds_it_until_their_own_is_lifted(world: World, row: Mission) -> None:
    pause(row, world.actor, reason="The list is wrong.")
    pause(row, world.oc, reason="The mail host is down.")
    pause(row, world.oc, reason="The mail host is down.")  # once more is once
    assert causes(row) == ["operator", "operator"]
    assert "The list is wrong. And: The mail host is down." in standing(again(row)).words
    first = resume(row, world.actor)
    assert (first.status, first.pause_reason) == ("paused", "The mail host is down.")
    assert resume(row, world.actor).status == "active"
    assert again(row).held_too == []
    said = AuditEvent.objects.filter(action="mission.resume").order_by("-pk")[:2]
    assert [entry.actor_ref for entry in said] == [world.actor.ref] * 2


def test_violation_of_what_is_paused__is_the_cause_that_is_told(world: World, row: Mission) -> None:
    """The owner paused it; they don't let it go on from what a safeguard found meanwhile."""
    pause(row, world.actor)
    finding = world.found(row)
    assert causes(row) == ["safeguard", "operator"]
    with pytest.raises(NotAllowed, match="safeguard"):
        resume(row, world.actor)
    with pytest.raises(GateNotMet):
        resume(row, world.gv)
    services.resolve_finding(finding, actor=world.gv, reason="They were told.")
    with pytest.raises(NotAllowed):
        resume(row, world.actor)
    assert resume(row, world.gv).status == "paused"
    assert causes(row) == ["operator"]
    assert resume(row, world.actor).status == "active"


def test_operator__of_what_a_safeguard_stopped__holds_it_further(
    world: World, row: Mission
) -> None:
    finding = world.found(row)
    pause(row, world.oc, reason="We look at the host.")
    services.resolve_finding(finding, actor=world.gv, reason="They were told.")
    assert resume(row, world.gv).pause_reason == "We look at the host."
    assert causes(row) == ["operator"]


def test_kill_switch__holds_until_its_kind_is_on(world: World) -> None:
    row = world.started(mission_type="nowhere")
    pause(row, world.oc, cause="kill_switch")
    pause(row, world.oc)
    with pytest.raises(GateNotMet, match="switched off"):
        resume(row, world.oc)
    services.change_mission(again(row), actor=world.actor, mission_type="")
    assert resume(row, world.oc).paused_cause == "operator"
    assert resume(row, world.oc).status == "active"


def test_authorization__holds_until_it_is_connected_again_or_dropped(world: World) -> None:
    row = world.started()
    kit = world.equipped(row)
    held = kit.connections.get()
    services.end_connection(held, "expired", actor=world.agent("inspector"), reason="It ran out.")
    pause(row, world.agent("executor"), cause="authorization")
    with pytest.raises(GateNotMet, match="Not connected any more: Mail"):
        resume(row, world.oc)
    world.connected(kit, link="link-2")
    assert resume(row, world.oc).status == "active"
    with time_machine.travel(clock.now() + timedelta(days=61), tick=False):
        pause(row, world.oc, cause="authorization")
        with pytest.raises(GateNotMet, match="Not connected"):
            resume(row, world.oc)
        services.drop_toolkit(kit, actor=world.oc, reason="By hand then.")
        assert resume(row, world.oc).status == "active"


def test_stranger__holds_nothing_and_lifts_nothing(world: World, row: Mission) -> None:
    pause(row, world.actor)
    for stranger in (
        world.someone("knowledge_curator"),
        make.actor(make.person(make.workspace(), "operations_command")),
    ):
        with pytest.raises(NotAllowed):
            pause(row, stranger)
        with pytest.raises(NotAllowed):
            resume(row, stranger)
    assert causes(row) == ["operator"]


def test_database__what_goes_on_is_held_by_nothing(row: Mission) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Mission.objects.filter(pk=row.pk).update(held_too=[{"cause": "operator"}])
