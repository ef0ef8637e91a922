"""Alert rules: how each stands, what it asks, what it would have done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Case, F, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.buttons import Button
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid
from telemetry.admin.rule_forms import HELP, field_for
from telemetry.models import AlertRule, RuleState
from telemetry.rules import drawn, services, shipped, vocabulary
from telemetry.rules.preview import USUAL, preview
from telemetry.rules.services import FIELDS, adopting
from telemetry.web.common import workspace_shown

MANAGE = "telemetry.manage_rules"
# Spans that may be left empty in the form and are 0 then.
_ZERO = ("for_s", "resolve_for_s")
_GRAVITY = Case(
    When(severity="critical", then=Value(0)), When(severity="info", then=Value(2)), default=Value(1)
)
_WORST_FIRST = (F("standing_rank").asc(nulls_last=True), _GRAVITY, "title", "pk")
PARTS = (
    ("What it asks", ("title", "about", "severity", "measure", "group_by", "filters")),
    ("The limit", ("comparison", "against", "threshold", "multiple", "floor", "min_sample")),
    ("Time", ("window_s", "for_s", "resolve_for_s", "no_data")),
    (
        "Who is told, and what follows",
        (
            "notify_roles",
            "ack_within_s",
            "escalate_after_s",
            "escalate_to",
            "hooks",
            "labels",
            "runbook",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class HereButton(Button):
    """What is done in one's own workspace with a rule all share: a role there is enough, and the
    service asks for the workspace it acts on."""

    def subject(self, obj: Any) -> Any:
        return obj if getattr(obj, "workspace_id", None) else None

    def refusal(self, actor: Any, obj: Any = None) -> str:
        decision = policy.can(actor, self.action, HereButton.subject(self, obj))
        if not decision:
            return decision.reason
        return self.when(obj) if self.when is not None and obj is not None else ""


def here(handler: Any) -> Any:
    given: Button = handler.portal_button
    values = {name: getattr(given, name) for name in Button.__slots__}
    handler.portal_button = HereButton(**values)
    return handler


def _own(rule: AlertRule) -> str:
    return "" if rule.workspace_id else "It is shipped, for every workspace."


def _shared(rule: AlertRule) -> str:
    if rule.workspace_id:
        return "It is this workspace's own."
    return "" if rule.scope == "workspace" else "It is about the installation."


def _unchanged(rule: AlertRule) -> str:
    if rule.slug not in shipped.RULES:
        return "Nothing of this slug was shipped."
    untouched = rule.workspace_id is None and adopting.is_untouched(rule)
    return "It is as it was shipped." if untouched else ""


def _on(rule: AlertRule) -> str:
    return "" if rule.is_active else "It is off."


def _off(rule: AlertRule) -> str:
    return "It is on." if rule.is_active else ""


def _standing(status: str) -> Any:
    return lambda rows: rows.filter(standing=status, is_active=True)


@admin.register(AlertRule)
class AlertRuleAdmin(ModelAdmin[AlertRule]):
    list_name = "Alert rules"
    view_action = "telemetry.view"
    change_action = MANAGE
    add_action = MANAGE
    about = "Questions that are asked of the measures every 15 seconds."
    tabs = (
        ("In force", "is_active__exact=1"),
        ("Firing", "standing=firing"),
        ("Own", "whose=own"),
        ("Off", "is_active__exact=0"),
        ("All", "view=all"),
    )
    empty = "No rule is here."
    empty_hint = (
        "The shipped rules come with the first evaluation; POST /api/v1/telemetry/rules adds one."
    )
    list_display = ("name", "state", "severity", "limit", "last_fired", "holds")
    phone_columns = ("state", "severity")
    list_filter = (
        "severity",
        "is_active",
        question(
            "State",
            "standing",
            {
                "firing": ("Firing", _standing("firing")),
                "pending": ("Pending", _standing("pending")),
                "no_data": ("No data", _standing("no_data")),
                "error": ("Error", _standing("error")),
                "ok": ("OK", _standing("ok")),
            },
        ),
        question(
            "Whose",
            "whose",
            {
                "own": ("The workspace's own", lambda rows: rows.exclude(workspace=None)),
                "shipped": (
                    "Shipped",
                    lambda rows: rows.filter(workspace=None, scope="workspace"),
                ),
                "installation": (
                    "The installation",
                    lambda rows: rows.filter(scope="installation"),
                ),
            },
        ),
    )
    search_fields = ("slug", "title", "measure", "about")
    list_per_page = 100
    labels = {
        "is_active": "Switched on",
        "about": "In a sentence",
        "group_by": "Split by",
        "filters": "Only of",
        "comparison": "Fires when it is",
        "against": "Compared with",
        "min_sample": "Least sample",
        "window_s": "Window",
        "for_s": "For",
        "resolve_for_s": "Resolved after",
        "notify_roles": "Told beside whoever is on call",
        "ack_within_s": "To be acknowledged within",
        "escalate_after_s": "Escalated after",
        "escalate_to": "Escalated to",
        "hooks": "What follows",
    }
    in_palette = True
    panel_template = "telemetry/panel_alertrule.html"
    change_form_template = "telemetry/rule_form.html"
    head_state = "state"
    head_severity = "severity"
    facts = (
        "state", "severity", "measured", "asked", "silence", "holds", "told", "follows",
        "runbook_slug", "slug", "version",
    )  # fmt: skip
    edit_fields = FIELDS
    add_fields = ("slug", *FIELDS)

    # --- Rows ---------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> Any:
        vars(request)["rules_ranked"] = False
        rows: Any = super().get_queryset(request)
        chosen = workspace_of(request)
        match = request.resolver_match
        if chosen is not None and match is not None and str(match.url_name).endswith("changelist"):
            rows = rows.shown_in(chosen.pk)
        place = chosen.pk if chosen is not None else None
        vars(request)["rules_ranked"] = True
        rows = rows.select_related("workspace").with_standing(actor_of(request), place)
        return rows.order_by(*_WORST_FIRST)

    def get_ordering(self, request: HttpRequest) -> Any:
        """What fires stands first. Only once the rows carry how they stand."""
        return _WORST_FIRST if vars(request).get("rules_ranked") else ()

    @admin.display(description="Rule", ordering="title")
    def name(self, rule: AlertRule) -> str:
        return rule.title

    @admin.display(description="State")
    def state(self, rule: AlertRule) -> str:
        if not rule.is_active:
            return "off"
        found = getattr(rule, "standing", None)
        return RuleState.Status(found).label if found else "not looked at yet"

    @admin.display(description="Fires")
    def limit(self, rule: AlertRule) -> str:
        return f"{drawn.measure_title(rule)} {vocabulary.limit_words(rule, drawn.unit_of(rule))}"

    @admin.display(description="Last fired")
    def last_fired(self, rule: AlertRule) -> Any:
        return getattr(rule, "last_fired", None)

    @admin.display(description="Holds for")
    def holds(self, rule: AlertRule) -> str:
        if rule.scope == AlertRule.Scope.INSTALLATION:
            return "the installation"
        return rule.workspace.name if rule.workspace is not None else "every workspace"

    # --- A rule's page --------------------------------------------------------------------------

    @admin.display(description="Measure")
    def measured(self, rule: AlertRule) -> str:
        return drawn.measure_title(rule)

    @admin.display(description="Window")
    def asked(self, rule: AlertRule) -> str:
        return ", ".join(vocabulary.asked_of(rule))

    @admin.display(description="Without data")
    def silence(self, rule: AlertRule) -> str:
        return vocabulary.SILENCE[rule.no_data]

    @admin.display(description="Who is told")
    def told(self, rule: AlertRule) -> str:
        return "; ".join(["whoever is on call", *vocabulary.routing_words(rule)])

    @admin.display(description="What follows")
    def follows(self, rule: AlertRule) -> str:
        return "; ".join(vocabulary.hook_words(rule)) or "nothing more"

    @admin.display(description="Runbook")
    def runbook_slug(self, rule: AlertRule) -> str:
        return rule.runbook

    def panel_context(self, request: HttpRequest, obj: AlertRule) -> Mapping[str, Any]:
        """Of one workspace: figures of two are never added up."""
        place = _place(request, obj)
        if not drawn.may_see(actor_of(request), obj):
            return {"hidden": True}
        period = drawn.period_of(request.GET.get("period", ""))
        place_id = place.pk if place is not None else None
        return {
            "place": place,
            "now": drawn.standing(obj, place_id),
            "back": drawn.looked_back(obj, place_id, period),
            "periods": drawn.periods(period),
            "series_columns": drawn.SERIES_COLUMNS,
            "firing_columns": drawn.FIRING_COLUMNS,
            "changes": (did := drawn.changes(obj, place_id)),
            "change_columns": drawn.change_columns(did),
            "limit": self.limit(obj),
        }

    # --- The form -------------------------------------------------------------------------------

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **given: Any) -> Any:
        field = field_for(db_field.name)
        if field is not None:
            return field
        found = super().formfield_for_dbfield(db_field, request, **given)
        if found is not None and not found.help_text:
            found.help_text = HELP.get(db_field.name, "")
        return found

    def get_form(self, request: HttpRequest, *args: Any, **given: Any) -> Any:
        """The parts of the form are drawn apart."""
        form: Any = super().get_form(request, *args, **given)
        form.parts = property(_parts)
        return form

    def service_save(
        self, request: HttpRequest, obj: AlertRule, form: forms.ModelForm[AlertRule], change: bool
    ) -> AlertRule:
        data = dict(form.cleaned_data)
        for name in _ZERO:
            data[name] = data.get(name) or 0
        if "_preview" in request.POST:
            self._show_preview(request, obj, data)
        actor = actor_of(request)
        if change:
            return services.change_rule(obj, actor=actor, version=obj.version, **data)
        workspace = _chosen(request)
        return services.create_rule(workspace, actor=actor, **data)

    def _show_preview(self, request: HttpRequest, obj: AlertRule, data: Mapping[str, Any]) -> None:
        """What the form's values would have done. Nothing is saved: the page is drawn again."""
        place = _place(request, obj) if obj.pk else _chosen(request)
        policy.require(actor_of(request), MANAGE, obj if obj.pk and obj.workspace_id else place)
        rule = AlertRule(workspace=obj.workspace, scope=obj.scope, slug=obj.slug or "new")
        for name, value in data.items():
            setattr(rule, name, value)
        found = preview(rule, place.pk if place is not None else None, period=USUAL)
        request.rule_preview = drawn.drawn(found)  # type: ignore[attr-defined]
        raise Invalid("This is a preview; nothing was saved.")

    # --- Buttons --------------------------------------------------------------------------------

    @here
    @button(
        label="Change it for this workspace",
        action=MANAGE,
        when=_shared,
        confirm="The workspace gets a copy of its own, which takes the shipped rule's place here.",
    )
    def adapt(self, request: HttpRequest, rule: AlertRule, reason: str) -> HttpResponse:
        made = services.copy_rule(rule, _chosen(request), actor=actor_of(request))
        return HttpResponseRedirect(f"{self.object_url(made)}?edit=1")

    @here
    @button(
        quiet=True,
        label="Send a test alert",
        action=MANAGE,
        when=_on,
        confirm="An alert marked as a test goes the whole way: whoever is on call hears of it.",
    )
    def try_it(self, request: HttpRequest, rule: AlertRule, reason: str) -> str:
        services.try_rule(rule, _place(request, rule), actor=actor_of(request))
        return "Sent, and resolved at once. It is marked as a test."

    @button(quiet=True, label="Switch off", action=MANAGE, reason=True, when=_on)
    def switch_off(self, request: HttpRequest, rule: AlertRule, reason: str) -> str:
        services.switch_rule(rule, actor=actor_of(request), active=False, reason=reason)
        return "Off. What fired is resolved."

    @button(label="Switch on", action=MANAGE, when=_off)
    def switch_on(self, request: HttpRequest, rule: AlertRule, reason: str) -> str:
        services.switch_rule(rule, actor=actor_of(request), active=True)
        return "On. It is looked at within 15 seconds."

    @button(
        quiet=True,
        label="Back to what was shipped",
        action=MANAGE,
        confirm="What was changed is lost; a workspace's own rule gives way to the shipped one.",
        reason=True,
        when=_unchanged,
    )
    def reset(self, request: HttpRequest, rule: AlertRule, reason: str) -> HttpResponse:
        kept = services.reset_rule(rule, actor=actor_of(request), reason=reason)
        return HttpResponseRedirect(self.object_url(kept))

    @button(quiet=True, label="Remove", action=MANAGE, typed=True, reason=True, when=_own)
    def remove(self, request: HttpRequest, rule: AlertRule, reason: str) -> HttpResponse:
        services.remove_rule(rule, actor=actor_of(request), reason=reason)
        return HttpResponseRedirect(self._back(None))


def _parts(form: Any) -> list[tuple[str, list[Any]]]:
    """Its fields by heading; what has no heading stands first."""
    named = {name for _, names in PARTS for name in names}
    first = [form[name] for name in form.fields if name not in named]
    found = [("", first)] if first else []
    return [
        *found,
        *((title, [form[name] for name in names if name in form.fields]) for title, names in PARTS),
    ]


def _place(request: HttpRequest, rule: AlertRule) -> Workspace | None:
    if rule.scope == AlertRule.Scope.INSTALLATION:
        return None
    return rule.workspace if rule.workspace is not None else workspace_shown(request)


def _chosen(request: HttpRequest) -> Workspace:
    workspace = workspace_shown(request)
    if workspace is None:
        raise Invalid("Choose a workspace first.")
    return workspace


__all__ = ["AlertRuleAdmin"]
