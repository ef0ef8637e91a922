"""Whoever deletes a work item holds the graph and the item, and comes for the deployments that name
it. What deployments and windows do meanwhile waits for it before it takes anything, and never in a
circle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from controlplane.base import refs
from controlplane.base.admin import editing
from controlplane.lib.errors import Conflict, GateNotMet
from controlplane.work import services as work
from controlplane.work.models import Item
from controlplane.work.services import graph
from deployments import services
from deployments.maintenance import services as maintenance
from deployments.maintenance import standing
from deployments.models import Deployment, MaintenanceWindow
from deployments.services import papers
from tests import make
from tests.kit import maintenance as windows
from tests.kit.deployments import HOTFIX, World, again, steps, there
from tests.kit.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.servers]


def item_of(world: World) -> Item:
    """One that somebody else made, so that it may be deleted."""
    project = work.ensure_operations_project(world.workspace, actor=make.JOB)
    return work.create_item(project, actor=make.JOB, title="Ship it", labels=["ops"])


def while_deleted(item: Item, other: Callable[[], Any]) -> tuple[Any, Any]:
    """`other` begins while the item is about to go."""
    held = threading.Event()

    def delete() -> Any:
        with transaction.atomic():
            graph.lock(item.workspace_id)
            Item.objects.select_for_update().get(pk=item.pk)
            held.set()
            _until_somebody_waits()
            return work.delete_items([item], actor=make.JOB)

    def begin() -> Any:
        assert held.wait(timeout=10)
        return other()

    turns = (delete, begin)
    deleted, done = race(2, lambda number: turns[number]())
    return deleted, done


def _until_somebody_waits() -> None:
    pause = threading.Event()
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        pause.wait(0.01)


def test_item_deleted__while_it_is_declared_ready() -> None:
    world = World()
    item = item_of(world)
    world.on_call()
    world.completed("staging")
    row = world.prepared("production", item=item)
    world.settle(row)
    deleted, asked = while_deleted(
        item, lambda: services.declare_ready(again(row), actor=world.actor)
    )
    assert deleted.keys == [item.key]
    assert isinstance(asked, GateNotMet), asked  # it has no work item any more
    assert again(row).item is None


def test_item_deleted__while_it_is_rolled_back() -> None:
    world = World()
    item = item_of(world)
    bad = world.started(item=item)
    deleted, undone = while_deleted(
        item, lambda: services.roll_back(bad, actor=world.actor, reason="Errors.")
    )
    assert deleted.keys == [item.key]
    assert isinstance(undone, Deployment), undone
    assert (undone.status, again(bad).item) == ("deploying", None)


def test_item_deleted__while_a_hotfix_lands() -> None:
    world = World()
    item = item_of(world)
    row = world.started(kind="hotfix", item=item, **HOTFIX)
    *before, last = steps(row)
    for step in before:
        services.finish_step(step, actor=world.actor)
    deleted, done = while_deleted(item, lambda: services.finish_step(last, actor=world.actor))
    assert deleted.keys == [item.key]
    assert done.state == "done", done
    assert again(row).status == "verifying"
    assert len(papers.owed(again(row))) >= 3


def test_deployment_planned__while_another_is_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    bad = world.started()
    allocate, held = refs.allocate, threading.Event()

    def slowly(workspace: int, prefix: str) -> Any:
        found = allocate(workspace, prefix)
        if prefix == "DEP" and not held.is_set():
            held.set()
            _until_somebody_waits()
        return found

    def undo() -> Any:
        assert held.wait(timeout=10)
        return services.roll_back(bad, actor=world.actor, reason="Errors.")

    monkeypatch.setattr(refs, "allocate", slowly)
    turns = (lambda: world.draft(release="4.3.0"), undo)
    planned, undone = race(2, lambda number: turns[number]())
    assert isinstance(planned, Deployment), planned
    assert isinstance(undone, Deployment), undone


def test_adapter_edited__while_a_step_is_given_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    adapter = world.adapter()
    row = world.ready()
    first, second = steps(row)[:2]
    services.set_step(first, actor=world.actor, adapter=adapter)
    lead = make.client(make.person(world.workspace, "engineering_lead"))
    require, held = editing.require_seen, threading.Event()

    def slowly(*args: Any) -> Any:
        held.set()
        _until_somebody_waits()
        return require(*args)

    def edit() -> Any:
        address = f"/admin/deployments/adapter/{adapter.uid}/change/?edit=1"
        form = {
            "title": "Another title", "argv": "/bin/true", "url": "", "timeout_s": "60",
            "environments": [world.place("staging").pk], "for_step": "",
        }  # fmt: skip
        return lead.post(address, form).status_code

    def give() -> Any:
        assert held.wait(timeout=10)
        return services.set_step(second, actor=world.actor, adapter=adapter)

    monkeypatch.setattr(editing, "require_seen", slowly)
    turns = (edit, give)
    edited, given = race(2, lambda number: turns[number]())
    assert edited == 302, edited
    assert isinstance(given, Conflict), given  # it was switched off by the edit
    adapter.refresh_from_db()
    assert adapter.title == "Another title"


# --- Windows ------------------------------------------------------------------------------------


def while_the_graph_is_held(
    item: Item, change: Callable[[], Any], other: Callable[[], Any]
) -> tuple[Any, Any]:
    """`other` begins while somebody has the graph, and comes for the item then."""
    held = threading.Event()

    def first() -> Any:
        with transaction.atomic():
            graph.lock(item.workspace_id)
            held.set()
            _until_somebody_waits()
            return change()

    def begin() -> Any:
        assert held.wait(timeout=10)
        return other()

    turns = (first, begin)
    changed, done = race(2, lambda number: turns[number]())
    return changed, done


def test_subtask_closed__while_it_is_moved_with_a_remark() -> None:
    world = windows.World()
    row = world.scheduled()
    task = standing.tasks(row)[0]
    closed, moved = while_the_graph_is_held(
        task,
        lambda: work.close_item(task, actor=make.JOB, reason="Done."),
        lambda: maintenance.move_task(row, task, actor=world.actor, to="done", remark="exit 0"),
    )
    assert isinstance(closed, Item), closed
    assert isinstance(moved, Item), moved
    assert task.comments.count() == 1


def test_item_of_a_window__is_come_for_while_its_work_is_changed() -> None:
    world = windows.World()
    row = world.scheduled()
    item = there(row.item)
    deleted, added = while_the_graph_is_held(
        item,
        lambda: work.delete_items([item], actor=make.JOB),
        lambda: maintenance.add_tasks(row, actor=world.actor, titles=["One more"]),
    )
    assert isinstance(deleted, Conflict), deleted
    assert [each.title for each in added] == ["One more"], added


def test_item_of_an_emergency__is_come_for_while_it_ends() -> None:
    world = windows.World()
    row = maintenance.start(world.sign_window(world.emergency()), actor=world.actor)
    item = there(windows.again(row).item)
    deleted, done = while_the_graph_is_held(
        item,
        lambda: work.delete_items([item], actor=make.JOB),
        lambda: maintenance.roll_back(row, actor=world.actor, reason="It won't start."),
    )
    assert isinstance(deleted, Conflict), deleted
    assert isinstance(done, MaintenanceWindow), done
    assert windows.again(row).review is not None
