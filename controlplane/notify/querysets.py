"""Reads, named. `visible_to` scopes each of them to the actor's workspaces."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q

from controlplane.lib.actors import Actor


class ScopedQuerySet(models.QuerySet[Any]):
    """Rows with a `workspace` of their own."""

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(workspace_id__in=actor.workspace_ids)


class OutboxQuerySet(ScopedQuerySet):
    def visible_to(self, actor: Actor) -> Self:
        """Rows of the whole installation (no workspace) are the superuser's to see."""
        if actor.sees_all:
            return self
        mine = Q(workspace_id__in=actor.workspace_ids)
        return self.filter(mine | Q(workspace=None) if actor.superuser else mine)

    def open(self) -> Self:
        return self.filter(state__in=["waiting", "leased"])

    def dead(self) -> Self:
        return self.filter(state="dead")


class DeliveryQuerySet(models.QuerySet[Any]):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(notification__workspace_id__in=actor.workspace_ids)


class InboxQuerySet(models.QuerySet[Any]):
    def visible_to(self, actor: Actor) -> Self:
        """An inbox is its owner's alone."""
        if actor.user_id is None:
            return self.none()
        return self.filter(
            user_id=actor.user_id, notification__workspace_id__in=actor.workspace_ids
        )

    def open(self) -> Self:
        return self.filter(archived_at=None)

    def away(self) -> Self:
        return self.exclude(archived_at=None)

    def unread(self) -> Self:
        return self.open().filter(read_at=None)
