"""Stuck threads call whom the rules name, once and in time; old ones are put away when asked to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from controlplane.jobs import leases
from controlplane.lib import clock
from controlplane.notify.models import InboxItem, Notification
from controlplane.work.models import Item
from missions.threads import services
from missions.threads.models import Message, Thread, WakeTrigger
from missions.threads.services import calling
from missions.threads.services.calling import call_due
from missions.threads.services.escalating import add_rule
from missions.threads.services.telling import CALLED
from tests import make
from tests.kit import settled
from tests.kit.threads import Talk

pytestmark = pytest.mark.django_db


@settled.once
def talk() -> Talk:
    return Talk()


def told() -> list[str]:
    rows = Notification.objects.filter(kind=CALLED).order_by("pk")
    return [each.body.splitlines()[0] for each in rows]


def later(minutes: int) -> None:
    """As if it had begun so long ago."""
    ago = timedelta(minutes=minutes)
    Thread.objects.update(status_at=F("status_at") - ago)


def test_blocked__calls_the_owner_at_once_and_operations_after_an_hour(talk: Talk) -> None:
    owner = make.person(talk.workspace, "mission_owner")
    stranger = make.person(make.workspace(), "operations_command")
    services.change_thread(talk.thread, actor=talk.operator, escalation_owner=owner)
    services.update_status(talk.thread, "blocked", actor=talk.operator, reason="They disagree.")
    assert call_due() == {"stuck": 1, "called": 1}
    assert told() == ["They disagree."]
    assert [each.user for each in InboxItem.objects.all()] == [owner]
    assert call_due() == {"stuck": 1, "called": 0}
    later(61)
    call_due()
    assert InboxItem.objects.filter(user=owner).exists()
    assert not InboxItem.objects.filter(user=stranger).exists()
    services.update_status(talk.thread, "active", actor=talk.operator, reason="Settled.")
    assert call_due()["stuck"] == 0


def test_unread__is_counted_from_the_first_message_that_is_another_s(talk: Talk) -> None:
    add_rule(talk.workspace, actor=talk.operator, what="unread", whom="role",
             role="operations_command", after_minutes=30)  # fmt: skip
    talk.post("executioner", to={"role": "reviewer"})
    assert call_due()["called"] == 0
    with clock.set_back(-timedelta(minutes=31)):
        assert call_due()["called"] == 2
        assert call_due()["called"] == 0
    names = {talk.reviewer.name, talk.coordinator.name}
    assert {line.split(" has not read")[0] for line in told()} == names
    assert Message.objects.count() == 1


def test_dead_wake__calls(talk: Talk) -> None:
    talk.post("executioner", to={"role": "reviewer"})
    WakeTrigger.objects.update(state=leases.DEAD, status="dead", finished_at=clock.now())
    assert call_due()["called"] == 1
    assert told() == [f"{talk.reviewer.name} was to be woken, and nobody came."]


def test_many__those_that_stay_stuck_hide_none_that_came_later(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "_BATCH", 2)
    monkeypatch.setattr(calling, "_MOST", 2)
    rows = [talk.begin(title=f"The {n}.") for n in range(5)]
    for row in rows:
        services.update_status(row, "blocked", actor=talk.operator, reason=row.title)
    looks = [call_due()["called"] for _ in range(4)]
    assert looks == [2, 2, 1, 0]
    assert sorted(told()) == [row.title for row in rows]


def test_rule__opens_one_item_for_whom_it_names_and_none_unless_it_says_so(talk: Talk) -> None:
    owner = make.person(talk.workspace, "engineering_lead")
    add_rule(talk.workspace, actor=talk.operator, what="blocked", whom="role",
             role="operations_command", opens_item=True, item_owner=owner)  # fmt: skip
    add_rule(talk.workspace, actor=talk.operator, what="blocked", whom="role",
             role="security_lead", after_minutes=30, opens_item=True)  # fmt: skip
    services.update_status(talk.thread, "blocked", actor=talk.operator, reason="They disagree.")
    call_due()
    row = Thread.objects.get(pk=talk.thread.pk)
    assert row.item is not None
    assert row.item.assignee_user == owner
    assert "They disagree." in row.item.description
    assert Notification.objects.get(kind=CALLED).body.endswith(f"{row.item.key} stands for it.")
    with clock.set_back(-timedelta(minutes=31)):
        assert call_due()["called"] == 1
    assert Item.objects.filter(ensure_key__startswith="thread-stuck:").count() == 1
    # As shipped, nothing but a guard opens one.
    other = Talk(make.workspace())
    services.update_status(other.thread, "blocked", actor=other.operator, reason="Elsewhere.")
    call_due()
    assert Thread.objects.get(pk=other.thread.pk).item is None
