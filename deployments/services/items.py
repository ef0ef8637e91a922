"""The work item of a deployment: the one somebody names, the one that is there, or a new one."""

from __future__ import annotations

from typing import Any

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.refs import subject_ref
from controlplane.catalog.models import Environment
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.work import services as work
from controlplane.work.models import Item
from deployments.models import Deployment
from deployments.services import reading
from deployments.services.noting import PORTAL

KEY = 120
UNDER_WAY = ("deploying", "verifying", "monitoring")


def named(workspace: Workspace, key: Any, *, actor: Actor) -> Item:
    """The item of this key; of several projects' the one of operations."""
    asked = reading.line("item", key, KEY, required=True)
    rows = Item.objects.visible_to(actor).filter(workspace=workspace, project__is_sandbox=False)
    rows = rows.filter(key__iexact=asked).select_related("project")
    found: Item | None = rows.order_by("-project__is_operations", "-pk").first()
    if found is None:
        raise reading.refuse("item", "There is no such work item here.")
    return found


def located(row: Deployment, item: Item | None, *, actor: Actor) -> Item:
    """Callers hold the graph."""
    if item is None:
        return ensure_item(row, actor=actor)
    policy.require(actor, "work.update", item)
    item.refresh_from_db(fields=["category"])
    if item.category == "done":
        raise reading.refuse("item", f"{item.key} is done: reopen it, or let another be made.")
    other = standing_on(item)
    if other is not None:
        raise Conflict(
            f"{item.key} stands for {other.ref} already.",
            details={"item": f"{other.ref} is on its way with it."},
        )
    if row.kind == Deployment.Kind.HOTFIX:
        return work.update_item(item, actor=actor, priority=0, add_labels=["hotfix"])
    return item


def standing_on(item: Item) -> Deployment | None:
    """The deployment that is on its way with this item."""
    found: Deployment | None = Deployment.objects.open().filter(item=item).first()
    return found


def stays_open(item: Item) -> str:
    """For whoever closes it by hand: it is open until what was brought is verified, and is then
    closed with the deployment."""
    rows = Deployment.objects.filter(item=item, status__in=(*UNDER_WAY, Deployment.Status.BLOCKED))
    for row in rows.order_by("pk"):
        if row.phase in UNDER_WAY:
            return f"{row.ref} is {row.get_status_display().lower()}: it closes with that"
    return ""


def item_key(environment: Environment, release: str) -> str:
    """By what a deployment's work item is located before another is made."""
    return f"deployment:{environment.slug}:{release}"


def ensure_item(row: Deployment, *, actor: Actor) -> Item:
    """The work item of this release and environment: the one that is there, or a new one."""
    project = work.ensure_operations_project(row.workspace, actor=PORTAL)
    by = actor if policy.can(actor, "work.create", project) else PORTAL
    hotfix = row.kind == Deployment.Kind.HOTFIX
    undo = row.kind == Deployment.Kind.ROLLBACK
    labels = ["ops", "deployment", *(["hotfix"] if hotfix else [])]
    return work.ensure(
        project,
        item_key(row.environment, row.release),
        actor=by,
        title=row.title,
        known_as=() if undo else _by_hand(row),
        item_type="rollback" if undo else "deployment",
        priority=0 if hotfix or undo else 1,
        labels=labels,
        description=f"Deployment of {row.running_release} to {row.environment}.",
        subject=subject_ref(row),
    ).item


def _by_hand(row: Deployment) -> list[str]:
    """As the playbook's `bd create` titles it: with the environment, or without where it means
    production."""
    place = row.environment
    titles = [f"Deploy {row.release} to {name}" for name in {place.slug, place.name}]
    return [*titles, f"Deploy {row.release}"] if row.is_guarded else titles
