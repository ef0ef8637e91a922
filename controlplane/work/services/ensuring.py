"""Locate or create: one item for one thing of the world, however often and by whomever asked."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import transaction

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.work.models import Item, Project
from controlplane.work.services import graph, reading
from controlplane.work.services.items import create_item


class Ensured(NamedTuple):
    item: Item
    created: bool


@transaction.atomic
def ensure(project: Project, key: str, *, actor: Actor, title: str, **given: Any) -> Ensured:
    """The item with this key among all that are not done, or a new one. By key, not by a title
    that looks alike; over all unfinished items, not the ready ones, for one in progress or
    blocked is there all the same."""
    policy.require(actor, "work.create", project)
    key = reading.line("key", key, 200)
    if not key:
        raise reading.refuse("key", "Name what the item is for: a release, an alert.")
    found = _find(project, key)
    if found is None:
        # Whoever was first is seen under the lock; and who reopens or imports holds it too.
        graph.lock(project.workspace_id)
        found = _find(project, key)
    if found is not None:
        return Ensured(found, created=False)
    made = create_item(project, actor=actor, title=title, ensure_key=key, **given)
    return Ensured(made, created=True)


def _find(project: Project, key: str) -> Item | None:
    rows = Item.objects.ensured(project, key).select_related("project")
    found: Item | None = rows.order_by("pk").first()
    return found


@transaction.atomic
def open_item(project: Project, *, subject: str, actor: Actor, title: str, **given: Any) -> Item:
    """For the portal's own apps: the one item that stands for a deployment, an incident, a
    mission. Called in the transaction that makes the thing itself."""
    graph.lock(project.workspace_id)  # of two who open it at once the second finds the first's
    existing: Item | None = Item.objects.filter(
        workspace_id=project.workspace_id, subject=subject
    ).first()
    if existing is not None:
        return existing
    return create_item(project, actor=actor, title=title, subject=subject, **given)
