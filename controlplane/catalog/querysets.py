"""Reads, named. `visible_to` scopes each of them to the actor's workspaces."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q

from controlplane.lib.actors import Actor


class EntryQuerySet(models.QuerySet[Any]):
    """Rows with a `workspace` of their own."""

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(workspace_id__in=actor.workspace_ids)

    def of(self, workspace: Any) -> Self:
        return self.filter(workspace=workspace)


class ServiceQuerySet(EntryQuerySet):
    def active(self) -> Self:
        return self.filter(status="active")


class ProbeQuerySet(EntryQuerySet):
    def due(self, now: datetime) -> Self:
        """Pulled probes whose turn it is. Retired services are left in peace."""
        return self.filter(is_active=True, pushed=False, next_at__lte=now, service__status="active")

    def down(self) -> Self:
        return self.filter(is_active=True, health="down", service__status="active")


class ResultQuerySet(models.QuerySet[Any]):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(probe__workspace_id__in=actor.workspace_ids)


class DownQuerySet(EntryQuerySet):
    def open(self) -> Self:
        return self.filter(ends_at=None)

    def within(self, start: datetime, end: datetime) -> Self:
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=start), starts_at__lt=end)
