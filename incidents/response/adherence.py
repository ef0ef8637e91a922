"""How well the promise of updates is kept: of those that were due, how many came in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Sum

from controlplane.lib import kept
from incidents.models import Incident, MissedUpdate, Update


@dataclass(frozen=True, slots=True)
class Kept:
    kept: int
    missed: int

    @property
    def due(self) -> int:
        return self.kept + self.missed

    @property
    def share(self) -> float | None:
        """Of one, or None where none was due."""
        return self.kept / self.due if self.due else None


def of_incident(incident: Incident) -> Kept:
    in_time = kept.count(
        lambda incident: Update.objects.posted().filter(
            incident=incident, due_at__gte=F("posted_at")
        ),
        incident.pk,
    )
    missed = kept.of(
        incident, "missed_updates", lambda rows: rows.order_by().values_list("times", flat=True)
    )
    return Kept(in_time, sum(missed))


def of_workspace(workspace_id: int, *, since: datetime, until: datetime) -> Kept:
    posted = Update.objects.posted().filter(
        workspace=workspace_id, posted_at__gte=since, posted_at__lt=until
    )
    missed = MissedUpdate.objects.filter(
        workspace=workspace_id, due_at__gte=since, due_at__lt=until
    ).aggregate(total=Sum("times"))["total"]
    return Kept(posted.filter(due_at__gte=F("posted_at")).count(), int(missed or 0))
