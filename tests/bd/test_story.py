"""`bd` against a running portal: the playbook's day, a project's move, and strangers."""

from __future__ import annotations

import json
import os
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from controlplane.access.models import Agent, ApiKey, Workspace
from controlplane.catalog.models import Environment
from controlplane.lib.clock import now
from controlplane.work.local_key import local_key
from controlplane.work.models import Comment, Item, ItemLink, Project
from deployments.services import ensure_deployment
from tests import make
from tests.kit.bd import Bd

HERE = Path(__file__).parent
pytestmark = [pytest.mark.slow]


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    return make.workspace()


@pytest.fixture
def bd(workspace: Workspace, live_server: Any, tmp_path: Path) -> Bd:
    return Bd(tmp_path, url=live_server.url, key=local_key(workspace))


def another(bd: Bd, workspace: Workspace, role: str, folder: str) -> Bd:
    """Somebody else on the same machine, with a key of this role."""
    _, secret = make.key(make.agent(workspace, role))
    return Bd(bd.home, url=bd.env["CONTROLPLANE_URL"], key=secret, folder=folder)


def beside(bd: Bd, folder: str) -> Bd:
    """The same user in another folder."""
    env = bd.env
    return Bd(bd.home, url=env["CONTROLPLANE_URL"], key=env["CONTROLPLANE_API_KEY"], folder=folder)


# --- The playbook -----------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq (apt-get install jq)")
def test_playbook__runs_as_it_is_written(bd: Bd, workspace: Workspace) -> None:
    script = (HERE / "playbook.sh").read_text()
    out = bd.shell(script, ONCALL_EMAIL="oncall@example.org", RELEASE_TAG="2025.10.16")
    assert "is now a child of" in out
    assert "No dependency cycles detected" in out
    items = {item.title: item for item in Item.objects.filter(workspace=workspace)}
    deploy = items["Deploy 2025.10.16 to production"]
    assert (deploy.status, deploy.assignee) == ("in_progress", "oncall@example.org")
    assert sorted(deploy.labels) == ["deployment", "ops"]
    assert deploy.comments.count() == 3
    assert items["Q4 scheduled maintenance"].parent == deploy
    incident = items["SEV1: API outage"]
    assert (incident.item_type, incident.status) == ("incident", "closed")
    assert incident.close_reason.startswith("Mitigated at 20")
    assert items["10% cohort"].labels == ["warning"]
    assert {item.created_by for item in items.values()} == {"kim"}
    assert set(Comment.objects.values_list("author", flat=True)) == {"kim"}
    # What the playbook located or created is the deployment's work item in the portal, too.
    place = Environment.objects.get(workspace=workspace, slug="production")
    found = ensure_deployment(workspace, actor=make.JOB, environment=place, release="2025.10.16")
    assert found.deployment.item == deploy


def test_init__joins_begins_and_changes_nothing_the_second_time(
    bd: Bd, workspace: Workspace
) -> None:
    out, said = bd.refused("list", "--json")
    assert (out, said.splitlines()[0]) == ("", "Error: no beads database found")
    first = bd.json("init")
    pointer = (bd.beads / "metadata.json").read_text()
    assert bd.env["CONTROLPLANE_API_KEY"] not in "".join(
        path.read_text() for path in bd.beads.iterdir()
    )
    assert first["project_id"] == str(Project.objects.get(workspace=workspace).uid)
    other = bd.run("init", "-p", "other")
    assert (other.returncode, b"nothing was changed" in other.stdout) == (0, True)
    assert other.stderr == b"This folder stays with bd: --prefix was not used\n"
    assert bd.run("init", "-p", "BD-", "--project", "operations").stderr == b""
    assert (bd.beads / "metadata.json").read_text() == pointer
    assert Project.objects.filter(workspace=workspace).count() == 1

    api = beside(bd, "api")
    assert api.json("init", "-p", "api")["prefix"] == "api"
    assert api.json("create", "Mine")["id"].startswith("api-")
    assert bd.json("list") == []
    joined = beside(bd, "more")
    joined.ok("init", "--project", "api")
    assert [row["title"] for row in joined.json("list")] == ["Mine"]

    # A portal restored without the project: the same command connects anew.
    pointer_of = json.loads(pointer) | {"project_id": "01a1ff5a-d137-728d-bfbc-f94b61f3ef50"}
    (bd.beads / "metadata.json").write_text(json.dumps(pointer_of))
    assert "bd init" in bd.refused("list")[1]
    assert bd.json("init")["project_id"] == first["project_id"]
    assert bd.json("list") == []


