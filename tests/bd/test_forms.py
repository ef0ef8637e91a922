"""`--format`, `--long`, `create --file` and `schema`:
each answered in its form or refused aloud."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from controlplane.access.models import Workspace
from controlplane.bd import folder, plans, shapes, texts
from controlplane.bd.main import main
from controlplane.work.local_key import local_key
from controlplane.work.models import Item
from tests import make
from tests.kit.bd import Bd

EDGE = {"issue_id": "bd-a", "depends_on_id": "bd-b", "type": "blocks"}
ROWS: list[dict[str, Any]] = [
    {
        "id": "bd-a",
        "title": 'Say "yes" \\ no',
        "status": "open",
        "priority": 1,
        "dependencies": [EDGE, {**EDGE, "depends_on_id": "bd-far"}],
    },
    {"id": "bd-b", "title": "Before", "status": "closed", "priority": 2},
]


def shown(op: str, rows: Any, **flags: Any) -> str:
    return texts.render(op, rows, {}, flags)


def test_digraph__each_line_a_node_and_what_it_depends_on() -> None:
    assert shown("list", ROWS, format="digraph") == "bd-a bd-b\nbd-b"
    assert shown("list", [], format="digraph") == ""


def test_dot__quotes_titles_and_leaves_out_what_is_not_listed() -> None:
    drawn = shown("list", ROWS, format="dot")
    assert drawn.startswith("digraph issues {")
    assert r'"bd-a" [label="bd-a\nSay \"yes\" \\ no\nP1"];' in drawn
    assert r'"bd-b" [label="bd-b\nBefore\nP2", style=dashed];' in drawn
    assert '"bd-a" -> "bd-b" [label="blocks"];' in drawn
    assert "bd-far" not in drawn
    assert shown("list", [], format="dot").endswith("}")


@pytest.mark.parametrize("op", ["list", "ready", "search", "stale", "children", "blocked"])
def test_long__shows_more_in_every_list(op: str) -> None:
    row = {**ROWS[0], "description": "What it is about"}
    assert "What it is about" in shown(op, [row], long=True)
    assert "What it is about" not in shown(op, [row])


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("list --format csv", "unknown format 'csv' for `bd list` (one of json, digraph, dot)"),
        ("list --format {{.ID}}", "takes no templates"),
        ("--format yaml show bd-a", "unknown format 'yaml' for `bd show` (one of json)"),
        ("list --json --format dot", "cannot use --json with --format dot"),
        ("export --format obsidian", "one of json, jsonl"),
        ("dep tree bd-a --format svg", "one of json, mermaid"),
        ("create --graph plan.json", "--graph is not offered here"),
        ("create --file p.md Title", "cannot use a title with --file"),
        ("create --file p.md --design x", "cannot use --design with --file"),
        ("create --file /nowhere/p.md", "can't be read"),
    ],
)
def test_what_is_not_offered__is_refused_before_anybody_is_asked(
    argv: str, said: str, monkeypatch: Any, capsys: Any, tmp_path: Any
) -> None:
    pointer: dict[str, object] = {"backend": "controlplane", "project_id": "p", "prefix": "bd"}
    folder.connect(str(tmp_path / ".beads"), pointer)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONTROLPLANE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("CONTROLPLANE_API_KEY", "k")
    assert main(argv.split()) == 1
    assert said in capsys.readouterr().err


# --- Against a portal -------------------------------------------------------------------------


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    return make.workspace()


@pytest.fixture
def bd(workspace: Workspace, live_server: Any, tmp_path: Any) -> Bd:
    return Bd(tmp_path, url=live_server.url, key=local_key(workspace))


PLAN = b"""## Roll out
### Priority
P1
### Dependencies
- Rotate keys
## Rotate keys
Every one of them.
"""


@pytest.mark.slow
def test_plan__is_opened_by_one_command(bd: Bd) -> None:
    bd.json("init")
    (bd.folder / "plan.md").write_bytes(PLAN)
    told = bd.ok("create", "-f", "plan.md", "-l", "ops")
    assert told.startswith("✓ Created 2 issues:")
    first, second = (Item.objects.get(title=title) for title in ("Roll out", "Rotate keys"))
    assert f"  {first.key} — Roll out [P1, task]" in told
    assert bd.ok("list", "--format", "digraph", "--sort", "priority").split() == [
        first.key, second.key, second.key,
    ]  # fmt: skip
    assert first.labels == second.labels == ["ops"]
    assert bd.ok("create", "--file=-", "--silent", given=PLAN).split() == [
        item.key for item in Item.objects.order_by("pk")[2:]
    ]
    before = Item.objects.count()
    out, said = bd.refused("create", "--file", "-", "--json", given=PLAN + b"### Type\nweather\n")
    assert "line 6: Rotate keys: invalid issue type: weather" in said
    assert json.loads(said.splitlines()[-1])["schema_version"] == 1
    assert (out, Item.objects.count()) == ("", before)


@pytest.mark.slow
def test_schema__describes_every_row_and_line(bd: Bd) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    bd.json("init")
    plan = "\n".join(f"### {heading}\n1" for heading in plans.FIELDS if heading in _PLAIN)
    (bd.folder / "p.md").write_text(f"## All of it\n{plan}\n")
    key = bd.json("create", "-f", "p.md")[0]["id"]
    other = bd.json("create", "Gate", "-t", "gate", "--await-type", "gh:run", "--await-id", "9")
    bd.ok("dep", "add", key, other["id"])
    bd.ok("comment", key, "said")
    schema = json.loads(bd.ok("schema"))
    assert bd.json("schema").pop("schema_version") == 1
    rows = [*bd.json("list", "--all"), *bd.json("show", key, other["id"]), *bd.json("blocked")]
    rows += [json.loads(line) for line in bd.ok("export").splitlines()]
    known = set(schema["$defs"]["issue"]["properties"])
    for row in rows:
        jsonschema.validate(row, schema)
        assert set(row) <= known
    assert schema == shapes.document()


_PLAIN = {"description", "design", "acceptance", "notes", "assignee", "labels", "estimate"}


@pytest.mark.slow
def test_stranger__opens_no_plan_here(bd: Bd, workspace: Workspace) -> None:
    bd.json("init")
    stranger = Bd(
        bd.home, url=bd.env["CONTROLPLANE_URL"], key=local_key(make.workspace()), folder="work"
    )
    _, said = stranger.refused("create", "--file", "-", given=PLAN)
    assert "is not in this workspace" in said
    assert not Item.objects.exists()
    assert Client().post("/api/v1/work/bd", {}, "application/json").status_code == 401
