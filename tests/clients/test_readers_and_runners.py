"""Four smaller clients: a reader of the whole graph, a runner of epics, and two for agents."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.bridges import DRIVERS, Methods, Tools
from tests.clients.conftest import Install, Machine

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clients")]


def ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["id"] for row in rows}


def run(machine: Machine, argv: list[str | Path], **env: str) -> str:
    done = subprocess.run(
        argv, env={**machine.env, **env}, cwd=machine.folder, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


# --- beads-workflows 0.1.1 --------------------------------------------------------------------


def test_workflows__write_by_bd_and_read_the_file(machine: Machine, install: Install) -> None:
    """Its runtime is Bun; the two things it uses of that are lent to it by Node."""
    folder = install("beads-workflows")
    machine.ok("config", "set", "export.auto", "true")
    flows = machine.start(Methods, shutil.which("node"), "workflows", folder, name="flows")
    epic = flows("createIssue", {"title": "Roll out 4.2", "type": "epic", "priority": 1})
    assert epic["success"], epic
    top = epic["data"]["id"]
    task = machine.json("create", "Rotate keys", "--parent", top)["id"]
    late = machine.json("create", "Tell everybody", "--deps", task)["id"]
    assert flows("updateIssue", task, {"status": "in_progress", "assignee": "kim"})["success"]
    flows("issues.reload")
    assert flows("issues.get", task)["assignee"] == "kim"
    assert ids(flows("issues.list", {"status": "in_progress"})) == {task}
    assert late in ids(flows("issues.blocked"))
    made = flows("issues.create", {"title": "Ask", "type": "task", "priority": 4})
    assert flows("issues.update", made["id"], {"priority": 3})["priority"] == 3
    assert flows("issues.close", made["id"], "answered")
    assert flows("issues.count") == 4
    assert flows("closeIssue", task, "all rotated")["success"]
    assert machine.seen(task)["close_reason"] == "all rotated"
    flows("issues.reload")
    flows("epics.reload")
    assert late in ids(flows("issues.ready"))
    assert top in ids(flows("epics.list"))
    refused = flows("closeIssue", "nothing-here")
    assert not refused["success"]
    assert "nothing-here" in refused["error"]


# --- embeadings 0.5.1 -------------------------------------------------------------------------


def test_embeadings__the_list_and_the_export_are_the_same(
    machine: Machine, install: Install
) -> None:
    home = install("embeadings")
    epic = machine.json("create", "Roll out 4.2", "-t", "epic", "-l", "release")["id"]
    task = machine.json("create", "Rotate keys", "-p", "0", "--parent", epic)["id"]
    machine.json("create", "Tell everybody", "--deps", f"{task},discovered-from:{epic}")
    machine.json("create", "A thought", "--ephemeral")
    machine.json("create", "Next year", "--defer", "2099-01-01")
    machine.json("update", task, "--notes", "Begun", "--status", "in_progress")
    machine.json("close", task, "-r", "all rotated")
    machine.ok("export", "-o", ".beads/issues.jsonl")
    python = home / "bin" / "python"
    found = json.loads(run(machine, [python, DRIVERS / "embeadings.py"]))
    assert found["export"] == found["live"]
    assert (found["reasons"], found["warnings"]) == ([], [])
    assert found["count"] == 5
    assert found["edges"] == {"parent-child": 1, "blocks": 1, "discovered-from": 1}
    assert found["path"] == str(machine.beads)


# --- beadsflow 0.1.0 --------------------------------------------------------------------------


def test_beadsflow__runs_an_epic_to_its_end(machine: Machine, install: Install) -> None:
    """Its implementer and reviewer say by comments what they did; that leads each item on."""
    home = install("beadsflow")
    epic = machine.json("create", "Roll out 4.2", "-t", "epic")["id"]
    task = machine.json("create", "Rotate keys", "-p", "0", "--parent", epic)["id"]
    late = machine.json("create", "Tell everybody", "--parent", epic)["id"]
    machine.ok("dep", "add", late, task)
    (machine.folder / "beadsflow.toml").write_text(
        "[implementers.one]\ncommand = \"bd comment {issue_id} 'Ready for review'\"\n"
        '[reviewers.two]\ncommand = "bd comment {issue_id} LGTM"\n'
    )
    said = run(machine, [
        home / "bin" / "beadsflow", "run", epic, "--interval", "0", "--max-iterations", "12",
        "--implementer", "one", "--reviewer", "two",
    ])  # fmt: skip
    assert said.index(f"Closed {task}") < said.index(f"Closed {late}")
    assert "Epic complete" in said
    assert [machine.seen(key)["status"] for key in (task, late)] == ["closed", "closed"]


# --- beads-village 1.3.0 ----------------------------------------------------------------------


def test_village__an_agent_goes_round_its_loop(machine: Machine, install: Install) -> None:
    home, package = install("beads-mcp"), install("beads-village")
    server = [str(package / "bin" / "beads-village")]
    village = machine.start(Tools, home, server, name="village", BEADS_USE_DAEMON="0")
    assert village("init", ws=str(machine.folder), leader=True)["ok"]
    first = village("add", title="Rotate keys", typ="bug", pri=0, desc="All", tags=["ops"])["id"]
    assert village("claim")["id"] == first
    assert machine.seen(first)["status"] == "in_progress"
    second = village("add", title="One was left", parent=first)["id"]
    assert village("show", id=second)[0]["dependencies"][0]["id"] == first
    assert village("assign", id=second, role="ops")["ok"]
    assert machine.seen(second)["labels"] == ["ops"]
    assert [row["id"] for row in village("ls", status="ready")["items"]] == [second]
    assert [row["id"] for row in village("ls", status="in_progress")["items"]] == [first]
    assert village("done", id=first, msg="all rotated")["ok"]
    assert machine.seen(first)["close_reason"] == "all rotated"
    for tool in ("sync", "doctor", "cleanup", "status"):
        assert "error" not in village(tool), tool
    assert "nothing-here" in village("show", id="nothing-here")["error"]


# --- mcp-beads 0.30.3 -------------------------------------------------------------------------


def test_mcp_beads__the_tools_of_a_year_ago(machine: Machine, install: Install) -> None:
    home, package = install("beads-mcp"), install("mcp-beads")
    server = [str(package / "bin" / "mcp-beads")]
    tools = machine.start(
        Tools, home, server, name="mcp-beads", BEADS_PATH=str(machine.home / "bin" / "bd")
    )
    tools("set_context", workspace_root=str(machine.folder))
    tools("where_am_i")
    tools("debug_env")
    first = tools("create", title="Rotate keys", issue_type="bug", priority=0, labels=["ops"])
    second = tools("create", title="Tell everybody", description="All", assignee="kim")
    tools("dep", issue_id=second["id"], depends_on_id=first["id"])
    assert ids(tools("ready")) == {first["id"]}
    assert ids(tools("list", status="open", assignee="kim")) == {second["id"]}
    assert tools("blocked")[0]["blocked_by"] == [first["id"]]
    shown = tools("show", issue_id=second["id"])
    assert ids(shown["dependencies"]) == {first["id"]}
    tools("update", issue_id=first["id"], status="in_progress", notes="Begun", priority=1)
    assert machine.seen(first["id"])["status"] == "in_progress"
    assert tools("stats")["total_issues"] == 2
    tools("close", issue_id=first["id"], reason="all rotated")
    assert tools("reopen", issue_ids=[first["id"]])[0]["status"] == "open"
    assert "nothing-here" in tools.refused("show", issue_id="nothing-here")
    assert tools.used == tools.names - {"init"}
