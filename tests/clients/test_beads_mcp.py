"""beads-mcp 1.3.2, the MCP server most agents use, runs our `bd` for each of its tools."""

from __future__ import annotations

import pytest

from tests.clients.bridges import Tools
from tests.clients.conftest import Install, Machine

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clients")]
# These two only describe the others.
HELP = {"discover_tools", "get_tool_info"}
ADMIN = ("validate", "repair", "schema", "debug", "migration", "pollution")


def test_every_tool__as_agents_use_it(machine: Machine, install: Install) -> None:
    home = install("beads-mcp")
    server = [str(home / "bin" / "beads-mcp")]
    tools = machine.start(Tools, home, server, name="beads-mcp", BEADS_ACTOR="robin")
    begin(tools, machine)
    epic, task, late = plan(tools)
    look(tools, epic, task, late)
    work(tools, machine, task, late)
    finish(tools, machine, task, late)
    be_refused(tools, machine)
    assert tools.used == tools.names - HELP
    assert len(tools.used) == 16
    assert tools.calls >= 34


def begin(tools: Tools, machine: Machine) -> None:
    assert "bd ready" in tools.ask("read", {"uri": "beads://quickstart"})["text"]
    assert "Context set" in tools("context", workspace_root=str(machine.folder))
    assert str(machine.folder) in tools("context", action="show")
    assert "initialized" in tools("context", action="init")


def plan(tools: Tools) -> tuple[str, str, str]:
    epic = tools("create", title="Roll out 4.2", issue_type="epic", priority=1)["id"]
    task = tools(
        "create", title="Rotate keys", description="All of them", design="One by one",
        acceptance="None left", external_ref="gh-41", priority=0, issue_type="bug",
        assignee="kim", labels=["ops", "security"], brief=False,
    )  # fmt: skip
    assert (task["priority"], task["assignee"]) == (0, "kim")
    late = tools("create", title="Tell everybody", deps=[task["id"]], brief=False)
    tools("dep", issue_id=task["id"], depends_on_id=epic, dep_type="parent-child")
    return epic, task["id"], late["id"]


def look(tools: Tools, epic: str, task: str, late: str) -> None:
    assert {row["id"] for row in tools("ready")} == {epic, task}
    ready = tools("ready", labels=["ops"], priority=0, issue_type="bug", assignee="kim", limit=5)
    assert [row["id"] for row in ready] == [task]
    assert tools("ready", unassigned=True, sort_policy="oldest", brief=True)[0]["id"] == epic
    [waiting] = tools("blocked")
    assert (waiting["id"], waiting["blocked_by"]) == (late, [task])
    assert tools("blocked", brief=True)[0]["id"] == late
    listed = tools("list", status="open", labels_any=["security"], query="rotate")
    assert [row["id"] for row in listed] == [task]
    assert len(tools("list", limit=100)) == 3
    assert {row["id"] for row in tools("list", unassigned=True, brief=True)} == {epic, late}


def work(tools: Tools, machine: Machine, task: str, late: str) -> None:
    tools("claim", issue_id=late)
    assert machine.seen(late)["status"] == "in_progress"
    _, said = machine.refused("update", late, "--claim", "--actor", "sam")
    assert "already claimed by robin" in said
    updated = tools(
        "update", issue_id=task, title="Rotate all keys", priority=2, design="At once",
        acceptance_criteria="None is left", notes="Begun", description="Old ones",
        external_ref="gh-42", assignee="lee", status="in_progress", brief=False,
    )  # fmt: skip
    assert (updated["title"], updated["assignee"]) == ("Rotate all keys", "lee")
    tools("comment", issue_id=task, text="build 311 green")
    [comment] = tools("comments", issue_id=task)
    assert (comment["text"], comment["author"]) == ("build 311 green", "robin")
    tools("note", issue_id=task, text="half are done")
    shown = tools("show", issue_id=task)
    assert shown["notes"] == "Begun\nhalf are done"
    assert [row["id"] for row in shown["dependents"]] == [late]
    assert tools("show", issue_id=late, brief_deps=True)["dependencies"][0]["id"] == task


def finish(tools: Tools, machine: Machine, task: str, late: str) -> None:
    tools("close", issue_id=task, reason="all rotated")
    assert machine.seen(task)["close_reason"] == "all rotated"
    assert tools("blocked") == []
    tools("update", issue_id=late, status="closed")
    assert machine.seen(late)["close_reason"] == "Closed via update"
    reopened = tools("reopen", issue_ids=[task, late], reason="one was left", brief=False)
    assert [row["status"] for row in reopened] == ["open", "open"]
    assert tools("stats")["summary"]["total_issues"] == 3
    for action in ADMIN:
        assert tools("admin", action=action), action


def be_refused(tools: Tools, machine: Machine) -> None:
    """What can't be done is said in words that help, and it is all that fails."""
    assert "nothing-here" in tools.refused("show", issue_id="nothing-here")
    bare = machine.home / "elsewhere"
    bare.mkdir()
    assert "bd init" in tools.refused("ready", workspace_root=str(bare))
