"""What the work graph hands to the console's shared parts: sidebar, home, palette, keys."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib.postgres.search import SearchQuery
from django.db.models import Case, F, Q, QuerySet, When
from django.urls import reverse

from controlplane.access import policy
from controlplane.audit import words as words_of_log
from controlplane.audit.refs import subject_ref
from controlplane.base import row_slots
from controlplane.base.registries import (
    HomeRow,
    KeyFinder,
    NavItem,
    NavRows,
    PaletteVerb,
    Target,
    Waiting,
    home_rows,
    key_finders,
    nav_items,
    palette_verbs,
)
from controlplane.lib import clock, kept
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from controlplane.work.models import Item, Project
from controlplane.work.shown import words

MOST_COUNTED = 999
FOUND = 6
# More than a section shows: how many there are is counted by what one question brings.
FETCHED = 50
# Keys of the prefix every workspace begins with; a project's own would be any word with a dash.
KEYS = r"[Bb][Dd]-(?:[0-9]{1,8}|[0-9a-z]{3,8})(?:\.[0-9]{1,4})*(?![-_])"
# Apps whose rows have an item of their own.
STOOD_FOR = frozenset({"deployments", "incidents", "missions"})
SAID = {
    "create": "open/opened the item",
    "update": "change/changed the item",
    "claim": "claim/claimed the item",
    "comment": "comment/commented on the item",
    "link": "link/linked the item",
    "close": "close/closed the item",
    "reopen": "reopen/reopened the item",
    "watch": "follow/changed whether they follow the item",
    "force": "close/closed the item over open work",
    "delete": "delete/deleted the item",
    "import": "import/imported items",
    "start_project": "start/started the project",
    "manage": "configure/configured the project",
    "hooks": "change/changed the GitHub repository",
}


def _rows(actor: Actor, workspace_id: int | None) -> Any:
    rows = Item.objects.visible_to(actor).defer("search")
    if workspace_id is not None:
        rows = rows.filter(workspace_id=workspace_id)
    return rows.queued()


def _ready(actor: Actor, workspace_id: int | None) -> Any:
    return _rows(actor, workspace_id).ready().filter(assignee="")


def _pressing(actor: Actor, workspace_id: int | None) -> Any:
    """What this person has, and what anybody lets wait past its day."""
    asked = Q(assignee__iexact=actor.label)
    if actor.user_id is not None:
        asked |= Q(assignee_user_id=actor.user_id)
    rows = _rows(actor, workspace_id).unfinished()
    return rows.annotate(own=Case(When(asked, then=True), default=False)).filter(
        asked | Q(due_at__lt=clock.now())
    )


def _count(rows: Any) -> int:
    return int(rows.order_by()[:MOST_COUNTED].count())


def _waiting(item: Item, text: str = "", *, mine: bool = False) -> Waiting:
    tone: Any = words.kit_tone(item)
    return Waiting(
        title=words.lookup(item),
        url=words.item_url(item),
        text=text or f"{words.priority_words(item.priority)}, {words.type_words(item.item_type)}",
        state=words.state_of(item).lower(),
        tone=tone,
        since=None if item.due_at else item.created_at,
        due=item.due_at,
        mine=mine,
    )


_FIRST_READY: ForReader[Item] = ForReader(
    lambda actor, workspace_id: (
        _ready(actor, workspace_id)
        .defer("search")
        .order_by("priority", "-created_at", "id")[:FETCHED]
    )
)
_MOST_PRESSING: ForReader[Any] = ForReader(
    lambda actor, workspace_id: (
        _pressing(actor, workspace_id)
        .defer("search")
        .order_by("-own", F("due_at").asc(nulls_last=True), "priority", "id")[:FETCHED]
    )
)


def ready(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    return [_waiting(item) for item in _FIRST_READY.rows(actor, workspace_id)]


def pressing(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    """One's own first, the soonest due first; then what others let wait."""
    return [
        _waiting(item, "" if item.own else item.assignee or "Nobody has it.", mine=item.own)
        for item in _MOST_PRESSING.rows(actor, workspace_id)
    ]


# --- Palette ----------------------------------------------------------------------------------


def _typed(actor: Actor, workspace_id: int | None, text: str, only: Q) -> Any:
    """By the beginning of a key, else by words of the title."""
    text = text.strip()
    rows = _rows(actor, workspace_id).filter(only).order_by("priority", "-created_at", "id")
    if not text:
        return rows[:FOUND]
    found = list(rows.filter(project__in=_projects(actor, workspace_id), key__iexact=text)[:FOUND])
    return found or rows.filter(search=_begun(text))[:FOUND]


def _begun(text: str) -> SearchQuery:
    """Words as far as they are typed, through the index: of titles, texts and keys."""
    words_typed = re.findall(r"\w+", text)[:6] or ["-"]
    asked = " & ".join(f"'{word}':*" for word in words_typed)
    return SearchQuery(asked, config="english", search_type="raw")


