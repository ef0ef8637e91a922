"""The board: the operations backlog by the playbook's stages, other projects by status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, F, FloatField
from django.db.models.functions import Cast

from controlplane.lib import defaults
from controlplane.work import vocabulary
from controlplane.work.models import Item, Project
from controlplane.work.shown import words

CARDS = defaults.define(
    "work.board_cards", 25, unit="items", why="a column longer than that is a list"
)
SCALE = range(1, 6)
MEANINGS = ("active", "wip", "frozen", "done")
# Columns that stand only where something is in them.
RARE = ("hooked", "pinned")


@dataclass(frozen=True, slots=True)
class Card:
    item: Item
    url: str
    state: str
    urgency: str
    score: str


@dataclass(slots=True)
class Column:
    slug: str
    title: str
    hint: str = ""
    total: int = 0
    link: str = ""
    cards: list[Card] = field(default_factory=list)

    @property
    def more(self) -> int:
        return max(self.total - len(self.cards), 0)


def by_stage(rows: Any) -> list[Column]:
    """The backlog, best value first: impact over effort, then urgency. Done work is off it."""
    rows = rows.backlog().unfinished()
    score = Cast(F("impact"), FloatField()) / Cast(F("effort"), FloatField())
    columns = [
        Column(
            stage, title, ", ".join(vocabulary.begun_small(vocabulary.BACKLOG_CATEGORIES[stage]))
        )
        for stage, title in vocabulary.STAGES.items()
    ]
    by_value = (score.desc(nulls_last=True), F("priority").asc(), F("id").asc())
    return _filled(rows, "stage", columns, lambda slug: by_value)


def by_status(rows: Any, project: Project) -> list[Column]:
    """Every status there is, most urgent first; of what is closed the newest."""
    meanings = {**vocabulary.STATUSES, **project.custom_statuses}
    order_of = {meaning: place for place, meaning in enumerate(MEANINGS)}
    names = sorted(meanings, key=lambda name: (name == "closed", order_of[meanings[name]]))
    columns = [Column(name, words.status_words(name)) for name in names]
    urgent, newest = ("priority", "-created_at", "id"), ("-closed_at", "-id")
    found = _filled(rows, "status", columns, lambda slug: newest if slug == "closed" else urgent)
    return [column for column in found if column.total or column.slug not in RARE]


def _filled(
    rows: Any, name: str, columns: Sequence[Column], order: Callable[[str], Any]
) -> list[Column]:
    """Three questions, however many columns: how many stand in each, which are the first of
    each, and those. Numbering all rows of a column to find its first would read them all."""
    totals = dict(rows.order_by().values_list(name).annotate(number=Count("pk")))
    firsts = []
    for column in columns:
        column.total = totals.get(column.slug, 0)
        if column.total:
            mine = rows.filter(**{name: column.slug}).order_by(*order(column.slug))
            firsts.append(mine.values_list("pk", name)[: CARDS.value])
    if not firsts:
        return list(columns)
    picked = list(firsts[0].union(*firsts[1:], all=True) if firsts[1:] else firsts[0])
    cards = Item.objects.select_related("assignee_user").defer("search")
    known = cards.in_bulk([pk for pk, _ in picked])
    by_slug = {column.slug: column for column in columns}
    for pk, slug in picked:
        if pk in known:
            by_slug[slug].cards.append(_card(known[pk]))
    return list(columns)


def _card(item: Item) -> Card:
    return Card(
        item,
        words.item_url(item),
        words.state_of(item),
        f"P{item.priority}",
        words.score_words(item),
    )


def matrix(rows: Any) -> dict[str, Any]:
    """Impact against effort: how many stand at each crossing."""
    rated = rows.backlog().unfinished().exclude(impact=None).exclude(effort=None)
    counted = rated.order_by().values_list("impact", "effort").annotate(number=Count("pk"))
    at = {(impact, effort): number for impact, effort, number in counted}
    return {
        "kind": "heatmap",
        "title": "Impact against effort",
        "unit": "items",
        "size": "small",
        "rows": [f"Impact {impact}" for impact in reversed(SCALE)],
        "columns": [f"Effort {effort}" for effort in SCALE],
        # None at all: the words of `empty`, not twenty-five blank fields.
        "values": [
            [float(at.get((impact, effort), 0)) if at else None for effort in SCALE]
            for impact in reversed(SCALE)
        ],
        "empty": "No item of the backlog has both an impact and an effort yet.",
        "note": "Top left is worth most: much for little.",
    }
