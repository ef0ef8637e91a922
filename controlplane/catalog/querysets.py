"""Reads, named. `visible_to` scopes each of them to the actor's workspaces."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import DurationField, ExpressionWrapper, F, Q
from django.db.models.functions import Cast, Coalesce, Greatest, Now

from controlplane.lib import defaults
from controlplane.lib.actors import Actor

SILENT_AFTER = defaults.define(
    "catalog.probe_silent_after",
    3,
    unit="intervals",
    why="Two looks may be lost to a restart; after the third nobody knows.",
)
SILENT_LEAST = defaults.define(
    "catalog.probe_silent_least_s",
    180,
    unit="seconds",
    why="A restart of the portal takes less, and is no news.",
)


class EntryQuerySet(models.QuerySet[Any]):
    """Rows with a `workspace` of their own."""

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(workspace_id__in=actor.workspace_ids)

    def of(self, workspace: Any) -> Self:
        return self.filter(workspace=workspace)


class SecretQuerySet(EntryQuerySet):
    def kept(self) -> Self:
        return self.filter(is_active=True)

    def due(self, *, within: int = 0) -> Self:
        """By the database's day: questions are kept, and a day that stood in one would stay."""
        by = Cast(Now() + timedelta(days=within), models.DateField())
        return self.kept().filter(due_on__lte=by)


class ServiceQuerySet(EntryQuerySet):
    def active(self) -> Self:
        return self.filter(status="active")


class ProbeQuerySet(EntryQuerySet):
    def on(self) -> Self:
        """Those that should be looking. Retired services are left in peace."""
        return self.filter(is_active=True, service__status="active")

    def due(self) -> Self:
        """Pulled probes whose turn it is, by the clock that all workers share."""
        return self.on().filter(pushed=False, next_at__lte=Now())

    def down(self) -> Self:
        return self.on().filter(health="down")

    def silent(self) -> Self:
        """Those of which nothing was heard for so long that what they said is no longer true."""
        heard = Greatest(Coalesce("last_at", "on_since"), "on_since")
        patience = Greatest(F("every_s") * SILENT_AFTER.value, SILENT_LEAST.value)
        allowed = ExpressionWrapper(patience * timedelta(seconds=1), output_field=DurationField())
        return self.on().annotate(heard_at=heard).filter(heard_at__lt=Now() - allowed)


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
