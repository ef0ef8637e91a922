"""`bd create`, `bd ensure`: everything is checked before anything is made."""

from __future__ import annotations

import re

import pytest

from controlplane.access.models import Workspace
from controlplane.work.models import Dependency, Item
from tests import make
from tests.kit import beads, settled
from tests.kit.api import refused
from tests.kit.beads import Bd

pytestmark = pytest.mark.django_db


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def bd(workspace: Workspace) -> Bd:
    return beads.agent(workspace)


def test_create__answers_one_object_without_labels_and_edges(bd: Bd) -> None:
    first = bd.make("Before")
    made = bd("create", title="First", labels=["ops", "deployment"], priority="P1", deps=[first])
    assert set(made) == {
        "id",
        "title",
        "status",
        "priority",
        "issue_type",
        "created_by",
        "owner",
        "created_at",
        "updated_at",
        "revision",
    }
    assert (made["status"], made["priority"], made["issue_type"]) == ("open", 1, "task")
    assert re.fullmatch(r"bd-[0-9a-z]{3,8}", made["id"])
    assert made["owner"] == "kim@example.org"
    assert bd.show(made["id"])["labels"] == ["deployment", "ops"]


def test_rows__leave_out_what_is_empty_and_keep_whole_seconds(bd: Bd) -> None:
    key = bd.make("Full", description="d", estimate=0, metadata='{"a": 1}', due="2027-01-15")
    row = bd.show(key)
    assert row["metadata"] == {"a": 1}
    assert row["estimated_minutes"] == 0
    assert row["due_at"] == "2027-01-15T00:00:00Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["created_at"])
    assert not {"design", "notes", "assignee", "closed_at", "labels", "parent"} & set(row)
    assert None not in row.values()


@pytest.mark.parametrize("kind", ["incident", "deployment", "maintenance", "mission", "rollback"])
def test_create__knows_the_types_of_the_playbook(bd: Bd, kind: str) -> None:
    assert bd("create", title="SEV1: it is down", type=kind)["issue_type"] == kind


def test_create__acts_for_whom_the_tool_names(bd: Bd) -> None:
    key = bd.named(**{"as": "kim"}).make("Mine")
    assert bd.show(key)["created_by"] == "kim"


def test_deps__may_be_written_in_each_of_the_ways(bd: Bd) -> None:
    a, b, c, d = (bd.make(name) for name in "abcd")
    new = bd.make(
        "New", deps=[a, f"blocked-by:{b}", f"blocks:{c}", f"discovered-from:{d}", "external:x:y"]
    )
    edges = {(e["depends_on_id"], e["type"]) for e in bd("list", id=[new])[0]["dependencies"]}
    assert edges == {
        (a, "blocks"),
        (b, "blocks"),
        (d, "discovered-from"),
        ("external:x:y", "blocks"),
    }
    assert bd.show(c)["dependencies"][0]["id"] == new
    assert bd.show(new)["external_dependencies"] == [
        {"depends_on_id": "external:x:y", "type": "blocks"}
    ]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"deps": ["nonsense:{first}"]}, "invalid dependency type"),
        ({"deps": ["{first}", "bd-zzzzzz"]}, "no issue found"),
        ({"parent": "bd-zzzzzz"}, "no issue found"),
        ({"waits_for": ["bd-zzzzzz"]}, "no issue found"),
        ({"waits_for": ["{first}"], "waits_for_gate": "some"}, "invalid gate"),
        ({"type": "nonsense"}, "invalid issue type"),
        ({"priority": "5"}, "invalid priority"),
        ({"priority": "high"}, "invalid priority"),
        ({"metadata": "[1]"}, "metadata must be a JSON object"),
        ({"metadata": "{"}, "metadata must be valid JSON"),
        ({"title": "   "}, "title is required"),
        ({"title": "x" * 501}, "500 characters or less"),
        ({"title": "a\u0000b"}, ""),
        ({"estimate": -1}, "must not be less than 0"),
        ({"due": "someday"}, "is no date"),
        ({"id": "other-1"}, "prefix"),
        ({"id": "bd-a b"}, "is no id"),
        ({"validate": True, "type": "bug"}, "missing sections"),
    ],
)
def test_create__refused__makes_nothing(bd: Bd, args: dict[str, object], says: str) -> None:
    first = bd.make("First")
    filled = {
        name: [text.format(first=first) for text in value] if isinstance(value, list) else value
        for name, value in args.items()
    }
    assert says in bd.error("create", **({"title": "New"} | filled))
    assert Item.objects.count() == 1
    assert Dependency.objects.count() == 0


def test_title__of_500_characters_is_kept_whole(bd: Bd) -> None:
    key = bd.make("ü" * 500)
    assert bd.show(key)["title"] == "ü" * 500


def test_own_id__taken_or_foreign(bd: Bd) -> None:
    assert bd("create", title="One", id="bd-mine")["id"] == "bd-mine"
    assert "taken" in bd.error("create", title="Two", id="BD-Mine")
    assert bd.show("bd-mine")["title"] == "One"
    assert bd("create", title="Two", id="other-7", force=True)["id"] == "other-7"


