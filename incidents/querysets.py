"""Reads, named. `visible_to` scopes each of them to the actor's workspaces."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.contrib.postgres.search import SearchQuery
from django.db import models
from django.db.models import Exists, OuterRef, Q

from controlplane.lib import clock
from controlplane.lib.actors import Actor

ENDED = ("closed", "merged", "cancelled")
OVER = ("resolved", "review_pending", *ENDED)


def burning_first() -> models.Case:
    """0 for what burns, 1 for what is over. An index is made of it: one text for both."""
    return models.Case(
        models.When(status__in=OVER, then=models.Value(1)),
        default=models.Value(0),
        output_field=models.IntegerField(),
    )


class ScopedQuerySet(models.QuerySet[Any]):
    path = "workspace_id"

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(**{f"{self.path}__in": actor.workspace_ids})

    def of(self, workspace: Any) -> Self:
        return self.filter(**{self.path.removesuffix("_id"): workspace})


class AlertPartQuerySet(ScopedQuerySet):
    path = "alert__workspace_id"


class ShippedQuerySet(models.QuerySet[Any]):
    """A shipped row is seen by everybody; a workspace's own takes its place there."""

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(Q(workspace=None) | Q(workspace_id__in=actor.workspace_ids))

    def in_force(self, workspace_id: int) -> Self:
        names = ("ladder", "code") if hasattr(self.model, "ladder") else ("slug",)
        own = self.model._default_manager.filter(
            workspace_id=workspace_id, **{name: OuterRef(name) for name in names}
        )
        return self.filter(Q(workspace_id=workspace_id) | Q(workspace=None) & ~Exists(own))


class VersionQuerySet(models.QuerySet[Any]):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(
            Q(policy__workspace=None) | Q(policy__workspace_id__in=actor.workspace_ids)
        )


class RunbookPartQuerySet(models.QuerySet[Any]):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(
            Q(runbook__workspace=None) | Q(runbook__workspace_id__in=actor.workspace_ids)
        )


class RunbookStepQuerySet(ScopedQuerySet):
    path = "run__workspace_id"


class InboundQuerySet(ScopedQuerySet):
    def unread(self) -> Self:
        """Given up, and nobody has looked at it."""
        return self.filter(state="dead", seen_at=None)


class SilenceQuerySet(ScopedQuerySet):
    def in_force(self, at: datetime | None = None) -> Self:
        at = at or clock.now()
        return self.filter(starts_at__lte=at, ends_at__gt=at)

    def coming(self, at: datetime | None = None) -> Self:
        return self.filter(starts_at__gt=at or clock.now())

    def over(self, at: datetime | None = None) -> Self:
        return self.filter(ends_at__lte=at or clock.now())


class AlertQuerySet(ScopedQuerySet):
    def firing(self) -> Self:
        return self.filter(status="firing")

    def held_back(self) -> Self:
        return self.filter(Q(silence__isnull=False) | Q(inhibited_by__isnull=False))


class IncidentQuerySet(ScopedQuerySet):
    def open(self) -> Self:
        """Still to be worked on, a review included."""
        return self.exclude(status__in=ENDED)

    def burning(self) -> Self:
        """Not resolved yet."""
        return self.exclude(status__in=OVER)


class UpdateQuerySet(ScopedQuerySet):
    def posted(self) -> Self:
        return self.filter(status="posted")

    def drafts(self) -> Self:
        return self.filter(status="draft")


class ActionQuerySet(ScopedQuerySet):
    def under_way(self) -> Self:
        return self.filter(status__in=["planned", "running"])

    def to_take_back(self) -> Self:
        """Done, and nothing takes it back yet or tries to."""
        again = self.model._default_manager.filter(
            undoes=OuterRef("pk"), status__in=["planned", "running", "done"]
        )
        return self.filter(status="done", undoes=None).exclude(Exists(again))


class ReviewQuerySet(ScopedQuerySet):
    def due(self) -> Self:
        """Not published yet, of incidents that are over."""
        return self.filter(status="writing", incident__status__in=["resolved", "review_pending"])

    def about(self, words: str) -> Self:
        """Whose causes, or what was learned, or whose incident speak of these."""
        found = SearchQuery(words, search_type="websearch", config="english")
        return self.filter(
            Q(search=found)
            | Q(incident__title__icontains=words)
            | Q(incident__ref__iexact=words)
            | Q(incident__root_cause__icontains=words)
        )


class ReviewActionQuerySet(ScopedQuerySet):
    path = "review__workspace_id"

    def standing(self) -> Self:
        return self.filter(dropped_at=None)

    def undone(self) -> Self:
        return self.standing().exclude(item__category="done")


class StatusPageQuerySet(ScopedQuerySet):
    def in_force(self) -> Self:
        """What anybody may read: also not of a workspace that was put away."""
        return self.filter(is_open=True, workspace__archived_at=None)


class SubscriberQuerySet(ScopedQuerySet):
    path = "page__workspace_id"

    def confirmed(self) -> Self:
        return self.filter(confirmed_at__isnull=False)
