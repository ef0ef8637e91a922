"""Closing, reopening, putting off, deleting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError
from controlplane.work import vocabulary
from controlplane.work.models import Dependency, Item
from controlplane.work.services import graph, reading, states
from controlplane.work.services.noting import note


class Closed(NamedTuple):
    """What came of closing several: one refused item does not keep the others open."""

    closed: list[Item]
    refused: list[tuple[Item, ControlPlaneError]]


@transaction.atomic
def close_item(
    item: Item,
    *,
    actor: Actor,
    reason: str,
    name: str = "",
    force: bool = False,
    session: str = "",
    revision: int | None = None,
    closing: frozenset[int] = frozenset(),
) -> Item:
    """Done. Refused while work before it, or under it, is open, unless forced with a reason.
    Closing what is closed gives it the new reason."""
    policy.require(actor, "work.close", item)
    reason = reading.text("reason", reason).strip()
    graph.lock(item.workspace_id)
    item = states.hold(item, revision=revision)
    touched: dict[str, Any] = {}
    if session:
        item.closed_by_session = touched["closed_by_session"] = session[:200]
    if item.is_closed:
        return _new_reason(item, reason, touched, actor, name)
    moved = states.move(
        item,
        "closed",
        actor=actor,
        name=name,
        reason=reason,
        touched=touched,
        force=force,
        closing=closing,
    )
    states.store(item, touched)
    if moved is not None:
        states.after_move(item, moved, actor=actor, name=name, reason=reason)
    return item


def _new_reason(item: Item, reason: str, touched: dict[str, Any], actor: Actor, name: str) -> Item:
    if reason == item.close_reason or not reason:
        return item
    before, item.close_reason = item.close_reason, reason
    states.store(item, [*touched, "close_reason"])
    note(
        item,
        "updated",
        "work.close",
        actor=actor,
        name=name,
        old={"close_reason": before},
        new={"close_reason": reason},
    )
    return item


@transaction.atomic
def close_items(
    items: Sequence[Item],
    *,
    actor: Actor,
    reason: str | Callable[[Item], str],
    name: str = "",
    force: bool = False,
    session: str = "",
) -> Closed:
    """Several at once, blockers first whatever the order given: what closes here does not stand
    in its own way. Each closes or is refused for itself. The reason may depend on the item."""
    if not items:
        return Closed([], [])
    graph.lock(items[0].workspace_id)
    closed, refused = [], []
    for item in _in_order(items):
        why = reason if isinstance(reason, str) else reason(item)
        try:
            with transaction.atomic():
                done = close_item(
                    item, actor=actor, reason=why, name=name, force=force, session=session
                )
        except ControlPlaneError as error:
            refused.append((item, error))
        else:
            closed.append(done)
    places = {item.pk: place for place, item in enumerate(items)}
    closed.sort(key=lambda item: places[item.pk])
    return Closed(closed, refused)


def _in_order(items: Sequence[Item]) -> list[Item]:
    """Children before parents, blockers before what they block."""
    known = {item.pk: item for item in items}
    first: dict[int, set[int]] = {pk: set() for pk in known}
    edges = Dependency.objects.filter(
        item_id__in=known, target_id__in=known, kind__in=vocabulary.ORDERED
    )
    for item_id, target_id, kind in edges.values_list("item_id", "target_id", "kind"):
        if kind == vocabulary.PARENT:
            first[target_id].add(item_id)
        else:
            first[item_id].add(target_id)
    done: dict[int, None] = {}
    todo = list(known)
    while todo:
        free = [pk for pk in todo if first[pk] <= done.keys()]
        for pk in free or todo:  # a graph with a loop through both kinds of edges: as given
            done[pk] = None
        todo = [pk for pk in todo if pk not in done]
    return [known[pk] for pk in done]


@transaction.atomic
def reopen_item(
    item: Item, *, actor: Actor, name: str = "", reason: str = "", revision: int | None = None
) -> Item:
    """To be done again. What waits for it waits again."""
    policy.require(actor, "work.reopen", item)
    graph.lock(item.workspace_id)
    item = states.hold(item, revision=revision)
    if item.category != "done":
        return item
    touched: dict[str, Any] = {}
    moved = states.move(item, "open", actor=actor, name=name, reason=reason, touched=touched)
    states.store(item, touched)
    if moved is not None:
        states.after_move(item, moved, actor=actor, name=name, reason=reason)
    return item


@transaction.atomic
def defer_item(item: Item, *, actor: Actor, until: datetime | None = None, name: str = "") -> Item:
    """Put off: until a day, or until somebody takes it up again."""
    return _set_aside(item, "deferred", until, actor, name)


@transaction.atomic
def undefer_item(item: Item, *, actor: Actor, name: str = "") -> Item:
    """Not put off any more. What somebody works on meanwhile stays with them."""
    return _set_aside(item, None, None, actor, name)


def _set_aside(
    item: Item, status: str | None, until: datetime | None, actor: Actor, name: str
) -> Item:
    policy.require(actor, "work.update", item)
    graph.lock(item.workspace_id)
    item = states.hold(item)
    if status is None:
        if item.status != "deferred" and item.defer_until is None:
            return item
        status = "open" if item.status == "deferred" else item.status
    if item.category == "done":
        raise Conflict(f"{item.key} is closed; reopen it first.")
    before = item.defer_until
    item.defer_until = reading.moment("defer_until", until)
    touched: dict[str, Any] = {"defer_until": item.defer_until}
    moved = states.move(item, status, actor=actor, name=name, reason="", touched=touched)
    states.store(item, touched)
    if moved is not None:
        states.after_move(item, moved, actor=actor, name=name, reason="")
    if before != item.defer_until:
        note(
            item,
            "updated",
            "work.update",
            actor=actor,
            name=name,
            old={"defer_until": before and before.isoformat()},
            new={"defer_until": item.defer_until and item.defer_until.isoformat()},
        )
    return item


class Deleted(NamedTuple):
    keys: list[str]
    edges: int


@transaction.atomic
def delete_items(items: Sequence[Item], *, actor: Actor, reason: str = "") -> Deleted:
    """Gone, with edges, comments and history; the audit log keeps what each was. An item that
    stands for something of the portal stays as long as that does."""
    if not items:
        return Deleted([], 0)
    workspace_id = items[0].workspace_id
    graph.lock(workspace_id)
    ids = [item.pk for item in items]
    rows = list(Item.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk"))
    for item in rows:
        policy.require(actor, "work.delete", item)
        if item.subject:
            raise Conflict(f"{item.key} stands for {item.subject}: close it instead.")
    edges = Dependency.objects.filter(item_id__in=ids) | Dependency.objects.filter(
        target_id__in=ids
    )
    number = edges.count()
    affected = _around(ids)
    parents = [item.parent_id for item in rows if item.parent_id is not None]
    for item in rows:
        record(actor, "work.delete", item, before=_picture(item), reason=reason)
    _release(ids)
    Item.objects.filter(pk__in=ids).delete()
    graph.settle([*affected, *graph.waiters_of(parents)])
    return Deleted([item.key for item in rows], number)


def _around(ids: list[int]) -> list[int]:
    """Who stays and was touched by an edge to what goes."""
    around = set(
        Dependency.objects.filter(target_id__in=ids, kind__in=vocabulary.ORDERED).values_list(
            "item_id", flat=True
        )
    )
    return sorted(around - set(ids))


def _release(ids: list[int]) -> None:
    """Count off the blockers that go, while their edges still tell whom they held up."""
    held = Dependency.objects.filter(target_id__in=ids).exclude(item_id__in=ids)
    blocking = Q(kind__in=vocabulary.BLOCKING, target__active=True)
    waiting = Q(kind=vocabulary.WAITS, unmet=True)
    graph.count_off(list(held.filter(blocking | waiting).values_list("item_id", flat=True)))


def _picture(item: Item) -> dict[str, Any]:
    names = ("title", "status", "priority", "item_type", "assignee", "labels", "description")
    return reading.plain(item, names) | {
        "comments": list(item.comments.values_list("author", "text"))[:50],
        "edges": [
            f"{edge.kind} {edge.target.key if edge.target else edge.target_name}"
            for edge in item.edges_out.select_related("target")[:100]
        ],
    }
