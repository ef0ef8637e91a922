"""Reviews, locked and as they are now: after the graph of work and the incident, as everywhere."""

from __future__ import annotations

from controlplane.lib.errors import Conflict, InvalidTransition
from incidents.models import IncidentReview
from incidents.records.holding import hold, hold_with_work

RELATED = (
    *("workspace", "item__project", "documents_item", "snapshot", "approval"),
    *("incident__workspace", "incident__item__project", "incident__service"),
)


def hold_review(
    review: IncidentReview, *, version: int | None = None, with_work: bool = False
) -> IncidentReview:
    incident = (hold_with_work if with_work else hold)(review.incident)
    rows = IncidentReview.objects.select_for_update(of=("self",), no_key=True)
    row: IncidentReview = rows.select_related(*RELATED).get(pk=review.pk)
    row.incident = incident
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version},
        )
    return row


def require_writing(row: IncidentReview) -> None:
    if row.status != IncidentReview.Status.WRITING:
        raise InvalidTransition(
            "It is published: write on before you change it.", details={"status": row.status}
        )
