"""How an item's status moves. Any status may follow any other, as Beads has it; what a move means
for dates, for readiness and for those who follow the item stands here."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple, cast

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet, Invalid
from controlplane.notify.services import To, notify
from controlplane.work.models import Item, Project
from controlplane.work.services import graph, guards, reading
from controlplane.work.services.noting import note


class Move(NamedTuple):
    """A move that was decided: what was before, and whether a guard was overridden."""

    before: str
    was_active: bool
    was_done: bool
    forced: bool


def hold(item: Item, *, revision: int | None = None) -> Item:
    """The row as it is now, locked until the transaction ends. With a revision: only if nobody
    changed it since."""
    rows = Item.objects.select_related("project").select_for_update(of=("self",), no_key=True)
    held = _found(rows, item)
    if revision is not None and held.revision != revision:
        raise Conflict(
            f"{item.key} was changed since you looked. Look again.",
            details={"revision": str(held.revision)},
        )
    return held


def again(item: Item) -> Item:
    """The row as it is now, not locked: for those who hold the graph's lock, under which nobody
    deletes anything."""
    return _found(Item.objects.select_related("project"), item)


def _found(rows: Any, item: Item) -> Item:
    """Without the words of the search, which are as long as the item and which nobody reads."""
    for found in rows.defer("search").filter(pk=item.pk).order_by():
        return cast("Item", found)
    raise Conflict(f"{item.key} was deleted meanwhile.", details={"id": item.key})


def store(item: Item, names: Collection[str]) -> None:
    """The row is held, so its revision is what was read."""
    item.updated_at = clock.now()
    item.revision += 1
    columns = {Item.KEPT_IN.get(name, name) for name in names}
    item.save(update_fields=[*columns, "updated_at", "revision"])


def is_active(item: Item) -> bool:
    return item.category != "done" and item.status != "pinned"


def move(
    item: Item,
    status: str | None,
    *,
    actor: Actor,
    name: str,
    reason: str,
    touched: dict[str, Any],
    by_update: bool = False,
    force: bool = False,
    closing: frozenset[int] = frozenset(),
) -> Move | None:
    """Set the status and what hangs on it, unsaved, naming in `touched` what to store. None when
    it has that status already."""
    if status is None:
        return None
    status, category = reading.status(item.project, status)
    if status == item.status:
        return None
    forced = False
    if category == "done" and item.category != "done":
        forced = _pass_guards(item, actor, reason, by_update, force, closing)
    decided = Move(item.status, is_active(item), item.category == "done", forced)
    item.status, item.category = status, category
    touched |= {"status": status, "category": category}
    if decided.was_done and category != "done" and _located_by_another(item):
        item.ensure_key = touched["ensure_key"] = ""
    now = clock.now()
    if status == "in_progress" and item.started_at is None:
        item.started_at = touched["started_at"] = now
    if status == "closed":
        item.closed_at, item.close_reason, item.close_forced = now, reason[:10_000], forced
        touched |= {"closed_at": now, "close_reason": reason, "close_forced": forced}
    elif decided.before == "closed":
        item.closed_at, item.close_reason, item.close_forced = None, "", False
        item.closed_by_session = ""
        touched |= dict.fromkeys(("closed_at", "close_reason", "close_forced", "closed_by_session"))
    return decided


def _located_by_another(item: Item) -> bool:
    """Whether a younger item took over its key: that one stays the one to be found."""
    key = item.ensure_key
    rows = Item.objects.ensured(item.project, key).exclude(pk=item.pk)
    return bool(key) and rows.exists()


def _pass_guards(
    item: Item, actor: Actor, reason: str, by_update: bool, force: bool, closing: frozenset[int]
) -> bool:
    """Whether the move is forced; raises where it may not be."""
    if by_update and not item.project.update_may_close:
        raise GateNotMet(
            f"{item.project.name} closes items with a reason only: use close.",
            details={"conditions": ["close it, do not update its status"]},
        )
    missing = guards.open_work(item, also_closing=closing)
    if item.is_operations and not reason.strip():
        missing.append("an operations item is closed with a reason")
    if not missing:
        return False
    if not (force or by_update):
        raise GateNotMet(
            f"cannot close {item.key}: {'; '.join(missing)} (force it with a reason to override)",
            details={"conditions": missing, "id": item.key},
        )
    if force and not reason.strip():
        raise Invalid(
            f"cannot force {item.key} closed without a reason", details={"reason": "Say why."}
        )
    policy.require(actor, "work.force", item)
    return True


def after_move(item: Item, moved: Move, *, actor: Actor, name: str, reason: str) -> None:
    """Call it when the new status is stored: readiness, history, those who follow the item."""
    item.active = is_active(item)
    if moved.was_active != item.active or moved.was_done != (item.category == "done"):
        graph.activity_changed(item, was_active=moved.was_active)
    kind, action = "status_changed", "work.update"
    if item.status == "closed":
        kind, action = "closed", "work.close"
    elif moved.before == "closed":
        kind, action = "reopened", "work.reopen"
    followed = note(
        item,
        kind,
        action,
        actor=actor,
        name=name,
        old={"status": moved.before},
        new={"status": item.status},
        comment=reason,
        forced=moved.forced,
    )
    if followed:
        said = f"is {item.status.replace('_', ' ')}"
        tell_watchers(item, actor=actor, what=said, body=reason)


def check_backlog(item: Item) -> None:
    """What the table would refuse, by a sentence beside the field."""
    if not item.in_backlog:
        return
    for field, word in (
        ("stage", "stage"),
        ("kpi", "KPI"),
        ("readiness_artifact", "readiness artifact"),
    ):
        if not getattr(item, field):
            raise reading.refuse(field, f"An item of the operations backlog names its {word}.")


def require_joinable(project: Project, other: Item) -> None:
    """Whether an edge may lead from an item of this project to the other: inside a workspace, and
    never into or out of somebody's sandbox."""
    if other.workspace_id != project.workspace_id:
        raise Invalid("It belongs to another workspace.", details={"id": "Of another workspace."})
    apart = project.is_sandbox or other.project.is_sandbox
    if apart and other.project_id != project.pk:
        raise Conflict("A sandbox's items stay among themselves.")


# --- News -------------------------------------------------------------------------------------


def tell_assignee(item: Item, *, actor: Actor) -> None:
    user = item.assignee_user
    if user is None or user.pk == actor.user_id:
        return
    notify(
        workspace_id=item.workspace_id,
        to=To(users=[user.pk]),
        subject=f"{item.key} is yours: {item.title}"[:200],
        body=f"{actor.label} assigned it to you.",
        kind="work.assigned",
        key=f"work.assigned:{item.pk}:{item.revision}",
        link=link_to(item),
    )


def tell_watchers(item: Item, *, actor: Actor, what: str, body: str = "", key: str = "") -> None:
    watchers = item.watchers.filter(user__is_active=True)
    if actor.user_id is not None:
        watchers = watchers.exclude(user_id=actor.user_id)
    users = list(watchers.values_list("user_id", flat=True))
    if users:
        notify(
            workspace_id=item.workspace_id,
            to=To(users=users),
            subject=f"{item.key} {what}: {item.title}"[:200],
            body=body or f"{actor.label}",
            kind="work.watched",
            key=f"work.watched:{item.pk}:{key or item.revision}",
            link=link_to(item),
        )


def link_to(item: Item) -> str:
    return f"/admin/work/item/{item.uid}/change/"