def test_init__refused__names_the_runbook(bd: Bd) -> None:
    bd.env["CONTROLPLANE_API_KEY"] = "cp_local_unknown"
    said = bd.refused("init")[1]
    assert "does not know this key" in said
    assert "beads_db" in said
    assert "beads_db" in bd.refused("init", env={"CONTROLPLANE_URL": "http://127.0.0.1:1"})[1]
    assert not bd.beads.exists()


# --- What is written where --------------------------------------------------------------------


def test_folder__writing_touches_it_and_reading_does_not(bd: Bd) -> None:
    bd.ok("init")
    key = bd.json("create", "T")["id"]
    touched = bd.beads / "last-touched"
    assert touched.read_text() == f"{key}\n"

    def state() -> list[tuple[str, int]]:
        every = [bd.beads, *bd.beads.iterdir()]
        return sorted((path.name, path.stat().st_mtime_ns) for path in every)

    before = state()
    for argv in (["list"], ["show", key], ["ready"], ["stats"], ["export"], ["info"], ["doctor"],
                 ["context"], ["delete", key], ["sync", "--status"]):  # fmt: skip
        bd.run(*argv)
    assert state() == before
    touched.write_text(f"{key}\n")
    os.utime(touched, ns=(1, 1))
    assert bd.ok("close", "--reason", "done").startswith(f"✓ Closed {key}"), "the last one"
    assert touched.stat().st_mtime_ns > 1


def test_export_auto__keeps_the_copy_fresh_and_never_reads_it(bd: Bd) -> None:
    bd.ok("init")
    copy = bd.beads / "issues.jsonl"
    first = bd.json("create", "One")["id"]
    assert not copy.exists()
    bd.ok("config", "set", "export.auto", "true")
    assert [json.loads(line)["id"] for line in copy.read_text().splitlines()] == [first]
    bd.ok("close", first, "--reason", "done")
    assert json.loads(copy.read_text())["status"] == "closed"
    copy.write_text(copy.read_text().replace('"closed"', '"open"'))
    bd.ok("create", "Two")
    rows = {row["id"]: row["status"] for row in map(json.loads, copy.read_text().splitlines())}
    assert rows[first] == "closed", "an old copy reverts nothing"
    assert bd.json("sync")["exported"] == 2


def test_init__twice_at_once_in_one_folder__begins_one_project(
    bd: Bd, workspace: Workspace
) -> None:
    before = Project.objects.filter(workspace=workspace).count()
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: bd.run("init", "-p", "same"), range(3)))
    assert [each.returncode for each in done] == [0, 0, 0]
    assert all(b"\n  Portal: http" in each.stdout for each in done)
    assert Project.objects.filter(workspace=workspace).count() == before + 1
    told = sorted(each.stdout.decode().splitlines()[0] for each in done)
    assert [line.startswith("bd is initialized already") for line in told] == [False, True, True]


