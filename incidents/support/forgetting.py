"""Who asked is erased, and their words: what a person without an account may ask for, too. That
there was a ticket, what its promises were and how it was resolved stays."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.given import line
from controlplane.work import services as work
from controlplane.work.models import ItemLink
from incidents.models import Ticket, TicketEdit, TicketMail, TicketMessage
from incidents.support.holding import hold, put
from incidents.support.noting import PORTAL, note

FORGET = "ticket.forget"
GONE = "***redacted***"  # the database lets words become this, and nothing else
NOBODY = "Somebody"


@transaction.atomic
def forget(ticket: Ticket, *, actor: Actor, reason: str) -> Ticket:
    row = hold(ticket)
    policy.require(actor, FORGET, row)
    reason = line("reason", reason, 500, required=True)
    said = TicketMessage.objects.filter(ticket=row, kind="request")
    TicketEdit.objects.filter(message__in=said).update(text=GONE)
    said.update(text=GONE, author_name=NOBODY)
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
        work.update_item(row.item, actor=PORTAL, title=f"{row.ref}: {GONE}", description=GONE)
        for link in ItemLink.objects.filter(item=row.item).exclude(file=""):
            work.remove_link(link, actor=PORTAL, reason="Whoever sent it is erased.")
    note(row, FORGET, actor=actor, reason=reason)
    return row
