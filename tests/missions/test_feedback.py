"""Feedback: asked for, reminded of once, given or declined by each person for themselves."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from controlplane.notify.models import Notification
from missions.gates.looking import Look
from missions.gates.registry import answer
from missions.models import Feedback, Mission
from missions.services import feedback
from tests import make
from tests.kit import settled
from tests.kit.missions import World, again, all_answered

pytestmark = pytest.mark.django_db


@settled.once
def scene() -> Any:
    world = World()
    return SimpleNamespace(world=world, row=world.imported(stage="feedback"), kc=world.kc)


def gate(row: Mission) -> str:
    return answer("feedback_given", Look(again(row))).state


def test_entering_the_last_stage__asks_whoever_is_behind_it(scene: Any) -> None:
    with all_answered():
        row = scene.world.in_stage("reflect_improve", title="Signed all the way")
    asked = Feedback.objects.get(mission=row)
    assert (asked.person_id, asked.status) == (scene.world.owner.pk, "asked")
    assert Timer.objects.filter(key=f"mission-feedback:{asked.uid}", state="waiting").exists()


def test_asking__once_a_person_and_only_who_works_here(scene: Any) -> None:
    world, row = scene.world, scene.row
    one = make.person(world.workspace, "viewer")
    assert len(feedback.ask_feedback(row, [one, world.owner], actor=world.actor)) == 2
    assert feedback.ask_feedback(row, [one], actor=world.actor) == []
    assert gate(row) == "waiting"
    with pytest.raises(Invalid, match="Somebody of this workspace"):
        feedback.ask_feedback(row, [make.person(make.workspace(), "viewer")], actor=world.actor)
    with pytest.raises(NotAllowed):
        feedback.ask_feedback(row, [one], actor=make.actor(one))
    with pytest.raises(Invalid):
        feedback.ask_feedback(row, [], actor=world.actor)


def test_giving__is_told_and_opens_the_gate(scene: Any) -> None:
    world, row = scene.world, scene.row
    assert gate(row) == "failed"
    said = feedback.give_feedback(
        row, actor=world.actor, rating=4, satisfaction=5, effort_saved_minutes=90,
        blockers="password=hunter22", text="Went well.",
    )  # fmt: skip
    assert (said.rating, said.effort_saved_hours, said.status) == (4, 1.5, "given")
    assert "hunter22" not in said.blockers
    assert gate(row) == "passed"
    # The same again changes nothing; something else takes its place.
    same = feedback.give_feedback(
        row, actor=world.actor, rating=4, satisfaction=5, effort_saved_minutes=90,
        blockers="password=hunter22", text="Went well.",
    )  # fmt: skip
    assert same.version == said.version
    other = feedback.give_feedback(row, actor=world.actor, rating=2, version=said.version)
    assert (other.pk, other.rating, other.text) == (said.pk, 2, "")
    with pytest.raises(Conflict):
        feedback.give_feedback(row, actor=world.actor, rating=5, version=said.version)


def test_declining__says_why_and_may_be_thought_over(scene: Any) -> None:
    world, row = scene.world, scene.row
    with pytest.raises(Invalid):
        feedback.decline_feedback(row, actor=world.actor, reason=" ")
    said = feedback.decline_feedback(row, actor=world.actor, reason="I was away.")
    assert said.status == "declined"
    assert gate(row) == "passed"
    assert feedback.give_feedback(row, actor=world.actor, rating=3).status == "given"
    with pytest.raises(InvalidTransition):
        feedback.decline_feedback(row, actor=world.actor, reason="Not after all.")


def test_reminder__comes_once_and_not_to_who_answered(scene: Any) -> None:
    world, row = scene.world, scene.row
    one = make.person(world.workspace, "viewer")
    asked = feedback.ask_feedback(row, [one, world.owner], actor=world.kc)
    feedback.give_feedback(row, actor=world.actor, rating=5)
    states = {
        each.person_id: Timer.objects.get(key=f"mission-feedback:{each.uid}") for each in asked
    }
    assert states[world.owner.pk].state == "cancelled"
    timer = states[one.pk]
    assert timer.due_at - asked[0].asked_at > timedelta(hours=47)
    before = Notification.objects.filter(kind="mission.feedback").count()
    feedback.remind(timer)
    feedback.remind(timer)
    assert Notification.objects.filter(kind="mission.feedback").count() == before + 1
    assert Feedback.objects.get(person=one).reminded_at is not None


def test_the_time_for_it__from_the_last_stage_to_a_month_after(scene: Any) -> None:
    world = scene.world
    with pytest.raises(InvalidTransition, match="still being worked on"):
        feedback.give_feedback(world.started(), actor=world.actor, rating=3)
    with pytest.raises(InvalidTransition, match="not begun"):
        feedback.give_feedback(world.draft(), actor=world.actor, rating=3)
    done = world.imported(status="archived")
    closed = again(done).closed_at
    assert closed is not None
    assert feedback.may_answer(again(done), closed + timedelta(days=29)) == ""
    assert "30 days" in feedback.may_answer(again(done), closed + timedelta(days=31))


def test_strangers__are_refused(scene: Any) -> None:
    row = scene.row
    with pytest.raises(NotAllowed):
        feedback.give_feedback(
            row, actor=make.actor(make.person(make.workspace(), "mission_owner")), rating=5
        )
    agent = make.actor(make.agent(scene.world.workspace, role="coordinator"))
    with pytest.raises(NotAllowed):
        feedback.give_feedback(row, actor=agent, rating=5)


@pytest.mark.parametrize(
    ("field", "value"),
    [("rating", 0), ("rating", 6), ("rating", True), ("rating", 4.5), ("satisfaction", "5"),
     ("effort_saved_minutes", -1), ("effort_saved_minutes", 10**9), ("text", "a\0b"),
     ("blockers", "\ud800"), ("text", "x" * 9_000)],
)  # fmt: skip
def test_bad_input__is_refused_by_field(scene: Any, field: str, value: Any) -> None:
    given = {"rating": 3, field: value}
    with pytest.raises(Invalid) as caught:
        feedback.give_feedback(scene.row, actor=scene.world.actor, **given)
    assert field in caught.value.details


def test_the_database__keeps_what_was_said(scene: Any) -> None:
    said = feedback.give_feedback(scene.row, actor=scene.world.actor, rating=3)
    rows = Feedback.objects.filter(pk=said.pk)
    for broken in (
        lambda: rows.delete(),
        lambda: rows.update(person_id=scene.kc.user_id),
        lambda: rows.update(status="asked", answered_at=None),
        lambda: rows.update(rating=9),
        lambda: rows.update(asked_at=clock.now()),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            broken()
