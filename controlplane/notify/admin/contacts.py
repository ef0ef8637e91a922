"""The contact book."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin, button, question
from controlplane.base.admin.linking import url_of
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from controlplane.notify import availability, services, shown
from controlplane.notify.models import Contact

Verified = question(
    "Verified",
    "verified",
    {"never": ("Never", lambda rows: rows.filter(is_active=True, verified_at=None))},
)


@admin.register(Contact)
class ContactAdmin(ModelAdmin[Contact]):
    view_action = "contact.view"
    labels = {
        "is_active": "In the book", "coverage": "When reachable", "days": "Called on",
        "from_time": "Called from", "until_time": "Called until",
    }  # fmt: skip
    add_action = "contact.manage"
    change_action = "contact.manage"
    edit_fields = (
        "family",
        "purpose",
        "name",
        "user",
        "email",
        "phone",
        "handle",
        "coverage",
        "days",
        "from_time",
        "until_time",
        "time_zone",
        "notes",
        "order",
    )
    about = "Whom to call: leads of roles, specialists, partners, in the order they are tried."
    tabs = (
        ("Current", "is_active__exact=1"),
        ("Never verified", "verified=never"),
        ("Removed", "is_active__exact=0"),
        ("All", "view=all"),
    )
    empty = "Nobody is in the contact book."
    empty_hint = (
        "Each role needs a lead somebody can reach at night. POST /api/v1/contacts adds one."
    )
    list_display = ["name", "purpose", "family", "reached_by", "coverage", "verified_at"]
    list_select_related = ["user"]
    in_palette = True
    facts = (
        "purpose", "family", "notes", "verified_at",
    )  # fmt: skip
    panel_template = "notify/panel_contact.html"
    head_state = "standing"

    def panel_context(self, request: HttpRequest, obj: Contact) -> Mapping[str, Any]:
        actor, now = actor_of(request), clock.now()
        return {
            "hours": availability.words(obj),
            "away": availability.why_not(obj, now),
            "called_by": shown.called_by(obj),
            "call_columns": shown.SENT_COLUMNS,
            "calls": [shown.sent_row(row, url_of(row, actor)) for row in shown.calls_of(obj)],
        }

    @admin.display(description="Standing")
    def standing(self, contact: Contact) -> str:
        if not contact.is_active:
            return "removed"
        return "verified" if contact.verified_at else "unverified"

    @admin.display(description="Reached by")
    def reached_by(self, contact: Contact) -> str:
        ways = (contact.handle, contact.phone, contact.email, contact.user and contact.user.email)
        return ", ".join(dict.fromkeys(str(way) for way in ways if way))

    list_filter = ["family", "is_active", Verified]
    search_fields = ["name", "purpose", "email", "handle"]

    def service_save(
        self, request: HttpRequest, obj: Contact, form: forms.ModelForm[Contact], change: bool
    ) -> Contact:
        data = form.cleaned_data
        if change:
            return services.change_contact(obj, actor=actor_of(request), **data)
        workspace = workspace_of(request)
        if workspace is None:
            raise Invalid("Choose a workspace first.")
        return services.add_contact(workspace, actor=actor_of(request), **data)

    @button(label="Verified today", action="contact.manage")
    def verify(self, request: HttpRequest, contact: Contact, reason: str) -> str:
        services.verify_contact(contact, actor=actor_of(request))
        return "Noted."

    @button(
        quiet=True,
        label="Remove",
        action="contact.manage",
        reason=True,
        when=lambda contact: "" if contact.is_active else "It is removed already.",
    )
    def remove(self, request: HttpRequest, contact: Contact, reason: str) -> str:
        services.remove_contact(contact, actor=actor_of(request), reason=reason)
        return "Removed. The row stays for the record."
