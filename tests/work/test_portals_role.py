"""In the field the portal is not the owner of its tables: what it does must be allowed to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controlplane.access.models import Workspace
from controlplane.work import services
from controlplane.work.models import Item
from controlplane.work.services import graph
from controlplane.work.services.transfer import export_lines, import_lines
from tests import make
from tests.kit import beads, roles, work
from tests.kit.beads import Bd

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    found = make.workspace()
    with roles.as_the_portal():
        yield found


def test_file__is_imported_changed_and_written_again(workspace: Workspace) -> None:
    there, actor = work.project(workspace), work.worker(workspace)
    lines = (
        b'{"id":"x-1","title":"one","comments":[{"id":"1","text":"hello"}]}\n'
        b'{"id":"x-2","title":"two","dependencies":[{"depends_on_id":"x-1","type":"blocks"}]}\n'
        b'{"title":"no id"}\n'
    )
    assert import_lines(there, lines, actor=actor).created == 3
    assert Item.objects.get(key="x-2").blocked
    done = import_lines(there, b'{"id":"x-1","title":"uno"}\n', actor=actor, on_newer="overwrite")
    assert done.updated == 1
    assert b'"uno"' in b"".join(export_lines(there, actor=actor))


def test_commands__change_the_graph(workspace: Workspace) -> None:
    bd: Bd = beads.agent(workspace, role="coordinator")
    epic = bd.make("Epic", type="epic")
    one, two = bd.make("One", parent=epic), bd.make("Two", labels=["ops"])
    bd("dep_add", issue=two, depends_on=one)
    bd("comment", id=one, text="hello")
    assert bd("ready", claim=True)[0]["status"] == "in_progress"
    bd("ensure", key="rel-1", title="Release")
    bd("close", ids=[one], reason="done", evidence=["https://ci.example.com/1"])
    bd("reopen", ids=[one])
    assert [row["id"] for row in bd("search", query="two")] == [two]
    bd("delete", ids=[two], force=True)
    assert bd.named(sandbox="/tmp/x").make("Try") not in bd.list()
    graph.rebuild(workspace.pk)
    assert graph.mismatches(workspace.pk) == []


def test_stranger__stays_one(workspace: Workspace) -> None:
    item = work.item(workspace)
    stranger = beads.agent(make.workspace())
    assert "no issue found" in stranger.error("show", ids=[item.key])
    assert not services.close_items(
        [item], reason=lambda _: "x", actor=work.worker(workspace)
    ).refused
