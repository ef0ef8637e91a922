"""An incident that was over is open again: what was published of it says too little. Its review is
written on, and what is published after the next resolution counts as its first edition: it is due
anew, told anew, and rests on figures of all those hours."""

from __future__ import annotations

from typing import Any

from controlplane.base.states import advance
from controlplane.lib.actors import Actor
from incidents.models import Incident, IncidentReview
from incidents.records.noting import PORTAL, note
from incidents.reviews import settling, signing
from incidents.reviews.holding import hold_review
from incidents.reviews.writing import PUBLISH

_WHY = "Its incident was opened again."
_ANEW: dict[str, Any] = {
    "published_at": None, "published_by": "", "first_published_at": None, "shared_at": None,
    "snapshot_id": None,
}  # fmt: skip


def moved(incident: Incident, what: str, actor: Actor) -> None:
    """Callers hold the incident with the graph of work."""
    if what != "reopened":
        return
    known = IncidentReview.objects.select_related("incident").filter(incident=incident).first()
    if known is None or known.status != IncidentReview.Status.PUBLISHED:
        return
    row = hold_review(known)
    signing.take_back(row, PORTAL, _WHY)
    advance(row, "writing", actor=PORTAL, changes=_ANEW, reason=_WHY)
    settling.open_again(row, _WHY)
    note(row.incident, PUBLISH, actor=PORTAL, reason=_WHY, details={"transition": "writing"},
         said=f"The review of {incident.ref} is written on: it was opened again.")  # fmt: skip
