"""`bd update`, `close`, `reopen`, `defer`, `label`, `comment`, `note`, `delete`, `show`."""

from __future__ import annotations

import re
from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.work.models import Item, ItemEvent, ItemLink
from controlplane.work.services import graph
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


@pytest.fixture
def key(bd: Bd) -> str:
    return bd.make("Look into it", labels=["ops"])


# --- Show -------------------------------------------------------------------------------------


def test_show__has_what_is_around_an_item(bd: Bd) -> None:
    epic = bd.make("Epic", type="epic")
    one = bd.make("One", parent=epic)
    two = bd.make("Two", deps=[one], parent=epic)
    bd("comment", id=one, text="hello")
    row = bd.show(one)
    assert [(d["id"], d["dependency_type"]) for d in row["dependencies"]] == [
        (epic, "parent-child")
    ]
    assert [(d["id"], d["dependency_type"]) for d in row["dependents"]] == [(two, "blocks")]
    assert row["comments"][0]["text"] == "hello"
    assert bd.show(two)["is_blocked"] is True
    epic_row = bd.show(epic)
    assert (epic_row["epic_total_children"], epic_row["epic_closed_children"]) == (2, 0)
    assert epic_row["epic_closeable"] is False
    bd("close", ids=[one, two], reason="r")
    assert bd.show(epic)["epic_closeable"] is True
    told = bd("show", ids=[epic], children=True)[0]
    assert [part["id"] for part in told["children"]] == [one, two]
    assert "only the present" in bd.error("show", ids=[one], as_of="HEAD~1")


def test_show__of_some_known_and_some_not(bd: Bd, key: str) -> None:
    assert [row["id"] for row in bd("show", ids=["bd-zzzzzz", key])] == [key]
    assert bd.notes == ["no issue found matching 'bd-zzzzzz'"]
    assert "no issue found" in bd.error("show", ids=["bd-zzzzzz"])
    assert "no issue ID" in bd.error("show", ids=[])


# --- Update -----------------------------------------------------------------------------------


def test_update__answers_rows_with_labels(bd: Bd, key: str) -> None:
    rows = bd(
        "update",
        ids=[key],
        status="in_progress",
        assignee="kim@example.org",
        add_label=["warning"],
        priority=0,
        acceptance_criteria="it works",
    )
    row = rows[0]
    assert (row["status"], row["assignee"], row["labels"]) == (
        "in_progress",
        "kim@example.org",
        ["ops", "warning"],
    )
    assert row["started_at"]
    assert row["acceptance_criteria"] == "it works"
    assert bd("update", ids=[key], assignee="")[0].get("assignee") is None
    assert bd("update", ids=[key], set_labels=["a", "b"])[0]["labels"] == ["a", "b"]
    assert bd("update", ids=[key], remove_label=["a", "b"])[0].get("labels") is None


def test_update__notes_and_metadata_piece_by_piece(bd: Bd, key: str) -> None:
    bd("update", ids=[key], notes="one")
    assert bd("update", ids=[key], append_notes="two")[0]["notes"] == "one\ntwo"
    assert bd("note", id=key, text="three")["notes"] == "one\ntwo\nthree"
    bd("update", ids=[key], set_metadata=["team=core", "n=3", "on=true"])
    row = bd("update", ids=[key], unset_metadata=["on"])[0]
    assert row["metadata"] == {"team": "core", "n": 3}


def test_parent__set_and_taken_away(bd: Bd, key: str) -> None:
    one, two = bd.make("One"), bd.make("Two")
    bd("update", ids=[key], parent=one)
    bd("update", ids=[key], parent=two)
    assert bd.show(key)["parent"] == two
    assert len(bd.show(key)["dependencies"]) == 1
    bd("update", ids=[key], parent="")
    assert "parent" not in bd.show(key)
    assert "cycle" in _parents(bd, one, two)


def _parents(bd: Bd, one: str, two: str) -> str:
    bd("update", ids=[one], parent=two)
    return bd.error("update", ids=[two], parent=one)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"claim": True, "status": "open"}, "leave out --status"),
        ({"claim": True, "assignee": "kim"}, "leave out --assignee"),
        ({"add_label": ["a"], "remove_label": ["a"]}, "both added and removed"),
        ({"set_labels": ["a"], "add_label": ["b"]}, "replaces all"),
        ({"notes": "a", "append_notes": "b"}, "contradict"),
        ({"ephemeral": True, "persistent": True}, "contradict"),
        ({"title": " "}, "title is required"),
        ({"status": "nonsense"}, "invalid status"),
        ({"priority": "7"}, "invalid priority"),
        ({"type": "nonsense"}, "invalid issue type"),
        ({"parent": "bd-zzzzzz"}, "no issue found"),
        ({"set_metadata": ["novalue"]}, "expected key=value"),
        ({"expected_version": "1"}, "changed since you looked"),
    ],
)
def test_update__refused__changes_nothing(
    bd: Bd, key: str, args: dict[str, Any], says: str
) -> None:
    bd("update", ids=[key], description="so far")
    before = bd.show(key)
    assert says in bd.error("update", ids=[key], **({"design": "new"} | args))
    assert bd.show(key) == before


