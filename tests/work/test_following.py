"""What an owner says on its work item, and how the item follows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controlplane.lib import clock
from controlplane.notify.models import OutboxMessage
from controlplane.work import services
from controlplane.work.models import Comment, Item
from controlplane.work.services import following
from deployments.models import Deployment
from tests import make
from tests.kit import work
from tests.kit.deployments import World, there
from tests.kit.settled import once

pytestmark = pytest.mark.django_db


@once
def world() -> World:
    return World()


def said(world: World, **moves: str) -> tuple[Item, OutboxMessage]:
    row = world.draft()
    services.say_later(row, "It goes on.", actor=world.actor, portal=make.JOB, **moves)
    message = OutboxMessage.objects.filter(topic=following.TOPIC).latest("pk")
    return there(row.item), message


def texts(item: Item) -> list[str]:
    return list(Comment.objects.filter(item=item).order_by("pk").values_list("text", flat=True))


def test_delivered_twice__said_once_and_moved_once(world: World) -> None:
    item, message = said(world, status="in_progress")
    before = texts(item)
    assert {following.tell_item(message).kind for _ in range(2)} == {"accepted"}
    assert texts(item) == [*before, "It goes on."]
    item.refresh_from_db()
    assert item.status == "in_progress"


def test_told_of_the_past__stands_there_however_late_it_is_delivered(world: World) -> None:
    with clock.set_back(timedelta(days=3)):
        item, message = said(world)
    following.tell_item(message)
    past = Comment.objects.filter(item=item).latest("pk")
    assert timedelta(days=2, hours=23) < clock.now() - past.created_at < timedelta(days=3, hours=1)
    services.say_later(
        Deployment.objects.get(item=item), "And now.", actor=world.actor, portal=make.JOB
    )
    following.tell_item(OutboxMessage.objects.filter(topic=following.TOPIC).latest("pk"))
    assert Comment.objects.latest("pk").text == "And now."
    assert clock.now() - Comment.objects.latest("pk").created_at < timedelta(minutes=5)


def test_parts__are_closed_before_it(world: World) -> None:
    item, message = said(world, parts="Taken back.", close="Taken back.")
    part = work.item(item.project, "A part", actor=world.actor, parent=item)
    following.tell_item(message)
    for each in (part, item):
        each.refresh_from_db()
        assert each.category == "done"


def test_item_that_cannot_follow__says_why_and_is_not_tried_for_ever(world: World) -> None:
    item, message = said(world, close="Done.")
    work.item(item.project, "Still open", actor=world.actor, parent=item)
    assert following.tell_item(message).kind == "accepted"
    assert "could not follow its deployment" in texts(item)[-1]
    item.refresh_from_db()
    assert item.category != "done"


def test_item_that_is_gone__is_no_reason_to_try_again(world: World) -> None:
    _, message = said(world)
    message.payload["item"] = 0
    assert following.tell_item(message).kind == "rejected"
