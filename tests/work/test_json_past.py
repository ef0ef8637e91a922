"""What lies behind an item goes along in Beads' JSON lines: evidence and history."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.lib.errors import Invalid
from controlplane.work import services
from controlplane.work.models import ItemEvent, ItemLink
from tests import make
from tests.kit import settled, work
from tests.kit.json_lines import EPIC, Place, issue, picture

pytestmark = pytest.mark.django_db
TOLD = ("kind", "actor_name", "old", "new", "comment", "at")
AT = "2026-03-01T08:00:00Z"


@settled.once
def place() -> Place:
    return Place()


def test_evidence_and_history__go_along_and_are_told_once(place: Place) -> None:
    actor = place.actor
    item = work.item(place.project, "Deploy 4.2", labels=["ops"], actor=actor)
    url = "https://ci.example.org/1"
    services.add_link(item, actor=actor, url=url, title="CI", kind="ci", name="kim")
    services.comment(item, "said", actor=actor)
    services.update_item(item, actor=actor, status="in_progress", name="kim")
    services.close_item(item, actor=actor, reason="live", name="kim")
    file = place.write()
    other = Place()
    done = other.read(*file)
    copy = other.item(item.key)
    link = copy.links.get()
    assert (link.url, link.title, link.kind, link.added_by) == (url, "CI", "ci", "kim")
    before = item.events.exclude(kind="commented").order_by("id")  # the comment says it itself
    assert list(copy.events.order_by("id").values_list(*TOLD)) == list(before.values_list(*TOLD))
    assert set(copy.events.values_list("source", "actor_ref")) == {("import", other.actor.ref)}
    assert (done.evidence, done.events, done.notes) == (1, before.count(), [])
    assert other.write() == file
    for where in (other, place):
        again = where.read(*file)
        assert (again.unchanged, again.evidence, again.events) == (1, 0, 0)


def test_history__grows_by_what_is_not_known(place: Place) -> None:
    item = work.item(place.project, "Shared")
    other = Place()
    other.read(*place.write())
    services.add_link(item, actor=place.actor, url="https://ci.example.org/2")
    copy = other.item(item.key)
    services.update_item(copy, actor=other.actor, priority=0)
    done = other.read(*place.write())
    assert (done.evidence, done.events) == (1, 1)
    kinds = copy.events.values_list("kind", flat=True)
    assert set(kinds) == {"created", "evidence_added", "updated"}


def test_line_without_history__is_begun_here_and_hands_that_on_to_nobody(place: Place) -> None:
    place.read(EPIC)
    begun = ItemEvent.objects.get(item=place.item("ops-e1"))
    assert (begun.kind, begun.comment) == ("created", "imported")
    assert place.write() == [EPIC]


def test_files__only_that_they_were_there(place: Place) -> None:
    item = work.item(place.project, "With a file")
    services.attach(item, actor=place.actor, filename="shot.bin", content=b"bytes")
    [row] = place.write()
    [shown] = row["evidence_links"]
    assert (shown["title"], len(shown["sha256"]), "url" in shown) == ("shot.bin", 64, False)
    other = Place()
    done = other.read(row)
    assert (done.evidence, other.item(item.key).links.count()) == (0, 0)
    assert any(note.startswith("1 file of evidence is not") for note in done.notes)


EVENT = {"event_type": "updated", "created_at": AT}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no list": ({"events": {"a": 1}}, "events is a list"),
    "no object": ({"events": ["x"]}, "An event is an object"),
    "no type": ({"events": [{"created_at": AT}]}, "An event has a type and a time"),
    "no time": ({"events": [{"event_type": "updated"}]}, "An event has a type and a time"),
    "long type": ({"events": [EVENT | {"event_type": "x" * 41}]}, "event_type"),
    "no text": ({"events": [EVENT | {"new_value": 7}]}, "new_value is a text"),
    "forced": ({"events": [EVENT | {"forced": "yes"}]}, "forced"),
    "script": ({"evidence_links": [{"url": "javascript:alert(1)"}]}, "begins with http"),
    "no url": ({"evidence_links": [{"title": "CI"}]}, "has a url"),
    "no link": ({"evidence_links": ["https://x.example"]}, "is an object"),
    "kind": ({"evidence_links": [{"url": "https://x.example", "kind": "a"}]}, "kind|One of"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_past__refuses_the_file_with_its_line(place: Place, name: str) -> None:
    work.item(place.project, "here before")
    before = picture(place), ItemLink.objects.count()
    more, sentence = BAD[name]
    with pytest.raises(Invalid, match=f"line 2: .*({sentence})"):
        place.read(EPIC, issue("x-1", **more))
    assert (picture(place), ItemLink.objects.count()) == before


def test_dry_run_and_strangers__leave_no_trace(place: Place) -> None:
    line = issue("x-1", events=[EVENT], evidence_links=[{"url": "https://x.example/1"}])
    assert place.read(line, dry_run=True).events == 1
    assert ItemEvent.objects.count() == ItemLink.objects.count() == 0
    place.read(line)
    viewer = make.actor(make.person(place.workspace, "viewer"))
    stranger = Place()
    assert "x-1" not in str(stranger.write())
    item = place.item("x-1")
    assert not ItemLink.objects.visible_to(stranger.actor).about(item).exists()
    assert ItemLink.objects.visible_to(viewer).about(item).exists()
