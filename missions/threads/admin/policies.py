"""Rules of escalation: whom threads that are stuck call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.buttons import button
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid
from controlplane.notify.models import Channel
from missions.admin.forms import PersonField
from missions.threads.admin.common import members
from missions.threads.models import ThreadEscalationPolicy
from missions.threads.services import escalating

if TYPE_CHECKING:
    _Stock = forms.ModelForm[ThreadEscalationPolicy]
else:  # generic for the type checker only
    _Stock = forms.ModelForm


def _roles() -> list[tuple[str, str]]:
    return [("", "–"), *sorted((slug, policy.role_label(slug)) for slug in policy.PEOPLE)]


class RuleForm(_Stock):
    role = forms.ChoiceField(
        choices=_roles, required=False, help_text="Where a role is called, or whoever is on duty."
    )
    item_owner = PersonField(
        queryset=User.objects.none(), required=False, label="Whose item it is",
        help_text="Nobody chosen: of whoever takes it.",
    )  # fmt: skip

    class Meta:
        model = ThreadEscalationPolicy
        fields = (
            *("what", "kind", "after_minutes", "whom", "role", "channel", "pages"),
            *("opens_item", "item_owner"),
        )
        labels = {
            "what": "What happens", "kind": "In threads of the type",
            "after_minutes": "After (minutes)", "whom": "Who is called", "pages": "It is urgent",
            "opens_item": "Open a work item",
        }  # fmt: skip
        help_texts = {
            "kind": "Nothing chosen: of every type that has no rule of its own.",
            "after_minutes": "0: at once. Unread for too long needs a number.",
            "pages": "Told at once, whatever hours somebody keeps; an incident is opened for it.",
            "opens_item": "One for as long as it is open, linked to the thread.",
        }

    def _post_clean(self) -> None:
        """The service says what is wrong with a rule; a model that isn't one yet can't."""


@admin.register(ThreadEscalationPolicy)
class EscalationAdmin(ModelAdmin[ThreadEscalationPolicy]):
    list_name = "Escalation of threads"
    view_action = "thread.view"
    add_action = "thread.policy"
    about = (
        "Whom a thread that is stuck calls. Where a workspace keeps no rule, the shipped ones"
        " below hold."
    )
    tabs = (("In force", "kept=yes"), ("Removed", "kept=no"), ("All", "view=all"))
    empty = "No rule of its own: the shipped ones hold."
    empty_hint = "Add one, and it holds in their place for what it is about."
    list_display = ["what", "state", "kind", "after_minutes", "whom", "to", "pages", "item"]
    phone_columns = ("state", "to")
    list_panel_template = "threads/_shipped.html"
    list_filter = (
        question(
            "In force",
            "kept",
            {
                "yes": ("In force", lambda rows: rows.kept()),
                "no": ("Removed", lambda rows: rows.exclude(removed_at=None)),
            },
        ),
        *("what", "kind", "whom"),
    )
    list_select_related = ["channel", "item_owner"]
    form = RuleForm
    add_fields = (
        *("what", "kind", "after_minutes", "whom", "role", "channel", "pages"),
        *("opens_item", "item_owner"),
    )
    head_state = "state"
    facts = (
        *("state", "what", "kind", "after_minutes", "whom", "to", "pages", "item"),
        *("created_by", "created_at", "removed_at", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "what": "What happens", "kind": "In threads of the type", "after_minutes": "Minutes",
        "whom": "Who is called", "to": "Namely", "pages": "Urgent", "item": "Work item",
        "created_by": "Kept by",
        "created_at": "Since", "removed_at": "Removed",
    }  # fmt: skip

    @admin.display(description="State")
    def state(self, obj: ThreadEscalationPolicy) -> str:
        return "in force" if obj.removed_at is None else "removed"

    @admin.display(description="Namely")
    def to(self, obj: ThreadEscalationPolicy) -> str:
        return policy.role_label(obj.role) if obj.role else str(obj.channel or "")

    @admin.display(description="Work item")
    def item(self, obj: ThreadEscalationPolicy) -> str:
        if not obj.opens_item:
            return ""
        person = obj.item_owner
        return f"opened, of {person.name or person.email}" if person is not None else "opened"

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        chosen = workspace_of(request)
        here = chosen.pk if chosen is not None else next(iter(actor_of(request).workspace_ids), 0)
        known = set(
            ThreadEscalationPolicy.objects.visible_to(actor_of(request)).kept()
            .filter(workspace_id=here).values_list("what", flat=True)
        )  # fmt: skip
        rows = escalating.shipped(here)
        return {"shipped": [(row, policy.role_label(row.role) if row.role else "")
                            for row in rows if row.what not in known]}  # fmt: skip

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        if "channel" in form.base_fields:
            rows = Channel.objects.visible_to(actor_of(request)).filter(is_active=True)
            chosen = workspace_of(request)
            form.base_fields["channel"].queryset = (
                rows if chosen is None else rows.filter(workspace=chosen)
            )
        if "item_owner" in form.base_fields:
            form.base_fields["item_owner"].queryset = members(request)
        return form

    def service_save(
        self, request: HttpRequest, obj: ThreadEscalationPolicy, form: Any, change: bool
    ) -> ThreadEscalationPolicy:
        known = [*getattr(request, "workspaces", [])]
        here = workspace_of(request) or (known[0] if len(known) == 1 else None)
        if here is None:
            raise Invalid("Choose the workspace it is for, at the top of the page.")
        return escalating.add_rule(here, actor=actor_of(request), **form.cleaned_data)

    @button(
        label="Remove", action="thread.policy", quiet=True,
        confirm="Where it was the last rule for this, the shipped ones hold again.",
        when=lambda row: "It is removed already." if row.removed_at else "",
    )  # fmt: skip
    def remove(self, request: HttpRequest, obj: ThreadEscalationPolicy, reason: str) -> str:
        escalating.remove_rule(obj, actor=actor_of(request))
        return "The rule is removed."
