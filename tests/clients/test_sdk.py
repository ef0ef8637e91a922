"""beads-sdk 1.0.0: its class that runs `bd`, and its class that reads `issues.jsonl`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import make
from tests.clients.bridges import Methods
from tests.clients.conftest import Install, Machine

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clients")]


@pytest.fixture
def folder(install: Install) -> Path:
    return install("beads-sdk")


def start(machine: Machine, folder: Path, kind: str, **env: str) -> Methods:
    return machine.start(Methods, shutil.which("node"), kind, folder, name=kind, **env)


def ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["id"] for row in rows}


def test_every_method__of_the_class_that_runs_bd(machine: Machine, folder: Path) -> None:
    sdk = start(machine, folder, "commands")
    epic, task, late = plan(sdk)
    look(sdk, epic, task, late)
    work(sdk, machine, task, late)
    close(sdk, machine, epic, task, late)
    assert "nothing-here" in sdk.refused("show", "nothing-here")
    assert sdk.calls >= 34


def plan(sdk: Methods) -> tuple[str, str, str]:
    epic = sdk("create", {"title": "Roll out 4.2", "type": "epic", "labels": ["release"]})["id"]
    task = sdk("create", {
        "title": "Rotate keys", "description": "All", "priority": 0, "type": "bug",
        "assignee": "kim", "parent": epic, "labels": ["ops", "night"],
    })["id"]  # fmt: skip
    late = sdk("create", {"title": "Tell everybody"})["id"]
    assert task == f"{epic}.1"
    assert sdk("addBlocker", late, task)["status"] == "added"
    return epic, task, late


def look(sdk: Methods, epic: str, task: str, late: str) -> None:
    assert ids(sdk("list")) == {epic, task, late}
    kept = {
        "limit": 5, "status": "open", "priority": 0, "type": "bug", "assignee": "kim",
        "parent": epic,
    }  # fmt: skip
    assert ids(sdk("list", kept)) == {task}
    assert ids(sdk("list", {"ready": True})) == {epic, task}
    rows = {row["id"]: row for row in sdk("listWithParents", {"all": True})}
    assert rows[task]["parent"] == epic
    assert (rows[late]["status"], rows[late]["blocked_by"]) == ("blocked", [task])
    assert ids(sdk("blocked")) == {late}
    assert sdk("blocked", epic) == []
    assert ids(sdk("show", [epic, task])) == {epic, task}
    assert ids(sdk("children", epic)) == {task}
    assert ids(sdk("listDeps", late)) == {task}
    assert ids(sdk("listDeps", task, {"direction": "up", "type": "blocks"})) == {late}
    assert ids(sdk("ready", {"labels": ["ops"], "assignee": "kim", "priority": 0})) == {task}
    assert ids(sdk("ready", {"unassigned": True, "sort": "oldest", "limit": 1})) == {epic}
    found = {
        "query": "keys", "status": "open", "labels": ["ops"], "priorityMax": 1, "limit": 3,
        "sort": "priority", "reverse": True, "createdAfter": "2020-01-01",
    }  # fmt: skip
    assert ids(sdk("search", found)) == {task}
    assert sdk("count")["count"] == 3
    groups = {row["group"]: row["count"] for row in sdk("count", {"byType": True})["groups"]}
    assert groups == {"epic": 1, "bug": 1, "task": 1}
    assert sdk("getInfo")
    assert sdk("sync", {"status": True})


def work(sdk: Methods, machine: Machine, task: str, late: str) -> None:
    [row] = sdk("update", task, {
        "title": "Rotate all keys", "description": "Old", "priority": 1, "status": "in_progress",
        "assignee": "lee", "addLabels": ["day"], "removeLabels": ["night"],
    })  # fmt: skip
    assert (row["title"], row["labels"]) == ("Rotate all keys", ["day", "ops", "release"])
    assert machine.seen(task)["status"] == "in_progress"
    sdk("addComment", task, "build 311 green", "sam")
    [comment] = sdk("getComments", task)
    assert (comment["author"], comment["text"]) == ("sam", "build 311 green")
    assert sdk("addLabel", late, "news")["status"] == "added"
    assert sdk("getLabels", late) == ["news"]
    assert sdk("removeLabel", late, "news")["status"] == "removed"
    assert {row["label"] for row in sdk("listAllLabels")} >= {"ops", "day", "release"}
    assert sdk("removeBlocker", late, task)["status"] == "removed"
    assert sdk("blocked") == []


def close(sdk: Methods, machine: Machine, epic: str, task: str, late: str) -> None:
    assert [row["status"] for row in sdk("close", [task, late])] == ["closed", "closed"]
    [standing] = sdk("epicStatus", True)
    assert (standing["epic"]["id"], standing["eligible_for_close"]) == (epic, True)
    sdk("epicCloseEligible", True)
    assert machine.seen(epic)["status"] == "open"
    sdk("epicCloseEligible")
    assert machine.seen(epic)["status"] == "closed"
    assert sdk("reopen", late, "one was left")[0]["status"] == "open"
    sdk("delete", late)
    assert ids(sdk("list", {"all": True})) == {epic, task}


def test_reader_of_the_file__sees_what_the_portal_holds(machine: Machine, folder: Path) -> None:
    machine.ok("config", "set", "export.auto", "true")
    task = machine.json("create", "Rotate keys", "-p", "0")["id"]
    late = machine.json("create", "Tell everybody", "--deps", task)["id"]
    lines = start(machine, folder, "lines")
    assert ids(lines("list")) == {task, late}
    assert ids(lines("ready")) == {task}
    assert ids(lines("blocked")) == {late}
    assert lines("show", task)["title"] == "Rotate keys"
    assert lines("stats")
    assert "read-only" in lines.refused("close", task)


def test_key__does_what_its_owner_may(machine: Machine, folder: Path) -> None:
    item = machine.json("create", "Rotate keys")["id"]
    executor = make.key(make.agent(machine.workspace, role="executor"))[1]
    sdk = start(machine, folder, "commands", CONTROLPLANE_API_KEY=executor)
    assert sdk("show", item)[0]["title"] == "Rotate keys"
    assert "delete" in sdk.refused("delete", item).lower()
    stranger = make.key(make.agent(make.workspace(), role="coordinator"))[1]
    sdk = start(machine, folder, "commands", CONTROLPLANE_API_KEY=stranger)
    for method in ("show", "close", "delete"):
        assert "not in this workspace" in sdk.refused(method, item)
    assert machine.seen(item)["status"] == "open"
