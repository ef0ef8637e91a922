"""`bd create --file`: the issues of a plan are all opened, in one step, or none is."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.work.models import Dependency, Item
from tests import make
from tests.kit import beads, settled
from tests.kit.beads import Bd

pytestmark = pytest.mark.django_db


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def bd(workspace: Workspace) -> Bd:
    return beads.agent(workspace)


def issue(title: str, **fields: Any) -> dict[str, Any]:
    return {"title": title, "line": 1, **fields}


def test_plan__opens_its_issues_with_fields_and_edges(bd: Bd) -> None:
    there = bd.make("There before")
    made = bd(
        "create_many",
        issues=[
            issue("Roll out", type="deployment", priority="P0", labels=["release"],
                  deps=["Rotate keys", f"discovered-from:{there}"]),
            issue("Rotate keys", description="Every one.", estimate="30", due="2026-01-15"),
            issue("Say so", deps=["blocks: Roll out"]),
        ],
        labels=["ops"],
        priority="3",
    )  # fmt: skip
    assert [row["title"] for row in made] == ["Roll out", "Rotate keys", "Say so"]
    first, second, third = (bd.show(row["id"]) for row in made)
    assert (first["priority"], first["issue_type"]) == (0, "deployment")
    assert first["labels"] == ["ops", "release"]
    assert (second["priority"], second["labels"], second["estimated_minutes"]) == (3, ["ops"], 30)
    assert {(row["id"], row["dependency_type"]) for row in first["dependencies"]} == {
        (second["id"], "blocks"),
        (third["id"], "blocks"),
        (there, "discovered-from"),
    }
    assert bd.ready() == [there, third["id"], second["id"]]
    assert AuditEvent.objects.filter(action="work.create").count() == 4


def test_plan__under_a_parent(bd: Bd) -> None:
    epic = bd.make("Epic", type="epic", labels=["q4"])
    made = bd("create_many", issues=[issue("One"), issue("Two")], parent=epic)
    assert [row["id"] for row in made] == [f"{epic}.1", f"{epic}.2"]
    assert made[0]["labels"] == ["q4"]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"title": "  "}, "title is required"),
        ({"type": "weather"}, "line 7: Two: invalid issue type: weather"),
        ({"deps": ["bd-none"]}, "line 7: Two: no issue found"),
        ({"deps": ["sings: One"]}, "invalid dependency type 'sings'"),
        ({"deps": ["Two"]}, "line 7: Two:"),
        ({"deps": "One"}, "a list of texts"),
        ({"weather": "fine"}, "unknown field 'weather'"),
    ],
)
def test_one_wrong_issue__opens_none(bd: Bd, second: dict[str, Any], said: str) -> None:
    issues = [issue("One"), {**issue("Two"), "line": 7, **second}]
    assert said in bd.error("create_many", issues=issues)
    assert not Item.objects.exists()
    assert not Dependency.objects.exists()


def test_circle_within_a_plan__opens_none(bd: Bd) -> None:
    issues = [issue("One", deps=["Two"]), issue("Two", deps=["One"])]
    assert "cycle" in bd.error("create_many", issues=issues)
    assert not Item.objects.exists()


def test_title_of_two__names_neither(bd: Bd) -> None:
    issues = [issue("One"), issue("one"), issue("Then", deps=["One"])]
    assert "two issues of the plan" in bd.error("create_many", issues=issues)


def test_dry_run__shows_and_opens_nothing(bd: Bd) -> None:
    shown = bd("create_many", issues=[issue("One"), issue("Two", deps=["One"])], dry_run=True)
    assert [(row["title"], row["dry_run"]) for row in shown] == [("One", True), ("Two", True)]
    assert bd.notes == ["dry run: nothing was created"]
    assert not Item.objects.exists()


def test_no_list__or_too_long_a_one__is_refused(bd: Bd) -> None:
    wrong: list[Any] = [None, {}, [], "x", ["x"], [issue("x")] * 1_001]
    for issues in wrong:
        assert bd.error("create_many", issues=issues)
    assert not Item.objects.exists()


def test_viewer_and_stranger__open_nothing(workspace: Workspace) -> None:
    reader = beads.person(workspace, "viewer")
    assert reader.ask("create_many", issues=[issue("One")]).status_code == 403
    elsewhere = beads.agent(make.workspace())
    epic = beads.agent(workspace).make("Epic", type="epic")
    assert "no issue found" in elsewhere.error("create_many", issues=[issue("One")], parent=epic)
    assert Item.objects.count() == 1
