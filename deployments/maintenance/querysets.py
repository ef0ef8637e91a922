"""Reads of windows, named."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db.models import Q

from controlplane.lib import clock
from deployments.querysets import EntryQuerySet

# Its time is taken: nothing else may be done to the same services then.
HOLDING = ("scheduled", "announced", "approved", "in_progress")
# It has its time, and nobody began it.
AHEAD = ("scheduled", "announced", "approved")
# People read of it in advance.
TOLD = ("announced", "approved")
ENDED = ("completed", "rolled_back", "cancelled")


class WindowQuerySet(EntryQuerySet):
    def open(self) -> Self:
        return self.exclude(status__in=ENDED)

    def ended(self) -> Self:
        return self.filter(status__in=ENDED)

    def holding(self) -> Self:
        return self.filter(status__in=HOLDING)

    def under_way(self) -> Self:
        return self.filter(status__in=("in_progress", "monitoring"))

    def to_come(self) -> Self:
        """A missed one needs another time."""
        return self.filter(status__in=("draft", "scheduled", *TOLD, "missed"))

    def on_banner(self) -> Self:
        """What everybody should read of now: what goes on, and what is to come. A window that never
        began is neither."""
        coming = Q(status__in=TOLD, ends_at__gt=clock.now())
        return self.filter(Q(status="in_progress") | coming).order_by("starts_at", "pk")

    def at(self, moment: datetime | None = None) -> Self:
        """Those whose time it is: as planned, and for as long as they go on."""
        moment = moment or clock.now()
        planned = Q(status__in=HOLDING, starts_at__lte=moment, ends_at__gt=moment)
        return self.filter(planned | Q(status="in_progress", started_at__lte=moment))

    def within(self, start: datetime, end: datetime) -> Self:
        """Those that touch this stretch of time, as planned or as they went. What goes on after
        the time it had goes on until now."""
        planned = Q(started_at=None, starts_at__lt=end, ends_at__gt=start)
        still = Q(finished_at=None, ends_at__gt=start)
        if clock.now() >= start:
            still |= Q(finished_at=None, status="in_progress")
        went = Q(started_at__lt=end) & (Q(finished_at__gt=start) | still)
        return self.exclude(status__in=("draft", "cancelled")).filter(planned | went)


class WindowPartQuerySet(EntryQuerySet):
    path = "window__workspace_id"


class NoticeQuerySet(WindowPartQuerySet):
    def due(self, at: datetime | None = None) -> Self:
        return self.filter(state="due", due_at__lte=at or clock.now())
