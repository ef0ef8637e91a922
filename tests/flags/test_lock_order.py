"""Whoever deletes an item, asks for consent or kills takes locks in one order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.lib.errors import Conflict, Invalid
from controlplane.notify.models import OutboxMessage
from controlplane.work import services as items
from controlplane.work.models import Item
from deployments.flags import services, telling
from deployments.flags.models import ChangeRequest, Flag
from deployments.flags.services import staleness
from tests import make
from tests.kit import work
from tests.kit.flags import World, on, rule
from tests.kit.racing import race

pytestmark = pytest.mark.django_db(transaction=True)
_WAITING = (
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('tuple', 'transactionid')"
)


class Case:
    def __init__(self) -> None:
        self.world = World()
        self.item = work.item(self.world.workspace)
        self.flag = self.world.make("with-item", item=self.item)
        self.world.guard()

    def propose(self, percent: int, instead_of: ChangeRequest | None = None) -> ChangeRequest:
        return services.propose(
            self.world.state("production", self.flag),
            on(rule(percent)),
            actor=self.world.actor,
            version=None,
            reason="Go live.",
            instead_of=instead_of,
        )


def against_deletion(item: Item, other: Callable[[], Any]) -> list[Any]:
    """`other` begins while somebody holds the item, about to delete it with what names it."""
    held = threading.Event()

    def delete() -> Any:
        with transaction.atomic():
            Item.objects.select_for_update().get(pk=item.pk)
            held.set()
            _until_somebody_waits()
            return items.delete_items([item], actor=make.JOB)

    def begin() -> Any:
        assert held.wait(timeout=10)
        return other()

    steps = (delete, begin)
    return race(2, lambda number: steps[number]())


def _until_somebody_waits() -> None:
    pause = threading.Event()
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute(_WAITING)
            if cursor.fetchone()[0]:
                return
        pause.wait(0.01)


def test_item_deleted_while_somebody_asks_for_consent__no_circle() -> None:
    case = Case()
    deleted, asked = against_deletion(case.item, lambda: case.propose(10))
    assert deleted.keys == [case.item.key]
    assert isinstance(asked, Conflict), asked  # it would name an item that is gone
    again = case.propose(10)
    assert again.approval is not None
    assert again.approval.item is None


def test_item_deleted_while_somebody_asks_again__no_circle() -> None:
    case = Case()
    first = case.propose(10)
    deleted, asked = against_deletion(case.item, lambda: case.propose(20, instead_of=first))
    assert deleted.keys == [case.item.key]
    assert isinstance(asked, Conflict), asked
    first.refresh_from_db()
    assert case.propose(20, instead_of=first).settings["rules"][0]["percent"] == 20


def test_item_deleted_while_a_packet_is_revised__no_circle() -> None:
    case = Case()
    approval = case.propose(10).approval
    assert approval is not None

    def revise() -> Request:
        packet = {**approval.packet, "reason": "other words"}
        return approvals.revise(approval, packet, actor=case.world.actor, vouched=True)

    deleted, revised = against_deletion(case.item, revise)
    assert deleted.keys == [case.item.key]
    assert (revised.revision, revised.item_id) == (2, None)


def test_item_deleted_while_a_flag_gets_it__no_circle() -> None:
    case = Case()
    wanted = work.item(case.world.workspace)
    held = threading.Event()

    def delete() -> Any:
        with transaction.atomic():
            rows = Item.objects.filter(pk__in=[case.item.pk, wanted.pk])
            list(rows.select_for_update().order_by("pk"))
            held.set()
            _until_somebody_waits()
            return items.delete_items([case.item, wanted], actor=make.JOB)

    def change() -> Any:
        assert held.wait(timeout=10)
        return services.change_flag(case.flag, actor=case.world.actor, item=wanted)

    steps = (delete, change)
    deleted, changed = race(2, lambda number: steps[number]())
    assert len(deleted.keys) == 2, deleted
    assert isinstance(changed, Invalid), changed
    assert Flag.objects.get(pk=case.flag.pk).item is None


def test_item_held_while_a_flag_comes_into_use__nobody_waits() -> None:
    case = Case()
    assert staleness.mark(case.flag, "nobody asks for it")
    flag = Flag.objects.select_related("cleanup").get(pk=case.flag.pk)
    assert flag.cleanup is not None
    held, done = threading.Event(), threading.Event()

    def keep_the_item() -> bool:
        with transaction.atomic():
            Item.objects.select_for_update().get(pk=flag.cleanup_id)
            held.set()
            return done.wait(timeout=10)

    def unmark_and_kill() -> Flag:
        assert held.wait(timeout=10)
        assert staleness.unmark(flag)
        killed = services.kill(flag, actor=case.world.actor, reason="Now!")
        done.set()
        return killed

    steps = (keep_the_item, unmark_and_kill)
    kept, killed = race(2, lambda number: steps[number]())
    assert kept is True, killed
    assert not killed.enabled
    told = OutboxMessage.objects.get(topic=telling.IN_USE)
    assert [telling.tell_in_use(told).kind for _ in range(2)] == ["accepted"] * 2
    said = [row.text for row in flag.cleanup.comments.all()]
    assert [text for text in said if "no longer stale" in text] == [
        "The flag with-item is no longer stale."
    ]
