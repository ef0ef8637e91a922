"""`bd list`, `ready`, `blocked`, `search`, `count`, `stale`: filters, orders, refusals, costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane.access.models import Workspace
from controlplane.work.beads import filters
from controlplane.work.models import Item
from tests import make
from tests.kit import beads, settled
from tests.kit.beads import Bd

pytestmark = pytest.mark.django_db
DAY = datetime(2026, 3, 1, 9, tzinfo=UTC)


def at(moment: datetime) -> Any:
    return time_machine.travel(moment, tick=False)


@pytest.fixture(autouse=True)
def that_day() -> Iterator[None]:
    with at(DAY):
        yield


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def bd(workspace: Workspace) -> Bd:
    with at(DAY):  # a key holds from its making on
        return beads.agent(workspace)


# --- Rows -------------------------------------------------------------------------------------


def test_list_row__has_edges_of_both_kinds_of_tools_and_counts(bd: Bd) -> None:
    one = bd.make("One")
    two = bd.make("Two", deps=[one])
    bd("comment", id=two, text="hello")
    found = {row["id"]: row for row in bd("list")}
    row = found[two]
    assert (row["dependency_count"], row["dependent_count"], row["comment_count"]) == (1, 0, 1)
    assert found[one]["dependent_count"] == 1
    edge = row["dependencies"][0]
    assert (edge["issue_id"], edge["depends_on_id"], edge["type"]) == (two, one, "blocks")
    assert edge["metadata"] == "{}"
    # Older tools read the target itself from the same object.
    assert (edge["id"], edge["title"], edge["status"], edge["issue_type"]) == (
        one,
        "One",
        "open",
        "task",
    )
    assert edge["dependency_type"] == "blocks"
    assert {"created_at", "updated_at", "priority"} <= set(edge)


def test_list__hides_the_closed_unless_asked(bd: Bd) -> None:
    one, two = bd.make("One"), bd.make("Two")
    bd("close", ids=[one], reason="r")
    assert bd.list() == [two]
    assert set(bd.list(all=True)) == {one, two}
    assert set(bd.list(status=["all"])) == {one, two}
    assert bd.list(status=["closed"]) == [one]
    assert set(bd.list(status="open,closed")) == {one, two}
    assert bd("count") == {"count": 2}
    assert bd("count", status=["open"]) == {"count": 1}


def test_limits__of_zero_and_more(bd: Bd) -> None:
    for number in range(4):
        bd.make(f"Item {number}")
    assert len(bd.list(limit=3)) == 3
    assert bd.notes == ["Showing 3 issues; there are more (use --limit to see them)"]
    assert len(bd.list(limit=1)) == 1
    assert bd.notes == ["Showing 1 issue; there are more (use --limit to see them)"]
    assert len(bd.list(limit=0)) == 4
    assert bd.notes == []
    assert len(bd.ready(limit="2")) == 2
    assert bd.notes


def test_limit__of_one_answer(bd: Bd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_WORK_MOST_ROWS", "2")
    for number in range(3):
        bd.make(f"Item {number}")
    assert len(bd.list(limit=0)) == len(bd.ready(limit=0)) == 2
    assert bd.notes == ["Showing 2 issues; there are more (export has them)"]


def test_many_rows__cost_as_many_queries_as_few(bd: Bd) -> None:
    def queries(op: str, **args: Any) -> int:
        with CaptureQueriesContext(connection) as context:
            bd(op, **args)
        return len(context)

    keys = [bd.make(f"Item {number}", labels=["ops"]) for number in range(3)]
    bd.make("Blocked", deps=keys[:1])
    bd("list")
    few = {op: queries(op) for op in ("list", "ready", "blocked")}
    labelled = queries("ready", label=["ops"])
    for number in range(12):
        keys.append(bd.make(f"More {number}", deps=keys[:2], labels=["ops"]))
        bd("comment", id=keys[-1], text="x")
    assert {op: queries(op) for op in few} == few
    assert queries("ready", label=["ops"]) == labelled
    assert max(few.values()) <= 6
    assert labelled <= max(few.values()) + 4  # how common it is, and a transaction of its own


# --- Filters ----------------------------------------------------------------------------------


@pytest.fixture
def several(bd: Bd) -> dict[str, str]:
    with at(DAY):
        found = {
            "bug": bd.make("A bug", type="bug", priority=0, labels=["ops", "web"]),
            "task": bd.make("Clean up", labels=["ops"], assignee="kim", description="dust"),
        }
    with at(DAY + timedelta(days=2)):
        found["epic"] = bd.make("Epic", type="epic", priority=4, labels=["area-1"])
        found["meta"] = bd.make("Meta", metadata={"team": "core", "n": 3}, due="2026-02-01")
    return found


NARROWED: list[tuple[dict[str, Any], set[str]]] = [
    ({"label": ["ops"]}, {"bug", "task"}),
    ({"label": ["ops", "web"]}, {"bug"}),
    ({"label_any": ["web", "area-1"]}, {"bug", "epic"}),
    ({"exclude_label": ["ops"]}, {"epic", "meta"}),
    ({"label_pattern": "area-*"}, {"epic"}),
    ({"label_pattern": "o?s"}, {"bug", "task"}),
    ({"label_regex": "^(web|area-[0-9])$"}, {"bug", "epic"}),
    ({"no_labels": True}, {"meta"}),
    ({"type": ["bug"]}, {"bug"}),
    ({"exclude_type": ["bug", "epic"]}, {"task", "meta"}),
    ({"priority": 0}, {"bug"}),
    ({"priority": "P4"}, {"epic"}),
    ({"priority_min": 1, "priority_max": "P2"}, {"task", "meta"}),
    ({"assignee": "kim"}, {"task"}),
    ({"assignee": ""}, {"bug", "epic", "meta"}),
    ({"no_assignee": True}, {"bug", "epic", "meta"}),
    ({"title_contains": "clean"}, {"task"}),
    ({"desc_contains": "DUST"}, {"task"}),
    ({"empty_description": True}, {"bug", "epic", "meta"}),
    ({"created_after": "2026-03-02"}, {"epic", "meta"}),
    ({"created_before": "2026-03-02T00:00:00+02:00"}, {"bug", "task"}),
    ({"metadata_field": ["team=core"]}, {"meta"}),
    ({"metadata_field": ["team=core", "n=3"]}, {"meta"}),
    ({"has_metadata_key": "team"}, {"meta"}),
    ({"overdue": True}, {"meta"}),
    ({"no_parent": True}, {"bug", "task", "epic", "meta"}),
    ({"ready": True, "label": ["web"]}, {"bug"}),
]


def test_list__narrowed(bd: Bd, several: dict[str, str]) -> None:
    names = {key: name for name, key in several.items()}
    for args, expected in NARROWED:
        assert {names[key] for key in bd.list(**args)} == expected, args
        if "ready" not in args:
            assert bd("count", **args) == {"count": len(expected)}, args


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"limit": -1}, "must not be less than 0"),
    ({"limit": "many"}, "is no number"),
    ({"priority": 9}, "invalid priority"),
    ({"priority": "-1"}, "invalid priority"),
    ({"priority_min": 3, "priority_max": 1}, "is above"),
    ({"type": ["nonsense"]}, "invalid issue type"),
    ({"status": ["nonsense"]}, "invalid status"),
    ({"parent": "bd-zzzzzz"}, "no issue found"),
    ({"sort": "nonsense"}, "invalid sort"),
    ({"no_assignee": True, "assignee": "kim"}, "contradict"),
    ({"label": ["a"], "exclude_label": ["a"]}, "both wanted and excluded"),
    ({"type": ["bug"], "exclude_type": ["bug"]}, "both wanted and excluded"),
    ({"label_regex": "("}, "invalid regular expression"),
    ({"metadata_field": ["team"]}, "expected key=value"),
    ({"labelz": ["a"]}, "unknown flag: --labelz"),
]


@pytest.mark.parametrize("op", ["list", "ready", "search"])
def test_filters__that_cannot_be_meant_are_refused(bd: Bd, op: str) -> None:
    words = {"query": "x"} if op == "search" else {}
    for args, says in CONTRADICTIONS:
        assert says in bd.error(op, **words, **args), args


@pytest.mark.parametrize("name", sorted(filters.TIMES))
def test_ranges__that_end_before_they_begin_are_refused(bd: Bd, name: str) -> None:
    span = {f"{name}_after": "2026-02-01", f"{name}_before": "2026-01-01"}
    assert "is later than" in bd.error("list", **span)


def test_orders(bd: Bd, several: dict[str, str]) -> None:
    names = {key: name for name, key in several.items()}

    def order(**args: Any) -> list[str]:
        return [names[key] for key in bd.list(**args)]

    assert order() == ["bug", "meta", "task", "epic"]
    assert order(sort="title") == ["bug", "task", "epic", "meta"]
    assert order(sort="created", reverse=True) == ["bug", "task", "epic", "meta"]
    assert order(sort="updated")[0] == "meta"
    assert order(sort="type") == ["bug", "epic", "task", "meta"]


# --- Ready ------------------------------------------------------------------------------------


def test_ready__with_the_words_of_the_playbook(bd: Bd, several: dict[str, str]) -> None:
    bd("update", ids=[several["task"]], status="in_progress")
    assert bd.ready(status=["open"], label=["ops"]) == [several["bug"]]
    assert bd.ready(status=["in_progress"], label=["ops"]) == [several["task"]]
    assert set(bd.ready(status=["all"], label=["ops"])) == {several["bug"], several["task"]}
    assert bd.ready(priority=0) == [several["bug"]]
    assert bd.ready(label_any=["web", "area-1"]) == [several["bug"], several["epic"]]
    assert bd.ready(label_pattern="we*") == [several["bug"]]
    assert bd.ready(unassigned=True, limit=1) == [several["bug"]]
    assert bd.ready(assignee="KIM", status=["all"]) == [several["task"]]


def test_ready__leaves_out_what_nobody_picks_up(bd: Bd) -> None:
    bd.make("Gate", type="gate")
    bd.make("Later", defer="2099-01-01")
    bd.make("Passing", ephemeral=True)
    pinned = bd.make("Pinned")
    bd("update", ids=[pinned], status="pinned")
    parent = bd.make("Parent", defer="2099-01-01")
    bd.make("Child", parent=parent)
    assert bd.ready() == []
    assert [row["title"] for row in bd("ready", type=["gate"])] == ["Gate"]
    assert len(bd.ready(include_deferred=True)) == 3
    assert len(bd.ready(include_ephemeral=True)) == 1


def test_ready__leaves_out_the_grandchildren_of_what_is_blocked(bd: Bd) -> None:
    epic = bd.make("Epic", type="epic")
    story = bd.make("Story", parent=epic)
    leaf = bd.make("Leaf", parent=story)
    blocker = bd.make("Blocker", type="epic")
    bd("dep_add", issue=epic, depends_on=blocker)
    assert bd.ready() == [blocker]
    blocked = {row["id"]: row["blocked_by"] for row in bd("blocked")}
    assert blocked == {epic: [blocker], story: [epic], leaf: [story]}
    assert [row["id"] for row in bd("blocked", parent=story)] == [leaf]


def test_ready__orders(bd: Bd) -> None:
    with at(DAY):
        old = bd.make("Old", priority=3)
    with at(DAY + timedelta(days=1)):
        older = bd.make("Then", priority=0)
    with at(DAY + timedelta(days=10)):
        young = bd.make("Young", priority=2)
        first = bd.make("First", priority=1)
        assert bd.ready() == [older, first, young, old]
        assert bd.ready(sort="oldest") == [old, older, young, first]
        assert bd.ready(sort="hybrid") == [first, young, old, older]
        assert bd.ready(sort="hybrid", limit=3) == [first, young, old]


def test_explain__says_why(bd: Bd) -> None:
    one = bd.make("One")
    two = bd.make("Two", deps=[one])
    three = bd.make("Three", deps=[two])
    bd("close", ids=[one], reason="r")
    told = bd("ready", explain=True)
    assert [(row["id"], row["resolved_blockers"]) for row in told["ready"]] == [(two, [one])]
    assert told["ready"][0]["reason"] == "1 blocker(s) resolved"
    assert [(row["id"], row["blocked_by"][0]["id"]) for row in told["blocked"]] == [(three, two)]
    assert told["cycles"] == []
    assert told["summary"] == {"total_ready": 1, "total_blocked": 1, "cycle_count": 0}


@pytest.mark.parametrize("sort", ["priority", "oldest", "hybrid"])
def test_claim__takes_the_first_nobody_has(bd: Bd, sort: str) -> None:
    bd.make("Taken", priority=0, assignee="sam", labels=["ops"])
    wanted = bd.make("Free", priority=1, labels=["ops"])
    kim = bd.named(**{"as": "kim"})
    row = kim("ready", claim=True, label=["ops"], sort=sort)[0]
    assert (row["id"], row["assignee"], row["status"]) == (wanted, "kim", "in_progress")
    assert kim("ready", claim=True, sort=sort) == []
    assert Item.objects.get(key=wanted).started_at is not None


# --- Others -----------------------------------------------------------------------------------


def test_search__by_words_parts_and_ids(bd: Bd) -> None:
    one = bd.make("Authentication fails", description="after the certificate was renewed")
    two = bd.make("Other")
    bd("close", ids=[two], reason="r")

    def found(query: str, **args: Any) -> list[str]:
        return [row["id"] for row in bd("search", query=query, **args)]

    assert found("thentic") == [one]
    assert found("certificates renew") == [one]
    assert found(one[:5]) == [one] or one in found(one[:5])
    assert found("other") == [two]
    assert found("other", status=["open"]) == []
    assert "required" in bd.error("search", query="  ")


def test_stale__what_nobody_touched(bd: Bd) -> None:
    with at(DAY):
        old = bd.make("Old")
    with at(DAY + timedelta(days=31)):
        bd.make("New")
        assert [row["id"] for row in bd("stale")] == [old]
        assert bd("stale", days=40) == []
        assert "must not be less than 1" in bd.error("stale", days=-3)


def test_count__by_groups(bd: Bd, several: dict[str, str]) -> None:
    def groups(by: str) -> dict[str, int]:
        answer = bd("count", **{f"by_{by}": True})
        assert answer["total"] == 4
        return {each["group"]: each["count"] for each in answer["groups"]}

    assert groups("status") == {"open": 4}
    assert groups("priority") == {"P0": 1, "P2": 2, "P4": 1}
    assert groups("type") == {"bug": 1, "epic": 1, "task": 2}
    assert groups("assignee") == {"(unassigned)": 3, "kim": 1}
    assert groups("label") == {"ops": 2, "web": 1, "area-1": 1, "(no labels)": 1}
    assert "only one" in bd.error("count", by_status=True, by_type=True)


def test_stranger__sees_an_empty_list(bd: Bd) -> None:
    bd.make("Ours", labels=["ops"])
    stranger = beads.agent(make.workspace())
    for op in ("list", "ready", "blocked", "stale", "label_list_all", "epic_status"):
        assert stranger(op) == []
    assert stranger("search", query="Ours") == []
    assert stranger("count") == {"count": 0}
