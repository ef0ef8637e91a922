"""A review is due soon, or it is late: told to whoever led, to whoever answered, and to the
Engineering Lead."""

from __future__ import annotations

from django.db import transaction

from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from incidents.models import Incident, IncidentReview
from incidents.records.clocks import REVIEW
from incidents.records.noting import PORTAL, note
from incidents.reviews import telling

OPEN = ("resolved", "review_pending")


def _waits(timer: Timer) -> tuple[Incident, IncidentReview | None] | None:
    row = Incident.objects.filter(pk=timer.payload["incident"], status__in=OPEN).first()
    if row is None:
        return None
    review = IncidentReview.objects.filter(incident=row).first()
    if review is not None and review.is_after(row.resolved_at):
        return None
    return row, review


def _how_far(review: IncidentReview | None) -> str:
    return "Nobody has begun it." if review is None else "It is being written."


@timers.on(REVIEW[0])
@transaction.atomic
def soon(timer: Timer) -> None:
    found = _waits(timer)
    if found is not None:
        telling.due(found[0], _how_far(found[1]))


@timers.on(REVIEW[1])
@transaction.atomic
def missed(timer: Timer) -> None:
    found = _waits(timer)
    if found is None:
        return
    row, review = found
    note(row, "incident.missed", actor=PORTAL, said=f"The review of {row.ref} is late.",
         details={"clock": timer.kind, "due": timer.due_at.isoformat()})  # fmt: skip
    telling.due(row, _how_far(review), late=True)
