"""Consent to a window: what is signed is its time, its way back, its work and what was waived. A
change of any of it here takes the signatures back; its work is changed elsewhere too, so whether
they stand is looked at once more when it begins."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.approvals.numbers import FRESH_FACTOR
from controlplane.approvals.shipped import ship, slot
from controlplane.base.states import advance
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from deployments.maintenance import checks, links
from deployments.maintenance.holding import hold, require_status
from deployments.maintenance.noting import PORTAL, note
from deployments.maintenance.packet import packet_of, stands
from deployments.models import MaintenanceWindow

OWNER = "deployments.window"
POLICY, URGENT = "maintenance_window", "maintenance_emergency"
OPEN = ("scheduled", "announced", "approved")

ship(
    POLICY,
    "Maintenance window",
    about="The Engineering Lead signs, and the Release Manager.",
    slots=[
        slot("engineering", "Engineering lead", "engineering_lead"),
        slot("release", "Release manager", "release_manager"),
    ],
    escalate_to=["vp_engineering", "cto"],
)
ship(
    URGENT,
    "Emergency maintenance",
    about="The Engineering Lead or the senior on call signs; the Engineering Lead is asked first.",
    slots=[slot("lead", "Engineering lead or on-call", "engineering_lead", "primary_operator")],
    target_minutes=30,
    expires_minutes=24 * 60,
    escalate_to=["vp_engineering", "cto"],
    fresh_factor_minutes=FRESH_FACTOR.value,
)


def subject(window: MaintenanceWindow) -> str:
    return f"deployments.window:{window.uid}"


@transaction.atomic
def ask_consent(window: MaintenanceWindow, *, actor: Actor, version: int | None = None) -> Request:
    """Once it has its time, its way back was tested and its work is laid out. Asked anew, or as
    the next revision of what was sent back or became void."""
    policy.require(actor, "maintenance.plan", window)
    row = hold(window, version=version)
    require_status(row, *OPEN)
    if not row.is_ours:
        raise Conflict("Nobody is asked about a partner's window.")
    before = row.approval
    if before is not None and before.status in {"open", "approved"}:
        if stands(row):
            return before
        fall(row, actor=actor, why="It is no longer what was asked about.")
    checks.require(checks.before_consent(row), "Not ready to be signed.")
    request = approvals.ask_again(
        before,
        row.workspace,
        policy=URGENT if row.is_emergency else POLICY,
        owner=OWNER,
        subject=subject(row),
        title=row.title,
        packet=packet_of(row),
        actor=actor,
        producers=[row.created_by, actor],
        item=row.item,
    )
    MaintenanceWindow.objects.filter(pk=row.pk).update(approval=request, version=F("version") + 1)
    note(
        row,
        "maintenance.ask",
        actor=actor,
        said=f"{'Expedited approval' if row.is_emergency else 'Approval'}: {request.ref} is asked.",
        after={"approval": request.ref},
    )
    return request


def fall(row: MaintenanceWindow, *, actor: Actor, why: str) -> None:
    """What was signed is about to change. Callers hold the window and change it afterwards."""
    request = row.approval
    if request is not None and request.status in {"open", "approved"}:
        approvals.void(request, actor=actor, reason=why)
        request.refresh_from_db(fields=["status", "decided_at"])  # whoever holds the window asks it
    _back(row, why)


def withdraw(row: MaintenanceWindow, *, actor: Actor, why: str) -> None:
    approvals.take_back(row.approval, actor=actor, reason=why)


def _back(row: MaintenanceWindow, why: str) -> None:
    row.refresh_from_db(fields=["status", "version"])
    if row.status == "approved":
        advance(row, "announced", actor=PORTAL, reason=why[:500])


# --- What the approvals kernel calls ------------------------------------------------------------


def _of(request: Request) -> MaintenanceWindow | None:
    rows = MaintenanceWindow.objects.select_related("workspace", "environment", "approval")
    found: MaintenanceWindow | None = rows.filter(approval=request).first()
    return found


def hold_for(request: Request) -> None:
    row = _of(request)
    if row is not None:
        hold(row)


def current_packet(request: Request) -> dict[str, Any] | None:
    row = _of(request)
    return packet_of(row) if row is not None and row.status in OPEN else None


def on_decided(request: Request, actor: Actor) -> None:
    row = _of(request)
    if row is None or row.status not in OPEN:
        return
    said = f"{request.ref} is {request.get_status_display().lower()}."
    if request.status == Request.Status.APPROVED:
        if row.status == "announced":
            advance(row, "approved", actor=PORTAL, reason=said)
    else:
        _back(row, said)
    prefix = "Expedited approval: " if row.is_emergency else "Approval: "
    note(row, "maintenance.decide", actor=actor, said=prefix + said)


def on_closed(request: Request, actor: Actor) -> None:
    row = _of(request)
    if row is not None:
        _back(row, f"{request.ref} is {request.get_status_display().lower()}. {request.reason}")


def link_for(request: Request) -> str:
    row = _of(request)
    return links.window(row) if row is not None else ""
