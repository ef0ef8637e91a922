"""Items made and changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.work.models import Item, Project
from controlplane.work.services import graph, naming, reading, states
from controlplane.work.services.noting import event, note, speaker
from controlplane.work.services.projects import require_open

# Who is on duty, for an item that nobody is named for: (workspace id, item type) -> e-mail or "".
# The on-call rotation puts itself here; without one nobody is guessed.
on_duty: list[Callable[[int, str], str]] = []
# ... which is asked for items of these types, and for those given such a label of their own.
OPERATED = {"deployment", "incident", "maintenance"}


@transaction.atomic
def create_item(
    project: Project,
    *,
    actor: Actor,
    title: str,
    name: str = "",
    key: str = "",
    any_prefix: bool = False,
    parent: Item | None = None,
    inherit_labels: bool = True,
    labels: Iterable[str] = (),
    status: str = "open",
    subject: str = "",
    ensure_key: str = "",
    **given: Any,
) -> Item:
    """A new item. `name`: for whom a tool says it acts. A child has its parent's labels too."""
    policy.require(actor, "work.create", project)
    require_open(project)
    if parent is not None:
        graph.lock(project.workspace_id)
        parent = states.again(parent)
        states.require_joinable(project, parent)
        if parent.category == "done":
            raise Conflict(
                f"{parent.key} is closed; reopen it before adding work under it.",
                details={"parent": "Closed."},
            )
    own = list(labels)
    wanted = own + (list(parent.labels) if parent and inherit_labels else [])
    status, category = reading.status(project, status)
    if category == "done":
        raise reading.refuse("status", "A new item is not done yet.")
    values = reading.fields(project, {"title": title, **given})
    item = Item(
        workspace_id=project.workspace_id,
        project=project,
        status=status,
        category=category,
        labels=reading.labels(wanted),
        created_by=speaker(actor, name),
        subject=subject[:160],
        ensure_key=ensure_key[:200],
        **values,
    )
    if not item.assignee and OPERATED & {item.item_type, *own}:
        item.assignee = _on_duty(item)
    item.assignee_user = reading.account(item.assignee, project.workspace_id)
    states.check_backlog(item)
    reading.check_gate(item, values)
    naming.insert_named(item, parent=parent if not key else None, key=key, any_prefix=any_prefix)
    if parent is not None:
        from controlplane.work.services.edges import link_new_child  # edges read items

        link_new_child(item, parent, actor=actor, name=name)
    _tell_created(item, actor, name)
    states.tell_assignee(item, actor=actor)
    return item


def _tell_created(item: Item, actor: Actor, name: str) -> None:
    event(item, "created", actor=actor, name=name, new=item.title).save()
    for label in item.labels:
        event(item, "label_added", actor=actor, name=name, new=label).save()
    record(
        actor,
        "work.create",
        item,
        after=reading.plain(item, ["title", "status", "priority", "item_type", "assignee"])
        | {"labels": item.labels},
    )


def _on_duty(item: Item) -> str:
    for ask in on_duty:
        found = ask(item.workspace_id, item.item_type)
        if found:
            return found
    return ""


