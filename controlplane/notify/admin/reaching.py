"""Ways people are reached by, without their numbers; and what people answered."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin, button, question
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid
from controlplane.notify import services
from controlplane.notify.models import ContactMethod, Reply

Proven = question(
    "Proven",
    "proven",
    {
        "never": (
            "Not yet",
            lambda rows: rows.filter(is_active=True, is_account=False, verified_at=None),
        ),
        "failing": ("Failing", lambda rows: rows.filter(is_active=True, failures_in_a_row__gt=0)),
    },
)


@admin.register(ContactMethod)
class ContactMethodAdmin(ModelAdmin[ContactMethod]):
    """Who can be paged, and how. Numbers stay masked: they are their owners'."""

    view_action = "notify.view"
    list_name = "Ways to reach people"
    labels = {"is_active": "In use", "user": "Person", "verified_at": "Proven"}
    about = "How each person can be paged. People add and prove their ways on their own page."
    tabs = (
        ("In use", "is_active__exact=1"),
        ("Not proven", "proven=never"),
        ("Failing", "proven=failing"),
        ("Removed", "is_active__exact=0"),
        ("All", "view=all"),
    )
    empty = "Nobody has added a way to be reached."
    empty_hint = (
        "My account, How I am reached. The address of the account counts without being added."
    )
    list_display = ["user", "shown", "standing", "kind", "position", "last_ok_at", "failures"]
    list_select_related = ["user"]
    list_filter = ["kind", "is_active", Proven]
    search_fields = ["user__email", "user__name"]
    fields = (
        "user", "kind", "label", "position", "verified_at", "created_at", "last_ok_at",
        "last_error_at",
    )  # fmt: skip
    head_state = "standing"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactMethod]:
        """Of the workspace that is looked at: who works there now."""
        rows = super().get_queryset(request)
        workspace = workspace_of(request)
        if workspace is None:
            return rows
        here = workspace.memberships.filter(left_at=None).values("user_id")
        return rows.filter(user_id__in=here)

    @admin.display(description="Leads to")
    def shown(self, way: ContactMethod) -> str:
        return way.masked

    @admin.display(description="Standing")
    def standing(self, way: ContactMethod) -> str:
        if not way.is_active:
            return "removed"
        if not way.is_verified:
            return "unverified"
        return "failing" if way.failures_in_a_row else "verified"

    @admin.display(description="Failures in a row", ordering="failures_in_a_row")
    def failures(self, way: ContactMethod) -> int:
        return int(way.failures_in_a_row)

    def heading(self, obj: ContactMethod) -> str:
        return str(obj)

    @button(
        quiet=True,
        label="Remove",
        action="notify.remove_methods",
        reason=True,
        when=lambda way: (
            "The account's own address stays."
            if way.is_account
            else ("" if way.is_active else "It is removed already.")
        ),
    )
    def remove(self, request: HttpRequest, way: ContactMethod, reason: str) -> str:
        workspace = workspace_of(request)
        if workspace is None:
            raise Invalid("Choose a workspace first.")
        services.remove_method(way, actor=actor_of(request), reason=reason, workspace=workspace)
        return "Removed. Nothing is sent there any more."


@admin.register(Reply)
class ReplyAdmin(ModelAdmin[Reply]):
    """What people sent back, and what we made of it."""

    view_action = "notify.view"
    keyed = True
    about = "Text messages that came in and keys that were pressed, and what was said back."
    tabs = (
        ("Refused", "result__exact=refused"),
        ("Done", "result__exact=done"),
        ("All", "view=all"),
    )
    empty = "No such reply."
    empty_hint = "A gateway brings them: its page says which address it has to be told."
    list_display = ["what", "result", "person", "channel", "answer", "at"]
    list_select_related = ["person", "channel"]
    list_filter = ["result"]
    search_fields = ["text", "person__email"]
    head_state = "result"
    fields = ("text", "answer", "person", "channel", "delivery", "at")

    @admin.display(description="Said")
    def what(self, reply: Reply) -> str:
        return reply.text or "(nothing)"

    def heading(self, obj: Reply) -> str:
        return f"“{obj.text}”" if obj.text else "An empty reply"
