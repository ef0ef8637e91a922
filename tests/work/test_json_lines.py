"""Beads' JSON lines, both ways: nothing is lost, twice is once."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.lib.errors import Conflict
from controlplane.work import services
from controlplane.work.models import ItemEvent
from controlplane.work.services import graph
from controlplane.work.services.transfer import export_file, export_lines, import_lines
from tests.kit import settled, work
from tests.kit.json_lines import EPIC, FILE, KEYS, ROLL, Place, issue, picture, text

pytestmark = pytest.mark.django_db


@settled.once
def place() -> Place:
    return Place()


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
