"""Locate or create: one item for one thing of the world, however often and by whomever asked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, Q

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.lib.actors import Actor
from controlplane.work.models import Item, Project
from controlplane.work.services import graph, reading
from controlplane.work.services.items import create_item


class Ensured(NamedTuple):
    item: Item
    created: bool


@transaction.atomic
def ensure(
    project: Project,
    key: str,
    *,
    actor: Actor,
    title: str,
    known_as: Collection[str] = (),
    **given: Any,
) -> Ensured:
    """The item with this key among all that are not done, or a new one. By key, not by a title
    that looks alike; over all unfinished items, not the ready ones, for one in progress or
    blocked is there all the same.

    `known_as`: titles, word for word, under which a playbook has people make it by hand. The
    eldest of them with the labels given, and with no key yet, is it, and has the key from now on.
    """
    policy.require(actor, "work.create", project)
    key = reading.line("key", key, 200)
    if not key:
        raise reading.refuse("key", "Name what the item is for: a release, an alert.")
    found = _find(project, key)
    if found is None:
        # Whoever was first is seen under the lock; and who reopens or imports holds it too.
        graph.lock(project.workspace_id)
        found = _find(project, key) or _adopted(project, key, known_as, given, actor)
    if found is not None:
        return Ensured(found, created=False)
    made = create_item(project, actor=actor, title=title, ensure_key=key, **given)
    return Ensured(made, created=True)


def _find(project: Project, key: str) -> Item | None:
    rows = Item.objects.ensured(project, key).select_related("project")
    found: Item | None = rows.order_by("pk").first()
    return found


def _adopted(
    project: Project, key: str, titles: Collection[str], given: dict[str, Any], actor: Actor
) -> Item | None:
    """Callers hold the graph's lock, so nobody else gives it another key."""
    if not titles or project.is_sandbox:
        return None
    called = Q(*[("title__iexact", title) for title in titles], _connector=Q.OR)
    rows = Item.objects.filter(called, workspace_id=project.workspace_id).filter(
        ensure_key="", subject=""
    )
    rows = rows.unfinished().queued().with_labels(given.get("labels", ()))
    found: Item | None = rows.select_related("project").order_by("pk").first()
    if found is not None:
        Item.objects.filter(pk=found.pk).update(ensure_key=key, revision=F("revision") + 1)
        found.refresh_from_db(fields=["ensure_key", "revision"])
        record(actor, "work.update", found, before={"ensure_key": ""}, after={"ensure_key": key})
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
