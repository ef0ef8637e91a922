"""Reads, named. Rows without a workspace are about the installation, which operators may see."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q

from controlplane.access import policy
from controlplane.lib.actors import Actor

INSTALLATION = "telemetry.view_installation"


class TelemetryQuerySet(models.QuerySet[Any]):
    """Rows with a `workspace` that may be None."""

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        seen = Q(workspace_id__in=actor.workspace_ids)
        if policy.can(actor, INSTALLATION):
            seen |= Q(workspace=None)
        return self.filter(seen)

    def of(self, workspace_id: int | None) -> Self:
        """One workspace's rows; None: the installation's."""
        return self.filter(workspace_id=workspace_id)


class TelemetryEventQuerySet(TelemetryQuerySet):
    def between(self, start: Any, end: Any) -> Self:
        """Half open. Every question over events should say when: it is what picks partitions."""
        return self.filter(occurred_at__gte=start, occurred_at__lt=end)


class RollupQuerySet(TelemetryQuerySet):
    def between(self, start: Any, end: Any) -> Self:
        return self.filter(bucket__gte=start, bucket__lt=end)


class InstallationQuerySet(models.QuerySet[Any]):
    """Rows that are about the installation, whole."""

    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all or policy.can(actor, INSTALLATION) else self.none()


class GapQuerySet(TelemetryQuerySet):
    def open(self) -> Self:
        return self.filter(status="open")

    def blocking(self) -> Self:
        """What keeps the next deployment from starting."""
        return self.open()


class SessionQuerySet(TelemetryQuerySet):
    def used(self, start: Any, end: Any) -> Self:
        """Those that were last heard of within this time."""
        return self.filter(last_at__gte=start, last_at__lt=end)

    def over(self, tokens: int) -> Self:
        return self.filter(tokens__gt=tokens)
