"""Who hears of a review: that it is due, that it is late, and what was learned."""

from __future__ import annotations

from controlplane.audit.refs import subject_ref
from controlplane.notify import wording
from controlplane.notify.services import To, notify
from incidents import links
from incidents.models import Incident, IncidentReview
from incidents.records.telling import held

wording.register(
    "incident.review_due",
    "The review of an incident is due",
    subject="{ref}: its review is due {due}",
    body="{title}\n\n{why}",
)
wording.register(
    "incident.review_late",
    "The review of an incident is late",
    subject="{ref}: its review is late",
    body="{title}\n\nIt was due {due}. {why}",
)
wording.register(
    "incident.lessons",
    "What was learned of an incident",
    subject="What we learned of {ref}: {title}",
    body="{lessons}\n\nRoot cause: {cause}\n\nTo be done: {actions}",
)
LEADS = ("engineering_lead",)


def due(incident: Incident, why: str, *, late: bool = False) -> None:
    kind = "incident.review_late" if late else "incident.review_due"
    people = {incident.commander_id, incident.acknowledged_by_id}
    notify(
        workspace_id=incident.workspace_id,
        kind=kind,
        to=To(
            users=sorted(pk for pk in people if pk is not None),
            roles=held(incident, set(LEADS)),
        ),
        key=f"{kind}:{incident.uid}:{incident.review_due_at:%Y%m%d%H%M}",
        values={
            "ref": incident.ref, "title": incident.title, "why": why,
            "due": f"{incident.review_due_at:%Y-%m-%d %H:%M} UTC",
        },
        link=links.page_of(incident),
        about=subject_ref(incident),
    )  # fmt: skip


def lessons(row: IncidentReview) -> None:
    """To the channels of the workspace, once."""
    actions = [action.title for action in row.actions.standing().order_by("pk")[:20]]
    notify(
        workspace_id=row.workspace_id,
        kind="incident.lessons",
        to=To(channels=None),
        key=f"incident.lessons:{row.uid}:{row.first_published_at:%Y%m%d%H%M%S%f}",
        values={
            "ref": row.incident.ref, "title": row.incident.title,
            "lessons": (row.lessons or row.to_improve)[:2_000],
            "cause": row.incident.root_cause[:1_000],
            "actions": "; ".join(actions) or row.no_actions,
        },
        link=links.page_of(row),
        about=subject_ref(row.incident),
    )  # fmt: skip
