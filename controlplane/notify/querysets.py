"""Reads, named. `visible_to` scopes each of them to the actor's workspaces."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q

from controlplane.access.models import Membership
from controlplane.lib import clock
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


class MethodQuerySet(models.QuerySet[Any]):
    """Ways to reach people: their own, and for operators those of the people they work with."""

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        # A subquery, since a join would show a person once for each workspace.
        shared = Membership.objects.filter(
            workspace_id__in=actor.workspace_ids, left_at=None
        ).values("user_id")
        return self.filter(Q(user_id__in=shared) | Q(user_id=actor.user_id or 0))

    def active(self) -> Self:
        return self.filter(is_active=True)

    def usable(self) -> Self:
        """Proven, and not removed."""
        return self.active().filter(Q(is_account=True) | Q(verified_at__isnull=False))


class LinkQuerySet(ScopedQuerySet):
    def in_force(self) -> Self:
        return self.filter(revoked_at=None, expires_at__gt=clock.now())
