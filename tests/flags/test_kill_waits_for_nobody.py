"""A decision about a flag never makes its kill wait for whoever works on the item it belongs to."""

from __future__ import annotations

import dataclasses
import threading

import pytest
from django.db import connection, transaction

from controlplane.approvals import owners
from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.work.models import Item
from deployments.flags import services
from deployments.flags.models import Flag
from deployments.flags.services import requests
from tests.kit import approvals as kit
from tests.kit import work
from tests.kit.flags import World, on
from tests.kit.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]


def test_item_held_while_somebody_decides__kill_and_decision_go_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    item = work.item(world.workspace)
    flag = world.make("with-item", item=item)
    world.guard()
    asked = services.propose(
        world.state("production", flag), on(), actor=world.actor, version=None, reason="Go live."
    )
    assert asked.approval is not None
    approval, lead = asked.approval, world.lead
    item_held, flag_held, killed = (threading.Event() for _ in range(3))

    def hold(request: Request) -> None:
        requests.hold_for(request)
        flag_held.set()

    owner = dataclasses.replace(owners.get(requests.OWNER), hold=hold)
    monkeypatch.setitem(owners.OWNERS, requests.OWNER, owner)

    def keep_the_item() -> str:
        with transaction.atomic():
            Item.objects.select_for_update().get(pk=item.pk)
            item_held.set()
            return "killed meanwhile" if killed.wait(timeout=15) else "waited for"

    def decide() -> str:
        assert item_held.wait(timeout=10)
        return approvals.decide(approval, "approved", actor=lead, sha256=approval.sha256).status

    def kill() -> Flag:
        assert flag_held.wait(timeout=10)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")  # half of what the decision may wait
            services.kill(flag, actor=world.actor, reason="Now!")
        killed.set()
        return flag

    steps = (keep_the_item, decide, kill)
    kept, decided, gone = race(3, lambda number: steps[number]())
    assert (kept, decided, gone) == ("killed meanwhile", "approved", flag)
    assert not Flag.objects.get(pk=flag.pk).enabled
    kit.speak()
    said = [row.text for row in item.comments.all()]
    assert f"approved {approval.ref} (Release)." in said, said
