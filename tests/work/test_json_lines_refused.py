"""Beads' JSON lines that are refused: whole, with the line that is wrong, and by whom."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Invalid, NotAllowed
from controlplane.work import services
from controlplane.work.services.transfer import export_lines, import_lines
from tests import make
from tests.kit import settled, work
from tests.kit.json_lines import EPIC, FILE, KEYS, Place, issue, picture, text

pytestmark = pytest.mark.django_db


@settled.once
def place() -> Place:
    return Place()


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
