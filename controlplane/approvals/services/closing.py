"""Ends that are no answers: withdrawn, void, superseded, expired."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy as access
from controlplane.approvals import signing
from controlplane.approvals.models import Request
from controlplane.approvals.services import moving, reading, telling
from controlplane.lib.actors import Actor

REASON = 500


@transaction.atomic
def withdraw(request: Request, *, actor: Actor, reason: str = "", vouched: bool = False) -> Request:
    """Take the question back. `vouched`: the app that asked has made sure that this actor may."""
    if not vouched:
        access.require(actor, "approval.withdraw", request)
    return _end(request, "withdrawn", actor, reason, "withdrew", by_policy=not vouched)


@transaction.atomic
def void(request: Request, *, actor: Actor, reason: str) -> Request:
    """Its subject moved on: what was asked is no longer what stands. For the app that asked,
    which has made sure that this actor may change the subject; no door leads here. Also ends an
    approval that was given."""
    return _end(request, "void", actor, reading.text("reason", reason, REASON, required=True))


@transaction.atomic
def supersede(request: Request, *, actor: Actor, reason: str) -> Request:
    """Another question took its place, as when a mission goes back a stage. For the app that
    asked, like `void`; what was signed stays readable."""
    return _end(request, "superseded", actor, reading.text("reason", reason, REASON, required=True))


@transaction.atomic
def expire(request: Request, *, actor: Actor = telling.PORTAL) -> Request:
    """Nobody answered in time. The portal's own step."""
    return _end(request, "expired", actor, "Nobody decided in time.")


_SAID = {"void": "voided", "superseded": "superseded", "expired": "let expire"}
_ACTIONS = {
    "withdrawn": "approval.withdraw",
    "void": "approval.void",
    "superseded": "approval.supersede",
    "expired": "approval.expire",
}


def _end(
    request: Request,
    to: str,
    actor: Actor,
    reason: str,
    said: str = "",
    *,
    by_policy: bool = False,
) -> Request:
    reason = reading.text("reason", reason, REASON)
    row = moving.hold(request)
    before, action = row.status, _ACTIONS[to]
    waited = signing.people_asked(row) if row.is_open else []
    by = actor if by_policy else telling.PORTAL
    moving.close(row, to, actor=by, action=action if to == "withdrawn" else None, reason=reason)
    telling.note(
        row,
        action,
        actor=actor,
        said=f"{said or _SAID[to]} {row.ref}",
        before={"status": before},
        after={"status": to},
        reason=reason,
    )
    moving.tell_owner(row, actor)
    if to != "superseded":
        told = {*waited, row.requested_by_id or 0} - {actor.user_id or 0, 0}
        telling.send(row, "approval.ended", f"{row.uid}:{to}", people=sorted(told), why=reason)
    telling.emit(row)
    return row
