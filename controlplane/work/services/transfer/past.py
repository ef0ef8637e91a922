"""What lies behind an item: where its evidence is, and what happened to it.

Beads' lines have neither and Beads passes both over, so they stand under names of their own, with
the words of Beads' own event log. A history only grows: what is known stays, what is not is added
at its time, and a file's word about the past is marked as a file's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from controlplane.lib import context
from controlplane.lib.errors import Invalid
from controlplane.lib.ids import uuid7
from controlplane.work.beads import rows
from controlplane.work.models import ItemEvent, ItemLink
from controlplane.work.services import reading, talk
from controlplane.work.services.transfer import storing, values
from controlplane.work.vocabulary import counted

if TYPE_CHECKING:
    from controlplane.work.services.transfer.importing import Work
    from controlplane.work.services.transfer.lines import Line

EVIDENCE, EVENTS = "evidence_links", "events"
# Written by an import about itself. It happened to this copy, so it isn't handed on.
IMPORTED = "imported"
CREATED = "created"
_SAID = "commented"  # the comment stands in the line already
_LONGEST = 100_000
_AT_ONCE = 5_000
_LINK = (
    "uid",
    "workspace_id",
    "item_id",
    "kind",
    "title",
    "url",
    "file",
    "sha256",
    "media_type",
    "added_by",
    "created_at",
)
_EVENT = (
    "workspace_id",
    "item_id",
    "kind",
    "actor_name",
    "actor_ref",
    "old",
    "new",
    "comment",
    "forced",
    "source",
    "request_id",
    "at",
)


# Names of a line, and the columns behind them.
_SHOWN = {
    "event_type": "kind",
    "actor": "actor_name",
    "old_value": "old",
    "new_value": "new",
    "comment": "comment",
    "forced": "forced",
}


@dataclass(slots=True, frozen=True)
class LinkIn:
    kind: str
    title: str
    url: str  # empty: a file, which no line holds
    added_by: str
    created_at: datetime | None


@dataclass(slots=True, frozen=True)
class EventIn:
    kind: str
    actor: str
    old: str
    new: str
    comment: str
    forced: bool
    at: datetime


# --- Read -------------------------------------------------------------------------------------


def read_links(found: Mapping[str, Any]) -> list[LinkIn]:
    return [_link(each) for each in values.listed(found, EVIDENCE)]


def _link(found: Any) -> LinkIn:
    if not isinstance(found, dict):
        raise Invalid("A link to evidence is an object.")
    url = reading.line("url", found.get("url"), 1000)
    if url:
        talk.check_url(url)
    elif not found.get("sha256"):
        raise Invalid("A link to evidence has a url.")
    return LinkIn(
        talk.link_kind(found.get("kind") or "evidence"),
        reading.line("title", found.get("title"), 200) or url[:200],
        url,
        reading.line("added_by", found.get("added_by"), 200),
        values.moment("created_at", found.get("created_at")),
    )


def read_events(found: Mapping[str, Any]) -> list[EventIn]:
    return [_event(each) for each in values.listed(found, EVENTS)]


def _event(found: Any) -> EventIn:
    if not isinstance(found, dict):
        raise Invalid("An event is an object.")
    kind = reading.line("event_type", found.get("event_type"), 40)
    at = values.moment("created_at", found.get("created_at"))
    if not kind or at is None:
        raise Invalid("An event has a type and a time.")
    return EventIn(
        kind,
        reading.line("actor", found.get("actor"), 200),
        values.text("old_value", found.get("old_value"), _LONGEST),
        values.text("new_value", found.get("new_value"), _LONGEST),
        values.text("comment", found.get("comment"), _LONGEST),
        reading.flag("forced", found.get("forced")),
        at,
    )


def tells_beginning(line: Line) -> bool:
    return any(event.kind == CREATED for event in line.events)


# --- Written ----------------------------------------------------------------------------------


def links_of(ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Evidence by item, oldest first. Of a file only that it was there: a backup has it."""
    told: dict[int, list[dict[str, Any]]] = {}
    for link in ItemLink.objects.filter(item_id__in=ids).order_by("item_id", "created_at", "id"):
        shown = {
            "kind": link.kind,
            "title": link.title,
            "url": link.url,
            "sha256": link.sha256,
            "added_by": link.added_by,
            "created_at": rows.moment(link.created_at, exact=True),
        }
        told.setdefault(link.item_id, []).append(_filled(shown))
    return told


