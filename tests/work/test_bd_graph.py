"""`bd dep`, trees and cycles, epics, `stats`."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.work.models import Dependency, Item
from controlplane.work.services import cycles, graph, trees
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


@settled.once
def abc(bd: Bd) -> list[str]:
    return [bd.make(name) for name in "abc"]


# --- Edges ------------------------------------------------------------------------------------


def test_dep_add__the_first_depends_on_the_second(bd: Bd, abc: list[str]) -> None:
    a, b, c = abc
    answer = bd("dep_add", issue=a, depends_on=b)
    assert (answer["status"], answer["issue_id"], answer["depends_on_id"], answer["type"]) == (
        "added",
        a,
        b,
        "blocks",
    )
    assert bd.notes == []
    bd("dep_add", issue=a, depends_on=b)
    assert "already" in bd.notes[0]
    bd("dep_add", issue=c, blocks=a)  # dep c --blocks a
    assert [row["id"] for row in bd("dep_list", id=a)] == [b, c]
    assert [row["id"] for row in bd("dep_list", id=b, direction="up")] == [a]
    assert bd("dep_list", id=a, type="related") == []
    assert set(bd.ready()) == {b, c}


def test_dep_remove__says_when_there_was_nothing(bd: Bd, abc: list[str]) -> None:
    a, b, _ = abc
    bd("dep_add", issue=a, depends_on=b)
    assert bd("dep_remove", issue=a, depends_on=b)["status"] == "removed"
    assert bd("dep_remove", issue=a, depends_on=b)["status"] == "unchanged"
    assert "nothing was removed" in bd.notes[0]
    assert len(bd.ready()) == 3


def test_edges__to_what_is_elsewhere(bd: Bd, abc: list[str]) -> None:
    a = abc[0]
    bd("dep_add", issue=a, depends_on="external:billing:api")
    bd("dep_add", issue=a, depends_on="other-1")
    assert bd("dep_list", id=a) == []
    assert a in bd.ready()
    assert bd("dep_remove", issue=a, depends_on="other-1")["status"] == "removed"
    assert "no issue found" in bd.error("dep_add", issue=a, depends_on="bd-zzzzzz")
    assert "no issue found" in bd.error("dep_add", issue=a, depends_on="what is this")


@pytest.mark.parametrize("kind", ["blocks", "conditional-blocks", "waits-for", "parent-child"])
def test_cycles__are_refused_in_every_type_that_orders(bd: Bd, abc: list[str], kind: str) -> None:
    a, b, c = abc
    bd("dep_add", issue=a, depends_on=b, type=kind)
    bd("dep_add", issue=b, depends_on=c)
    response = bd.ask("dep_add", issue=c, depends_on=a, type=kind)
    refused(response, "CONFLICT")
    assert "would create a cycle" in response.json()["error"]["message"]
    assert "cannot depend on itself" in bd.error("dep_add", issue=a, depends_on=a)
    assert bd("dep_cycles") == []
    bd("dep_add", issue=c, depends_on=a, type="related")  # orders nothing


def test_many_edges__are_all_made_or_none(bd: Bd, abc: list[str]) -> None:
    a, b, c = abc
    lines = [{"from": a, "to": b}, {"issue": b, "depends_on": c, "type": "related"}]
    assert bd("dep_add", edges=lines)["count"] == 2
    wrong = [{"from": a, "to": c}, {"from": b, "to": a}]
    assert bd.error("dep_add", edges=wrong).startswith("line 2: ")
    assert Dependency.objects.count() == 2


def test_duplicate_supersede_relate(bd: Bd, abc: list[str]) -> None:
    a, b, c = abc
    assert bd("duplicate", id=a, of=b)["status"] == "closed"
    assert bd.show(a)["close_reason"] == f"Duplicate of {b}"
    assert bd("supersede", id=b, **{"with": c})["replacement"] == c
    assert bd("relate", issue=c, depends_on=a)["status"] == "added"
    assert bd("unrelate", issue=a, depends_on=c)["status"] == "removed"
    assert bd("unrelate", issue=a, depends_on=c)["status"] == "unchanged"


# --- Trees ------------------------------------------------------------------------------------


def test_tree__down_up_and_both(bd: Bd) -> None:
    epic = bd.make("Epic", type="epic")
    one = bd.make("One", parent=epic)
    two = bd.make("Two", parent=epic, deps=[one])
    found = bd.make("Found", deps=[f"discovered-from:{two}"])
    down = [(n["id"], n["depth"], n["parent_id"], n["edge_from_parent"]) for n in _tree(bd, two)]
    assert down == [
        (two, 0, "", ""),
        (epic, 1, two, "parent-child"),
        (one, 1, two, "blocks"),
    ]
    up = [(n["id"], n["depth"], n["parent_id"]) for n in _tree(bd, epic, direction="up")]
    assert up == [(epic, 0, ""), (one, 1, epic), (two, 1, epic), (found, 2, two)]
    both = _tree(bd, two, direction="both")
    assert [(n["id"], n["direction"]) for n in both] == [
        (two, "down"),
        (epic, "down"),
        (one, "down"),
        (found, "up"),
    ]
    assert not any(node["truncated"] for node in both)
    assert "invalid direction" in bd.error("dep_tree", id=two, direction="sideways")


def _tree(bd: Bd, key: str, **args: Any) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = bd("dep_tree", id=key, **args)
    return nodes


def test_tree__has_each_node_once_unless_every_path_is_wanted(bd: Bd) -> None:
    top, left, right, bottom = (bd.make(name) for name in ("top", "left", "right", "bottom"))
    for issue, target in ((top, left), (top, right), (left, bottom), (right, bottom)):
        bd("dep_add", issue=issue, depends_on=target)
    bd("dep_add", issue=bottom, depends_on=top, type="related")
    assert [n["id"] for n in _tree(bd, top)] == [top, left, bottom, right]
    paths = [n["id"] for n in _tree(bd, top, show_all_paths=True)]
    assert paths == [top, left, bottom, right, bottom]
    bd("update", ids=[left], status="in_progress")
    assert [n["id"] for n in _tree(bd, top, status="in_progress")] == [left]
    assert [n["id"] for n in _tree(bd, top, type=["related"])] == [top]


def test_tree__is_cut_at_its_depth(bd: Bd, abc: list[str]) -> None:
    a, b, c = abc
    bd("dep_add", issue=a, depends_on=b)
    bd("dep_add", issue=b, depends_on=c)
    nodes = _tree(bd, a, max_depth=1)
    assert [(n["id"], n["truncated"]) for n in nodes] == [(a, False), (b, True)]
    assert "is cut" in bd.notes[0]
    assert [n["truncated"] for n in _tree(bd, a, max_depth=2)] == [False, False, False]
    assert bd.notes == []
    assert "must not be less than 1" in bd.error("dep_tree", id=a, max_depth=0)


def test_tree__is_cut_at_its_number_of_nodes(bd: Bd) -> None:
    hub = bd.make("Hub")
    tops = [bd.make(f"top {number}", deps=[hub]) for number in range(6)]
    # Many edges, few items: fetching by edges must not miss one.
    last = [bd.make(f"last {number}", deps=tops) for number in range(2)]
    root = Item.objects.get(key=hub)
    whole = trees.tree(root, direction="up")
    assert {node.item.key for node in whole.nodes} == {hub, *tops, *last}
    assert whole.truncated is False
    exact = trees.tree(root, direction="up", max_nodes=9)
    assert (len(exact.nodes), exact.truncated) == (9, False)
    for most in range(1, 9):
        cut = trees.tree(root, direction="up", max_nodes=most)
        assert (len(cut.nodes), cut.truncated) == (most, True)
        assert any(node.truncated for node in cut.nodes)


def test_cycles__are_found_where_they_stand_all_the_same(bd: Bd, workspace: Workspace) -> None:
    """None can be made; one is written behind the services' back."""
    items = [Item.objects.get(key=bd.make(f"item {number}")) for number in range(6)]
    for one, two in ((0, 1), (1, 2), (2, 0), (3, 0), (2, 4), (4, 5)):
        Dependency.objects.create(item=items[one], target=items[two])
    graph.rebuild(workspace.pk)
    loops = bd("dep_cycles")
    assert [[row["id"] for row in loop] for loop in loops] == [[item.key for item in items[:3]]]
    assert beads.agent(make.workspace())("dep_cycles") == []
    assert bd("doctor")["overall_ok"] is False