def _projects(actor: Actor, workspace_id: int | None) -> list[int]:
    """The index of keys begins with the project."""
    rows = Project.objects.visible_to(actor)
    if workspace_id is not None:
        rows = rows.filter(workspace_id=workspace_id)
    return list(rows.values_list("pk", flat=True))


def claimable(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = _typed(actor, workspace_id, text, Q(status="open", blocked=False))
    return [Target(words.lookup(item), words.item_button(item, "claim")) for item in rows]


def closable(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = _typed(actor, workspace_id, text, ~Q(category="done"))
    return [
        Target(words.lookup(item), words.item_button(item, "close"), words.state_of(item))
        for item in rows
    ]


def to_open(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    url = reverse("admin:work_item_add")
    return [Target(f"“{text}”" if text else "", f"{url}?{urlencode({'title': text})}")]


def by_key(actor: Actor, workspace_id: int | None, text: str) -> Target | None:
    """The item of exactly this key; of several projects' the one in the operations project."""
    rows = Item.objects.filter(project__in=_projects(actor, workspace_id), key__iexact=text)
    item = rows.order_by("project__is_sandbox", "-project__is_operations", "-pk").first()
    if item is None:
        return None
    return Target(words.lookup(item), words.item_url(item), words.state_of(item))


# --- Pages of other rows ----------------------------------------------------------------------


def comment_box(actor: Actor, obj: Any) -> row_slots.CommentBox | None:
    if not isinstance(obj, Item):
        return None
    decision = policy.can(actor, "work.comment", obj)
    return row_slots.CommentBox(
        url=reverse("work:comment", args=(obj.uid,)),
        refusal="" if decision else f"Commenting: {decision.reason}.",
        hint="Whoever follows the item is told.",
    )


def standing_for(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """The items that stand for a deployment, an incident, a mission."""
    workspace_id = getattr(obj, "workspace_id", None)
    if workspace_id is None or obj._meta.app_label not in STOOD_FOR:
        return None
    return [
        row_slots.RelatedRow(
            title=item.title,
            url=words.item_url(item),
            ref="",
            state=words.state_of(item),
            note=item.key,
        )
        for item in kept.seen(actor, _standing_for, workspace_id, subject_ref(obj))
    ]


def _standing_for(actor: Actor, workspace_id: int, ref: str) -> QuerySet[Item]:
    rows = Item.objects.visible_to(actor).filter(workspace_id=workspace_id)
    return rows.standing_for(ref).order_by("id")[: row_slots.MOST]


# slug, label, URL name, icon, order, key
ENTRIES: tuple[tuple[str, str, str, str, int, str], ...] = (
    ("work-queue", "Ready queue", "work:queue", "play", 41, "y"),
    ("work-board", "Board", "work:board", "board", 42, "f"),
    ("work-items", "Items", "admin:work_item_changelist", "list", 43, "l"),
    ("work-cycles", "Cycles", "work:cycles", "refresh", 44, ""),
    ("work-projects", "Projects", "admin:work_project_changelist", "database", 45, ""),
    ("work-github", "GitHub repositories", "admin:work_githubsource_changelist", "branch", 46, ""),
)


def _nav_count(actor: Actor, workspace_id: int | None) -> NavRows:
    return NavRows(_ready(actor, workspace_id), most=MOST_COUNTED)


def register() -> None:
    for slug, label, url, icon, order, key in ENTRIES:
        count = _nav_count if slug == "work-queue" else None
        nav_items.register(NavItem(slug, label, "Work", url, icon, "work.view", order, key, count))
    home_rows.register(
        HomeRow(
            slug="work.pressing",
            title="Work items",
            action="work.view",
            rows=pressing,
            empty="nothing is overdue, and nothing is yours.",
            link="/admin/work/item/?queue=overdue",
            order=25,
        )
    )
    home_rows.register(
        HomeRow(
            slug="work.ready",
            title="Ready to begin",
            action="work.view",
            rows=ready,
            empty="nothing is ready that nobody has.",
            link="/admin/work/queue/",
            order=40,
        )
    )
    for verb_slug, verb, takes, label, action, find in (
        ("work-claim", "claim", "KEY", "Claim", "work.claim", claimable),
        ("work-close", "close", "KEY", "Close", "work.close", closable),
        ("work-new", "open new", "TITLE", "Open a new item", "work.create", to_open),
    ):
        palette_verbs.register(
            PaletteVerb(verb_slug, verb, takes, label, action, find, noun="item")
        )
    key_finders.register(KeyFinder("work", "work item", by_key, written=KEYS))
    row_slots.comment_doors.register(row_slots.CommentDoor("work.item", comment_box))
    row_slots.related_work.register(row_slots.RowSource("work.items", standing_for))
    words_of_log.define("work", SAID)
