"""Temporary rate limits in the console: set one during an incident, lift it after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from controlplane.access.models import Agent, Workspace
from controlplane.base.admin.buttons import button
from controlplane.base.admin.model_admin import ModelAdmin
from controlplane.base.admin.questions import question
from controlplane.base.api import services
from controlplane.base.models import ThrottleRule
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock
from controlplane.lib.errors import Invalid

if TYPE_CHECKING:
    _Form = forms.ModelForm[ThrottleRule]
else:
    _Form = forms.ModelForm


class ThrottleForm(_Form):
    agent = forms.CharField(
        required=False, max_length=80, help_text="An agent by name. Empty: everybody."
    )
    minutes = forms.IntegerField(initial=30, help_text="It ends by itself after these.")

    class Meta:
        model = ThrottleRule
        fields = ("path", "shared", "limit", "period_s", "reason")


def _ended(rule: ThrottleRule) -> str:
    over = rule.lifted_at is not None or rule.expires_at <= clock.now()
    return "it has ended already" if over else ""


InForce = question(
    "In force",
    "now",
    {
        "yes": ("In force", lambda rows: rows.in_force()),
        "no": ("Over", lambda rows: rows.exclude(pk__in=rows.in_force().values("pk"))),
    },
)


@admin.register(ThrottleRule)
class ThrottleRuleAdmin(ModelAdmin[ThrottleRule]):
    view_action = "throttle.view"
    labels = {
        "minutes": "For (minutes)",
        "created_by": "Set by",
        "created_at": "Set",
        "lifted_at": "Lifted early",
    }
    add_action = "throttle.manage"
    form = ThrottleForm
    add_fields = ("agent", "path", "shared", "limit", "period_s", "minutes", "reason")
    about = "Temporary limits set by people, for an agent or a path. Each ends by itself."
    tabs = (("In force", "now=yes"), ("Over", "now=no"), ("All", "view=all"))
    empty = "No limit is in force."
    empty_hint = "During an incident, POST /api/v1/throttles slows a caller down for a while."
    list_display = ("whom", "state", "allowed", "path", "expires_at", "reason", "created_by")
    list_filter = (InForce, "workspace")
    head_clocks = ("expires_at",)
    fields = (
        "state", "whom", "path", "allowed", "shared", "expires_at", "created_at", "created_by",
        "lifted_at", "lifted_by", "workspace",
    )  # fmt: skip
    panel_template = "base/panel_throttlerule.html"
    list_select_related = ("workspace",)

    @admin.display(description="Whom")
    def whom(self, rule: ThrottleRule) -> str:
        return rule.actor_label or "everybody"

    @admin.display(description="State")
    def state(self, rule: ThrottleRule) -> str:
        if rule.lifted_at is not None:
            return "withdrawn"
        return "ended" if rule.expires_at <= clock.now() else "in force"

    @admin.display(description="Allowed")
    def allowed(self, rule: ThrottleRule) -> str:
        if not rule.limit:
            return "nothing"
        return f"{rule.limit:,} per {rule.period_s:,} s" + (" together" if rule.shared else "")

    def panel_context(self, request: HttpRequest, obj: ThrottleRule) -> Mapping[str, Any]:
        return {"state_word": self.state(obj), "whom": self.whom(obj), "allowed": self.allowed(obj)}

    def service_save(
        self, request: HttpRequest, obj: ThrottleRule, form: Any, change: bool
    ) -> ThrottleRule:
        workspace = workspace_of(request)
        if workspace is None:
            raise Invalid("Choose a workspace first.")
        given = dict(form.cleaned_data)
        whom = self._agent(request, workspace, given.pop("agent"))
        return services.set_throttle(workspace, actor=actor_of(request), whom=whom, **given)

    def _agent(self, request: HttpRequest, workspace: Workspace, name: str) -> Agent | None:
        if not name:
            return None
        rows = Agent.objects.all().visible_to(actor_of(request))
        found = rows.filter(workspace=workspace, name__iexact=name).first()
        if found is None:
            raise Invalid("No such agent.", details={"agent": ["No agent of this name here."]})
        return found

    @button(label="Lift", action="throttle.manage", reason=True, when=_ended)
    def lift(self, request: HttpRequest, obj: ThrottleRule, reason: str) -> str:
        services.lift_throttle(obj, actor=actor_of(request), reason=reason)
        return "Lifted."
