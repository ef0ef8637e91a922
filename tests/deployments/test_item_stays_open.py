"""The work item of what goes on is not closed beside it: not at a terminal, not by a pipeline."""

from __future__ import annotations

import pytest

from controlplane.lib.errors import GateNotMet, NotAllowed
from controlplane.work import services as work
from controlplane.work.models import Item
from deployments import services
from deployments.maintenance import services as maintenance
from tests import make
from tests.kit import settled
from tests.kit.deployments import World, again, deliver, there
from tests.kit.maintenance import World as Maintenance
from tests.kit.maintenance import again as window_again
from tests.kit.maintenance import at, finish_tasks

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    return World()


def close(item: Item | None, reason: str = "Done.") -> Item:
    return work.close_item(there(item), actor=make.JOB, reason=reason)


def test_deployment_under_way__keeps_its_item_open_until_it_is_closed(world: World) -> None:
    row = world.started()
    with pytest.raises(GateNotMet, match=f"{row.ref} is deploying: it closes with that"):
        close(row.item)
    blocked = services.block(row, actor=world.actor, reason="The registry is away.")
    with pytest.raises(GateNotMet, match=f"{row.ref} is blocked"):
        close(blocked.item)
    row = world.do_steps(services.unblock(again(blocked), actor=world.actor, reason="It is back."))
    world.settle(row, "after")
    row = services.begin_watch(again(row), actor=world.actor)
    with pytest.raises(GateNotMet, match="monitoring"):
        close(row.item)
    services.close(again(row), actor=world.actor, reason="Live and stable.", early=True)
    deliver()
    item = there(again(row).item)
    assert (item.category, item.close_reason) == ("done", "Live and stable.")
    # As the playbook ends: what is closed takes the reason that is given then.
    assert close(item, "4.2.0 live; telemetry stable").close_reason.startswith("4.2.0 live")


def test_reopened_while_it_is_prepared_or_over__is_its_own_matter(world: World) -> None:
    row = world.prepared()
    closed = close(row.item)
    services.look_at_gates(row)
    gate = world.gate(row, "item-unblocked")
    assert (gate.state, gate.detail) == ("failed", f"{closed.key} is closed. Reopen it.")
    work.reopen_item(closed, actor=make.JOB, reason="Too early.")
    services.look_at_gates(again(row))
    assert world.gate(row, "item-unblocked").state == "passed"
    done = world.completed(release="4.3.0")
    deliver()
    item = work.reopen_item(there(again(done).item), actor=make.JOB, reason="It came back.")
    assert again(done).status == "completed"
    assert close(item).category == "done"


def test_maintenance_under_way__the_same() -> None:
    world = Maintenance()
    world.watcher()
    row = world.approved_window()
    with at(row.starts_at):
        row = world.begun(row)
        finish_tasks(row, world.actor)
        with pytest.raises(GateNotMet, match=f"{row.ref} is in progress"):
            close(row.item)
        row = maintenance.finish(window_again(row), actor=world.actor)
        with pytest.raises(GateNotMet, match=f"{row.ref} is monitoring"):
            close(row.item)
    with at(there(row.monitor_until)):
        maintenance.close(window_again(row), actor=world.actor, reason="All is well.")
        deliver()
    assert there(window_again(row).item).category == "done"


def test_stranger__closes_nothing(world: World) -> None:
    row = world.prepared()
    with pytest.raises(NotAllowed):
        work.close_item(there(row.item), actor=World().actor, reason="Mine.")
