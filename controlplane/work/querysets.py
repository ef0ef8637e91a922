"""Reads, named. `visible_to` scopes each of them to the actor's workspaces, without the sandboxes
of others; from outside of a workspace without its operations backlog."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any, Self

from django.apps import apps
from django.contrib.postgres.search import SearchQuery
from django.db import models
from django.db.models import F, OrderBy, Q
from django.db.models.functions import Greatest

from controlplane.access.outside import outside_of
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.work import vocabulary


class InWorkspaceQuerySet(models.QuerySet[Any]):
    """Rows with a `workspace` of their own."""

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(workspace_id__in=actor.workspace_ids)

    def of(self, workspace: Any) -> Self:
        return self.filter(workspace=workspace)


def sandboxes_of_others(actor: Actor) -> models.QuerySet[Any]:
    """Ids of the projects that are somebody else's: whose a sandbox is stands in its key."""
    projects = apps.get_model("work", "Project").objects
    others = projects.filter(is_sandbox=True).exclude(sandbox_key__startswith=f"{actor.ref}:")
    return others.values("pk")


# Ids of items that somebody of another house has to do with, told by the packages above: what they
# are asked to sign for, say. (actor) -> a query of ids.
SEEN_FROM_OUTSIDE: list[Callable[[Actor], Any]] = []


def unseen_from_outside(actor: Actor, item: str = "") -> Q | None:
    """What readers of another house don't see: what the portal keeps for the work of this one, but
    for what is given to them or they have to do with. `item` leads to the item. None: they are of
    every workspace."""
    outside = outside_of(actor)
    if not outside:
        return None
    projects = apps.get_model("work", "Project").objects
    own = projects.filter(is_operations=True, workspace_id__in=outside)
    theirs = Q(**{f"{item}assignee_user_id": actor.user_id})
    for read in SEEN_FROM_OUTSIDE:
        theirs |= Q(**{f"{item}pk__in": read(actor)})
    return Q(**{f"{item}project__in": own.values("pk")}) & ~theirs


def _of_no_index(name: str) -> OrderBy:
    """The greater of it and itself: PostgreSQL takes that for something else."""
    plain = F(name.removeprefix("-"))
    return OrderBy(Greatest(plain, plain), descending=name.startswith("-"))


class ProjectQuerySet(InWorkspaceQuerySet):
    def visible_to(self, actor: Actor) -> Self:
        rows = super().visible_to(actor)
        if actor.sees_all:
            return rows
        rows = rows.filter(Q(is_sandbox=False) | Q(sandbox_key__startswith=f"{actor.ref}:"))
        outside = outside_of(actor)
        return rows.exclude(is_operations=True, workspace_id__in=outside) if outside else rows

    def in_use(self) -> Self:
        return self.filter(archived_at=None)

    def shared(self) -> Self:
        """Not somebody's sandbox."""
        return self.filter(is_sandbox=False)


class AboutItemQuerySet(InWorkspaceQuerySet):
    def visible_to(self, actor: Actor) -> Self:
        rows = super().visible_to(actor)
        if actor.sees_all:
            return rows
        rows = rows.exclude(item__project__in=sandboxes_of_others(actor))
        unseen = unseen_from_outside(actor, "item__")
        return rows if unseen is None else rows.exclude(unseen)

    def about(self, item: Any) -> Self:
        return self.filter(item=item)


class DependencyQuerySet(models.QuerySet[Any]):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        mine = self.filter(item__workspace_id__in=actor.workspace_ids)
        mine = mine.exclude(item__project__in=sandboxes_of_others(actor))
        unseen = unseen_from_outside(actor, "item__")
        return mine if unseen is None else mine.exclude(unseen)

    def among(self, ids: Iterable[int]) -> Self:
        """Edges of these items, with the keys of both ends."""
        return self.filter(item_id__in=list(ids)).select_related("item", "target")

    def closed_too_early(self) -> Self:
        """What was closed while its blocker is open."""
        return self.filter(kind="blocks", item__status="closed").exclude(
            Q(target=None) | Q(target__status="closed")
        )