def test_update__of_several__does_what_it_can(bd: Bd, key: str) -> None:
    rows = bd("update", ids=["bd-zzzzzz", key], priority=0)
    assert [row["id"] for row in rows] == [key]
    assert bd.notes == ["bd-zzzzzz: no issue found matching 'bd-zzzzzz'"]
    assert bd("update", ids=["bd-zzzzzz", "bd-yyyyyy"], priority=0) == []
    assert bd.failed is True


def test_update__to_closed__is_recorded_as_forced(bd: Bd, key: str) -> None:
    blocked = bd.make("Blocked", deps=[key])
    row = bd("update", ids=[blocked], status="closed")[0]
    assert row["status"] == "closed"
    assert row["closed_at"]
    assert ItemEvent.objects.get(item__key=blocked, kind="closed").forced is True


def test_revision__is_a_text_that_a_change_may_name(bd: Bd, key: str) -> None:
    row = bd.show(key)
    assert isinstance(row["revision"], str)
    changed = bd("update", ids=[key], priority=1, expected_version=row["revision"])[0]
    assert changed["revision"] != row["revision"]


# --- Claim ------------------------------------------------------------------------------------


def test_claim__one_wins_and_may_repeat(bd: Bd, key: str) -> None:
    kim, sam = bd.named(**{"as": "kim"}), bd.named(**{"as": "sam"})
    assert kim("update", ids=[key], claim=True)[0]["assignee"] == "kim"
    assert kim("update", ids=[key], claim=True)[0]["status"] == "in_progress"
    assert sam.error("update", ids=[key], claim=True) == "issue already claimed by kim"
    bd("update", ids=[key], status="blocked", assignee="")
    assert sam.error("update", ids=[key], claim=True) == "issue not claimable: status blocked"


# --- Close ------------------------------------------------------------------------------------


def test_close__answers_rows(bd: Bd, key: str) -> None:
    row = bd("close", ids=[key], reason="2025.10.16 live; telemetry stable")[0]
    assert (row["status"], row["close_reason"]) == ("closed", "2025.10.16 live; telemetry stable")
    assert row["closed_at"]
    again = bd("close", ids=[key], reason="better said")[0]
    assert again["close_reason"] == "better said"
    assert bd("close", ids=[bd.make("Other")])[0]["close_reason"] == "Closed"


def test_close__is_refused_while_others_stand_before_it(bd: Bd, key: str) -> None:
    blocked = bd.make("Blocked", deps=[key])
    says = bd.error("close", ids=[blocked], reason="r")
    assert says.startswith(f"cannot close {blocked}: blocked by open issues [{key}]")
    assert bd("close", ids=[blocked], force=True)[0]["close_reason"] == "Forced"
    epic = bd.make("Epic", type="epic")
    child = bd.make("Child", parent=epic)
    assert f"has open children [{child}]" in bd.error("close", ids=[epic])


def test_close__unknown_id_closes_nothing(bd: Bd, key: str) -> None:
    assert "no issue found" in bd.error("close", ids=[key, "bd-zzzzzz"], reason="r")
    assert bd.show(key)["status"] == "open"


def test_close__of_several__closes_those_it_may(bd: Bd, key: str) -> None:
    other, blocked = bd.make("Other"), bd.make("Blocked")
    bd("dep_add", issue=blocked, depends_on=other)
    closed = bd("close", ids=[blocked, key], reason="r")
    assert [row["id"] for row in closed] == [key]
    assert bd.notes[0].startswith(f"cannot close {blocked}")
    assert bd.show(blocked)["status"] == "open"
    child = bd.make("Child", deps=[other])
    assert bd("close", ids=[blocked, child], reason="r") == []
    assert bd.failed is True
    # Together with what stood in the way, in whatever order.
    assert len(bd("close", ids=[blocked, other], reason="r")) == 2


def test_operations_items__are_closed_with_a_reason(bd: Bd) -> None:
    incident = bd.make("SEV1", type="incident", priority=0)
    for reason in ({}, {"reason": "Closed"}, {"reason": " closed "}, {"reason": ""}):
        assert "closed with a reason" in bd.error("close", ids=[incident], **reason)
        assert "reason" in bd.error("close", ids=[incident], force=True, **reason)
    row = bd("close", ids=[incident], reason="Mitigated; root cause a typo")[0]
    assert row["status"] == "closed"
    assert "has no evidence link" in bd.notes[0]
    deploy = bd.make("Deploy", labels=["deployment"])
    bd("close", ids=[deploy], reason="live", evidence=["https://ci.example.org/1"])
    assert bd.notes == []
    assert ItemLink.objects.get(item__key=deploy).url == "https://ci.example.org/1"


def test_suggest_next__what_this_made_ready(bd: Bd, key: str) -> None:
    after = bd.make("After", deps=[key])
    epic = bd.make("Epic", deps=[key])
    child = bd.make("Child", parent=epic)
    bd.make("Still blocked", deps=[key, after])
    bd.make("Unrelated")
    answer = bd("close", ids=[key], reason="r", suggest_next=True)
    assert [row["id"] for row in answer["closed"]] == [key]
    assert {row["id"] for row in answer["unblocked"]} == {after, epic, child}
    assert bd("close", ids=[child], reason="r", suggest_next=True)[0]["id"] == child


