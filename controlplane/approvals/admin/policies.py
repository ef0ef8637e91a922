"""Who must consent to what: the policies of a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from controlplane.access.policy import role_label
from controlplane.approvals import services
from controlplane.approvals.admin.policy_forms import PolicyForm
from controlplane.approvals.models import Policy, Request
from controlplane.approvals.shown import words
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.buttons import Place, ShownButton
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid

MOST_COUNTED = 999
LATEST = 8
IDLE = "There is nothing to do."


def _used(obj: Policy) -> str:
    return "" if obj.is_active else IDLE


def _retired(obj: Policy) -> str:
    return IDLE if obj.is_active else ""


@admin.register(Policy)
class PolicyAdmin(ModelAdmin[Policy]):
    list_name = "Approval policies"
    view_action = "approval.view"
    add_action = "approval.manage"
    change_action = "approval.manage"
    about = (
        "Whose consent a kind of change needs, and how fast. An open request keeps its own copy."
    )
    tabs = (("In effect", "is_active__exact=1"), ("All", "view=all"))
    empty = "No policy yet."
    empty_hint = "The shipped ones come when the first request asks under them."
    list_display = ["name", "state", "needs", "target", "expiry", "changed_at"]
    phone_columns = ("state", "needs")
    list_filter = ("is_active", "order")
    search_fields = ["name", "slug"]
    in_palette = True
    form = PolicyForm
    add_fields = ("slug", "name", "about", "order", "target_minutes", "expires_minutes",
                  "fresh_factor_minutes")  # fmt: skip
    edit_fields = ("name", "about", "order", "target_minutes", "expires_minutes",
                   "fresh_factor_minutes")  # fmt: skip
    change_form_template = "approvals/policy.html"
    change_list_template = "approvals/list.html"
    panel_template = "approvals/panel_policy.html"
    labels: ClassVar[Mapping[str, str]] = {
        "name": "Name", "about": "What it is for", "order": "Slots are signed",
        "is_active": "In effect",
        "target_minutes": "Target", "expires_minutes": "Expires after",
        "fresh_factor_minutes": "Second factor at most",
    }  # fmt: skip
    head_state = "state"
    facts = (
        "state", "slug", "about", "order", "target", "expiry", "reminders", "told", "fresh",
        "version_words",
        "changed_at", "created_at", "uid",
    )  # fmt: skip

    @admin.display(description="State")
    def state(self, obj: Policy) -> str:
        return "In effect" if obj.is_active else "Retired"

    @admin.display(description="Needs")
    def needs(self, obj: Policy) -> str:
        joint = ", then " if obj.order == Policy.Order.IN_ORDER else " and "
        return joint.join(
            (f"{slot['count']} × " if slot["count"] > 1 else "") + words.roles_words(slot["roles"])
            for slot in obj.slots
        )

    @admin.display(description="Target", ordering="target_minutes")
    def target(self, obj: Policy) -> timedelta:
        return timedelta(minutes=obj.target_minutes)

    @admin.display(description="Expires after", ordering="expires_minutes")
    def expiry(self, obj: Policy) -> timedelta:
        return timedelta(minutes=obj.expires_minutes)

    @admin.display(description="Reminders")
    def reminders(self, obj: Policy) -> str:
        return ", ".join(f"{percent} %" for percent in obj.remind_at)

    @admin.display(description="Then told")
    def told(self, obj: Policy) -> str:
        return ", ".join(role_label(role) for role in obj.escalate_to)

    @admin.display(description="Second factor at most")
    def fresh(self, obj: Policy) -> timedelta | None:
        return timedelta(minutes=obj.fresh_factor_minutes) if obj.fresh_factor_minutes else None

    @admin.display(description="Version")
    def version_words(self, obj: Policy) -> str:
        return str(obj.version)

    def panel_context(self, request: HttpRequest, obj: Policy) -> Mapping[str, Any]:
        rows = Request.objects.visible_to(actor_of(request)).filter(policy=obj)
        waiting = rows.open().oldest_first().select_related("requested_by").defer("packet_text")
        steps = [
            {**slot, "number": number, "words": words.roles_words(slot["roles"])}
            for number, slot in enumerate(obj.slots, start=1)
        ]
        return {
            "steps": steps,
            "fresh_minutes": obj.fresh_factor_minutes,
            "in_order": obj.order == Policy.Order.IN_ORDER,
            "waiting": [
                {"approval": one, "url": words.request_url(one), "share": words.fresh_share(one)}
                for one in waiting[:LATEST]
            ],
        }

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        """Of two that undo each other only one is ever of use, whoever looks."""
        found = super()._shown(request, place, obj)
        if obj is None:
            return found
        idle = "restore" if obj.is_active else "retire"
        return [one for one in found if one.name != idle]

    # --- Writes ---------------------------------------------------------------------------

    def service_save(
        self, request: HttpRequest, obj: Policy, form: forms.ModelForm[Policy], change: bool
    ) -> Policy:
        assert isinstance(form, PolicyForm)
        actor, given = actor_of(request), form.given()
        if change:
            version = form.cleaned_data.get("seen_version")
            return services.change_policy(obj, actor=actor, version=version, **given)
        workspace = workspace_of(request)
        if workspace is None:
            known = list(getattr(request, "workspaces", []))
            if len(known) != 1:
                raise Invalid("Choose the workspace it is for.")
            workspace = known[0]
        return services.define_policy(workspace, form.cleaned_data["slug"], actor=actor, **given)

    @button(label="Retire", action="approval.manage", reason=True, when=_used, quiet=True,
            confirm="Nothing new is asked under it. What was asked goes on.")  # fmt: skip
    def retire(self, request: HttpRequest, obj: Policy, reason: str) -> str:
        services.retire_policy(obj, actor=actor_of(request), reason=reason)
        return f"{obj.name} is retired."

    @button(label="Take back into effect", action="approval.manage", reason=True, when=_retired,
            quiet=True, confirm="It can be asked under again.")  # fmt: skip
    def restore(self, request: HttpRequest, obj: Policy, reason: str) -> str:
        services.retire_policy(obj, actor=actor_of(request), active=True, reason=reason)
        return f"{obj.name} is in effect."
