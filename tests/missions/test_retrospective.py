"""The retrospective: written, counted, classified, and signed as it was shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from controlplane.work import services as work
from controlplane.work.models import Item
from missions import services
from missions.models import FollowUp, Mission, Retrospective
from missions.services import feedback, followups, retrospectives
from missions.services import training as training_services
from tests import make
from tests.kit import settled
from tests.kit.missions import World, again, all_answered, request_of, states_of

pytestmark = pytest.mark.django_db
MINE = (
    "feedback_given",
    "retrospective_written",
    "reuse_classified",
    "training_updated",
    "followups_owned",
)


@settled.once
def scene() -> Any:
    world = World()
    return SimpleNamespace(world=world, row=world.imported(stage="feedback"), kc=world.kc)


def tomorrow() -> Any:
    return (clock.now() + timedelta(days=1)).date()


def whole(world: World, row: Mission) -> None:
    feedback.give_feedback(row, actor=world.actor, rating=4, effort_saved_minutes=30)
    retrospectives.write_retrospective(row, actor=world.actor, summary="It paid off.")
    retrospectives.classify_reuse(row, "reusable", actor=world.kc, reason="The drafts work.")
    retrospectives.settle_training(row, actor=world.kc, note_="Nothing new to learn.")


def test_gates__say_what_is_missing_until_all_of_it_is_there(scene: Any) -> None:
    world, row = scene.world, scene.row
    before = states_of(row)
    assert {before[name] for name in MINE[:4]} == {"failed"}
    assert before["followups_owned"] == "passed"
    whole(world, row)
    assert {states_of(row)[name] for name in MINE} == {"passed"}


def test_what_is_signed__falls_with_the_words_not_with_later_feedback(scene: Any) -> None:
    world = scene.world
    with all_answered(*MINE):
        with all_answered():
            row = world.in_stage("reflect_improve", title="Signed all the way")
        whole(world, row)
        asked = world.asked(row)
        packet = request_of(asked).packet["retrospective"]
        assert packet["summary"] == "It paid off."
        assert packet["figures"]["feedback"]["rating"] == 4
        feedback.give_feedback(row, actor=world.gv, rating=1)
        assert request_of(again(row)).status == "open"
        retrospectives.refresh_figures(row, actor=world.actor)
        assert request_of(again(row)).status == "void"
        services.ask_checkpoint(again(row), actor=world.actor)
        world.sign(row)
    done = again(row)
    assert done.status == "completed"
    with pytest.raises(InvalidTransition):
        retrospectives.write_retrospective(done, actor=world.actor, summary="Better than it was.")
    found = Retrospective.objects.get(visit__mission=done)
    with pytest.raises(DatabaseError), transaction.atomic():
        Retrospective.objects.filter(pk=found.pk).update(summary="Better than it was.")


def test_who_wrote_it__signs_for_the_owner_only(scene: Any) -> None:
    world = scene.world
    with all_answered():
        row = world.in_stage("reflect_improve", title="Written by the analyst")
        retrospectives.write_retrospective(row, actor=world.ta, summary="As I see it.")
        world.asked(row)
        with pytest.raises(NotAllowed):
            world.sign(row, "ta")


def test_writing__keeps_what_is_left_out_and_sees_others(scene: Any) -> None:
    world, row = scene.world, scene.row
    write = retrospectives.write_retrospective
    first = write(row, actor=world.actor, summary="Good.", kpi_actual="12.5", version=0)
    with pytest.raises(Conflict):
        write(row, actor=world.kc, to_improve="Sooner.", version=0)
    second = write(row, actor=world.kc, to_improve="Sooner.", version=first.version)
    assert (second.summary, second.to_improve) == ("Good.", "Sooner.")
    assert second.authors == [world.actor.ref, world.kc.ref]
    with pytest.raises(Invalid):
        write(row, actor=world.actor, summary=" ")
    with pytest.raises(Invalid):
        write(row, actor=world.actor, kpi_actual="1e300")
    with pytest.raises(Invalid):
        write(row, actor=world.actor, figures={"mine": 1})


def test_only_in_the_last_stage(scene: Any) -> None:
    with pytest.raises(InvalidTransition, match="Reflect & Improve"):
        retrospectives.write_retrospective(
            scene.world.started(), actor=scene.world.actor, summary="Too early."
        )


def test_training__is_in_the_backlog_or_it_is_said_why_not(scene: Any) -> None:
    world, row = scene.world, scene.row
    with pytest.raises(Invalid, match="say why"):
        retrospectives.settle_training(row, actor=world.kc)
    training_services.add_training(
        world.workspace, actor=world.kc, title="Read drafts aloud", role="mission_owner",
        mission=row,
    )  # fmt: skip
    assert retrospectives.settle_training(row, actor=world.kc).training_at is not None


def test_followups__are_work_with_an_owner_and_a_day(scene: Any) -> None:
    world, row = scene.world, scene.row
    add = followups.add_followup
    given = {"title": "Ask legal", "owner": world.owner, "due_on": tomorrow()}
    made = add(row, actor=world.actor, **given)
    assert add(row, actor=world.actor, **given).pk == made.pk
    assert made.item is not None
    item = Item.objects.get(pk=made.item.pk)
    assert (item.assignee, item.labels) == (world.owner.email, ["follow-up", "retrospective"])
    assert states_of(row)["followups_owned"] == "passed"
    for wrong in ({"due_on": None}, {"due_on": clock.now().date() - timedelta(days=9)},
                  {"title": " "}, {"owner": make.person(make.workspace(), "viewer")}):  # fmt: skip
        with pytest.raises(Invalid):
            add(row, actor=world.actor, **{**given, **wrong})
    dropped = followups.drop_followup(made, actor=world.actor, reason="Legal said yes before.")
    assert dropped.dropped_at is not None
    item.refresh_from_db()
    assert item.category == "done"
    assert not FollowUp.objects.standing().exists()


def test_a_followup_whose_item_went__is_missing(scene: Any) -> None:
    world, row = scene.world, scene.row
    made = followups.add_followup(
        row, actor=world.actor, title="Ask legal", owner=world.owner, due_on=tomorrow()
    )
    assert made.item is not None
    work.delete_items([made.item], actor=world.oc, reason="By mistake.")
    assert states_of(row)["followups_owned"] == "failed"


def test_figures__count_what_came_and_compare_with_the_type(scene: Any) -> None:
    world = scene.world
    old = world.imported(status="archived", mission_type="crm")
    feedback.give_feedback(old, actor=world.actor, rating=5)
    row = world.imported(stage="feedback", mission_type="crm")
    whole(world, row)
    figures = Retrospective.objects.get(visit__mission=row).figures
    assert figures["feedback"]["given"] == 1
    assert figures["trend"]["missions"] == 1
    assert figures["trend"]["rating"] == 5
    assert figures["safeguards"]["compliance_percent"] is None


def test_strangers__are_refused(scene: Any) -> None:
    row, world = scene.row, scene.world
    elsewhere = make.actor(make.person(make.workspace(), "knowledge_curator"))
    calls: tuple[Callable[[], object], ...] = (
        lambda: retrospectives.write_retrospective(row, actor=elsewhere, summary="Mine."),
        lambda: retrospectives.classify_reuse(row, "none", actor=world.actor, reason="Mine."),
        lambda: retrospectives.classify_reuse(row, "none", actor=elsewhere, reason="Mine."),
        lambda: retrospectives.settle_training(row, actor=world.ta, note_="Mine."),
    )
    for call in calls:
        with pytest.raises(NotAllowed):
            call()
