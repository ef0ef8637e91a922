"""A ticket becomes an incident, or stands for one that is open: from then on its promise of updates
is the incident's, and what becomes of the incident becomes of it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.lib.given import refuse, text
from controlplane.work import services as work
from controlplane.work.services import graph
from incidents.models import Incident, Ticket
from incidents.querysets import OVER
from incidents.records import levels, noting
from incidents.records.holding import hold as hold_incident
from incidents.records.opening import open_incident
from incidents.support import clocks, lateness
from incidents.support.holding import hold, level_of, put, require_open, require_seen
from incidents.support.noting import PORTAL
from incidents.support.said import name_of
from incidents.support.seeing import after_seen, seen

ESCALATE = "ticket.escalate"
_REASON = 500
_CATEGORIES = {"database": "database", "security": "security", "integration": "partner"}


@transaction.atomic
def escalate(
    ticket: Ticket,
    *,
    actor: Actor,
    reason: str,
    severity: str = "",
    title: str = "",
    version: int | None = None,
) -> Ticket:
    """One step: the incident is open with the ticket's words, its people are called, and both
    timelines name each other. Of any number who do it at once one opens it, and all get the same.
    Nothing said: as grave as the ladder makes of the ticket's priority."""
    graph.lock(ticket.workspace_id)
    row = hold(ticket)
    policy.require(actor, ESCALATE, row)
    if row.incident is not None and row.incident.status not in OVER:
        return row  # somebody was first
    require_seen(row, version)
    require_open(row)
    reason = text("reason", reason, _REASON, required=True)
    level = level_of(row)
    first = row.messages.filter(kind="request").order_by("pk").values_list("text", flat=True)
    incident = open_incident(
        row.workspace,
        actor=actor,
        title=title or row.subject,
        severity=severity or level.maps_to,
        category=_CATEGORIES.get(row.category, "service"),
        origin=Incident.Origin.TICKET,
        service=row.service,
        policy_slug=level.policy if row.priority == Ticket.Priority.P0 else "",
        notify_roles=level.informed,
        labels=["support"],
        summary=f"{row.ref}: {reason}",
        symptoms=(first.first() or "")[:4_000],
    )
    _join(row, incident, actor, reason, f"{row.ref} became {incident.ref}.")
    return row


def of_itself(row: Ticket, *, found_by: Actor, reason: str) -> Ticket:
    """What is P0 is an incident, also where whoever finds that may open none: the portal does it,
    and says who it was."""
    changes = seen(row, found_by)
    if changes:
        put(row, changes)
        row.refresh_from_db(fields=["assignee", "acknowledged_by"])
    who = f", found by {name_of(found_by)}."
    return escalate(row, actor=PORTAL, reason=f"{reason.rstrip('.')[: _REASON - len(who)]}{who}")


@transaction.atomic
def attach(
    ticket: Ticket,
    incident: Incident,
    *,
    actor: Actor,
    reason: str = "",
    version: int | None = None,
) -> Ticket:
    """It is about an incident that is open already."""
    graph.lock(ticket.workspace_id)
    target = hold_incident(incident)
    row = hold(ticket)
    policy.require(actor, ESCALATE, row)
    if target.workspace_id != row.workspace_id:
        raise refuse("incident", "There is no such incident here.")
    if row.incident_id == target.pk and row.status == Ticket.Status.ESCALATED:
        return row
    require_seen(row, version)
    require_open(row)
    if target.status in OVER:
        raise InvalidTransition(f"{target.ref} is {target.get_status_display().lower()}.")
    if row.incident is not None and row.incident.status not in OVER:
        raise Conflict(f"{row.ref} stands for {row.incident.ref} already.")
    _join(row, target, actor, text("reason", reason, _REASON), f"{row.ref} is about {target.ref}.")
    return row


def _join(row: Ticket, incident: Incident, actor: Actor, reason: str, said: str) -> None:
    lateness.mark_late(row)
    now = clock.now()
    changes: dict[str, Any] = {
        "incident_id": incident.pk, "escalated_at": now, "next_update_due_at": None,
    }  # fmt: skip
    if actor.user_id is not None or actor.kind == "agent":
        changes.update(seen(row, actor))
    if row.triaged_at is None:
        changes["triaged_at"] = now
    if row.status == Ticket.Status.ESCALATED:
        raise Conflict(f"{row.ref} is escalated already.")
    advance(row, "escalated", actor=actor, action=ESCALATE, changes=changes, reason=reason)
    row.refresh_from_db(fields=["incident", "due_at"])
    after_seen(row, actor)
    clocks.follow(row, clocks.Clock.UPDATE)
    noting.note(
        incident, ESCALATE, actor=actor, said=f"{said} {reason}".strip(),
        after={"ticket": row.ref, "subject": row.subject}, reason=reason,
    )  # fmt: skip
    work.say_later(row, f"{said} {reason}".strip(), actor=actor, portal=PORTAL,
                   status="in_progress")  # fmt: skip
    if row.item is not None and incident.item is not None:
        work.add_dependency(incident.item, row.item, kind="related", actor=PORTAL)


def suggested_severity(row: Ticket) -> str:
    """What the ladder makes of its priority."""
    mapped = level_of(row).maps_to
    return mapped if mapped in levels.of(row.workspace_id) else "sev3"
