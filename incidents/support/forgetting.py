"""Who asked is erased, and their words: what a person without an account may ask for, too. That
there was a ticket, what its promises were and how it was resolved stays."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from controlplane.access import policy
from controlplane.base import holds
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import line
from controlplane.work import services as work
from controlplane.work.services import graph
from incidents.models import (
    Incident,
    Ticket,
    TicketEdit,
    TicketMail,
    TicketMessage,
    TicketRating,
)
from incidents.records import noting
from incidents.support.holding import hold, put
from incidents.support.noting import PORTAL, note

FORGET = "ticket.forget"
GONE = "***redacted***"  # the database lets words become this, and nothing else
NOBODY = "Somebody"
_WHY = "Whoever asked is erased."
_HANDED_ON = r"^Of [A-Z]+-[0-9]+: "


@transaction.atomic
def forget(ticket: Ticket, *, actor: Actor, reason: str) -> Ticket:
    graph.lock(ticket.workspace_id)  # its item and its incident's are written, too
    row = hold(ticket)
    policy.require(actor, FORGET, row)
    reason = line("reason", reason, 500, required=True)
    holds.take_turn(alone=False)
    if holds.over_record(row.workspace_id, row.ref):
        raise Conflict(f"A legal hold keeps {row.ref}: it is erased once that is lifted.")
    incident = _made_of(row)
    said = TicketMessage.objects.of(row.workspace).filter(_theirs(row))
    TicketEdit.objects.filter(message__in=said).update(text=GONE)
    # In one statement: what is theirs is told from the words that go.
    said.update(text=GONE, author_name=NOBODY, files=[], refused=[])
    TicketRating.objects.filter(ticket=row).update(remark="")
    TicketMail.objects.filter(ticket=row).update(
        sender="", subject=GONE, headers={}, text="", message_id=""
    )
    put(
        row,
        {
            "subject": GONE, "requester_id": None, "contact_id": None, "requester_email": "",
            "requester_name": NOBODY, "link_number": row.link_number + 1,
        },
    )  # fmt: skip
    if row.item is not None:
        work.redact_item(row.item, actor=PORTAL, title=f"{row.ref}: {GONE}", description=GONE,
                         reason=_WHY, files=True)  # fmt: skip
    if incident is not None:
        _of_incident(incident)
    note(row, FORGET, actor=actor, reason=reason)
    return row


def _theirs(row: Ticket) -> Q:
    """What they asked, what a program of theirs wrote, and what stands of either at another ticket.
    What a duplicate of somebody else handed on to this one is not theirs."""
    own = Q(ticket=row, kind="request") | (
        Q(ticket=row, kind="note", author="") & ~Q(text__regex=_HANDED_ON)
    )
    elsewhere = Q(text__startswith=f"Of {row.ref}: ") | Q(
        text__startswith=f"{row.ref} is the same as "
    )
    return own | (Q(kind="note") & elsewhere)


def _made_of(row: Ticket) -> Incident | None:
    """The incident that it became; not one that was open before."""
    rows = Incident.objects.filter(workspace=row.workspace, origin=Incident.Origin.TICKET)
    return rows.filter(summary__startswith=f"{row.ref}: ").select_related("item").first()


def _of_incident(found: Incident) -> None:
    """The words it was opened with were those of whoever asked."""
    Incident.objects.filter(pk=found.pk).update(title=GONE, symptoms="")
    if found.item is not None:
        work.redact_item(found.item, actor=PORTAL, title=f"{found.ref}: {GONE}", description=GONE,
                         reason=_WHY)  # fmt: skip
    noting.note(found, FORGET, actor=PORTAL, reason=_WHY)
