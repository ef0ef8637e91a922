"""Reads, named. `visible_to` scopes each of them to the actor's workspaces, and of a workspace that
they look into from outside to the missions that are shared with them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Q

from controlplane.access.outside import inside_of, outside_of
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
    # Leads to the mission whose part a row is. Empty: nobody sees it from outside.
    mission_path = ""

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        outside = outside_of(actor)
        seen = Q(**{f"{self.path}__in": inside_of(actor)})
        way = self.mission_path
        if not way and self.path.endswith("mission__workspace_id"):
            way = self.path.removesuffix("__workspace_id")
        if outside and way:
            shared = apps.get_model("missions", "Mission").objects.shared_with(actor)
            seen |= Q(**{f"{self.path}__in": outside, f"{way}__in": shared.values("pk")})
        return self.filter(seen)

    def of(self, workspace: Any) -> Self:
        return self.filter(**{self.path.removesuffix("_id"): workspace})


class MissionQuerySet(EntryQuerySet):
    mission_path = "pk"

    def shared_with(self, actor: Actor) -> Self:
        """What somebody of another house may read: missions shown to them by name, those they are
        asked about, own, or sign for somebody who asked them to."""
        if actor.kind != "person" or actor.user_id is None:
            return self.none()
        mine = Q(owner_id=actor.user_id)
        for name, own in (
            ("MissionShare", Q(ended_at=None)),
            ("Feedback", Q()),
        ):
            rows = apps.get_model("missions", name).objects.filter(own, person_id=actor.user_id)
            mine |= Q(pk__in=rows.values("mission_id"))
        signed = apps.get_model("approvals", "Request").objects.of_signer(actor)
        visits = apps.get_model("missions", "StageVisit").objects.filter(
            approval__in=signed.values("pk")
        )
        return self.filter(mine | Q(pk__in=visits.values("mission_id")))

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

    mission_path = "mission"

    def visible_to(self, actor: Actor) -> Self:
        """From outside, what somebody said may go out as it is, and what one's own signature is
        about. The rest goes out in the redacted export."""
        rows = super().visible_to(actor)
        outside = () if actor.sees_all else outside_of(actor)
        if not outside:
            return rows
        signs = apps.get_model("approvals", "Request").objects.of_signer(actor)
        seen = Q(redaction="not_required") | Q(visit__approval__in=signs.values("pk"))
        return rows.filter(~Q(workspace_id__in=outside) | seen)

    def standing(self) -> Self:
        """What counts as evidence: read back and found to be what was sent, or archived since."""
        return self.filter(status__in=["verified", "archived"])

    def listed(self) -> Self:
        """What people look at: not what was taken away."""
        return self.exclude(status="deleted")

    def with_file(self) -> Self:
        return self.exclude(storage_key="")


class BundleQuerySet(EntryQuerySet):
    mission_path = "mission"

    def visible_to(self, actor: Actor) -> Self:
        """From outside, what was made to go there."""
        rows = super().visible_to(actor)
        outside = () if actor.sees_all else outside_of(actor)
        return rows.exclude(~Q(audience="external"), workspace_id__in=outside) if outside else rows

    def current(self, audience: str = "internal") -> Self:
        return self.filter(status="stored", audience=audience)

    def with_file(self) -> Self:
        return self.exclude(storage_key="")


class ShareQuerySet(PartQuerySet):
    def standing(self) -> Self:
        return self.filter(ended_at=None)


class HoldQuerySet(PartQuerySet):
    def standing(self) -> Self:
        return self.filter(released_at=None)
