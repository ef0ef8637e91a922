"""Reads of what is planned, undone and done, named and scoped like all of missions."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.apps import apps
from django.db.models import Exists, OuterRef, Q

from missions.querysets import EntryQuerySet, PartQuerySet

UNDO_OPEN = ("requested", "running")
RUN_OPEN = ("queued", "running")
STEP_ENDED = ("skipped", "failed", "succeeded")
# Let go, and nothing was heard since: it may have been done.
LET_GO = Q(status="queued", dispatched_at__isnull=False)
# Steps that may have changed something; and those of which nobody said how they ended.
MAY_HAVE_CHANGED = Q(Q(status__in=["running", "failed", "succeeded"]) | LET_GO, mutating=True)
UNHEARD = Q(Q(status="running") | LET_GO, mutating=True)

__all__ = [
    *("LET_GO", "MAY_HAVE_CHANGED", "RUN_OPEN", "STEP_ENDED", "UNDO_OPEN", "UNHEARD"),
    "PartQuerySet",
]


class PlayQuerySet(PartQuerySet):
    def live(self) -> Self:
        return self.exclude(status="withdrawn")

    def selected(self) -> Self:
        return self.filter(status="selected")


class PlayPartQuerySet(EntryQuerySet):
    path = "play__mission__workspace_id"


class RiskQuerySet(PartQuerySet):
    def standing(self) -> Self:
        return self.filter(removed_at=None)


class VisitPartQuerySet(EntryQuerySet):
    path = "visit__mission__workspace_id"


class DutyQuerySet(PartQuerySet):
    def standing(self) -> Self:
        return self.filter(cancelled_at=None)

    def ahead(self, at: datetime) -> Self:
        """Not over yet."""
        return self.standing().filter(ends_at__gt=at)

    def covering(self, at: datetime) -> Self:
        return self.standing().filter(starts_at__lte=at, ends_at__gt=at)


class UndoPlanQuerySet(PlayPartQuerySet):
    def due(self, at: datetime) -> Self:
        """The time to take it back is over. It does not end while something still changes, or may:
        whoever does it, or aborts it, says so first."""
        rows = self.filter(status="ready", deadline_at__lte=at)
        steps = apps.get_model("missions.RunStep").objects.filter(UNHEARD)
        return rows.exclude(Exists(steps.filter(run__play=OuterRef("play"))))


class UndoPartQuerySet(EntryQuerySet):
    path = "plan__play__mission__workspace_id"

    def standing(self) -> Self:
        return self.filter(removed_at=None)


class UndoRunQuerySet(EntryQuerySet):
    path = "plan__play__mission__workspace_id"

    def open(self) -> Self:
        return self.filter(status__in=UNDO_OPEN)


class UndoAttemptQuerySet(EntryQuerySet):
    path = "run__plan__play__mission__workspace_id"


class RunQuerySet(PartQuerySet):
    def open(self) -> Self:
        return self.filter(status__in=RUN_OPEN)
