"""Beads' JSON lines, both ways: nothing is lost, nothing is half done, twice is once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.work import services
from controlplane.work.models import Comment, Dependency, Item, ItemEvent, Project
from controlplane.work.services import graph
from controlplane.work.services.transfer import Imported, export_file, export_lines, import_lines
from tests import make
from tests.kit import settled, work

pytestmark = pytest.mark.django_db

ROLL = {
    "_type": "issue",
    "id": "ops-a1f",
    "title": "Roll out 4.2",
    "description": "two\nlines \u001b[31mred\u001b[0m",
    "status": "in_progress",
    "priority": 1,
    "issue_type": "task",
    "assignee": "kim@example.org",
    "owner": "kim@example.org",
    "estimated_minutes": 90,
    "created_at": "2026-03-01T08:00:00Z",
    "created_by": "kim",
    "updated_at": "2026-03-01T09:30:00Z",
    "started_at": "2026-03-01T09:30:00Z",
    "external_ref": "gh-12",
    "metadata": {"team": "core", "n": 1},
    "labels": ["deployment", "ops"],
    "pinned": True,
    "sender": "bot",
    "a_field_of_tomorrow": {"deep": [1, "zwei", None]},
    "dependencies": [
        {
            "issue_id": "ops-a1f",
            "depends_on_id": "ops-9c2",
            "type": "blocks",
            "created_at": "2026-03-01T08:05:00Z",
            "created_by": "kim",
            "metadata": "{}",
        },
        {
            "issue_id": "ops-a1f",
            "depends_on_id": "external:billing:api",
            "type": "blocks",
            "created_at": "2026-03-01T08:06:00Z",
            "created_by": "kim",
            "metadata": '{"note":"later"}',
            "thread_id": "t-1",
        },
        {
            "issue_id": "ops-a1f",
            "depends_on_id": "ops-e1",
            "type": "parent-child",
            "created_at": "2026-03-01T08:07:00Z",
            "created_by": "kim",
            "metadata": "{}",
        },
    ],
    "comments": [
        {
            "id": "41",
            "issue_id": "ops-a1f",
            "author": "kim",
            "text": "build 311 green",
            "created_at": "2026-03-01T09:31:00Z",
        },
        {
            "id": "0195f3a0-7b1c-7d3e-8f00-000000000001",
            "issue_id": "ops-a1f",
            "author": "lee",
            "text": "ok",
            "created_at": "2026-03-01T09:32:00Z",
        },
    ],
    "dependency_count": 2,
    "dependent_count": 0,
    "comment_count": 2,
}
KEYS = {
    "_type": "issue",
    "id": "ops-9c2",
    "title": "Rotate keys",
    "status": "closed",
    "priority": 0,
    "issue_type": "task",
    "created_at": "2026-02-28T10:00:00Z",
    "created_by": "lee",
    "updated_at": "2026-03-01T07:00:00Z",
    "closed_at": "2026-03-01T07:00:00Z",
    "close_reason": "rotated",
    "dependency_count": 0,
    "dependent_count": 1,
    "comment_count": 0,
}
EPIC = {
    "_type": "issue",
    "id": "ops-e1",
    "title": "Release 4",
    "status": "open",
    "priority": 2,
    "issue_type": "epic",
    "created_at": "2026-02-27T10:00:00Z",
    "created_by": "lee",
    "updated_at": "2026-02-27T10:00:00Z",
    "dependency_count": 0,
    "dependent_count": 0,
    "comment_count": 0,
}
MEMORY = {"_type": "memory", "key": "style", "value": "Write short sentences."}
FILE = [ROLL, KEYS, EPIC, MEMORY]


class Place:
    def __init__(self, role: str = "operations_command") -> None:
        self.workspace: Workspace = make.workspace()
        self.project: Project = work.project(self.workspace)
        self.actor: Actor = work.worker(self.workspace, role)

    def read(self, *rows: Any, **given: Any) -> Imported:
        return import_lines(self.project, text(*rows), actor=self.actor, **given)

    def write(self) -> list[dict[str, Any]]:
        self.project.refresh_from_db()
        data = b"".join(export_lines(self.project, actor=self.actor))
        return [json.loads(line) for line in data.splitlines()]

    def item(self, key: str) -> Item:
        found: Item = self.project.items.called(key).get()
        return found


@settled.once
def place() -> Place:
    return Place()


def text(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def issue(key: str, *blockers: str, **more: Any) -> dict[str, Any]:
    edges = [{"issue_id": key, "depends_on_id": each, "type": "blocks"} for each in blockers]
    return {"id": key, "title": key, "created_at": "2026-03-01T08:00:00Z", **more} | (
        {"dependencies": edges} if edges else {}
    )


def picture(place: Place) -> Any:
    """Everything that an import may touch."""
    return (
        sorted(Item.objects.filter(project=place.project).values_list("key", "revision")),
        Dependency.objects.filter(item__project=place.project).count(),
        Comment.objects.filter(item__project=place.project).count(),
        ItemEvent.objects.filter(item__project=place.project).count(),
    )


# --- There and back ---------------------------------------------------------------------------


def test_round_trip__gives_back_every_field_in_the_same_words(place: Place) -> None:
    done = place.read(*FILE)
    assert (done.created, done.updated, done.comments, done.dependencies) == (3, 0, 2, 3)
    assert place.write() == FILE


def test_round_trip__through_another_workspace__is_the_same(place: Place) -> None:
    place.read(*FILE)
    other = Place()
    other.read(*place.write())
    assert other.write() == FILE


def test_own_work__survives_the_way_out_and_in(place: Place) -> None:
    item = work.item(
        place.project,
        "Undo plans for all",
        labels=["b", "a"],
        in_backlog=True,
        stage="plan_approve",
        kpi="undo coverage",
        readiness_artifact="undo plan",
        impact=4,
        effort=2,
        ensure_key="undo-plans",
    )
    services.comment(item, "first", actor=place.actor)
    other = Place()
    other.read(*place.write())
    assert other.write()[0] | {"comments": None} == place.write()[0] | {"comments": None}
    assert other.write()[0]["comments"][0]["text"] == "first"
    assert other.item(item.key).score == 2.0
    made = services.ensure(other.project, "undo-plans", actor=other.actor, title="again")
    assert (made.item.key, made.created) == (item.key, False)


def test_readiness__is_right_after_an_import(place: Place) -> None:
    place.read(
        issue("x-1"),
        issue("x-2", "x-1"),
        issue("x-3", status="closed"),
        issue("x-4", "x-3"),
        {
            **issue("x-2.1"),
            "dependencies": [{"issue_id": "x-2.1", "depends_on_id": "x-2", "type": "parent-child"}],
        },
    )
    assert graph.mismatches() == []
    ready = set(place.project.items.ready().values_list("key", flat=True))
    assert ready == {"x-1", "x-4"}
    assert place.item("x-2.1").parent == place.item("x-2")


def test_child_numbers__go_on_after_imported_children(place: Place) -> None:
    place.read(issue("bd-a"), issue("bd-a.7"))
    parent = place.item("bd-a")
    child = services.create_item(place.project, actor=place.actor, title="next", parent=parent)
    assert child.key == "bd-a.8"


def test_running_numbers__go_on_after_imported_ones(place: Place) -> None:
    project = services.create_project(
        place.workspace, actor=place.actor, name="Numbers", prefix="BD", ids="sequence"
    )
    import_lines(project, text(issue("BD-4521")), actor=place.actor)
    project.refresh_from_db()
    assert services.create_item(project, actor=place.actor, title="next").key == "BD-4522"


def test_export_file__tells_its_length_and_holds_the_lines(place: Place) -> None:
    place.read(*FILE)
    kept, size = export_file(place.project, actor=place.actor)
    with kept:
        data = kept.read()
    assert len(data) == size
    assert data == b"".join(export_lines(place.project, actor=place.actor))


# --- Twice, and newer or older ----------------------------------------------------------------


def test_same_file_twice__changes_nothing(place: Place) -> None:
    place.read(*FILE)
    before = picture(place)
    done = place.read(*FILE)
    assert picture(place) == before
    assert (done.created, done.updated, done.unchanged) == (0, 0, 3)
    assert (done.comments, done.dependencies, done.memories) == (0, 0, 0)


def test_own_export_read_again__changes_nothing(place: Place) -> None:
    item = work.item(place.project, "Mine")
    services.comment(item, "said here", actor=place.actor)
    before = picture(place)
    done = place.read(*place.write())
    assert picture(place) == before
    assert done.unchanged == 1


def test_line_without_id__is_the_same_item_next_time(place: Place) -> None:
    nameless = {"title": "no id", "created_at": "2026-03-01T08:00:00Z"}
    first, second = place.read(nameless, nameless), place.read(nameless, nameless)
    assert first.created == 2
    assert (second.created, second.unchanged, second.ids) == (0, 2, first.ids)


def test_newer_line__is_taken_and_told_in_the_history(place: Place) -> None:
    place.read(KEYS | {"status": "open", "closed_at": None})
    done = place.read(KEYS | {"updated_at": "2026-03-02T07:00:00Z", "description": "now with text"})
    item = place.item("ops-9c2")
    assert done.updated == 1
    assert (item.status, item.description, item.revision) == ("closed", "now with text", 2)
    told = ItemEvent.objects.filter(item=item, kind="updated").get()
    assert "status: open" in told.old
    assert told.comment == "imported"


def test_older_line__leaves_what_is_newer_here_and_names_it(place: Place) -> None:
    place.read(*FILE)
    item = services.update_item(place.item("ops-e1"), actor=place.actor, title="Release 4 and 5")
    older = EPIC | {
        "labels": ["gone"],
        "comments": [{"id": "7", "author": "lee", "text": "still said"}],
    }
    done = place.read(older)
    assert done.kept == ["ops-e1"]
    assert done.notes
    item.refresh_from_db()
    assert (item.title, item.labels) == ("Release 4 and 5", [])
    assert item.comments.get().text == "still said"
    with pytest.raises(Conflict, match="newer here"):
        place.read(older, on_newer="refuse")
    assert place.read(older, on_newer="overwrite").updated == 1
    item.refresh_from_db()
    assert (item.title, item.labels) == ("Release 4", ["gone"])


def test_labels_and_edges__are_joined_to_those_here(place: Place) -> None:
    place.read(*FILE)
    services.update_item(place.item("ops-9c2"), actor=place.actor, add_labels=["here"])
    later = "2099-01-01T00:00:00Z"
    place.read(KEYS | {"labels": ["there"], "updated_at": later})
    assert place.item("ops-9c2").labels == ["here", "there"]
    place.read(ROLL | {"dependencies": [], "updated_at": later})
    assert place.item("ops-a1f").edges_out.count() == 3


def test_edge_to_what_comes_later__becomes_a_real_one(place: Place) -> None:
    place.read(issue("x-1", "x-9"))
    assert not place.item("x-1").blocked
    place.read(issue("x-1", "x-9"), issue("x-9"))
    assert place.item("x-1").blocked
    assert place.item("x-1").edges_out.count() == 1
    assert graph.mismatches() == []


def test_parent__is_replaced_by_a_newer_files(place: Place) -> None:
    def under(parent: str, at: str) -> dict[str, Any]:
        edge = {"issue_id": "x-1", "depends_on_id": parent, "type": "parent-child"}
        return issue("x-1", updated_at=at) | {"dependencies": [edge]}

    place.read(under("x-2", "2026-03-01T08:00:00Z"), issue("x-2"), issue("x-3"))
    place.read(under("x-3", "2026-03-02T08:00:00Z"))
    assert place.item("x-1").parent == place.item("x-3")
    assert graph.mismatches() == []


def test_dry_run__says_what_would_come_and_does_nothing(place: Place) -> None:
    done = place.read(*FILE, dry_run=True)
    assert done.created == 3
    assert not place.project.items.exists()


def test_fields_the_portal_alone_has__are_not_emptied_by_tools_that_drop_them(place: Place) -> None:
    place.read(EPIC | {"impact": 5, "kpi": "lead time"})
    place.read(EPIC | {"title": "Release 4.1", "updated_at": "2099-01-01T00:00:00Z"})
    item = place.item("ops-e1")
    assert (item.title, item.impact, item.kpi) == ("Release 4.1", 5, "lead time")


def test_subject__cannot_be_claimed_by_a_file(place: Place) -> None:
    place.read(EPIC | {"subject": "deployments.deployment:1"})
    assert place.item("ops-e1").subject == ""


# --- Refused, whole ---------------------------------------------------------------------------

BAD: dict[str, tuple[bytes, str]] = {
    "torn": (text(EPIC) + text(KEYS)[:-20], "line 2: The file ends in the middle"),
    "not utf-8": (text(EPIC) + b'{"id":"x-1","title":"\xff"}\n', "line 2: .*UTF-8"),
    "nul": (text(EPIC) + b'{"id":"x-1","title":"a\\u0000"}\n', "line 2"),
    "half a surrogate": (text(EPIC) + b'{"id":"x-1","title":"\\ud800"}\n', "line 2"),
    "no object": (text(EPIC) + b"[]\n", "line 2: A line is one JSON object"),
    "no title": (text(EPIC, {"id": "x-1"}), "line 2: title is required"),
    "long title": (text(EPIC, issue("x-1") | {"title": "x" * 501}), "line 2: title must be"),
    "bad id": (text(issue("x 1")), "line 1: .* is no id"),
    "bad status": (text(issue("x-1", status="melting")), "line 1: invalid status"),
    "bad type": (text(issue("x-1", issue_type="banana")), "line 1: invalid issue type"),
    "bad priority": (text(issue("x-1", priority=7)), "line 1: invalid priority"),
    "bad time": (text(issue("x-1", due_at="tomorrow")), "line 1: due_at is a moment"),
    "time without a zone": (text(issue("x-1", due_at="2026-01-01T00:00:00")), "line 1: due_at"),
    "closed without being closed": (
        text(issue("x-1", closed_at="2026-01-01T00:00:00Z")),
        "line 1: closed_at is set",
    ),
    "metadata": (text(issue("x-1", metadata=[1])), "line 1: metadata must be"),
    "labels": (text(issue("x-1", labels="ops")), "line 1: labels is a list"),
    "comment without text": (text(issue("x-1", comments=[{"id": 1}])), "line 1: A comment"),
    "another's edge": (
        text(issue("x-1", dependencies=[{"issue_id": "x-7", "depends_on_id": "x-2"}])),
        "line 1: A dependency of x-7",
    ),
    "to itself": (text(issue("x-1", "x-1")), "line 1: x-1 cannot depend on itself"),
    "twice": (text(issue("x-1"), issue("X-1", priority=3)), "line 2: X-1 stands in line 1"),
    "unknown kind": (text({"_type": "planet", "id": "x-1", "title": "t"}), "line 1: Lines of"),
    "two types for a pair": (
        text(
            issue("x-2"),
            issue("x-1", "x-2")
            | {
                "dependencies": [
                    {"depends_on_id": "x-2", "type": "blocks"},
                    {"depends_on_id": "x-2", "type": "related"},
                ]
            },
        ),
        "line 2: .*one type for each pair",
    ),
    "two parents": (
        text(
            issue(
                "x-1",
                dependencies=[
                    {"depends_on_id": "x-2", "type": "parent-child"},
                    {"depends_on_id": "x-3", "type": "parent-child"},
                ],
            )
        ),
        "line 1: x-1 has two parents",
    ),
    "circle": (
        text(EPIC, issue("x-1", "x-2"), issue("x-2", "x-3"), issue("x-3", "x-1")),
        "line [234]: .*closes a circle",
    ),
    "backlog without its links": (
        text(issue("x-1", in_backlog=True)),
        "line 1: An item of the operations backlog",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_file__is_refused_whole_with_its_line(place: Place, name: str) -> None:
    work.item(place.project, "here before")
    before = picture(place)
    data, sentence = BAD[name]
    with pytest.raises(Invalid, match=sentence):
        import_lines(place.project, data, actor=place.actor)
    assert picture(place) == before
    assert not AuditEvent.objects.filter(action="work.import").exists()


def test_circle_with_what_is_here__is_refused(place: Place) -> None:
    place.read(issue("x-1", "x-2"), issue("x-2"))
    with pytest.raises(Invalid, match="closes a circle"):
        place.read(issue("x-2", "x-1", updated_at="2099-01-01T00:00:00Z"))
    assert not place.item("x-2").blocked


def test_large_circle__is_found_among_many_edges(place: Place) -> None:
    rows = [issue(f"x-{n}", f"x-{(n + 1) % 80}") for n in range(80)]
    with pytest.raises(Invalid, match="closes a circle of"):
        place.read(*rows)
    assert not place.project.items.exists()


def test_tombstones_blank_lines_and_old_comments__are_no_trouble(place: Place) -> None:
    gone = issue("x-0", status="tombstone")
    old = issue("x-1", comments=[{"id": 41, "author": "kim", "text": "numbered"}])
    data = b"\n" + text(gone, old) + b"\r\n  \n" + text(issue("x-2"))[:-1]
    done = import_lines(place.project, data, actor=place.actor)
    assert (done.created, done.comments) == (2, 1)
    assert any("tombstone" in note for note in done.notes)


def test_comments__whose_ids_two_databases_share__are_all_kept_once(place: Place) -> None:
    item = work.item(place.project, "Here", key="bd-1")
    said = services.comment(item, "said here", actor=place.actor)
    foreign = {"id": str(said.pk), "author": "kim", "text": "said there"}
    line = issue("bd-1", comments=[foreign], updated_at="2099-01-01T00:00:00Z")
    assert place.read(line).comments == 1
    assert place.read(line).comments == 0
    assert [row.text for row in item.comments.order_by("id")] == ["said here", "said there"]


def test_times__with_nanoseconds_and_zones_are_read(place: Place) -> None:
    place.read(issue("x-1", due_at="2026-03-01T10:00:00.123456789+02:00"))
    shown = place.write()[0]
    assert shown["due_at"] == "2026-03-01T08:00:00Z"
    due = place.item("x-1").due_at
    assert due is not None
    assert due.utcoffset() == timedelta(0)


# --- Who may ----------------------------------------------------------------------------------


def test_import__is_told_in_the_audit_log(place: Place) -> None:
    place.read(*FILE, name="kim")
    told = AuditEvent.objects.get(action="work.import")
    assert (told.after or {})["created"] == 3
    assert (told.details or {})["as"] == "kim"
    assert len((told.details or {})["sha256"]) == 64


def test_import_without_the_right__is_refused() -> None:
    place = Place("viewer")
    with pytest.raises(NotAllowed):
        place.read(*FILE)


def test_stranger__neither_imports_nor_exports(place: Place) -> None:
    stranger = work.worker(make.workspace())
    with pytest.raises(NotAllowed):
        import_lines(place.project, text(*FILE), actor=stranger)
    with pytest.raises(NotAllowed):
        list(export_lines(place.project, actor=stranger))


def test_edge_into_another_workspace__stays_outside(place: Place) -> None:
    other = Place()
    other.read(issue("x-9"))
    place.read(issue("x-1", "x-9"))
    edge = place.item("x-1").edges_out.get()
    assert (edge.target, edge.target_name) == (None, "x-9")
