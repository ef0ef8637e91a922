"""Who had a hand in what is signed does not sign it, whichever way they had it."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.access.services.agents import change_agent
from controlplane.approvals import services as approvals
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotAllowed
from controlplane.notify.models import OutboxMessage
from missions import services
from missions.models import Mission
from missions.services import plan_notes, plays
from tests import make
from tests.kit import settled
from tests.kit.missions import again, all_answered, request_of
from tests.kit.missions_plans import PLAY, World

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    made = World()
    assert {made.gv.ref, made.oc.ref, made.importer.ref, made.planner.ref, made.actor.ref}
    return made


def refused(row: Mission, actor: Actor) -> str:
    """Why nothing of what is asked is theirs to sign; empty when something is."""
    views = approvals.may_sign(actor, request_of(again(row)))
    return "" if any(view.may for view in views) else views[0].refusal


def asked(world: World, row: Mission) -> Mission:
    with all_answered():
        return world.asked(row)


def test_stranger_and_those_of_the_roles(world: World) -> None:
    row = asked(world, world.planned().mission)
    assert refused(row, world.gv) == ""
    assert refused(row, world.oc) == ""
    assert "needs" in refused(row, world.someone("knowledge_curator"))
    assert refused(row, make.actor(make.person(make.workspace(), "operations_command")))


def test_importer__signs_nothing_but_as_the_owner(world: World) -> None:
    row = asked(world, world.planned().mission)
    assert "asked for it" in refused(row, world.importer)


def test_play__whoever_proposed_or_chose_it_signs_not(world: World) -> None:
    row = world.imported(stage="Plan")
    chooser = world.someone("operations_command")
    first = plays.propose_plays(row, [PLAY], actor=world.planner)[0]
    plays.select_play(first, actor=chooser, reason="The safest.")
    noter = world.someone("operations_command")
    plan_notes.put_plan_note(row, actor=noter, sla_impact="None.")
    row = asked(world, row)
    assert "produced" in refused(row, chooser)
    assert "produced" in refused(row, noter)


def test_agent__what_it_made_its_person_signs_not(world: World) -> None:
    row = world.imported(stage="Plan")
    person = make.person(world.workspace, "operations_command")
    agent = make.actor(make.agent(world.workspace, role="planner", owner=person))
    world.integrations()
    plays.select_play(plays.propose_plays(row, [PLAY], actor=agent)[0], actor=world.actor)
    row = asked(world, row)
    assert "produced" in refused(row, make.actor(person))


def test_agent__handed_on__counts_as_everybodys_who_had_it(world: World) -> None:
    """Between what it made and the question it had another person, twice."""
    long_ago, made_it, between, now, fresh = (
        make.person(world.workspace, "operations_command") for _ in range(5)
    )
    agent = make.agent(world.workspace, role="planner", owner=long_ago)
    change_agent(agent, actor=make.JOB, owner=made_it)
    row = world.imported(stage="Plan")
    world.integrations()
    play = plays.propose_plays(row, [PLAY], actor=make.actor(agent))[0]
    plays.select_play(play, actor=world.actor)
    for person in (between, None, now):
        change_agent(agent, actor=make.JOB, owner=person)
    row = asked(world, row)
    for person in (made_it, between, now):
        assert "produced" in refused(row, make.actor(person))
    assert not refused(row, make.actor(long_ago)), "before the mission was, it made nothing of it"
    assert not refused(row, make.actor(fresh))


def test_signature__lent_to_somebody__telemetry_hears_of_it(world: World) -> None:
    row = asked(world, world.planned().mission)
    other = make.person(world.workspace, "governance_validator")
    asked_for = request_of(again(row))
    approvals.delegate(asked_for, other, actor=world.gv, reason="On a plane.")
    approvals.delegate(asked_for, other, actor=world.gv, reason="On a plane.")  # sent twice
    told = [
        event
        for message in OutboxMessage.objects.filter(topic="missions.told")
        for event in message.payload["events"]
        if event["event"] == "approval_delegated"
    ]
    assert [(each["mission_id"], each["stage"], each["context"]) for each in told] == [
        (row.ref, "plan_approve", {
            "from_role": "governance_validator", "to_role": "governance_validator",
            "reason": "On a plane.", "delegated_by": world.gv.ref,
        })
    ]  # fmt: skip
    with pytest.raises(NotAllowed):
        approvals.delegate(
            asked_for, other, actor=world.someone("knowledge_curator"), reason="Away."
        )


def test_packet__handed_out_as_a_file__telemetry_hears_of_it(world: World) -> None:
    row = asked(world, world.planned().mission)
    asked_for = request_of(again(row))
    reader = make.client(make.person(world.workspace, "governance_validator"))
    assert reader.get(f"/desk/approvals/{asked_for.uid}/export.html").status_code == 200
    stranger = make.client(make.person(make.workspace(), "governance_validator"))
    assert stranger.get(f"/desk/approvals/{asked_for.uid}/export.html").status_code == 404
    told = [
        (event["mission_id"], event["context"]["format"])
        for message in OutboxMessage.objects.filter(topic="missions.told")
        for event in message.payload["events"]
        if event["event"] == "approval_exported"
    ]
    assert told == [(row.ref, "html")]


def test_evidence__whoever_linked_it_signs_not(world: World) -> None:
    row = world.locked()
    other = world.someone("governance_validator")
    services.link_evidence(row, actor=other, link="https://docs.example.org/mine")
    row = asked(world, row)
    assert "produced" in refused(row, other)
    assert refused(row, world.gv) == ""


def test_intent__whoever_wrote_it_signs_not(world: World) -> None:
    row = world.started()
    both = world.someone("operations_command", "governance_validator")
    services.change_mission(row, actor=both, intent="Write to everybody.")
    services.lock_brief(again(row), actor=world.actor)
    row = asked(world, again(row))
    assert "produced" in refused(row, both)


def test_owner_before__has_no_other_part_in_it(world: World) -> None:
    before = make.person(world.workspace, "mission_owner", "governance_validator",
                         "operations_command")  # fmt: skip
    row = world.locked(owner=before)
    row = services.change_mission(row, actor=world.actor, owner=world.owner)
    asked(world, row)
    held = make.actor(before)
    assert "produced" in refused(row, held)
    assert refused(row, world.gv) == ""
    exception = services.ask_override(
        again(row), actor=world.gv, kind="gate", subject="data_coverage", reason="Too few."
    )
    with pytest.raises(NotAllowed, match="lets nothing of it pass"):
        services.decide_override(exception, "granted", actor=held, reason="Fine.")


def test_owner__changed_while_it_is_asked__is_asked_anew(world: World) -> None:
    row = asked(world, world.locked())
    request: Any = request_of(row)
    other = make.person(world.workspace, "mission_owner", "governance_validator")
    services.change_mission(row, actor=world.actor, owner=other)
    request.refresh_from_db()
    assert request.status == "void"
    row = asked(world, again(row))
    assert [view.slot.slug for view in approvals.may_sign(make.actor(other), request_of(row))
            if view.may] == ["mo"]  # fmt: skip
