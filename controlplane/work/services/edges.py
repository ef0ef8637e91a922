"""Edges made and cut."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.work import vocabulary
from controlplane.work.models import Dependency, Item
from controlplane.work.services import graph, reading, states
from controlplane.work.services.noting import note, speaker


@transaction.atomic
def add_dependency(
    item: Item,
    target: Item | str,
    *,
    actor: Actor,
    kind: str = vocabulary.BLOCKS,
    name: str = "",
    gate: str = "",
    metadata: str = "{}",
    thread_id: str = "",
    epic_rule: bool = True,
) -> Dependency:
    """`item` depends on `target`, or is its child. Adding what is there changes nothing; the same
    pair with another type takes the new one."""
    policy.require(actor, "work.link", item)
    kind = reading.edge_kind(kind)
    graph.lock(item.workspace_id)
    # As they are now, under the lock: what the caller holds may be older.
    item = states.hold(item)
    if isinstance(target, str):
        return _add_outside(item, target, kind, actor, name)
    target = states.again(target)
    _check_pair(item, target, kind, epic_rule)
    edge: Dependency | None = Dependency.objects.filter(item=item, target=target).first()
    if kind == vocabulary.WAITS:
        metadata = _gate(gate, metadata)
    if edge is not None and edge.kind == kind and (not gate or edge.metadata == metadata):
        return edge
    _check_order(item, target, kind, replaced=edge)
    if edge is not None:
        _cut(edge)
    if kind == vocabulary.PARENT:
        _leave_parent(item, actor, name)
    edge = _join(item, target, kind, speaker(actor, name), metadata, thread_id)
    _note(item, "dependency_added", edge, actor, name)
    return edge


def link_new_child(item: Item, parent: Item, *, actor: Actor, name: str = "") -> None:
    """The edge of an item made under a parent, by its own maker, under the lock."""
    edge = _join(item, parent, vocabulary.PARENT, speaker(actor, name), "{}", "")
    _note(item, "dependency_added", edge, actor, name)


def _check_pair(item: Item, target: Item, kind: str, epic_rule: bool) -> None:
    states.require_joinable(item.project, target)
    if kind == vocabulary.PARENT and target.category == "done" and item.active:
        raise Conflict(
            f"{target.key} is closed; reopen it before adding work under it.",
            details={"parent": "Closed."},
        )
    if item.pk == target.pk:
        raise Conflict(f"{item.key} cannot depend on itself", details={"id": item.key})
    epics = (item.item_type == "epic", target.item_type == "epic")
    strict = epic_rule and item.project.epics_block_epics_only
    if strict and vocabulary.edge_of(kind).blocks and epics[0] != epics[1]:
        raise Conflict(
            "epics can only block other epics, not tasks"
            if epics[1]
            else "tasks can only block other tasks, not epics",
            details={"type": kind},
        )


def _check_order(item: Item, target: Item, kind: str, *, replaced: Dependency | None) -> None:
    """No cycles among what orders work: before, under, after the children of."""
    if kind not in vocabulary.ORDERED:
        return
    if replaced is not None and replaced.kind in vocabulary.ORDERED:
        return  # the same order as before
    if graph.reaches(target.pk, item.pk):
        raise Conflict(
            f"adding this dependency would create a cycle: {target.key} already depends on"
            f" {item.key}",
            details={"issue_id": item.key, "depends_on_id": target.key},
        )


def _gate(gate: str, metadata: str) -> str:
    gate = gate or ("any-children" if "any-children" in metadata else vocabulary.GATES[0])
    if gate not in vocabulary.GATES:
        raise reading.refuse("gate", f"invalid gate: {gate} (all-children or any-children)")
    return '{"gate":"%s"}' % gate  # noqa: UP031


def _join(
    item: Item, target: Item, kind: str, who: str, metadata: str, thread_id: str
) -> Dependency:
    edge = Dependency.objects.create(
        item=item,
        target=target,
        kind=kind,
        created_by=who,
        metadata=metadata or "{}",
        thread_id=thread_id[:120],
    )
    if vocabulary.edge_of(kind).blocks and target.active:
        graph.count_edge(item.pk, 1)
    touched = [item.pk]
    if kind == vocabulary.PARENT:
        _set_parent(item, target)
        touched += graph.waiters_of([target.pk])
    elif kind == vocabulary.WAITS:
        touched += graph.waiters_of([target.pk])
    graph.settle(touched)
    return edge


def _set_parent(item: Item, parent: Item | None) -> None:
    item.parent = parent
    Item.objects.filter(pk=item.pk).update(parent=parent)


def _cut(edge: Dependency) -> None:
    """Take the edge away and count what it held up no more."""
    item_id, kind, unmet, target = edge.item_id, edge.kind, edge.unmet, edge.target
    edge.delete()
    if target is None:
        return
    held = vocabulary.edge_of(kind).blocks and target.active
    if held or (kind == vocabulary.WAITS and unmet):
        graph.count_edge(item_id, -1)
    touched = [item_id]
    if kind == vocabulary.PARENT:
        Item.objects.filter(pk=item_id).update(parent=None)
        touched += graph.waiters_of([target.pk])
    graph.settle(touched)


def _leave_parent(item: Item, actor: Actor, name: str) -> None:
    """One parent each: a new one takes the place of the old."""
    old = Dependency.objects.filter(item=item, kind=vocabulary.PARENT).select_related("target")
    for edge in old:
        _note(item, "dependency_removed", edge, actor, name)
        _cut(edge)


def _add_outside(item: Item, target: str, kind: str, actor: Actor, name: str) -> Dependency:
    """An edge to what is not here: kept and shown, and it holds nothing up."""
    target = reading.line("depends_on_id", target, 200)
    if not target:
        raise reading.refuse("depends_on_id", "Name what it depends on.")
    if kind == vocabulary.PARENT:
        raise reading.refuse("type", "A parent is an item of this workspace.")
    edge, made = Dependency.objects.get_or_create(
        item=item,
        target=None,
        target_name=target,
        defaults={"kind": kind, "created_by": speaker(actor, name)},
    )
    if made:
        _note(item, "dependency_added", edge, actor, name)
    return edge


@transaction.atomic
def remove_dependency(
    item: Item, target: Item | str, *, actor: Actor, name: str = ""
) -> Dependency | None:
    """Cut the edge, of whatever type. None when there was none."""
    policy.require(actor, "work.link", item)
    graph.lock(item.workspace_id)
    item = states.hold(item)
    edges = Dependency.objects.select_related("item", "target").filter(item=item)
    named = {"target_name__iexact": target} if isinstance(target, str) else {"target": target}
    edge: Dependency | None = edges.filter(**named).first()
    if edge is None:
        return None
    number = edge.pk
    _note(item, "dependency_removed", edge, actor, name)
    _cut(edge)
    edge.pk = number  # what it was, for the caller to name
    return edge


@transaction.atomic
def set_parent(item: Item, parent: Item | None, *, actor: Actor, name: str = "") -> Item:
    """Move it under another parent, or out from under any."""
    if parent is not None:
        add_dependency(item, parent, actor=actor, kind=vocabulary.PARENT, name=name)
    else:
        policy.require(actor, "work.link", item)
        graph.lock(item.workspace_id)
        _leave_parent(states.hold(item), actor, name)
    return states.again(item)


def _note(item: Item, what: str, edge: Dependency, actor: Actor, name: str) -> None:
    key = edge.target.key if edge.target is not None else edge.target_name
    said = {"type": edge.kind, "depends_on": key}
    states.store(item, [])
    old, new = ({}, said) if what == "dependency_added" else (said, {})
    note(item, what, "work.link", actor=actor, name=name, old=old or "", new=new or "")