def test_knots__of_a_chain_longer_than_the_stack() -> None:
    chain = {number: [number + 1] for number in range(5_000)}
    assert cycles.knots(chain) == []
    assert cycles.knots(chain | {5_000: [4_000]}) == [list(range(4_000, 5_001))]


# --- Epics and numbers ------------------------------------------------------------------------


def test_epics(bd: Bd) -> None:
    epic, empty = bd.make("Epic", type="epic"), bd.make("Empty", type="epic")
    one, two = bd.make("One", parent=epic), bd.make("Two", parent=epic)
    bd("close", ids=[one], reason="r")
    found = {row["epic"]["id"]: row for row in bd("epic_status")}
    assert (found[epic]["total_children"], found[epic]["closed_children"]) == (2, 1)
    assert found[empty]["eligible_for_close"] is False
    assert bd("epic_status", eligible_only=True) == []
    bd("close", ids=[two], reason="r")
    assert [row["epic"]["id"] for row in bd("epic_close_eligible", dry_run=True)] == [epic]
    assert bd("epic_close_eligible") == {"closed": [epic], "count": 1}
    assert bd.show(epic)["close_reason"] == "All children completed"


def test_stats__stand_twice(bd: Bd, abc: list[str]) -> None:
    a, b, c = abc
    bd("dep_add", issue=a, depends_on=b)
    bd("update", ids=[b], status="in_progress", assignee="kim")
    bd("close", ids=[c], reason="r")
    answer = bd("stats")
    summary = answer["summary"]
    assert summary == {
        "total_issues": 3,
        "open_issues": 1,
        "in_progress_issues": 1,
        "closed_issues": 1,
        "blocked_issues": 1,
        "deferred_issues": 0,
        "pinned_issues": 0,
        "ready_issues": 0,
        "epics_eligible_for_closure": 0,
        "average_lead_time_hours": 0.0,
    }
    assert {name: answer[name] for name in summary} == summary
    assert answer["recent_activity"]["issues_closed"] == 1
    assert "recent_activity" not in bd("stats", no_activity=True)
    mine = bd.named(**{"as": "kim"})("stats", assigned=True)
    assert mine["summary"]["total_issues"] == 1


def test_stranger__ties_nothing_to_others_items(bd: Bd, abc: list[str], workspace: Any) -> None:
    a, b, _ = abc
    stranger = beads.agent(make.workspace(), role="coordinator")
    own = stranger.make("Own")
    assert "no issue found" in stranger.error("dep_add", issue=own, depends_on=a)
    assert "no issue found" in stranger.error("dep_add", issue=a, depends_on=own)
    assert "no issue found" in stranger.error("dep_tree", id=a)
    viewer = beads.person(workspace, "viewer")
    refused(viewer.ask("dep_add", issue=a, depends_on=b), "FORBIDDEN")
    assert len(_tree(viewer, a)) == 1
    assert Dependency.objects.count() == 0
