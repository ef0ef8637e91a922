"""What reviews hand to the packages below: who signs them, words of the log, what is kept, what
waits on the home page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet

from controlplane.approvals import owners
from controlplane.audit import words
from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.registries import HomeRow, Waiting, home_rows
from controlplane.base.retention import keep_always
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from incidents import links
from incidents.models import Incident
from incidents.records import followers
from incidents.reviews import again, signing

VIEW = "incident.view"
SHOWN = 6
MOST_COUNTED = 99

nothing(
    "incidents.reviews",
    "incidents.incidentreview",
    why="what happened and why; its texts are redacted, attendees stand there by name as in the"
    " minutes of any meeting, and whoever wrote by an opaque ref",
)
holds(
    "incidents.actions",
    "incidents.reviewaction",
    "what somebody took on after an incident",
    rows_of("incidents.reviewaction", "owner_id", "title", "kind", "due_on"),
    "part of the record of incidents; the name goes with the account",
)
keep_always(
    "incidents.reviews",
    "incidents.incidentreview",
    "incidents.reviewaction",
    why="why it happened, and what was done about it: what is looked for when it happens again",
)


def _due(actor: Actor, workspace_id: int | None) -> QuerySet[Incident]:
    """Over, owed a review, and none is published since."""
    rows = Incident.objects.visible_to(actor).filter(
        status__in=["resolved", "review_pending"], review_due_at__isnull=False
    )
    if workspace_id is not None:
        rows = rows.filter(workspace=workspace_id)
    found: QuerySet[Incident] = rows.exclude(
        review__status="published", review__published_at__gte=F("resolved_at")
    )
    return found


_FIRST_DUE: ForReader[Incident] = ForReader(
    lambda actor, workspace_id: (
        _due(actor, workspace_id).select_related("review").order_by("review_due_at")[:SHOWN]
    )
)


def waiting(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    """The one that is late first."""
    return [
        Waiting(
            title=f"{row.ref} {row.title}",
            url=links.page_of(row.review if hasattr(row, "review") else row),
            text="Write its review" if hasattr(row, "review") else "Begin its review",
            state=row.severity.upper().replace("SEV", "SEV-"),
            tone="warn",  # late, which its clock says; what burns is red
            due=row.review_due_at,
            mine=row.commander_id == actor.user_id is not None,
        )
        for row in _FIRST_DUE.rows(actor, workspace_id)
        if row.review_due_at is not None
    ]


def count_waiting(actor: Actor, workspace_id: int | None) -> int:
    return int(_due(actor, workspace_id).order_by()[:MOST_COUNTED].count())


def last_published(actor: Actor, workspace_id: int | None) -> QuerySet[Any, datetime | None]:
    rows = Incident.objects.visible_to(actor).filter(review__published_at__isnull=False)
    if workspace_id is not None:
        rows = rows.filter(workspace=workspace_id)
    return rows.order_by("-review__published_at").values_list("review__published_at", flat=True)


def register() -> None:
    followers.MOVED.append(again.moved)
    owners.register(
        signing.OWNER,
        label="Report of an incident",
        current_packet=signing.current_packet,
        hold=signing.hold_for,
        link=signing.link_for,
    )
    home_rows.register(
        HomeRow(
            slug="incidents.reviews",
            title="Reviews of incidents",
            action=VIEW,
            rows=waiting,
            count=count_waiting,
            most=SHOWN,
            empty="no review is due.",
            link="/admin/incidents/incidentreview/",
            order=24,
            last=last_published,
            then="published",
        )
    )
    words.define(
        "incident",
        {
            "review": "review/reviewed the incident",
            "review:written": "write/wrote the review of the incident",
            "review:explained": "say/said what caused the incident",
            "review:action": "write/wrote down what is to be done after the incident",
            "review:dropped": "drop/dropped what was to be done after the incident",
            "review:documents": "ask/asked for the documentation of the incident",
            "review:report": "hand/handed out the report of the incident",
            "conclude": "publish/published the review of the incident",
            "conclude:writing": "write/wrote on at the review of the incident",
            "conclude:signatures": "ask/asked for signatures of the incident's report",
        },
    )
