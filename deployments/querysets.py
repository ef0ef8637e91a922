"""Reads, named. `visible_to` scopes each of them to the actor's workspaces."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q

from controlplane.lib import clock
from controlplane.lib.actors import Actor

# Something of it is in the environment, or about to be.
UNDER_WAY = ("deploying", "verifying", "monitoring")
ENDED = ("completed", "rolled_back", "failed", "cancelled")
# Of rollouts: those that the judge looks at, and those that are over.
ROLLOUT_WATCHED = ("running", "held", "paused")
ROLLOUT_WAITING = ("held", "paused", "stabilizing")
ROLLOUT_ENDED = ("completed", "rolled_back", "cancelled")


class EntryQuerySet(models.QuerySet[Any]):
    """Rows with a `workspace` of their own."""

    path = "workspace_id"

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(**{f"{self.path}__in": actor.workspace_ids})

    def of(self, workspace: Any) -> Self:
        return self.filter(**{self.path.removesuffix("_id"): workspace})


class DeploymentQuerySet(EntryQuerySet):
    def open(self) -> Self:
        return self.exclude(status__in=ENDED)

    def under_way(self) -> Self:
        return self.filter(status__in=UNDER_WAY)

    def in_the_way(self, *phases: str) -> Self:
        """Of others in its environment: under way, or blocked in the middle of it."""
        wanted = phases or UNDER_WAY
        return self.filter(Q(status__in=wanted) | Q(status="blocked", blocked_from__in=wanted))

    def landed(self) -> Self:
        """What reached its environment, whatever became of it there."""
        return self.filter(deployed_at__isnull=False)

    def into(self, environment: Any) -> Self:
        return self.filter(environment=environment)

    def owing_papers(self) -> Self:
        """Hotfixes that are live and whose documentation is still owed."""
        return self.filter(kind="hotfix", docs_due_at__isnull=False, documented_at=None).exclude(
            status="cancelled"
        )

    def within(self, start: datetime, end: datetime) -> Self:
        """Those that touch this stretch of time, as planned or as they went."""
        begins = Q(planned_at__gte=start) | Q(planned_until__gt=start)
        planned = Q(started_at=None, planned_at__lt=end) & begins
        went = Q(started_at__lt=end) & (Q(closed_at=None) | Q(closed_at__gt=start))
        return self.filter(planned | went)


class PartQuerySet(EntryQuerySet):
    """Parts of a deployment."""

    path = "deployment__workspace_id"


class GateQuerySet(PartQuerySet):
    def before(self) -> Self:
        return self.filter(phase="before")

    def after(self) -> Self:
        return self.filter(phase="after")


class AttemptQuerySet(EntryQuerySet):
    path = "step__deployment__workspace_id"


class FreezeQuerySet(EntryQuerySet):
    def in_force(self, at: datetime | None = None) -> Self:
        at = at or clock.now()
        return self.filter(starts_at__lte=at, ends_at__gt=at, ended_at=None)

    def to_come(self, at: datetime | None = None) -> Self:
        return self.filter(starts_at__gt=at or clock.now(), ended_at=None)

    def over(self, environment_id: int) -> Self:
        """Those that hold for this environment: it is named, or none is."""
        return self.filter(Q(environments=environment_id) | Q(environments__isnull=True)).distinct()

    def within(self, start: datetime, end: datetime) -> Self:
        return self.filter(starts_at__lt=end, ends_at__gt=start)


class FeedQuerySet(EntryQuerySet):
    def in_force(self) -> Self:
        return self.filter(revoked_at=None)


class LaunchLineQuerySet(EntryQuerySet):
    path = "launch__workspace_id"

    def unsettled(self) -> Self:
        return self.filter(state="open")


class RolloutQuerySet(EntryQuerySet):
    def open(self) -> Self:
        return self.exclude(status__in=ROLLOUT_ENDED)

    def watched(self) -> Self:
        return self.filter(status__in=ROLLOUT_WATCHED)

    def waiting(self) -> Self:
        """Those that go nowhere until somebody does something."""
        return self.filter(status__in=ROLLOUT_WAITING)


class RolloutPartQuerySet(EntryQuerySet):
    path = "rollout__workspace_id"


class RolloutDetailQuerySet(EntryQuerySet):
    path = "step__rollout__workspace_id"