def test_claim_next__takes_the_next(bd: Bd, key: str) -> None:
    after = bd.make("After", deps=[key])
    answer = bd.named(**{"as": "kim"})("close", ids=[key], reason="r", claim_next=True)
    assert (answer["claimed"]["id"], answer["claimed"]["assignee"]) == (after, "kim")
    answer = bd("close", ids=[after], reason="r", claim_next=True)
    assert answer["claimed"] is None
    assert bd.notes == ["No ready issues to claim"]


def test_reopen_defer_undefer(bd: Bd, key: str) -> None:
    waiting = bd.make("Waiting", deps=[key])
    bd("close", ids=[key], reason="r")
    row = bd("reopen", ids=[key], reason="not done")[0]
    assert row["status"] == "open"
    assert not {"closed_at", "close_reason"} & set(row)
    assert bd.ready() == [key]
    bd("reopen", ids=[key])
    assert bd.notes == [f"{key} is already open"]
    row = bd("defer", ids=[key], until="2099-01-01T08:00:00+01:00")[0]
    assert (row["status"], row["defer_until"]) == ("deferred", "2099-01-01T07:00:00Z")
    assert bd.ready() == []
    row = bd("undefer", ids=[key])[0]
    assert row["status"] == "open"
    assert "defer_until" not in row
    assert bd.ready() == [key]
    assert bd.show(waiting)["is_blocked"] is True


# --- Labels and comments ----------------------------------------------------------------------


def test_labels(bd: Bd, key: str) -> None:
    other = bd.make("Other")
    assert bd("label_add", ids=[key, other], label="ops") == [
        {"issue_id": key, "label": "ops", "status": "unchanged"},
        {"issue_id": other, "label": "ops", "status": "added"},
    ]
    assert bd("label_list", id=key) == ["ops"]
    assert bd("label_list_all") == [{"label": "ops", "count": 2}]
    assert bd("label_remove", ids=[key], label="ops")[0]["status"] == "removed"
    assert bd("label_remove", ids=[key], label="ops")[0]["status"] == "unchanged"
    assert "no issue found" in bd.error("label_add", ids=[other, "bd-zzzzzz"], label="new")
    assert bd("label_list", id=other) == ["ops"]
    assert "cannot be empty" in bd.error("label_add", ids=[key], label=" ")


def test_comments__have_digits_for_an_id(bd: Bd, key: str) -> None:
    made = bd("comment", id=key, text="build 311 green")
    assert re.fullmatch(r"[0-9]+", made["id"])
    assert made["issue_id"] == key
    bd("comments_add", id=key, text="second", author="kim")
    found = bd("comments", id=key)
    assert [(row["author"], row["text"]) for row in found][1] == ("kim", "second")
    assert all(re.fullmatch(r"[0-9]+", row["id"]) for row in found)
    assert "cannot be empty" in bd.error("comment", id=key, text="  ")
    assert "no issue found" in bd.error("comment", id="bd-zzzzzz", text="x")


# --- Delete -----------------------------------------------------------------------------------


def test_delete__only_when_forced_and_by_those_who_may(
    bd: Bd, key: str, workspace: Workspace
) -> None:
    waiting = bd.make("Waiting", deps=[key])
    refused(bd.ask("delete", ids=[key], force=True), "FORBIDDEN")
    lead = beads.agent(workspace, role="coordinator")
    shown = lead("delete", ids=[key])
    assert (shown["would_delete"], shown["dry_run"]) == ([key], True)
    gone = lead("delete", ids=[key], force=True)
    assert gone == {
        "deleted": key,
        "dependencies_removed": 1,
        "references_updated": 0,
        "total_count": 1,
    }
    assert bd.ready() == [waiting]
    assert graph.mismatches(workspace.pk) == []
    last = bd.make("Last", deps=[waiting])
    assert lead("delete", ids=[waiting], cascade=True, force=True)["total_count"] == 2
    assert not Item.objects.filter(key=last).exists()


def test_stranger__changes_nothing(bd: Bd, key: str, workspace: Workspace) -> None:
    stranger = beads.agent(make.workspace(), role="coordinator")
    viewer = beads.person(workspace, "viewer")
    before = bd.show(key)
    for op, args in (
        ("update", {"priority": 0}),
        ("update", {"claim": True}),
        ("close", {"reason": "r"}),
        ("reopen", {}),
        ("defer", {}),
        ("label_add", {"label": "x"}),
        ("delete", {"force": True}),
        ("comment", {"text": "x"}),
        ("note", {"text": "x"}),
    ):
        assert "no issue found" in stranger.error(op, ids=[key], **args), op
        if op != "reopen":  # it is open: nothing to do, nothing to refuse
            refused(viewer.ask(op, ids=[key], **args), "FORBIDDEN")
    assert bd.show(key) == before
