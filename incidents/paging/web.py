"""On call, on a phone: what burns, who else was called, and one large button."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from controlplane.access import policy
from controlplane.audit.services import record_denied
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from controlplane.oncall import duty
from incidents.models import Incident, Page, Ticket
from incidents.paging import figures
from incidents.paging.calls import level_words
from incidents.paging.matters import CALLED
from incidents.records.moving import acknowledge
from incidents.support import moving

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Burning:
    """One that burns, as its reader sees it."""

    matter: Incident | Ticket
    level: str
    called: Sequence[Page]
    mine: bool  # the reader was called for it
    refusal: str  # why the reader can't acknowledge it


@require_safe
def on_call(request: HttpRequest) -> HttpResponse:
    if not admin.site.has_permission(request):
        return admin.site.login(request)
    actor = actor_of(request)
    policy.require(actor, "paging.view")
    rows = burning(actor)
    duties = [
        one
        for workspace_id in sorted(actor.workspace_ids)
        for one in duty.standing(workspace_id)
        if one.duty is not None and one.duty.person.pk == actor.user_id
    ]
    context = {
        **admin.site.each_context(request),
        "title": "On call",
        "burning": rows,
        "unanswered": sum(row.matter.acknowledged_at is None for row in rows),
        "duties": duties,
    }
    return render(request, "incidents/on_call.html", context)


def burning(actor: Actor) -> list[Burning]:
    """What the reader was called for, then what nobody answered; the gravest before others, and
    tickets somebody is called for after incidents."""
    open_now = Incident.objects.visible_to(actor).burning()
    found = list(
        open_now.select_related("workspace", "service", "acknowledged_by")
        .order_by("severity", "-id")[: SHOWN * 5]
    )  # fmt: skip
    calls: dict[int, list[Page]] = {row.pk: [] for row in found}
    pages = Page.objects.filter(incident__in=found).select_related("user", "channel", "contact")
    for page in pages.order_by("pk"):
        calls[page.incident_id].append(page)
    rows = [_burning(row, level_words(row.severity), calls[row.pk], actor) for row in found]
    rows += _calling(actor)
    rows.sort(key=lambda row: (not row.mine, row.matter.acknowledged_at is not None))
    return rows[:SHOWN]


def _calling(actor: Actor) -> list[Burning]:
    """Tickets that call, and nobody has acknowledged."""
    if not policy.can(actor, "ticket.view"):
        return []
    rows = Ticket.objects.visible_to(actor).unacknowledged().filter(priority__in=CALLED)
    rows = rows.select_related("workspace", "service").defer("search")
    called = Page.objects.select_related("user", "channel", "contact").order_by("pk")
    found = rows.prefetch_related(Prefetch("pages", queryset=called)).order_by("-id")[:SHOWN]
    return [
        _burning(row, row.get_priority_display(), list(row.pages.all()), actor) for row in found
    ]


def _burning(row: Incident | Ticket, level: str, pages: Sequence[Page], actor: Actor) -> Burning:
    latest: dict[str, Page] = {page.target: page for page in pages}
    mine = any(page.user_id == actor.user_id for page in pages)
    is_ticket = isinstance(row, Ticket)
    decision = policy.can(actor, "ticket.respond" if is_ticket else "incident.acknowledge", row)
    others = [page for page in latest.values() if page.user_id != actor.user_id]
    return Burning(row, level, others[:10], mine, "" if decision else decision.reason)


@require_safe
def figures_page(request: HttpRequest) -> HttpResponse:
    """How soon calls were answered, against what the levels ask, and those nobody answered."""
    if not admin.site.has_permission(request):
        return admin.site.login(request)
    actor = actor_of(request)
    policy.require(actor, "paging.view")
    here = workspace_of(request)
    told = figures.figures(actor, here.pk if here is not None else None, clock.now())
    context = {
        **admin.site.each_context(request),
        "title": "How calls are answered",
        "told": told,
        "listed": figures.LISTED,
    }
    return render(request, "incidents/figures.html", context)


@require_POST
def on_it(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """The large button."""
    if not admin.site.has_permission(request):
        return admin.site.login(request)
    actor = actor_of(request)
    row: Any = Incident.objects.visible_to(actor).filter(uid=uid).first()
    ticket = None if row is not None else Ticket.objects.visible_to(actor).filter(uid=uid).first()
    if row is None and ticket is None:
        raise NotFound("There is nothing here.")
    try:
        if ticket is not None:
            row = moving.acknowledge(ticket, actor=actor, way="phone")
        else:
            acknowledge(row, actor=actor, way="phone")
    except ControlPlaneError as error:
        if isinstance(error, NotAllowed):
            record_denied(error)
        messages.error(request, error.message)
    else:
        messages.success(request, f"You are on it: {row.ref}. Nobody else is called.")
    return HttpResponseRedirect(reverse("paging:on_call"))