def test_child__has_the_next_number_its_parents_labels_and_its_edge(bd: Bd) -> None:
    epic = bd.make("Epic", type="epic", labels=["ops"])
    one, two = bd.make("One", parent=epic, labels=["x"]), bd.make("Two", parent=epic)
    assert (one, two) == (f"{epic}.1", f"{epic}.2")
    assert bd.make("Deep", parent=two) == f"{epic}.2.1"
    row = bd.show(one)
    assert row["labels"] == ["ops", "x"]
    assert row["parent"] == epic
    bare = bd.make("Bare", parent=epic, no_inherit_labels=True)
    assert "labels" not in bd.show(bare)
    assert bd.list(parent=epic, sort="id") == [one, two, bare]
    assert bd.ready(parent=epic, sort="oldest") == [one, two, f"{two}.1", bare]


def test_closed_parent__takes_no_children(bd: Bd) -> None:
    parent = bd.make("Parent")
    bd("close", ids=[parent], reason="done")
    assert "is closed" in bd.error("create", title="Child", parent=parent)


def test_dry_run__shows_and_makes_nothing(bd: Bd) -> None:
    shown = bd("create", title="Perhaps", labels=["x"], dry_run=True)
    assert (shown["title"], shown["labels"], shown["dry_run"]) == ("Perhaps", ["x"], True)
    assert Item.objects.count() == 0


def test_ids__are_found_in_any_case_and_by_their_unique_part(bd: Bd) -> None:
    bd("create", title="One", id="bd-abc1")
    bd("create", title="Two", id="bd-abd2")
    for said in ("bd-abc1", "BD-ABC1", "abc1", "bc1"):
        assert bd.show(said)["id"] == "bd-abc1"
    assert "ambiguous" in bd.error("show", ids=["ab"])


# --- Ensure -----------------------------------------------------------------------------------


def test_ensure__finds_what_is_in_progress_or_blocked_too(bd: Bd) -> None:
    first = bd("ensure", key="2025.10.16", title="Deploy 2025.10.16", labels=["ops"])
    assert first["created"] is True
    bd("update", ids=[first["id"]], status="in_progress")
    again = bd("ensure", key="2025.10.16", title="Deploy 2025.10.16")
    assert (again["id"], again["created"]) == (first["id"], False)
    bd("close", ids=[first["id"]], reason="live")
    assert bd("ensure", key="2025.10.16", title="Deploy again")["created"] is True
    assert bd("ensure", key="other", title="Deploy other")["id"] != first["id"]
    assert "title is required" in bd.error("ensure", key="third")


def test_ensure__puts_a_new_item_where_it_belongs_and_an_old_one_nowhere_else(bd: Bd) -> None:
    window, before = bd.make("Window", labels=["maintenance"]), bd.make("Before")
    given = {"key": "r1", "title": "Deploy r1", "parent": window, "deps": [before]}
    made = bd("ensure", **given)
    assert made["id"] == f"{window}.1"
    assert made["labels"] == ["maintenance"]
    bd("update", ids=[made["id"]], parent="")
    assert bd("ensure", **given)["id"] == made["id"]
    row = bd.show(made["id"])
    assert [each["id"] for each in row["dependencies"]] == [before]
    assert "no issue found" in bd.error("ensure", key="r2", title="x", parent="bd-zzzzzz")


def test_stranger__finds_nobody_elses_items(bd: Bd, workspace: Workspace) -> None:
    key = bd.make("Ours")
    other = beads.agent(make.workspace())
    assert "no issue found" in other.error("show", ids=[key])
    assert "no issue found" in other.error("create", title="Mine", deps=[key])
    viewer = beads.person(workspace, "viewer")
    assert viewer.show(key)["title"] == "Ours"
    refused(viewer.ask("create", title="No"), "FORBIDDEN")


def test_gate__says_what_it_waits_for(bd: Bd) -> None:
    gate = bd.make("Wait for CI", type="gate", await_type="gh:run", await_id=123)
    assert (bd.show(gate)["await_type"], bd.show(gate)["await_id"]) == ("gh:run", "123")
    bd("update", ids=[gate], await_id="124")
    assert (bd.show(gate)["await_type"], bd.show(gate)["await_id"]) == ("gh:run", "124")
    bd("update", ids=[gate], title="Wait")
    assert bd.show(gate)["await_id"] == "124"
    bd("update", ids=[gate], await_type="human", await_id="")
    assert "await_id" not in bd.show(gate)
    task = bd.make("Task")
    assert "type gate" in bd.error("update", ids=[task], await_type="human")
    assert "type gate" in bd.error("create", title="x", await_type="human")
    assert "one of gh:run" in bd.error("create", title="x", type="gate", await_type="gh:rum")
    assert "needs an await_type" in bd.error("create", title="x", type="gate", await_id="1")
    assert Item.objects.count() == 2
