"""What a merge has to look at besides the two tickets: whose they are, and what was merged into
the one that ends."""

from __future__ import annotations

from controlplane.lib.actors import Actor
from controlplane.work.services import graph
from incidents.models import Ticket
from incidents.support import telling
from incidents.support.holding import hold
from incidents.support.noting import note


def hold_both(ticket: Ticket, into: Ticket) -> tuple[Ticket, Ticket]:
    """After the graph's own turn, as whoever writes to a duplicate: nobody waits in a circle."""
    graph.lock(ticket.workspace_id)
    held = {each.pk: each for each in map(hold, sorted((ticket, into), key=lambda row: row.pk))}
    return held[ticket.pk], held[into.pk]


def same_requester(one: Ticket, other: Ticket) -> bool:
    if one.requester_id is not None and one.requester_id == other.requester_id:
        return True
    address = telling.address_of(one).lower()
    return bool(address) and address == telling.address_of(other).lower()


def sentence(row: Ticket, target: Ticket) -> str:
    """For whoever asked. What somebody else calls their trouble is none of their business."""
    said = f"This goes on as {target.ref}"
    return f"{said}: {target.subject}" if same_requester(row, target) else f"{said}."


def take_along(row: Ticket, target: Ticket, *, actor: Actor, action: str) -> None:
    """What goes on as `row` goes on as `target` from now on."""
    rows = Ticket.objects.filter(duplicate_of=row).defer("search").order_by("pk")
    for each in rows.select_for_update(of=("self",), no_key=True):
        Ticket.objects.filter(pk=each.pk).update(duplicate_of=target)
        note(each, action, actor=actor, details={"transition": "merged"},
             before={"duplicate_of": row.ref}, after={"duplicate_of": target.ref})  # fmt: skip
