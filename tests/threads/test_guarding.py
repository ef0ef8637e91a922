"""A thread that a guard stopped: one work item, and somebody who hears of it."""

from __future__ import annotations

import time

import pytest

from controlplane.audit.models import AuditEvent
from controlplane.base import signals
from controlplane.base.models import Signal
from controlplane.notify.models import InboxItem, Notification
from controlplane.work.models import Dependency, Item
from missions.threads import numbers, services
from missions.threads.models import Thread
from tests import make
from tests.kit.threads import Talk

pytestmark = pytest.mark.django_db


def stopped(talk: Talk) -> Thread:
    for n in range(numbers.FINDING_CYCLES.value):
        who = "reviewer" if n % 2 == 0 else "executioner"
        name = "finding_reported" if n % 2 == 0 else "finding_rejected"
        talk.event(who, name, metadata={"finding_id": "F-1"})
    row = Thread.objects.get(pk=talk.thread.pk)
    assert row.status == "blocked"
    return row


def consume() -> None:
    signals.work(time.monotonic() + 5)


def test_guard__opens_one_item_and_tells_the_owner() -> None:
    talk = Talk()
    owner = make.person(talk.workspace, "mission_owner")
    services.change_thread(talk.thread, actor=talk.operator, escalation_owner=owner)
    row = stopped(talk)
    consume()
    row.refresh_from_db()
    assert row.item is not None
    assert row.ref in row.item.title
    assert {"thread", "guard", "repeated-finding"} <= set(row.item.labels)
    assert [each.user for each in InboxItem.objects.all()] == [owner]
    assert AuditEvent.objects.filter(action="thread.guarded").count() == 1
    # Told twice it is one.
    Signal.objects.update(state="waiting", finished_at=None)
    consume()
    assert Item.objects.filter(ensure_key__startswith="thread-guard:").count() == 1
    assert Notification.objects.filter(kind="thread.blocked").count() == 1


def test_guard__of_a_thread_with_an_item__is_linked_to_it() -> None:
    talk = Talk()
    stopped(talk)
    consume()
    first = Thread.objects.get(pk=talk.thread.pk).item
    assert first is not None
    services.update_status(talk.thread, "active", actor=talk.operator, reason="Go on.")
    stopped(talk)
    consume()
    row = Thread.objects.get(pk=talk.thread.pk)
    assert row.item == first
    second = Item.objects.filter(ensure_key__startswith="thread-guard:").exclude(pk=first.pk).get()
    assert Dependency.objects.filter(item=second, target=first).exists()


def test_guard__without_an_owner__falls_to_operations_and_no_stranger_hears() -> None:
    talk = Talk()
    operator = make.person(talk.workspace, "operations_command")
    make.person(make.workspace(), "operations_command")
    make.person(talk.workspace, "mission_owner")
    stopped(talk)
    consume()
    assert {each.user for each in InboxItem.objects.all()} == {operator}
