"""tasks.json both ways: all or nothing, twice is once, what is done stays done."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.lib.errors import Invalid, NotAllowed
from controlplane.work import services
from controlplane.work.models import Item
from controlplane.work.services.transfer import export_tasks, import_tasks
from tests import make
from tests.kit import work

pytestmark = pytest.mark.django_db
TASKS: list[dict[str, Any]] = [
    {"id": "F-2", "title": "Tune the alert", "area": "telemetry", "blocked_by": ["F-1"]},
    {"id": "F-1", "title": "Alert on lag", "area": "telemetry", "blocked_by": []},
    {"id": 3, "title": "Write it down", "area": "", "blocked_by": ["F-1", "F-2"]},
]


def test_tasks__become_items_and_come_back() -> None:
    project = work.project(make.workspace())
    actor = work.worker(project.workspace)
    done = import_tasks(project, TASKS, actor=actor)
    assert (len(done.created), done.dependencies) == (3, 3)
    item = project.items.get(external_ref="F-2")
    assert (item.labels, item.blocked) == (["telemetry"], True)
    assert export_tasks(project, actor=actor) == [
        TASKS[0],
        TASKS[1],
        {**TASKS[2], "id": "3"},
    ]


def test_tasks_twice__are_made_once_and_what_is_done_stays_done() -> None:
    project = work.project(make.workspace())
    actor = work.worker(project.workspace)
    import_tasks(project, TASKS, actor=actor)
    first = project.items.get(external_ref="F-1")
    services.close_item(first, actor=actor, reason="done")
    done = import_tasks(project, TASKS, actor=actor)
    assert (done.created, done.unchanged, done.dependencies) == ([], 3, 0)
    first.refresh_from_db()
    assert first.status == "closed"
    assert [row["id"] for row in export_tasks(project, actor=actor)] == ["F-2", "3"]


def test_own_items__keep_their_keys_on_the_way_back() -> None:
    project = work.project(make.workspace())
    actor = work.worker(project.workspace)
    item = work.item(project, "Ours", labels=["follow-up"])
    work.item(project, "Other")
    tasks = export_tasks(project, actor=actor, label="follow-up")
    assert tasks == [{"id": item.key, "title": "Ours", "area": "follow-up", "blocked_by": []}]
    assert import_tasks(project, tasks, actor=actor).unchanged == 1


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({}, "a list of tasks"),
        ([], "no tasks"),
        ([5], "task 1"),
        ([{"id": "a", "title": "t", "status": "open"}], "task 1"),
        ([{"id": "", "title": "t"}], "task 1: A task has an id"),
        ([{"id": "a", "title": " "}], "task 1: title"),
        ([{"id": "a", "title": "t"}, {"id": "a", "title": "t"}], "task 2: a stands there twice"),
        ([{"id": "a", "title": "t", "blocked_by": "b"}], "task 1: blocked_by"),
        ([{"id": "a", "title": "t", "blocked_by": ["b"]}], "task 1: a is blocked by b"),
        ([{"id": "a", "title": "t", "blocked_by": ["a"]}], "task 1: blocked by a, a would wait"),
        (
            [
                {"id": "a", "title": "t", "blocked_by": ["b"]},
                {"id": "b", "title": "t", "blocked_by": ["a"]},
            ],
            "task 2: blocked by a, b would wait for itself. Nothing was imported",
        ),
    ],
)
def test_bad_tasks__are_refused_whole(found: Any, sentence: str) -> None:
    project = work.project(make.workspace())
    with pytest.raises(Invalid, match=sentence):
        import_tasks(project, found, actor=work.worker(project.workspace))
    assert not Item.objects.exists()


def test_stranger__neither_sends_nor_gets_tasks() -> None:
    project = work.project(make.workspace())
    stranger, viewer = work.worker(make.workspace()), work.worker(project.workspace, "viewer")
    with pytest.raises(NotAllowed):
        import_tasks(project, TASKS, actor=stranger)
    with pytest.raises(NotAllowed):
        import_tasks(project, TASKS, actor=viewer)
    with pytest.raises(NotAllowed):
        export_tasks(project, actor=stranger)
