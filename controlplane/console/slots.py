"""The slots of a row's page, filled by whatever registered in `base.row_slots`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from controlplane.base import row_slots
from controlplane.base.admin.showing import TIMELINE_ROWS
from controlplane.base.registries import Registry
from controlplane.console.kit import timelines
from controlplane.console.kit.clocks import as_time
from controlplane.console.kit.links import is_own, safe_url
from controlplane.console.surviving import survive
from controlplane.lib.actors import Actor

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Card:
    """A card beside the facts; without rows it says that there are none."""

    slug: str
    title: str
    empty: str
    rows: Sequence[row_slots.RelatedRow]


@dataclass(frozen=True, slots=True)
class Slots:
    box: row_slots.CommentBox | None
    comments: Sequence[Any]
    cards: Sequence[Card]


def of(obj: Any, actor: Actor) -> Slots:
    box, comments = _door(obj, actor)
    cards = [
        _card("related", "Related work items", "None yet.", row_slots.related_work, obj, actor),
        _card("links", "Links", "None yet.", row_slots.links, obj, actor),
    ]
    return Slots(box, comments, [card for card in cards if card])


def merged(events: Sequence[Any], comments: Sequence[Any]) -> list[Any]:
    """Both newest first. Comments reach no further back than the events that are shown, or what
    stands between them would seem not to have happened."""
    if not comments:
        return list(events)
    entries = [timelines.entry(value) for value in (*events, *comments)]
    entries.sort(key=lambda one: as_time(one.at) or _LONG_AGO, reverse=True)
    return entries[: TIMELINE_ROWS.value]


def _door(obj: Any, actor: Actor) -> tuple[row_slots.CommentBox | None, Sequence[Any]]:
    for door in row_slots.comment_doors:
        box: row_slots.CommentBox | None = survive(
            partial(door.ask, actor, obj), None, f"comment door {door.slug}"
        )
        if box is not None and is_own(box.url):
            return box, _said(door, obj, actor)
    return None, ()


def _said(door: row_slots.CommentDoor, obj: Any, actor: Actor) -> Sequence[Mapping[str, Any]]:
    if door.entries is None:
        return ()
    ask = partial(door.entries, actor, obj, TIMELINE_ROWS.value)
    return survive(ask, (), f"comments of {door.slug}")


def _card(
    slug: str,
    title: str,
    empty: str,
    sources: Registry[row_slots.RowSource],
    obj: Any,
    actor: Actor,
) -> Card | None:
    found: list[row_slots.RelatedRow] = []
    knows = False
    for source in sources:
        rows: Sequence[row_slots.RelatedRow] | None = survive(
            partial(source.rows, actor, obj), None, f"{title} of {source.slug}"
        )
        if rows is not None:
            knows = True
            found += [_safe(row) for row in rows[: row_slots.MOST]]
    return Card(slug, title, empty, found) if knows else None


def _safe(row: row_slots.RelatedRow) -> row_slots.RelatedRow:
    return row_slots.RelatedRow(row.title, safe_url(row.url), row.ref, row.state, row.note, row.at)
