"""What belongs to one workspace, or to one person's sandbox, stays there."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from controlplane.access.models import Workspace
from controlplane.lib.actors import job
from controlplane.lib.errors import Conflict
from controlplane.work import services
from controlplane.work.models import Comment, Dependency, Item, ItemEvent, Project
from controlplane.work.services.transfer import export_lines, import_lines
from controlplane.work.shown.console import by_key
from tests import make
from tests.kit import beads, settled, work
from tests.kit.api import Api, refused

pytestmark = pytest.mark.django_db
# Where each row says of which project it is.
PLACE: dict[Any, str] = {
    Project: "pk",
    Item: "project",
    Comment: "item__project",
    ItemEvent: "item__project",
    Dependency: "item__project",
}


@settled.once
def workspace() -> Workspace:
    return make.workspace()


def test_sandbox_of_a_long_path__is_nobody_elses(workspace: Workspace) -> None:
    one, two = work.worker(workspace), work.worker(workspace)
    path = "/" + "x" * 199

    first = services.open_sandbox(workspace, path, actor=one)

    assert services.open_sandbox(workspace, path, actor=one) == first
    assert services.open_sandbox(workspace, path, actor=two) != first
    assert first.sandbox_key.startswith(f"{one.ref}:")


def test_sandbox__cannot_be_reached_by_a_path_that_reads_like_its_key(workspace: Workspace) -> None:
    victim, other = work.worker(workspace), work.worker(workspace)
    key = f"{victim.ref}:/" + "x" * (199 - len(victim.ref) - 1)
    private = services.open_sandbox(workspace, key.partition(f"{victim.ref}:")[2], actor=victim)

    assert len(key) == 200
    assert services.open_sandbox(workspace, key, actor=other) != private


def test_edges__lead_neither_out_of_a_sandbox_nor_into_one(workspace: Workspace) -> None:
    actor = work.worker(workspace)
    sandbox = services.open_sandbox(workspace, "/tmp/x", actor=actor)
    shared, private = work.item(workspace, actor=actor), work.item(sandbox, actor=actor)

    for one, two in ((shared, private), (private, shared)):
        for kind in ("blocks", "parent-child", "related"):
            with pytest.raises(Conflict, match="among themselves"):
                services.add_dependency(one, two, actor=actor, kind=kind)
        with pytest.raises(Conflict, match="among themselves"):
            services.create_item(one.project, actor=actor, title="child", parent=two)


def test_ensure__in_a_sandbox_is_apart_from_the_workspace(workspace: Workspace) -> None:
    actor = work.worker(workspace)
    sandbox = services.open_sandbox(workspace, "/tmp/x", actor=actor)

    private = services.ensure(sandbox, "release:1", actor=actor, title="trial")
    real = services.ensure(work.project(workspace), "release:1", actor=actor, title="Release")

    assert (private.created, real.created) == (True, True)
    assert services.ensure(sandbox, "release:1", actor=actor, title="x").item == private.item
    other = services.create_project(workspace, actor=actor, name="Web", prefix="web")
    assert services.ensure(other, "release:1", actor=actor, title="x").item == real.item


def test_import_into_a_sandbox__takes_no_key_of_the_workspaces(workspace: Workspace) -> None:
    actor = work.worker(workspace)
    project = work.project(workspace)
    real = services.ensure(project, "release:1", actor=actor, title="Release").item
    sandbox = services.open_sandbox(workspace, "/tmp/x", actor=actor)

    import_lines(sandbox, b"".join(export_lines(project, actor=actor)), actor=actor)

    copied = services.ensure(sandbox, "release:1", actor=actor, title="x")
    assert (copied.created, copied.item.project_id) == (False, sandbox.pk)
    assert services.ensure(project, "release:1", actor=actor, title="x").item == real


def _taken_over(workspace: Workspace) -> Item:
    actor = work.worker(workspace)
    project = work.project(workspace)
    old = services.ensure(project, "release:1", actor=actor, title="old").item
    services.close_item(old, actor=actor, reason="done")
    services.ensure(project, "release:1", actor=actor, title="new")
    return old


def test_update_to_open__of_what_another_took_the_key_of(workspace: Workspace) -> None:
    old = _taken_over(workspace)
    bd = beads.agent(workspace)

    bd("update", ids=[old.key], status="open")

    old.refresh_from_db()
    assert (old.status, old.ensure_key) == ("open", "")


def test_import__opens_again_what_another_took_the_key_of(workspace: Workspace) -> None:
    actor = work.worker(workspace)
    project = work.project(workspace)
    old = services.ensure(project, "release:1", actor=actor, title="old").item
    file = b"".join(export_lines(project, actor=actor))
    services.close_item(old, actor=actor, reason="done")
    services.ensure(project, "release:1", actor=actor, title="new")

    import_lines(project, file, actor=actor, on_newer="overwrite")

    old.refresh_from_db()
    assert (old.status, old.ensure_key) == ("open", "")


def test_file_in_a_sandbox__is_its_owners_alone(workspace: Workspace) -> None:
    owner, other = (make.person(workspace, "operations_command") for _ in range(2))
    actor = make.actor(owner)
    sandbox = services.open_sandbox(workspace, "/tmp/x", actor=actor)
    item = work.item(sandbox, actor=actor)
    link = services.attach(item, actor=actor, filename="a.log", content=b"secret")
    path = f"/api/v1/work/attachments/{link.uid}"

    assert b"".join(Api(browser=make.client(owner)).get(path).streaming_content) == b"secret"
    refused(Api(browser=make.client(other)).get(path), "NOT_FOUND")
    refused(Api(browser=make.client(other)).send("DELETE", path), "NOT_FOUND")


def test_import__of_what_is_done_keeps_its_key_until_it_is_reopened(workspace: Workspace) -> None:
    actor = work.worker(workspace)
    done = services.ensure(work.project(workspace), "release:1", actor=actor, title="x").item
    services.close_item(done, actor=actor, reason="done")
    file = b"".join(export_lines(work.project(workspace), actor=actor))
    there = make.workspace()
    import_lines(work.project(there), file, actor=work.worker(there))

    copied = Item.objects.get(workspace=there)

    assert copied.ensure_key == "release:1"
    assert services.reopen_item(copied, actor=work.worker(there)).ensure_key == "release:1"


def test_sandbox_in_the_console__is_its_owners_alone(workspace: Workspace) -> None:
    owner, other = (make.person(workspace, "workspace_admin") for _ in range(2))
    actor = make.actor(owner)
    sandbox = services.open_sandbox(workspace, "/tmp/x", actor=actor)
    item = work.item(sandbox, "Private trial", actor=actor)
    file = services.attach(item, actor=actor, filename="a.log", content=b"secret")
    said = {"body": "hello"}

    for user, there in ((owner, True), (other, False)):
        browser = make.client(user)
        projects = browser.get("/admin/work/project/?kind=sandbox").context["cl"].result_list
        items = browser.get(f"/admin/work/item/?project={sandbox.uid}&view=all")
        assert [row.pk for row in projects] == ([sandbox.pk] if there else [])
        assert [row.pk for row in items.context["cl"].result_list] == ([item.pk] if there else [])
        for row in (item, sandbox):
            page = browser.get(f"/admin/work/{row._meta.model_name}/{row.uid}/change/")
            assert (page.status_code == 200) is there
        assert (by_key(make.actor(user), workspace.pk, item.key) is not None) is there
        browser.post(reverse("work:comment", args=(item.uid,)), said)
        assert item.comments.count() == 1  # the owner's
    address = reverse("work:evidence", args=(file.uid,))
    assert make.client(other).get(address).status_code == 404
    # Last: whoever reads a file to its end gives the test's connection back.
    answer = make.client(owner).get(address)
    assert b"".join(answer.streaming_content) == b"secret"  # type: ignore[attr-defined]


def test_rows_about_a_sandbox__are_its_owners_and_the_portals(workspace: Workspace) -> None:
    owner, other = work.worker(workspace), work.worker(workspace)
    sandbox = services.open_sandbox(workspace, "/tmp/x", actor=owner)
    first, second = (work.item(sandbox, actor=owner) for _ in range(2))
    services.add_dependency(first, second, actor=owner)
    services.comment(first, "hello", actor=owner)

    for model, place in PLACE.items():
        private = model.objects.filter(**{place: sandbox.pk})
        assert private.exists()
        assert set(private.visible_to(owner)) == set(private)
        assert set(private.visible_to(job("tests"))) == set(private)
        assert not private.visible_to(other).exists()
        assert not private.visible_to(work.worker(make.workspace())).exists()
