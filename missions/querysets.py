"""Reads, named. `visible_to` scopes each of them to the actor's workspaces."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Q

from controlplane.lib import clock
from controlplane.lib.actors import Actor

# Where it ended; nothing leads back.
ENDED = ("completed", "cancelled", "failed")
# It is in a stage: being worked on, or held there.
UNDER_WAY = ("active", "paused")
# Evidence whose bytes count: stored, and kept where they were.
HELD = ("stored", "verified")


class EntryQuerySet(models.QuerySet[Any]):
    """Rows with a `workspace` of their own."""

    path = "workspace_id"

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(**{f"{self.path}__in": actor.workspace_ids})

    def of(self, workspace: Any) -> Self:
        return self.filter(**{self.path.removesuffix("_id"): workspace})


class MissionQuerySet(EntryQuerySet):
    def open(self) -> Self:
        return self.exclude(status__in=ENDED)

    def ended(self) -> Self:
        return self.filter(status__in=ENDED)

    def under_way(self) -> Self:
        return self.filter(status__in=UNDER_WAY)

    def kept_in_sight(self) -> Self:
        return self.filter(archived_at=None)

    def overdue(self, today: date | None = None) -> Self:
        """Past its day, and not at its end."""
        return self.open().filter(due_on__lt=today or clock.now().date())

    def in_stage(self, stage: str) -> Self:
        """Being in it, which a draft and what has ended are not."""
        return self.under_way().filter(stage=stage)

    def to_sign(self) -> Self:
        """Its checkpoint waits for people."""
        return self.under_way().filter(visits__left_at=None, visits__approval__status="open")

    def stopped(self) -> Self:
        """Nobody who works on it can bring it on: it is paused, or held at a door."""
        signed = Q(visits__left_at=None, visits__approval__status="approved")
        return self.under_way().filter(Q(status="paused") | signed).distinct()

    def due_soon(self, days: int = 14, today: date | None = None) -> Self:
        """By its day or soon, what is late already too."""
        last = (today or clock.now().date()) + timedelta(days=days)
        return self.open().filter(due_on__lte=last)

    def of_person(self, user_id: int | None) -> Self:
        return self.filter(Q(owner_id=user_id) | Q(created_by=f"user:{user_id}"))


class PartQuerySet(EntryQuerySet):
    """Parts of a mission."""

    path = "mission__workspace_id"


class VisitQuerySet(PartQuerySet):
    def open(self) -> Self:
        return self.filter(left_at=None)


class TickQuerySet(EntryQuerySet):
    path = "visit__mission__workspace_id"

    def standing(self) -> Self:
        return self.filter(retracted_at=None)


class ArtifactQuerySet(EntryQuerySet):
    """Files kept as evidence."""

    def standing(self) -> Self:
        """What counts as evidence: read back and found to be what was sent, or archived since."""
        return self.filter(status__in=["verified", "archived"])

    def listed(self) -> Self:
        """What people look at: not what was taken away."""
        return self.exclude(status="deleted")

    def with_file(self) -> Self:
        return self.exclude(storage_key="")


class BundleQuerySet(EntryQuerySet):
    def current(self, audience: str = "internal") -> Self:
        return self.filter(status="stored", audience=audience)

    def with_file(self) -> Self:
        return self.exclude(storage_key="")


class HoldQuerySet(PartQuerySet):
    def standing(self) -> Self:
        return self.filter(released_at=None)
