"""Who signs for whom, and until when."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from controlplane.access.models import User, Workspace
from controlplane.access.policy import ROLES, role_label
from controlplane.approvals import services
from controlplane.approvals.models import Delegation
from controlplane.approvals.web.delegate import receivers
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock
from controlplane.lib.errors import Invalid


class Whose(admin.SimpleListFilter):
    title = "whose"
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mine", "From me or to me"), ("now", "In force")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        user_id = actor_of(request).user_id
        asked = str(self.value() or "")
        if asked == "mine":
            return queryset.filter(Q(from_user_id=user_id) | Q(to_user_id=user_id))
        return queryset.in_force() if asked == "now" else queryset


def _over(obj: Delegation) -> str:
    if obj.ended_at is not None:
        return "It was ended."
    return "It is over." if obj.until is not None and obj.until <= clock.now() else ""


@admin.register(Delegation)
class DelegationAdmin(ModelAdmin[Delegation]):
    list_name = "Delegations"
    view_action = "approval.view"
    add_action = "approval.delegate"
    about = "Who signs for whom. A request's clock goes on."
    tabs = (("Mine", "whose=mine"), ("In force", "whose=now"), ("All", "view=all"))
    empty = "Nobody signs for anybody."
    empty_hint = "Before you are away, let somebody sign for you; of one request on its own page."
    list_display = ["given", "state", "reach", "starts", "until"]
    phone_columns = ("state", "until")
    list_filter = (Whose,)
    list_select_related = ["from_user", "to_user", "request"]
    change_list_template = "approvals/list.html"
    labels = {
        "to_user": "Who signs for you",
        "role": "Of your roles",
        "starts": "From (UTC)",
        "until": "Until (UTC)",
        "reason": "Why",
    }
    add_fields = ("to_user", "role", "starts", "until", "reason")
    head_state = "state"
    facts = (
        "state", "from_user_shown", "to_user_shown", "reach", "reason", "begins", "ends",
        "ended_at", "uid",
    )  # fmt: skip

    @admin.display(description="Delegation")
    def given(self, obj: Delegation) -> str:
        return self.heading(obj)

    @admin.display(description="State")
    def state(self, obj: Delegation) -> str:
        if obj.ended_at is not None:
            return "Ended"
        now = clock.now()
        if obj.until is not None and obj.until <= now:
            return "Over"
        if obj.request is not None and not obj.request.is_open:
            return "Over"
        return "Planned" if obj.starts > now else "In force"

    @admin.display(description="What")
    def reach(self, obj: Delegation) -> str:
        if obj.request is not None:
            return obj.request.ref
        return f"Everything as {role_label(obj.role)}" if obj.role else "Everything"

    @admin.display(description="From")
    def from_user_shown(self, obj: Delegation) -> User:
        return obj.from_user

    @admin.display(description="To")
    def to_user_shown(self, obj: Delegation) -> User:
        return obj.to_user

    @admin.display(description="Begins")
    def begins(self, obj: Delegation) -> Any:
        return obj.starts

    @admin.display(description="Until")
    def ends(self, obj: Delegation) -> Any:
        return obj.until or "it is decided"

    def heading(self, obj: Delegation) -> str:
        giver, taker = (user.name or user.email for user in (obj.from_user, obj.to_user))
        return f"{giver} → {taker}"

    # --- Before one is away ---------------------------------------------------------------

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form_class = super().get_form(request, obj, change, **kwargs)
        fields = form_class.base_fields
        if "to_user" in fields:
            actor, here = actor_of(request), _here(request)
            people = receivers(here.pk, actor) if here is not None else []
            fields["to_user"].queryset = User.objects.filter(pk__in=[one.pk for one in people])
            fields["to_user"].label_from_instance = lambda user: f"{user.name} ({user.email})"
            fields["to_user"].empty_label = "Choose somebody"
            held = actor.roles_in(here.pk) if here is not None else frozenset()
            mine = [(role, role_label(role)) for role in ROLES if role in held]
            fields["role"] = forms.ChoiceField(
                choices=[("", "All of them"), *mine],
                required=False,
                label="Of your roles",
                label_suffix="",
            )
            fields["until"].required = True
            fields["starts"].required = False
            fields["starts"].initial = None
            fields["starts"].help_text = "Empty: from now on."
            fields["reason"].widget = forms.Textarea(attrs={"rows": 3, "maxlength": 500})
        return form_class

    def service_save(
        self, request: HttpRequest, obj: Delegation, form: forms.ModelForm[Delegation], change: bool
    ) -> Delegation:
        here = _here(request)
        if here is None:
            raise Invalid("Choose the workspace where you are away.")
        data = form.cleaned_data
        return services.delegate(
            None,
            data["to_user"],
            actor=actor_of(request),
            reason=data["reason"],
            until=data["until"],
            starts=data["starts"] or None,
            role=data["role"],
            workspace=here,
        )

    @button(label="End it", action="approval.view", confirm="What was signed stays signed.",
            reason=True, when=_over)  # fmt: skip
    def end(self, request: HttpRequest, obj: Delegation, reason: str) -> str:
        services.end_delegation(obj, actor=actor_of(request), reason=reason)
        return "It is ended."


def _here(request: HttpRequest) -> Workspace | None:
    chosen = workspace_of(request)
    if chosen is not None:
        return chosen
    known: list[Workspace] = getattr(request, "workspaces", [])
    return known[0] if len(known) == 1 else None
