"""Reads, named. `visible_to` scopes each of them to the actor's workspaces."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q

from controlplane.lib import clock
from controlplane.lib.actors import Actor


class OnCallQuerySet(models.QuerySet[Any]):
    path = "workspace_id"

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(**{f"{self.path}__in": actor.workspace_ids})

    def of(self, workspace: Any) -> Self:
        return self.filter(workspace=workspace)


class ScheduleQuerySet(OnCallQuerySet):
    def active(self) -> Self:
        return self.filter(retired_at=None)

    def counting(self, at: datetime) -> Self:
        """Those that were in use then."""
        return self.filter(Q(retired_at=None) | Q(retired_at__gt=at), created_at__lte=at)

    def filling(self, role: str) -> Self:
        return self.filter(roles__contains=[role])


class LayerQuerySet(OnCallQuerySet):
    path = "schedule__workspace_id"

    def standing(self) -> Self:
        """Those that were, are or will be in effect."""
        return self.filter(withdrawn_at=None)

    def between(self, start: datetime, end: datetime) -> Self:
        ends = Q(until_at=None) | Q(until_at__gt=start)
        return self.standing().filter(ends, from_at__lt=end)

    def current_or_to_come(self, at: datetime | None = None) -> Self:
        at = at or clock.now()
        return self.standing().filter(Q(until_at=None) | Q(until_at__gt=at))


class LayerPersonQuerySet(OnCallQuerySet):
    path = "layer__schedule__workspace_id"


class OverrideQuerySet(OnCallQuerySet):
    def standing(self) -> Self:
        return self.filter(cancelled_at=None)

    def between(self, start: datetime, end: datetime) -> Self:
        return self.standing().filter(starts__lt=end, ends__gt=start)

    def current_or_to_come(self, at: datetime | None = None) -> Self:
        return self.standing().filter(ends__gt=at or clock.now())


class FeedQuerySet(OnCallQuerySet):
    def in_force(self) -> Self:
        return self.filter(revoked_at=None)


class UnmannedQuerySet(OnCallQuerySet):
    path = "schedule__workspace_id"

    def open(self, at: datetime | None = None) -> Self:
        """Those that nobody has filled and that are not over."""
        return self.filter(filled_at=None, until__gt=at or clock.now())


class SwapRequestQuerySet(OnCallQuerySet):
    def open(self) -> Self:
        return self.filter(status="open")

    def for_person(self, person: int) -> Self:
        """Open ones that somebody is asked by: by name, or as one of whoever is on call there.
        Whether they are on call there the service looks at."""
        return self.open().filter(Q(asked=person) | Q(asked=None)).exclude(asker=person)


class HandoffNoteQuerySet(OnCallQuerySet):
    def to_write(self, person: int) -> Self:
        return self.filter(person=person, status__in=["due", "missed"])

    def to_read(self, person: int) -> Self:
        return self.filter(next_person=person, status="written")

    def handed(self) -> Self:
        return self.exclude(handed_at=None)
