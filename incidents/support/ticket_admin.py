"""Tickets: what runs out first, and the page of one; and mails to support as they came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Case, IntegerField, Q, Value, When
from django.db.models.functions import Least
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.access import policy
from controlplane.base.admin import ModelAdmin, bulk, question
from controlplane.base.admin.buttons import Place, ShownButton
from controlplane.base.web import actor_of
from controlplane.lib.lasting import lasted
from incidents.models import Ticket, TicketMail
from incidents.support import forgetting, moves, moving, telling, ticket_cockpit
from incidents.support.querysets import OPEN
from incidents.support.ticket_views import RELATED


def _mine(rows: Any, request: HttpRequest) -> Any:
    return rows.open().filter(assignee=actor_of(request).user_id or 0)


@admin.register(Ticket)
class TicketAdmin(ModelAdmin[Ticket]):
    list_name = "Tickets"
    view_action = "ticket.view"
    about = "What people ask of support, and the promise that runs out first."
    tabs = (
        ("Open", "standing=open"),
        ("Mine", "standing=mine"),
        ("Unacknowledged", "standing=new"),
        ("Breaching", "standing=breaching"),
        ("Waiting", "standing=waiting"),
        ("Over", "standing=over"),
        ("All", "view=all"),
    )
    empty = "Nobody waits for an answer."
    empty_hint = "Open one here, by mail, or let an agent do it: POST /api/v1/tickets."
    list_display = [
        *("what", "priority", "status", "due_at", "asker", "assignee", "category"),
        "age",
    ]
    phone_columns = ("priority", "status", "due_at")
    list_filter = (
        question(
            "Standing", "standing",
            {
                "open": ("Open", lambda rows: rows.open()),
                "mine": ("Mine", lambda rows: rows),
                "new": ("Unacknowledged", lambda rows: rows.unacknowledged()),
                "breaching": ("Breaching", lambda rows: rows.open().breaching()),
                "waiting": ("Waiting for the requester",
                            lambda rows: rows.filter(status="waiting")),
                "silent": ("Nobody answers", lambda rows: rows.silent()),
                "over": ("Over", lambda rows: rows.over()),
            },
        ),
        *("status", "priority", "category", "blocking", "source", "assignee"),
    )  # fmt: skip
    list_select_related = ["assignee", "requester", "contact", "incident"]
    search_fields = ["ref", "subject"]
    search_help_text = "Words of subjects, messages and resolutions; who asked."
    in_palette = True
    change_list_template = "incidents/tickets/list.html"
    change_form_template = "incidents/tickets/row.html"
    panel_template = "incidents/tickets/panel.html"
    timeline_rows = 12
    labels: ClassVar[Mapping[str, str]] = {
        "what": "Ticket", "due_at": "Clock", "asker": "Asked by",
        "age": "For", "asked_by": "Asked by", "channel_": "Channel", "work": "Work item",
        "stands_for": "Incident", "goes_on": "Goes on as", "opened_at": "Came in",
        "acknowledged_by": "Acknowledged by", "snapshot_": "Figures kept",
        "times_reopened": "Opened again",
    }  # fmt: skip
    head_state = "status"
    head_severity = "priority"
    head_owner = "assignee"
    head_clocks = ("due_at",)
    facts = (
        *("status", "priority", "assignee", "asked_by", "category", "blocking", "service"),
        *("source", "channel_", "stands_for", "goes_on", "work", "opened_at", "acknowledged_by"),
        *("times_reopened", "snapshot_", "uid"),
    )

    # --- The list -----------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> Any:
        rows: Any = super().get_queryset(request)
        rows = rows.defer("search")
        return _mine(rows, request) if request.GET.get("standing") == "mine" else rows

    def get_ordering(self, request: HttpRequest) -> Any:
        """Open ones first, of them the one whose promise runs out first."""
        over = Case(
            When(~Q(status__in=OPEN), then=Value(1)), default=Value(0),
            output_field=IntegerField(),
        )  # fmt: skip
        runs_out = Least("due_at", "incident__next_update_at")
        return (over.asc(), runs_out.asc(nulls_last=True), "priority", "-pk")

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        words = search_term.replace("\x00", "").strip()[:100]
        return (queryset.about(words) if words else queryset), False

    @admin.display(description="Ticket", ordering="id")
    def what(self, obj: Ticket) -> SafeString:
        return format_html('<code class="small tk-ref">{}</code> {}', obj.ref, obj.subject[:120])

    @admin.display(description="Asked by")
    def asker(self, obj: Ticket) -> str:
        return telling.name_of(obj)[:60]

    @admin.display(description="For", ordering="opened_at")
    def age(self, obj: Ticket) -> Any:
        over = None if obj.is_open else obj.resolved_at or obj.closed_at
        return lasted(obj.opened_at, over)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Each with the promise that runs out first, that of its incident included."""
        shown = super().get_changelist_instance(request)
        for row in shown.result_list:
            row.due_at = moves.next_due(row)
        return shown

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        may = policy.can(actor_of(request), "ticket.open")
        return {"may_open": bool(may), "why_not_open": "" if may else may.reason}

    @bulk(label="Acknowledge", action=moving.RESPOND)
    def acknowledge_these(self, request: HttpRequest, obj: Ticket, reason: str) -> None:
        moving.acknowledge(obj, actor=actor_of(request))

    @bulk(label="Give to me", action=moving.RESPOND)
    def take_these(self, request: HttpRequest, obj: Ticket, reason: str) -> None:
        moving.assign(obj, actor=actor_of(request))

    @bulk(label="Spam", action=moving.RESPOND)
    def spam_these(self, request: HttpRequest, obj: Ticket, reason: str) -> None:
        moving.mark_spam(obj, actor=actor_of(request))

    # --- One of them ----------------------------------------------------------------------------

    def whole(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related(*RELATED).defer("search")

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Ticket | None:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            found.due_at = moves.next_due(found)
        return found

    def heading(self, obj: Ticket) -> str:
        return f"{obj.ref} {obj.subject}"

    @admin.display(description="Asked by")
    def asked_by(self, obj: Ticket) -> Any:
        return obj.requester or telling.name_of(obj)

    @admin.display(description="Channel")
    def channel_(self, obj: Ticket) -> str:
        return obj.channel

    @admin.display(description="Work item")
    def work(self, obj: Ticket) -> Any:
        return obj.item

    @admin.display(description="Incident")
    def stands_for(self, obj: Ticket) -> Any:
        return obj.incident

    @admin.display(description="Goes on as")
    def goes_on(self, obj: Ticket) -> Any:
        return obj.duplicate_of

    @admin.display(description="Figures kept")
    def snapshot_(self, obj: Ticket) -> Any:
        return obj.snapshot

    @admin.display(description="Opened again")
    def times_reopened(self, obj: Ticket) -> str:
        return f"{obj.reopened} times" if obj.reopened else ""

    def panel_context(self, request: HttpRequest, obj: Ticket) -> Mapping[str, Any]:
        return ticket_cockpit.panel(obj, actor_of(request))

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        if place != "detail" or obj is None:
            return super()._shown(request, place, obj)
        actor = actor_of(request)
        following = moves.following(obj, actor)
        first = following.move
        found = []
        if first is not None:
            found.append(_button(obj, first, following.refusal, primary=not following.refusal))
        slug = first.slug if first is not None else ""
        found += [_button(obj, move, why) for move, why in moves.offered(obj, actor, slug)]
        if policy.can(actor, forgetting.FORGET, obj):
            url = reverse("tickets:forget", args=(obj.uid,))
            found.append(ShownButton("forget", "Erase who asked…", url, "", asks=False, grave=True,
                                     icon="close", leads=True))  # fmt: skip
        return sorted(found, key=lambda one: (bool(one.refusal), not one.primary))


def _button(row: Ticket, move: moves.Move, refusal: str, *, primary: bool = False) -> ShownButton:
    url = reverse("tickets:move", args=(row.uid, move.slug))
    if move.fields:
        return ShownButton(
            move.slug, f"{move.label}…", url, refusal, asks=False, primary=primary,
            grave=move.grave, icon=move.icon, leads=True,
        )  # fmt: skip
    seen = f"?version={row.version}"
    return ShownButton(move.slug, move.label, f"{url}{seen}", refusal, asks=False, primary=primary)


@admin.register(TicketMail)
class TicketMailAdmin(ModelAdmin[TicketMail]):
    list_name = "Mails to support"
    view_action = "ticket.view"
    about = "Mails as they came, without secrets, and what was made of each. Kept for 90 days."
    tabs = (("All", "view=all"), ("Refused", "outcome__exact=refused"),
            ("Not delivered", "outcome__exact=bounced"))  # fmt: skip
    empty = "No mail came yet."
    empty_hint = "manage.py receive_support_mail takes one from stdin; the mail server runs it."
    list_display = ["told", "outcome", "sender", "of_ticket", "at"]
    phone_columns = ("outcome", "at")
    list_filter = ("outcome", "automatic")
    list_select_related = ["ticket"]
    search_fields = ["subject", "sender"]
    audited = False
    head_state = "outcome"
    facts = ("outcome", "why", "automatic", "of_ticket", "sender", "message_id", "size", "at",
             "headers", "text", "uid")  # fmt: skip
    labels: ClassVar[Mapping[str, str]] = {
        "told": "Subject", "of_ticket": "Ticket", "at": "Came", "message_id": "Message id",
        "automatic": "Written by a program",
    }  # fmt: skip

    @admin.display(description="Subject", ordering="id")
    def told(self, obj: TicketMail) -> str:
        return str(obj)[:120]

    @admin.display(description="Ticket")
    def of_ticket(self, obj: TicketMail) -> Any:
        return obj.ticket
