"""`list`, `ready`, `blocked`, `search`, `stale`, `children`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q

from controlplane.lib import clock, defaults
from controlplane.work.beads import filters, gathering
from controlplane.work.beads.asking import Call, refuse
from controlplane.work.beads.explaining import explained, holding
from controlplane.work.beads.table import command
from controlplane.work.models import Item
from controlplane.work.services import queues

LIST_LIMIT = 50
READY_LIMIT = 100
MOST = defaults.define(
    "work.most_rows",
    50_000,
    unit="rows",
    why="A whole list is held in memory while it is written: so many rows are 40 MB. The export"
    " streams, and has no end.",
)
STALE_DAYS = 30
BLOCKED_LIMIT = 2_000
# What tools keep for themselves: shown when asked for.
_INFRA = ("agent", "role", "rig", "message")
_LISTING = filters.ALL | {"limit", "sort", "reverse"}
_QUEUE = (
    filters.LABELS
    | filters.PATTERNS
    | filters.PEOPLE
    | filters.KINDS
    | filters.METADATA
    | {"status", "limit", "sort", "parent", "mol", "mol_type", "gated"}
    | {"include_deferred", "include_ephemeral", "explain", "claim"}
)


def answered(call: Call, found: Any, limit: int) -> list[dict[str, Any]]:
    """The first of these as rows; a note when there are more."""
    return gathering.listed(_first(call, found, limit))


def _first(call: Call, found: Any, limit: int) -> list[Item]:
    found = gathering.light(found)
    return _cut(call, list(found[: limit + 1]), limit)


def _cut(call: Call, items: list[Item], limit: int) -> list[Item]:
    if len(items) > limit:
        other = "export has them" if limit == MOST.value else "use --limit to see them"
        issues = "1 issue" if limit == 1 else f"{limit} issues"
        call.note(f"Showing {issues}; there are more ({other})")
    return items[:limit]


def _limit(call: Call, usual: int) -> int:
    """0 is as many as one answer has room for."""
    found = call.given.number("limit", usual)
    return min((usual if found is None else found) or MOST.value, MOST.value)


@command("list", takes=_LISTING)
def list_items(call: Call) -> Any:
    given = call.given
    found = call.project.items.all()
    if given.flag("ready"):
        found = found.ready(types=filters.types(call.project, given))
    found = _of_status(call, found)
    found = _of_type(call, found)
    found = filters.narrowed(call, filters.placed(call, found, below=False))
    if not filters.by_label(given):
        return answered(call, filters.ordered(call, found), _limit(call, LIST_LIMIT))
    with queues.alone():
        found = filters.ordered(call, queues.selective(found))
        return answered(call, found, _limit(call, LIST_LIMIT))


def _of_status(call: Call, found: Any) -> Any:
    given = call.given
    named = filters.statuses(call)
    if named:
        return found.filter(status__in=named)
    everything = given.flag("all") or "status" in given or "state" in given
    asks_for_closed = "closed_after" in given or "closed_before" in given
    if everything or asks_for_closed or given.text("sort") == "closed":
        return found
    return found.exclude(status="closed")


def _of_type(call: Call, found: Any) -> Any:
    given = call.given
    named = filters.types(call.project, given)
    if named:
        found = found.filter(item_type__in=named)
    elif not given.flag("all"):
        hidden = [] if given.flag("include_gates") else ["gate"]
        hidden += [] if given.flag("include_infra") else _INFRA
        found = found.exclude(item_type__in=hidden) if hidden else found
    return filters.without_types(call, found)


# --- Ready ------------------------------------------------------------------------------------


@command("ready", takes=_QUEUE)
def ready(call: Call) -> Any:
    """What one can begin now. With `--claim` the first of it that nobody has is taken."""
    if call.given.flag("claim"):
        return _claimed(call)
    limit = _limit(call, READY_LIMIT)
    items = _cut(call, _first_of_queue(call, limit + 1), limit)
    return explained(call, items) if call.given.flag("explain") else gathering.listed(items)


def _claimed(call: Call) -> list[dict[str, Any]]:
    if call.given.flag("explain"):
        raise refuse("claim", "--claim and --explain contradict each other")
    with queues.alone():
        taken = queues.take_first(call.project, _ordered(call, _queue(call)), **call.who)
    return gathering.listed([taken] if taken is not None else [])


def _first_of_queue(call: Call, limit: int) -> list[Item]:
    if not filters.by_label(call.given):
        return queues.first(_ordered(call, _queue(call)), limit)
    with queues.alone():
        return queues.first(_ordered(call, _queue(call)), limit)


def _queue(call: Call) -> Any:
    given = call.given
    types = filters.types(call.project, given)
    if given.text("mol_type") or given.flag("gated"):
        # Molecules are a tool's own bookkeeping: none of them waits here for anybody.
        return call.project.items.none()
    statuses = filters.statuses(call)
    if "status" not in given:
        statuses = ["open"]
    found = call.project.items.unblocked(
        types=types,
        deferred=given.flag("include_deferred") or "deferred" in statuses,
        ephemeral=given.flag("include_ephemeral"),
    )
    found = found.filter(status__in=statuses) if statuses else found.unfinished()
    found = filters.without_types(call, found)
    below = given.text("parent") or given.text("mol")
    if below or "parent" in given:
        found = filters.under(found, call.find(below).pk)
    return filters.narrowed(call, found)


def _ordered(call: Call, found: Any) -> list[queues.Part]:
    if filters.by_label(call.given):
        found = queues.selective(found)
    name = call.given.text("sort", "priority") or "priority"
    queue = queues.parts(gathering.light(found), name)
    if queue is None:
        raise refuse("sort", f"invalid sort policy: {name} (one of priority, oldest, hybrid)")
    return queue


# --- The others -------------------------------------------------------------------------------


@command(
    "blocked",
    takes=filters.LABELS | filters.PATTERNS | filters.PEOPLE | filters.KINDS | {"parent", "limit"},
)
def blocked(call: Call) -> Any:
    """What is held up, and by what."""
    given = call.given
    found = call.project.items.waiting()
    if types := filters.types(call.project, given):
        found = found.filter(item_type__in=types)
    found = filters.without_types(call, found)
    if "parent" in given:
        found = filters.under(found, call.find(given.text("parent")).pk)
    found = filters.narrowed(call, found).order_by(*filters.ORDERS["priority"])
    items = _first(call, found, _limit(call, BLOCKED_LIMIT))
    blockers = _blockers([item.pk for item in items])
    answer = []
    for row, item in zip(gathering.listed(items), items, strict=True):
        keys = blockers.get(item.pk, [])
        answer.append({**row, "blocked_by_count": len(keys), "blocked_by": keys})
    return answer


def _blockers(ids: list[int]) -> dict[int, list[str]]:
    """What each waits for: its own blockers, or the parent that waits itself."""
    found: dict[int, list[str]] = {}
    for item, target in holding(ids).values_list("item_id", "target__key"):
        found.setdefault(item, []).append(target)
    return found


@command("search", takes=_LISTING | {"query", "text"})
def search(call: Call) -> Any:
    """By words, as texts are searched, or by any part of a title or an id."""
    given = call.given
    query = given.text("query") or given.text("text")
    if not query.strip():
        raise refuse("query", "search query is required")
    found = call.project.items.all()
    found = _of_type(call, filters.placed(call, found, below=False))
    found = _searched(call, filters.narrowed(call, found), query.strip())
    found = filters.ordered(call, found)
    return answered(call, found, _limit(call, LIST_LIMIT))


def _searched(call: Call, found: Any, query: str) -> Any:
    named = filters.statuses(call)
    if named:
        found = found.filter(status__in=named)
    parts = Q(title__icontains=query) | Q(key__icontains=query)
    words = call.project.items.matching(query).values("pk")
    return found.filter(parts | Q(pk__in=words))


@command("stale", takes={"days", "status", "limit"})
def stale(call: Call) -> Any:
    """Open work that nobody touched for long, the longest first."""
    days = call.given.number("days", STALE_DAYS, least=1) or STALE_DAYS
    since = clock.now() - timedelta(days=min(days, 36_500))
    found = call.project.items.stale(since)
    if named := filters.statuses(call):
        found = found.filter(status__in=named)
    return answered(call, found.order_by("updated_at", "id"), _limit(call, LIST_LIMIT))


@command("children", takes={"id", "ids", "status", "limit"})
def children(call: Call) -> Any:
    parent = call.find(call.given.one())
    found = parent.children.all()
    if named := filters.statuses(call):
        found = found.filter(status__in=named)
    return answered(call, found.order_by("id"), _limit(call, 0))