@transaction.atomic
def update_item(
    item: Item,
    *,
    actor: Actor,
    name: str = "",
    revision: int | None = None,
    status: str | None = None,
    add_labels: Iterable[str] = (),
    remove_labels: Iterable[str] = (),
    set_labels: Iterable[str] | None = None,
    reason: str = "",
    **given: Any,
) -> Item:
    """Change what is given, in one step and one line of history for each kind of change."""
    policy.require(actor, "work.update", item)
    if status is not None:
        graph.lock(item.workspace_id)
    item = states.hold(item, revision=revision)
    values = reading.fields(item.project, given)
    values = {field: value for field, value in values.items() if getattr(item, field) != value}
    reading.leave_gate(item, values)
    labels = _labels(item, add_labels, remove_labels, set_labels)
    touched: dict[str, Any] = dict(values)
    before = reading.plain(item, values)
    for field, value in values.items():
        setattr(item, field, value)
    if "assignee" in values:
        item.assignee_user = reading.account(item.assignee, item.workspace_id)
        touched["assignee_user"] = item.assignee_user
    old_labels, item.labels = item.labels, labels
    if labels != old_labels:
        touched["labels"] = labels
    states.check_backlog(item)
    reading.check_gate(item, values)
    moved = states.move(
        item, status, actor=actor, name=name, reason=reason, touched=touched, by_update=True
    )
    if touched:
        states.store(item, touched)
    if values:
        after = reading.plain(item, values)
        note(item, "updated", "work.update", actor=actor, name=name, old=before, new=after)
    if labels != old_labels:
        _note_labels(item, old_labels, labels, actor, name)
    if moved is not None:
        states.after_move(item, moved, actor=actor, name=name, reason=reason)
    if "assignee" in values:
        states.tell_assignee(item, actor=actor)
    return item


def _labels(
    item: Item, add: Iterable[str], remove: Iterable[str], replace: Iterable[str] | None
) -> list[str]:
    kept = set(item.labels if replace is None else reading.labels(replace))
    kept |= set(reading.labels(add))
    kept -= set(reading.labels(remove))
    return reading.labels(kept)


def _note_labels(
    item: Item, old: Sequence[str], new: Sequence[str], actor: Actor, name: str
) -> None:
    for label in sorted(set(new) - set(old)):
        event(item, "label_added", actor=actor, name=name, new=label).save()
    for label in sorted(set(old) - set(new)):
        event(item, "label_removed", actor=actor, name=name, old=label).save()
    record(actor, "work.update", item, before={"labels": list(old)}, after={"labels": list(new)})


# --- Claiming ---------------------------------------------------------------------------------


@transaction.atomic
def claim(item: Item, *, actor: Actor, name: str = "") -> Item:
    """Take it: of any number who try, exactly one is told yes. Taking what is mine already is a
    yes too, so that a repeated request does no harm."""
    policy.require(actor, "work.claim", item)
    me = speaker(actor, name)
    item = states.hold(item)
    if item.assignee.lower() == me.lower() and item.status == "in_progress":
        return item
    if item.assignee and item.assignee.lower() != me.lower():
        raise Conflict(f"issue already claimed by {item.assignee}")
    if item.status != "open":
        raise Conflict(f"issue not claimable: status {item.status}")
    return _take(item, me, actor, name)


@transaction.atomic
def claim_next(
    project: Project, *, actor: Actor, name: str = "", rows: Any = None, order: Sequence[str] = ()
) -> Item | None:
    """Take the first ready item nobody has. Those that others are taking just now are passed by,
    so that a crowd of workers never waits for one row."""
    policy.require(actor, "work.claim", project)
    found = rows if rows is not None else project.items.ready()
    found = found.filter(assignee="").order_by(*(order or ("priority", "-created_at", "id")))
    item = found.select_for_update(skip_locked=True, of=("self",), no_key=True).first()
    if item is None:
        return None
    return _take(item, speaker(actor, name), actor, name)


def _take(item: Item, me: str, actor: Actor, name: str) -> Item:
    before: Mapping[str, Any] = reading.plain(item, ["status", "assignee"])
    item.assignee = me
    item.assignee_user = reading.account(me, item.workspace_id)
    item.status, item.category = "in_progress", "wip"
    item.started_at = item.started_at or clock.now()
    states.store(item, ["assignee", "assignee_user", "status", "category", "started_at"])
    after = reading.plain(item, ["status", "assignee"])
    note(item, "claimed", "work.claim", actor=actor, name=name, old=before, new=after)
    # A tool may have taken it in the name of somebody else here: whose work it now is, hears so.
    states.tell_assignee(item, actor=actor)
    return item


def workspace_of(project: Project) -> Workspace:
    return project.workspace
