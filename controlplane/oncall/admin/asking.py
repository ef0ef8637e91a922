"""Asked swaps and hand-off notes."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.web import actor_of
from controlplane.oncall import services
from controlplane.oncall.links import page_of
from controlplane.oncall.models import HandoffNote, SwapRequest


def _answered(obj: SwapRequest) -> str:
    return "" if obj.status == "open" else f"It is {obj.get_status_display().lower()}."


def _not_by_name(obj: SwapRequest) -> str:
    if obj.asked_id is None:
        return "Everybody who is on call here was asked."
    return _answered(obj)


def _not_unread(obj: HandoffNote) -> str:
    return "" if obj.status == "written" else "There is nothing to read, or it was read."


class Which(admin.SimpleListFilter):
    title = "which"
    parameter_name = "which"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("mine", "Mine")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "mine":
            me = actor_of(request).user_id
            return queryset.filter(Q(asker_id=me) | Q(asked_id=me) | Q(taker_id=me))
        return queryset.open() if self.value() == "open" else queryset


@admin.register(SwapRequest)
class SwapRequestAdmin(ModelAdmin[SwapRequest]):
    list_name = "Asked swaps"
    view_action = "oncall.view"
    about = "Shifts that people asked others to take. Nothing changes before somebody does."
    tabs = (("Open", "which=open"), ("Mine", "which=mine"), ("All", "view=all"))
    empty = "Nobody asks for a swap."
    empty_hint = "Ask on the page of a schedule."
    list_display = ["called_by", "status", "schedule_shown", "starts", "ends"]
    phone_columns = ("status", "starts")
    list_filter = (Which, "status")
    list_select_related: ClassVar[Any] = ["asker", "asked", "taker", "schedule"]
    head_state = "status"
    facts = ("status", "asker_shown", "asked_shown", "schedule_shown", "begins", "until", "why",
             "taker_shown", "said", "created_at", "answered_at", "uid")  # fmt: skip

    @admin.display(description="Asked")
    def called_by(self, obj: SwapRequest) -> str:
        return self.heading(obj)

    @admin.display(description="Schedule")
    def schedule_shown(self, obj: SwapRequest) -> str:
        return format_html('<a href="{}">{}</a>', page_of(obj.schedule), obj.schedule.title)

    @admin.display(description="Who asks")
    def asker_shown(self, obj: SwapRequest) -> Any:
        return obj.asker

    @admin.display(description="Whom")
    def asked_shown(self, obj: SwapRequest) -> Any:
        return obj.asked or "whoever is on call here"

    @admin.display(description="Taken by")
    def taker_shown(self, obj: SwapRequest) -> Any:
        return obj.taker

    @admin.display(description="Begins")
    def begins(self, obj: SwapRequest) -> Any:
        return obj.starts

    @admin.display(description="Until")
    def until(self, obj: SwapRequest) -> Any:
        return obj.ends

    @admin.display(description="Why")
    def why(self, obj: SwapRequest) -> str:
        return obj.reason

    @admin.display(description="Answer")
    def said(self, obj: SwapRequest) -> str:
        return obj.answer

    def heading(self, obj: SwapRequest) -> str:
        return f"{obj.asker.name or obj.asker.email} asks: {obj.schedule.title}"

    @button(label="Take the shift", action="oncall.override", when=_answered,
            confirm="You are on duty then, whatever the rotation says.")  # fmt: skip
    def take_it(self, request: HttpRequest, obj: SwapRequest, reason: str) -> str:
        services.take_asked(obj, actor=actor_of(request))
        return "The shift is yours."

    @button(label="Decline", action="oncall.override", when=_not_by_name, quiet=True)
    def decline(self, request: HttpRequest, obj: SwapRequest, reason: str) -> str:
        services.decline_asked(obj, actor=actor_of(request), answer=reason)
        return "Whoever asked is told."

    @button(label="Withdraw", action="oncall.view", when=_answered, quiet=True)
    def withdraw(self, request: HttpRequest, obj: SwapRequest, reason: str) -> str:
        services.withdraw_asked(obj, actor=actor_of(request), reason=reason)
        return "Nobody is asked any more."


@admin.register(HandoffNote)
class HandoffNoteAdmin(ModelAdmin[HandoffNote]):
    list_name = "Hand-off notes"
    view_action = "oncall.view"
    about = "What each shift told the next, and what was open at the hand-over."
    tabs = (("Missed", "status__exact=missed"), ("All", "view=all"))
    empty = "No hand-off notes."
    empty_hint = "A note is asked for when a shift ends."
    list_display = ["called_by", "status", "schedule_shown", "handed_at"]
    phone_columns = ("status", "handed_at")
    list_filter = ("status",)
    list_select_related: ClassVar[Any] = ["person", "next_person", "read_by", "schedule"]
    search_fields = ["text"]
    change_form_template = "oncall/row.html"
    panel_template = "oncall/panel_note.html"
    head_state = "status"
    facts = ("status", "schedule_shown", "wrote", "came_next", "handed_at", "due_at", "written_at",
             "read_at", "reader", "uid")  # fmt: skip

    @admin.display(description="Note")
    def called_by(self, obj: HandoffNote) -> str:
        return self.heading(obj)

    @admin.display(description="Schedule")
    def schedule_shown(self, obj: HandoffNote) -> str:
        return format_html('<a href="{}">{}</a>', page_of(obj.schedule), obj.schedule.title)

    @admin.display(description="From")
    def wrote(self, obj: HandoffNote) -> Any:
        return obj.person

    @admin.display(description="For")
    def came_next(self, obj: HandoffNote) -> Any:
        return obj.next_person or "nobody came on duty"

    @admin.display(description="Read by")
    def reader(self, obj: HandoffNote) -> Any:
        return obj.read_by

    def heading(self, obj: HandoffNote) -> str:
        return f"{obj.person.name or obj.person.email}: {obj.schedule.title}"

    @button(label="I have read it", action="oncall.override", when=_not_unread)
    def have_read(self, request: HttpRequest, obj: HandoffNote, reason: str) -> str:
        services.read_note(obj, actor=actor_of(request))
        return "Read. Whoever wrote it sees so."
