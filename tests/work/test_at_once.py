"""Two who change the same part of a graph at the same moment: both get through, one after the
other, and neither undoes what the other did."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from controlplane.access.models import Workspace
from controlplane.work import services
from controlplane.work.models import Item, Project
from controlplane.work.services import github, graph
from tests import make
from tests.kit import beads, work
from tests.kit.api import Api
from tests.kit.beads import Bd
from tests.kit.github import send
from tests.kit.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]
_WAITS = """
    SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def _is_awaited() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_WAITS)
        return cursor.fetchone() is not None


def meet(workspace: Workspace, theirs: Callable[[], Any], ours: Callable[[], Any]) -> Any:
    """We hold the graph; they begin and come to wait for it; then we change something. What they
    were answered."""
    answers: list[Any] = []

    def run() -> None:
        try:
            answers.append(theirs())
        except Exception as error:  # noqa: BLE001 - the test looks at it
            answers.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        graph.lock(workspace.pk)
        thread.start()
        while thread.is_alive() and not _is_awaited():
            thread.join(0.01)
        ours()
    thread.join(20)
    return answers[0]


class Scene:
    def __init__(self) -> None:
        self.workspace = make.workspace()
        self.project: Project = work.project(self.workspace)
        self.actor = work.worker(self.workspace)
        self.person = make.person(self.workspace, "operations_command")
        self.api = Api(browser=make.client(self.person))
        self.bd: Bd = beads.agent(self.workspace)
        self.blocker, self.item, self.other = (
            work.item(self.project, title, actor=self.actor) for title in ("one", "two", "three")
        )
        services.add_dependency(self.item, self.blocker, actor=self.actor)
        self.path = f"/api/v1/work/items/{self.item.key}"

    def close_blocker(self) -> None:
        services.close_item(self.blocker, actor=self.actor, reason="done")

    def etag(self) -> str:
        tag: str = self.api.get(self.path)["ETag"]
        return tag


@pytest.fixture
def scene() -> Scene:
    return Scene()


def _with_if_match(s: Scene) -> Any:
    tag = s.etag()
    return lambda: s.api.send("PATCH", s.path, {"title": "new", "status": "hooked"}, If_Match=tag)


def _title_and_parent(s: Scene) -> Any:
    given = {"title": "new", "parent": s.other.key}
    return lambda: s.api.send("PATCH", s.path, given)


def _claimed_and_moved(s: Scene) -> Any:
    return lambda: s.bd.ask("update", ids=[s.item.key], claim=True, parent=s.other.key)


def _closed_with_evidence(s: Scene) -> Any:
    url = ["https://example.org/graph"]
    return lambda: s.bd.ask("close", ids=[s.item.key], reason="r", force=True, evidence=url)


def _several_labels(s: Scene) -> Any:
    return lambda: s.bd.ask("label_add", ids=[s.item.key, s.other.key], label="ops")


@pytest.mark.parametrize(
    "begin",
    [_with_if_match, _title_and_parent, _claimed_and_moved, _closed_with_evidence, _several_labels],
)
def test_request__and_one_who_changes_what_it_waits_for__both_get_through(
    scene: Scene, begin: Callable[[Scene], Any]
) -> None:
    answer = meet(scene.workspace, begin(scene), scene.close_blocker)

    changed = begin is _with_if_match  # the blocker's closing is no change of the item itself
    assert answer.status_code == 200 or (changed and answer.status_code == 412), answer.content
    scene.blocker.refresh_from_db()
    assert scene.blocker.is_closed
    assert graph.mismatches(scene.workspace.pk) == []


def test_numbered_item_with_edges__and_one_who_numbers(scene: Scene) -> None:
    project = services.create_project(
        scene.workspace, actor=scene.actor, name="Counted", prefix="BD", ids="sequence"
    )
    first = work.item(project, actor=scene.actor)
    there = scene.bd.named(project=str(project.uid))

    answer = meet(
        scene.workspace,
        lambda: there.ask("create", title="mine", deps=[first.key]),
        lambda: work.item(project, "ours", actor=scene.actor),
    )

    assert answer.status_code == 200, answer.content
    assert sorted(project.items.values_list("key", flat=True)) == ["BD-1", "BD-2", "BD-3"]


