"""Signatures: who answered what, to which hash. Written once, never changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.safestring import SafeString

from controlplane.access.models import User
from controlplane.access.policy import role_label
from controlplane.approvals.models import Decision, Request
from controlplane.approvals.shown import words
from controlplane.audit.models import AuditEvent
from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.showing import TIMELINE_ROWS
from controlplane.base.web import actor_of


class By(admin.SimpleListFilter):
    title = "signed by"
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("me", "Me"), ("for-me", "Others, for me")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        user_id = actor_of(request).user_id
        asked = str(self.value() or "")
        if asked == "me":
            return queryset.filter(Q(person_id=user_id))
        if asked == "for-me":
            return queryset.filter(Q(delegated_from_id=user_id))
        return queryset


@admin.register(Decision)
class DecisionAdmin(ModelAdmin[Decision]):
    list_name = "Signatures"
    view_action = "approval.view"
    about = "Who answered what, to exactly which packet. Nothing here can be changed."
    tabs = (("Mine", "by=me"), ("For me", "by=for-me"), ("All", "view=all"))
    empty = "No signature yet."
    empty_hint = "What you approve, reject or send back stands here for good."
    list_display = ["what", "state", "who", "signed_for", "in_slot", "decided_at"]
    phone_columns = ("state", "decided_at")
    list_filter = (By, "verdict", "break_glass")
    list_select_related = ["request", "slot", "person", "delegated_from"]
    search_fields = ["request__title"]
    keyed = True
    in_palette = True
    change_list_template = "approvals/list.html"
    change_form_template = "approvals/signature.html"
    head_state = "state"
    head_owner = "who"
    head_clocks = ("decided_at",)
    facts = (
        "state", "asked", "in_slot", "who", "role", "signed_for", "decided_at", "comment",
        "sha256", "factor", "by_glass", "uid",
    )  # fmt: skip
    labels = {"sha256": "SHA-256 signed", "decided_at": "Signed"}

    @admin.display(description="Request")
    def what(self, obj: Decision) -> SafeString:
        return words.titled(obj.request)

    @admin.display(description="Request")
    def asked(self, obj: Decision) -> Request:
        return obj.request

    @admin.display(description="Answer")
    def state(self, obj: Decision) -> str:
        return {"approved": "Approved", "rejected": "Rejected"}.get(
            obj.verdict, "Changes requested"
        )

    @admin.display(description="Signed by")
    def who(self, obj: Decision) -> User:
        return obj.person

    @admin.display(description="For")
    def signed_for(self, obj: Decision) -> User | None:
        return obj.delegated_from

    @admin.display(description="Slot")
    def in_slot(self, obj: Decision) -> str:
        return obj.slot.title

    @admin.display(description="As")
    def role(self, obj: Decision) -> str:
        return "Break-glass" if obj.break_glass else role_label(obj.as_role)

    @admin.display(description="Second factor")
    def factor(self, obj: Decision) -> str:
        age = obj.factor_age_s
        return "" if age is None else f"{age // 60} min before" if age >= 60 else f"{age} s before"

    @admin.display(description="Break-glass")
    def by_glass(self, obj: Decision) -> str:
        return "yes" if obj.break_glass else ""

    def row_shown(self, request: HttpRequest, obj: Decision) -> dict[str, Any]:
        """Its history is its request's: nothing ever happens to a signature itself."""
        rows = AuditEvent.objects.visible_to(actor_of(request)).about(obj.request)
        events = list(rows.order_by("-id")[: TIMELINE_ROWS.value])
        return {**super().row_shown(request, obj), "events": events, "older_events": False}

    def heading(self, obj: Decision) -> str:
        return words.lookup(obj.request)