class ItemQuerySet(InWorkspaceQuerySet):
    _found_first = False

    def found_first(self) -> Self:
        """Find all that match, then sort them: what they are ordered by is no index's order."""
        rows: Self = self.all()
        rows._found_first = True
        return rows

    def order_by(self, *names: Any) -> Self:
        if self._found_first and names and isinstance(names[0], str):
            names = (_of_no_index(names[0]), *names[1:])
        return super().order_by(*names)

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._found_first = self._found_first
        return clone

    def visible_to(self, actor: Actor) -> Self:
        """Nobody else's sandbox among them. A look into a handful of ids, not a join: lists stay
        in the order of their index."""
        rows = super().visible_to(actor)
        if actor.sees_all:
            return rows
        rows = rows.exclude(project__in=sandboxes_of_others(actor))
        unseen = unseen_from_outside(actor)
        return rows if unseen is None else rows.exclude(unseen)

    def queued(self) -> Self:
        """What belongs to the workspace's work: no sandboxes, no archived projects."""
        return self.filter(project__is_sandbox=False, project__archived_at=None)

    def unfinished(self) -> Self:
        return self.exclude(category="done")

    def called(self, key: str) -> Self:
        """By its key, however it is written."""
        return self.filter(key__iexact=key)

    def ready(
        self,
        *,
        types: Collection[str] = (),
        deferred: bool = False,
        ephemeral: bool = False,
        at: datetime | None = None,
    ) -> Self:
        """Open, waiting for nothing and nobody, and not put off: what one can begin now."""
        return self.filter(status="open").unblocked(
            types=types, deferred=deferred, ephemeral=ephemeral, at=at
        )

    def unblocked(
        self,
        *,
        types: Collection[str] = (),
        deferred: bool = False,
        ephemeral: bool = False,
        at: datetime | None = None,
    ) -> Self:
        """The rules of `ready` for items of any status."""
        rows = self.filter(blocked=False)
        if types:
            rows = rows.filter(item_type__in=types)
        else:
            rows = rows.exclude(item_type__in=vocabulary.UNREADY_TYPES)
        if not ephemeral:
            rows = rows.filter(ephemeral=False)
        if not deferred:
            now = at or clock.now()
            rows = rows.filter(
                Q(defer_until=None) | Q(defer_until__lte=now),
                Q(parent=None) | Q(parent__defer_until=None) | Q(parent__defer_until__lte=now),
            )
        return rows

    def waiting(self) -> Self:
        """Held up by others."""
        return self.filter(blocked=True)

    def with_labels(self, labels: Collection[str]) -> Self:
        return self.filter(labels__contains=list(labels)) if labels else self

    def with_any_label(self, labels: Collection[str]) -> Self:
        return self.filter(labels__overlap=list(labels)) if labels else self

    def without_labels(self, labels: Collection[str]) -> Self:
        return self.exclude(labels__overlap=list(labels)) if labels else self

    def assigned_to(self, *names: str) -> Self:
        found = Q()
        for name in names:
            found |= Q(assignee__iexact=name)
        return self.filter(found)

    def matching(self, text: str) -> Self:
        """Full text, as people type it: quotes, `or`, a leading minus."""
        return self.filter(
            Q(search=SearchQuery(text, config="english", search_type="websearch"))
            | Q(key__iexact=text.strip())
        )

    def stale(self, since: datetime) -> Self:
        return self.filter(status__in=["open", "in_progress"], updated_at__lt=since)

    def overdue(self, at: datetime | None = None) -> Self:
        return self.unfinished().filter(due_at__lt=at or clock.now())

    def ensured(self, project: Any, *keys: str) -> Self:
        """Unfinished items that one of these keys locates for this project: the workspace's, or
        a sandbox's own."""
        rows = self.filter(workspace_id=project.workspace_id, ensure_key__in=keys).unfinished()
        return rows.filter(project=project) if project.is_sandbox else rows.queued()

    def standing_for(self, subject: str) -> Self:
        return self.filter(subject=subject)

    def backlog(self) -> Self:
        return self.filter(in_backlog=True)