def test_import__large_and_packed__arrives_whole(bd: Bd, workspace: Workspace) -> None:
    bd.json("init")
    text = "y" * 1_000
    rows = [{"id": f"bd-{n}x", "title": f"Row {n}", "description": text} for n in range(600)]
    (bd.folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert bd.json("import", "in.jsonl")["created"] == 600
    assert Item.objects.filter(workspace=workspace, description=text).count() == 600


def test_move__export_and_import_are_each_others_inverse(bd: Bd) -> None:
    bd.ok("init", "-p", "src")
    assert "control character" in bd.refused("create", "\x1b[31mred")[1]
    one = bd.json("create", "Ünïcode ✓ title", "-l", "a,b", "-d", "two\nlines")["id"]
    two = bd.json("create", "Two", "--deps", one, "--due", "2026-01-15T10:00:00Z")["id"]
    bd.ok("comment", two, "said", "so")
    bd.ok("export", "-o", "all.jsonl")
    lines = (bd.folder / "all.jsonl").read_text()
    again = bd.json("import", "all.jsonl")
    assert (again["created"], again["source"]) == (0, "all.jsonl")
    bd.ok("export", "-o", "all.jsonl")
    assert (bd.folder / "all.jsonl").read_text() == lines

    broken = lines.splitlines()[0] + '\n{"id": 7}\n'
    assert "line 2" in bd.refused("import", "-", given=broken.encode())[1]
    assert bd.ok("export") == lines


def test_sandbox__is_private_and_needs_no_folder(bd: Bd, workspace: Workspace) -> None:
    sandbox = bd.folder / ".beads" / "scratch.db"
    assert bd.json("--db", str(sandbox), "create", "Try")["title"] == "Try"
    assert not sandbox.exists()
    rows = bd.json("list", env={"BEADS_DB": str(sandbox)})
    assert [row["title"] for row in rows] == ["Try"]
    bd.ok("init")
    assert bd.json("list") == []
    assert bd.json("ready") == []
    assert bd.ok("--db", str(sandbox), "export").count("\n") == 1
    long = "x" * 300
    bd.json("--db", long, "create", "Far")
    assert [row["title"] for row in bd.json("--db", long, "list")] == ["Far"]
    stranger = another(bd, workspace, "planner", "work")
    assert stranger.json("--db", str(sandbox), "list") == []


# --- Two at once, and strangers ---------------------------------------------------------------


def test_claim__one_gets_it_and_the_other_hears_who(bd: Bd, workspace: Workspace) -> None:
    bd.ok("init")
    key = bd.json("create", "T")["id"]
    bd.ok("--actor", "ann", "update", key, "--claim")
    out, said = bd.refused("--actor", "ben", "update", key, "--claim", "--json")
    assert out == ""
    assert "already claimed by ann" in said
    assert Item.objects.get(workspace=workspace).assignee == "ann"


def test_close__shows_its_evidence_or_is_refused_without_an_answer(bd: Bd) -> None:
    bd.ok("init")
    bd.ok("create", "SEV1", "-t", "incident", "--id", "bd-1")
    bd.ok("create", "Child", "--parent", "bd-1")
    out, said = bd.refused("close", "bd-1", "-r", "over", "--json")
    assert (out, said.splitlines()[1:]) == ("", []), "guards are told to people alone"
    assert "cannot close bd-1: has open children [bd-1.1]" in said
    bd.ok("close", "bd-1.1", "-r", "done")
    out = bd.ok("close", "bd-1", "-r", "over", "--evidence", "https://ci.example.com/1")
    assert "Closed bd-1" in out
    assert ItemLink.objects.get().url == "https://ci.example.com/1"


def test_strangers__a_role_that_may_only_look_and_another_workspace(
    bd: Bd, workspace: Workspace
) -> None:
    bd.ok("init")
    key = bd.json("create", "T")["id"]
    _, secret = make.key(make.agent(workspace, ""), scopes=["work.view"])
    looker = Bd(bd.home, url=bd.env["CONTROLPLANE_URL"], key=secret)
    assert [row["id"] for row in looker.json("list")] == [key]
    out, said = looker.refused("update", key, "--status", "closed", "--json")
    assert out == ""
    assert said.startswith("Error: ")
    assert Item.objects.get().status == "open"

    other = another(bd, make.workspace(), "executor", "work")
    for argv in (["list"], ["show", key], ["close", key, "--reason", "x"], ["export"]):
        assert "not in this workspace" in other.refused(*argv)[1] or argv == ["export"]
    assert Item.objects.get().status == "open"


# --- Keys and the file ------------------------------------------------------------------------


def test_local_key__kept_renewed_and_replaced(workspace: Workspace, time_machine: Any) -> None:
    first = local_key(workspace)
    assert local_key(workspace, first) == first
    assert local_key(workspace, first[:-1] + "x") != first
    account = Agent.objects.get(workspace=workspace, name="bd-local")
    assert (account.kind, account.role) == ("service", "")
    assert {tuple(key.scopes) for key in ApiKey.objects.all()} == {("work.*",)}
    time_machine.move_to(ApiKey.objects.earliest("id").expires_at.replace(microsecond=0))
    later = local_key(workspace, first)
    assert later != first
    assert ApiKey.objects.latest("id").expires_at > now()
    assert local_key(make.workspace(), later) != later


def test_download__the_client_for_everybody(bd: Bd, live_server: Any) -> None:
    answer = Client().get("/bd")
    assert answer.status_code == 200
    assert answer["Content-Disposition"] == 'attachment; filename="bd"'
    assert Client().get("/bd", headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert Client().post("/bd").status_code == 405
    path = bd.home / "bin" / "bd"
    path.write_bytes(answer.content)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    assert bd.shell("bd init > /dev/null; bd create T --silent").count("\n") == 1