def test_delivery__that_tells_items_and_opens_a_gate(scene: Scene) -> None:
    source, secret = github.add_source(
        scene.project, actor=scene.actor, repository="example/portal"
    )
    gate = work.item(scene.project, actor=scene.actor, item_type="gate", key="bd-gate1")
    Item.objects.filter(pk=gate.pk).update(extra={"await_type": "gh:run", "await_id": "7"})
    run = {
        "id": 7, "name": "tests", "head_sha": "a" * 40, "status": "completed",
        "conclusion": "success", "head_branch": scene.item.key,
        "updated_at": "2026-03-01T08:00:00Z",
    }  # fmt: skip
    body = json.dumps(
        {"repository": {"full_name": source.repository}, "workflow_run": run}
    ).encode()

    answer = meet(scene.workspace, lambda: send("workflow_run", body, secret), scene.close_blocker)

    assert answer.json()["outcome"] == "workflow_run success: 1 item told; 1 gate"


def test_notes_and_metadata__of_a_crowd_are_all_kept(scene: Scene) -> None:
    crowd = [beads.agent(scene.workspace) for _ in range(4)]

    def add(number: int) -> list[int]:
        key, bd = scene.item.key, crowd[number]
        answers = [
            bd.ask("update", ids=[key], append_notes=f"note {number}"),
            bd.ask("note", id=key, text=f"word {number}"),
            bd.ask("update", ids=[key], set_metadata=[f"k{number}=1"]),
        ]
        return [answer.status_code for answer in answers]

    assert race(4, add) == [[200] * 3] * 4
    scene.item.refresh_from_db()
    assert len(scene.item.notes.splitlines()) == 8
    assert len(scene.item.metadata) == 4


def test_revision__moves_with_every_change_of_a_crowd(scene: Scene) -> None:
    ends = [work.item(scene.project, actor=scene.actor) for _ in range(16)]

    def change(number: int) -> None:
        for each in range(8):
            if number % 2:
                services.comment(scene.item, f"{number} {each}", actor=scene.actor)
            else:
                end = ends[number // 2 * 8 + each]
                services.add_dependency(scene.item, end, actor=scene.actor, kind="related")

    before = Item.objects.get(pk=scene.item.pk).revision
    assert race(4, change) == [None] * 4
    assert Item.objects.get(pk=scene.item.pk).revision == before + 32


def test_ensure__and_reopening_what_had_the_key__leave_one(scene: Scene) -> None:
    """Whoever is second sees the first: whatever the order, one unfinished item has the key."""
    old = services.ensure(scene.project, "release:9", actor=scene.actor, title="old").item
    services.close_item(old, actor=scene.actor, reason="done")

    def act(number: int) -> Any:
        if number % 2:
            return services.reopen_item(old, actor=scene.actor).key
        return services.ensure(scene.project, "release:9", actor=scene.actor, title="new").item.key

    results = race(4, act)

    assert [type(each) for each in results] == [str] * 4, results
    assert Item.objects.filter(ensure_key="release:9").unfinished().count() == 1


def test_subject__opened_by_a_crowd_is_one_item(scene: Scene) -> None:
    keys = race(
        4,
        lambda n: (
            services.open_item(
                scene.project, subject="deployments.deployment:1", actor=scene.actor, title="Deploy"
            ).key
        ),
    )
    assert len(set(keys)) == 1, keys


def test_put_off_no_more__leaves_what_somebody_took_meanwhile(scene: Scene) -> None:
    services.defer_item(scene.other, actor=scene.actor)
    seen = Item.objects.get(pk=scene.other.pk)
    services.undefer_item(scene.other, actor=scene.actor)
    services.claim(scene.other, actor=scene.actor)

    assert services.undefer_item(seen, actor=scene.actor).status == "in_progress"
