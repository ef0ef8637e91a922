"""What tickets hand to the console: sidebar, home, palette, refs, pages of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.urls import reverse

from controlplane.base import finding, row_slots
from controlplane.base.registries import (
    HomeRow,
    NavItem,
    NavRows,
    PaletteAction,
    PaletteVerb,
    Target,
    Waiting,
    home_rows,
    nav_items,
    palette_actions,
    palette_verbs,
    ref_finders,
)
from controlplane.lib import clock, kept
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from controlplane.work.models import Item
from incidents import links
from incidents.models import Incident, Ticket
from incidents.support import moves

VIEW = "ticket.view"
SHOWN = 6
FOUND = 6
MOST_COUNTED = 99
LIST = "/admin/incidents/ticket/"


def _here(actor: Actor, workspace_id: int | None) -> Any:
    rows: Any = Ticket.objects.visible_to(actor).defer("search")
    return rows if workspace_id is None else rows.filter(workspace=workspace_id)


def _due(actor: Actor, workspace_id: int | None) -> Any:
    """Something is promised, here or with the incident it stands for."""
    return _here(actor, workspace_id).open().clocked().filter(runs_out__isnull=False)


_FIRST_DUE: ForReader[Any] = ForReader(
    lambda actor, workspace_id: (
        _due(actor, workspace_id).select_related("incident").order_by(F("runs_out").asc())[:SHOWN]
    )
)


def waiting(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    """The one whose promise runs out first."""
    now = clock.now()
    return [
        Waiting(
            title=f"{row.ref} {row.subject}",
            url=links.page_of(row),
            text=str(row.get_status_display()),
            state=str(row.get_priority_display()),
            tone="bad" if row.runs_out < now or row.priority == "p0" else "warn",
            due=row.runs_out,
            mine=row.assignee_id == actor.user_id is not None,
        )
        for row in _FIRST_DUE.rows(actor, workspace_id)
    ]


def count_waiting(actor: Actor, workspace_id: int | None) -> int:
    return int(_due(actor, workspace_id).order_by()[:MOST_COUNTED].count())


def last_over(actor: Actor, workspace_id: int | None) -> QuerySet[Any, datetime | None]:
    rows = _here(actor, workspace_id).filter(resolved_at__isnull=False).order_by("-resolved_at")
    found: QuerySet[Any, datetime | None] = rows.values_list("resolved_at", flat=True)
    return found


def _nav_count(actor: Actor, workspace_id: int | None) -> NavRows:
    """What nobody has acknowledged; red where its promise has run out."""
    rows = _here(actor, workspace_id).unacknowledged()
    return NavRows(rows, "warn", MOST_COUNTED, rows.filter(due_at__lt=clock.now()))


# --- Palette ----------------------------------------------------------------------------------


def _target(row: Ticket, url: str) -> Target:
    return Target(f"{row.ref} {row.subject}", url, str(row.get_status_display()))


def _typed(rows: Any, text: str) -> Any:
    return finding.typed(rows, text, "TKT", "subject")


def pressing(slug: str) -> Callable[[Actor, int | None, str], Sequence[Target]]:
    """The question of this move, of the tickets it can be made with."""

    def find(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
        move = moves.MOVES[slug]
        rows = _typed(_here(actor, workspace_id).filter(status__in=move.statuses), text)
        rows = rows.order_by("priority", "-pk")
        return [_target(row, reverse("tickets:move", args=(row.uid, slug))) for row in rows[:FOUND]]

    return find


# --- On pages of others ---------------------------------------------------------------------------


def related(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """On the page of a work item: the ticket it stands for; of an incident: its tickets."""
    if isinstance(obj, Item):
        rows = kept.seen(actor, lambda actor, item: _of(actor, Q(item_id=item)), obj.pk)
    elif isinstance(obj, Incident):
        rows = kept.seen(actor, lambda actor, burning: _of(actor, Q(incident_id=burning)), obj.pk)
    else:
        return None
    found = [
        row_slots.RelatedRow(
            title=row.subject, url=links.page_of(row), ref=row.ref,
            state=str(row.get_status_display()), note="asked support",
        )
        for row in rows
    ]  # fmt: skip
    return found or None


def _of(actor: Actor, which: Q) -> QuerySet[Ticket]:
    rows = Ticket.objects.visible_to(actor).filter(which)
    return rows.defer("search").order_by("pk")[: row_slots.MOST]


_VERBS: tuple[tuple[str, str, str, str], ...] = (
    ("acknowledge", "tack", "Acknowledge", "Say that you have seen a ticket"),
    ("triage", "ttriage", "Triage", "Say what a ticket is about"),
    ("resolve", "tresolve", "Resolve", "Say how a ticket was resolved"),
)
_PAGES: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("ticket-new", "Open a ticket", "tickets:new", "ticket.open", ("support", "ask", "request")),
    ("ticket-figures", "How tickets are answered", "tickets:figures", VIEW,
     ("support", "backlog", "kpi", "sla")),
)  # fmt: skip


def register() -> None:
    nav_items.register(
        NavItem("tickets", "Tickets", "Operate", "admin:incidents_ticket_changelist",
                "mail", VIEW, 4, count=_nav_count)
    )  # fmt: skip
    home_rows.register(
        HomeRow(
            slug="incidents.tickets",
            title="Tickets due",
            action=VIEW,
            rows=waiting,
            count=count_waiting,
            most=SHOWN,
            empty="nobody waits for an answer.",
            link=f"{LIST}?standing=open",
            order=3,
            last=last_over,
            then="resolved",
        )
    )
    for slug, verb, label, about in _VERBS:
        palette_verbs.register(
            PaletteVerb(f"ticket-{slug}", verb, "TKT-n", label, moves.MOVES[slug].action,
                        pressing(slug), noun="ticket", about=about)
        )  # fmt: skip
    for slug, label, url, action, keywords in _PAGES:
        palette_actions.register(PaletteAction(slug, label, url, action, keywords))
    ref_finders.register(
        finding.by_ref("TKT", "ticket", _here, lambda row: _target(row, links.page_of(row)))
    )
    row_slots.links.register(row_slots.RowSource("tickets.item", related))
