"""Who signs a report: whoever led, SRE and product. What is signed is what it says when it is
published; written on, it is asked anew."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.approvals.shipped import ship, slot
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from incidents import links
from incidents.models import IncidentReview
from incidents.records.noting import note
from incidents.reviews.holding import hold_review

OWNER = "incidents.review"
POLICY = "incident_report"
ACTION = "incident.conclude"

ship(
    POLICY,
    "Report of an incident",
    about="Whoever leads, SRE and product sign what a report says.",
    slots=[
        slot("commander", "Commander", "engineering_lead", "primary_operator",
             "secondary_operator", "release_manager", requester_may=True),
        slot("sre", "SRE", "sre_liaison", "security_lead"),
        slot("product", "Product", "product_manager", "product_partner", "head_of_product"),
    ],
    target_minutes=3 * 24 * 60,
    expires_minutes=14 * 24 * 60,
    escalate_to=["vp_engineering"],
)  # fmt: skip


@transaction.atomic
def ask_signatures(
    review: IncidentReview, *, actor: Actor, version: int | None = None
) -> IncidentReview:
    policy.require(actor, ACTION, review)
    row = hold_review(review, version=version)
    if row.status != IncidentReview.Status.PUBLISHED:
        raise InvalidTransition("Publish it first.", details={"status": row.status})
    if row.approval is not None and row.approval.status in {"open", "approved"}:
        raise Conflict(f"{row.approval.ref} is {row.approval.get_status_display().lower()}.")
    request = approvals.ask_again(
        row.approval,
        row.workspace,
        policy=POLICY,
        owner=OWNER,
        subject=subject(row),
        title=f"Report of {row.incident}"[:200],
        packet=packet_of(row),
        actor=actor,
    )
    IncidentReview.objects.filter(pk=row.pk).update(approval=request, version=F("version") + 1)
    row.refresh_from_db(fields=["approval", "version"])
    note(row.incident, ACTION, actor=actor, details={"transition": "signatures"},
         said=f"Signatures of its report are asked for: {request.ref}.",
         after={"request": request.ref})  # fmt: skip
    return row


def take_back(row: IncidentReview, actor: Actor, why: str) -> None:
    """What was signed said something else."""
    approvals.take_back(row.approval, actor=actor, reason=why)


def subject(row: IncidentReview) -> str:
    return f"incidents.incidentreview:{row.uid}"


def packet_of(row: IncidentReview) -> dict[str, Any]:
    incident = row.incident
    return {
        "incident": incident.ref,
        "summary": incident.title,
        "root_cause": incident.root_cause,
        "trigger": row.trigger,
        "factors": row.factors,
        "gaps": row.gaps,
        "whys": [f"{each['why']} {each['answer']}" for each in row.whys],
        "impact": row.impact,
        "timeline": row.timeline,
        "went_well": row.went_well,
        "to_improve": row.to_improve,
        "actions": [
            {"action": each.title, "kind": each.get_kind_display(),
             "due": f"{each.due_on:%Y-%m-%d}" if each.due_on else ""}
            for each in row.actions.standing().order_by("pk")
        ],
        "visibility": "public" if row.is_public else "internal",
    }  # fmt: skip


def of(request: Request) -> IncidentReview | None:
    uid = request.subject.partition(":")[2]
    rows = IncidentReview.objects.select_related("incident", "workspace", "approval")
    found: IncidentReview | None = rows.filter(uid=uid, workspace=request.workspace_id).first()
    return found


def hold_for(request: Request) -> None:
    row = of(request)
    if row is not None:
        hold_review(row)


def current_packet(request: Request) -> dict[str, Any] | None:
    row = of(request)
    if row is None or row.status != IncidentReview.Status.PUBLISHED:
        return None
    return packet_of(row)


def link_for(request: Request) -> str:
    row = of(request)
    return links.page_of(row) if row is not None else ""
