"""What stands around the desk in the console's shared parts: the palette, and what helps with a
ticket on its page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from controlplane.access import policy
from controlplane.base import row_slots
from controlplane.base.registries import PaletteAction, palette_actions
from controlplane.lib.actors import Actor
from incidents import links
from incidents.models import Ticket, TicketRating
from incidents.support import articles

PAGES: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("support-hours", "Hours of support", "around:hours", "incident.view",
     ("coverage", "holidays", "24/5", "calendar", "opening")),
    ("support-matrix", "Who is called for support", "around:matrix", "incident.view",
     ("escalation", "matrix", "p0", "priority")),
    ("support-articles", "Knowledge base", "admin:incidents_article_changelist", "ticket.view",
     ("articles", "faq", "answers", "help")),
    ("support-replies", "Canned replies", "admin:incidents_cannedreply_changelist", "ticket.view",
     ("templates", "snippets", "macros")),
    ("support-page", "Public page of support", "admin:incidents_supportdoor_changelist",
     "ticket.view", ("form", "door", "ask")),
)  # fmt: skip


def beside_a_ticket(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """Articles that read alike, and what whoever asked thought of the answer."""
    if not isinstance(obj, Ticket) or not policy.can(actor, "ticket.view", obj):
        return None
    found = [
        row_slots.RelatedRow(title=row.title, url=links.page_of(row), note="article that may help")
        for row in articles.for_ticket(obj)[:3]
    ]
    rated = TicketRating.objects.filter(ticket=obj).first()
    if rated is not None:
        note = f"judged {rated} by whoever asked"
        found.append(row_slots.RelatedRow(title=rated.remark or "No words", note=note))
    return found or None


def register() -> None:
    row_slots.links.register(row_slots.RowSource("support.articles", beside_a_ticket))
    for slug, label, url, action, keywords in PAGES:
        palette_actions.register(PaletteAction(slug, label, url, action, keywords))
