"""Locate or create: one item for one thing of the world, however often and by whomever asked."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.work.models import Item, Project
from controlplane.work.services import reading
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
    if found is not None:
        return Ensured(found, created=False)
    try:
        with transaction.atomic():
            made = create_item(project, actor=actor, title=title, ensure_key=key, **given)
    except IntegrityError as error:
        # Another was first: its row is committed, or this transaction would still wait for it.
        if "work_item_ensured_once" not in str(error):
            raise
        found = _find(project, key)
        if found is None:
            raise
        return Ensured(found, created=False)
    return Ensured(made, created=True)


def _find(project: Project, key: str) -> Item | None:
    rows = Item.objects.filter(workspace_id=project.workspace_id, ensure_key=key)
    found: Item | None = rows.unfinished().first()
    return found


@transaction.atomic
def open_item(project: Project, *, subject: str, actor: Actor, title: str, **given: Any) -> Item:
    """For the portal's own apps: the one item that stands for a deployment, an incident, a
    mission. Called in the transaction that makes the thing itself."""
    existing: Item | None = Item.objects.filter(
        workspace_id=project.workspace_id, subject=subject
    ).first()
    if existing is not None:
        return existing
    return create_item(project, actor=actor, title=title, subject=subject, **given)