def events_of(ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Histories by item, oldest first."""
    told: dict[int, list[dict[str, Any]]] = {}
    here_alone = Q(kind=_SAID) | Q(kind=CREATED, comment=IMPORTED)
    events = ItemEvent.objects.filter(item_id__in=ids).exclude(here_alone)
    # As plain tuples: a large project has a million of them.
    for item, at, *told_of in events.order_by("item_id", "at", "id").values_list(
        "item_id", "at", *_SHOWN.values()
    ):
        shown = dict(zip(_SHOWN, told_of, strict=True))
        shown["created_at"] = rows.moment(at, exact=True)
        told.setdefault(item, []).append(_filled(shown))
    return told


def _filled(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value}


# --- Stored -----------------------------------------------------------------------------------


def add_links(work: Work, found: Iterable[Line]) -> int:
    """Those that do not stand there yet. What a file of lines cannot hold is named in a note."""
    told = [line for line in found if line.links]
    items = [work.ids[line.key.upper()] for line in told]
    known: set[tuple[int, str, str]] = set()
    for start in range(0, len(items), _AT_ONCE):
        here = ItemLink.objects.filter(item_id__in=items[start : start + _AT_ONCE]).exclude(url="")
        known.update(here.values_list("item_id", "kind", "url"))
    fresh: list[tuple[Any, ...]] = []
    files = 0
    for line, item in zip(told, items, strict=True):
        for link in line.links:
            files += not link.url
            if link.url and (item, link.kind, link.url) not in known:
                known.add((item, link.kind, link.url))
                fresh.append(_link_row(work, line, item, link))
    if files:
        work.done.notes.append(
            f"{counted(files, 'file')} of evidence {'is' if files == 1 else 'are'} not in the"
            " lines: only a backup of the portal holds files."
        )
    return storing.copy("work_itemlink", _LINK, fresh) if fresh else 0


def _link_row(work: Work, line: Line, item: int, link: LinkIn) -> tuple[Any, ...]:
    return (
        uuid7(),
        work.project.workspace_id,
        item,
        link.kind,
        link.title,
        link.url,
        "",
        "",
        "",
        link.added_by or work.who,
        link.created_at or line.values["updated_at"] or work.at,
    )


def add_events(work: Work, found: Iterable[Line]) -> int:
    """What is not told here yet: of a kind, at a moment, from this to that."""
    told = [line for line in found if line.events]
    items = [work.ids[line.key.upper()] for line in told]
    known: set[tuple[int, str, datetime, str, str]] = set()
    for start in range(0, len(items), _AT_ONCE):
        here = ItemEvent.objects.filter(item_id__in=items[start : start + _AT_ONCE])
        known.update(here.values_list("item_id", "kind", "at", "old", "new"))
    fresh: list[tuple[Any, ...]] = []
    for line, item in zip(told, items, strict=True):
        for event in line.events:
            same = (item, event.kind, event.at, event.old, event.new)
            if same not in known:
                known.add(same)
                fresh.append(_event_row(work, item, event))
    return storing.copy("work_itemevent", _EVENT, fresh) if fresh else 0


def _event_row(work: Work, item: int, event: EventIn) -> tuple[Any, ...]:
    return (
        work.project.workspace_id,
        item,
        event.kind,
        event.actor,
        work.actor.ref[:80],
        event.old,
        event.new,
        event.comment,
        event.forced,
        "import",
        context.current().request_id[:128],
        event.at,
    )
