"""Rules of routing: which alert becomes what, and what a changed rule would have made of
yesterday's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from controlplane.access import policy
from controlplane.base.admin import ModelAdmin, button, question
from controlplane.base.web import actor_of, workspace_of
from incidents.admin.common import MatchersField, WordsField, chosen, is_look, look
from incidents.models import Incident, RoutingRule
from incidents.paging import policies
from incidents.records import levels
from incidents.routing import matching, rules, trying
from telemetry.admin.rule_forms import RolesField, SpanField
from telemetry.admin.rules import here

KEEP = "alert.route"
_HELP = {
    "position": "The lowest is asked first; the first that holds decides.",
    "matchers": 'Labels, with commas: service="agent", env=~"(?i)prod.*". Empty: every alert.',
    "severity": "Empty: as it was sent.",
    "level": "Of the incident it opens.",
    "policy": "Who is called; empty: whom the level says.",
    "group_by": "Labels that say what belongs together, with commas.",
    "tags": "Of the incident or work item, with commas.",
    "escalate_s": "Others are called if it fires still after: 10 min.",
    "investigate_s": "Somebody looks at the work item within: 1 h.",
    "resolve_after_s": "It is over when it was not said again for: 1 d. Empty: its sender says.",
    "flaps": "Fired so often within the time below, it is told once.",
    "flap_window_s": "1 h",
}
PARTS = (
    ("Which alerts", ("position", "matchers")),
    ("What becomes of them", ("opens", "severity", "level", "category", "group_by", "tags",
                              "item_priority")),
    ("Who is called", ("policy", "notify_roles", "governance", "escalate_s", "escalate_to")),
    ("Time", ("investigate_s", "resolve_after_s", "flaps", "flap_window_s")),
    ("Help", ("runbook", "advice")),
)  # fmt: skip
_SPANS = ("escalate_s", "investigate_s", "resolve_after_s", "flap_window_s")


def _shared(row: RoutingRule) -> str:
    return "It is this workspace's own." if row.workspace_id else ""


def _own(row: RoutingRule) -> str:
    return "" if row.workspace_id else "It is shipped, for every workspace."


def _on(row: RoutingRule) -> str:
    return _own(row) or ("" if row.is_active else "It is off.")


def _off(row: RoutingRule) -> str:
    return _own(row) or ("It is on." if row.is_active else "")


def _copied(row: RoutingRule) -> str:
    if not row.workspace_id:
        return "It is as it was shipped."
    there = RoutingRule.objects.filter(workspace=None, slug=row.slug).exists()
    return "" if there else "Nothing of this slug was shipped."


def _made(row: RoutingRule) -> str:
    return _own(row) or ("" if _copied(row) else "It is a copy: go back to what was shipped.")


@admin.register(RoutingRule)
class RoutingRuleAdmin(ModelAdmin[RoutingRule]):
    list_name = "Routing of alerts"
    view_action = "alert.view"
    add_action = KEEP
    change_action = KEEP
    about = "The first rule whose matchers all hold says what becomes of an alert."
    tabs = (
        ("In force", "is_active__exact=1"), ("Own", "whose=own"), ("Off", "is_active__exact=0"),
        ("All", "view=all"),
    )  # fmt: skip
    empty = "No rule is here."
    empty_hint = "The shipped ones come with the first alert; POST /api/v1/alert-rules adds one."
    list_display = ("name", "state", "position", "asks", "becomes", "holds")
    phone_columns = ("state", "becomes")
    list_filter = (
        "opens", "is_active",
        question("Whose", "whose", {
            "own": ("The workspace's own", lambda rows: rows.exclude(workspace=None)),
            "shipped": ("Shipped", lambda rows: rows.filter(workspace=None)),
        }),
    )  # fmt: skip
    search_fields = ("slug", "title", "about")
    list_per_page = 100
    in_palette = True
    change_form_template = "incidents/form.html"
    panel_template = "incidents/panel_rule.html"
    head_state = "state"
    facts = ("state", "position", "becomes", "whom", "after", "holds", "runbook", "slug",
             "version")  # fmt: skip
    labels = {
        "opens": "It", "position": "Place", "matchers": "Alerts with", "about": "In a sentence",
        "severity": "Severity", "level": "Level", "policy": "Policy of escalation",
        "notify_roles": "Told besides", "group_by": "Grouped by", "governance": "Tell governance",
        "item_priority": "Priority of the work item", "escalate_s": "Still firing after",
        "escalate_to": "Then called", "investigate_s": "Looked at within",
        "resolve_after_s": "Over after", "flaps": "Flaps", "flap_window_s": "Flaps within",
    }  # fmt: skip
    edit_fields = rules.FIELDS
    add_fields = ("slug", *rules.FIELDS)

    # --- Rows -----------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> Any:
        rows: Any = super().get_queryset(request)
        place, match = workspace_of(request), request.resolver_match
        if place is not None and match is not None and str(match.url_name).endswith("changelist"):
            rows = rows & RoutingRule.objects.in_force(place.pk)
        return rows.select_related("workspace")

    @admin.display(description="Rule", ordering="title")
    def name(self, row: RoutingRule) -> str:
        return row.title

    @admin.display(description="State")
    def state(self, row: RoutingRule) -> str:
        return "on" if row.is_active else "off"

    @admin.display(description="Alerts with")
    def asks(self, row: RoutingRule) -> str:
        return matching.words(row.matchers)

    @admin.display(description="Becomes")
    def becomes(self, row: RoutingRule) -> str:
        if row.opens == RoutingRule.Opens.INCIDENT:
            return f"incident {row.level}"
        words = {"item": "work item", "note": "note on the release", "nothing": "kept only"}
        return words[row.opens]

    @admin.display(description="Holds for")
    def holds(self, row: RoutingRule) -> str:
        return row.workspace.name if row.workspace is not None else "every workspace"

    @admin.display(description="Called")
    def whom(self, row: RoutingRule) -> str:
        roles = [policy.role_label(slug) for slug in row.notify_roles]
        by = f"by the policy {row.policy}" if row.policy else "whom the level says"
        return ", ".join([by if row.opens == "incident" else "whoever is on duty", *roles])

    @admin.display(description="After that")
    def after(self, row: RoutingRule) -> str:
        parts = []
        if row.escalate_s and row.escalate_to:
            parts.append(f"{policy.role_label(row.escalate_to)} after {row.escalate_s // 60:,} min")
        if row.investigate_s:
            parts.append(f"looked at within {row.investigate_s // 60:,} min")
        if row.resolve_after_s:
            parts.append(f"over {row.resolve_after_s // 3600:,} h after it was last said")
        return "; ".join(parts) or "nothing more"

    def panel_context(self, request: HttpRequest, obj: RoutingRule) -> Mapping[str, Any]:
        place = obj.workspace or workspace_of(request)
        listing = reverse("admin:incidents_alert_changelist")
        shadow = None
        if obj.workspace_id is None and place is not None:
            shadow = RoutingRule.objects.filter(workspace=place, slug=obj.slug).first()
        return {
            "words": matching.words(obj.matchers), "becomes": self.becomes(obj),
            "shadow": self.object_url(shadow) if shadow is not None else "",
            "alerts_url": listing, "place": place,
        }  # fmt: skip

    # --- The form -------------------------------------------------------------------------------

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **given: Any) -> Any:
        name, help_text = db_field.name, _HELP.get(db_field.name, "")
        if name == "matchers":
            return MatchersField(some=False, help_text=help_text)
        if name in {"group_by", "tags"}:
            return WordsField(help_text=help_text)
        if name in _SPANS:
            needed = name == "flap_window_s"
            return SpanField(required=needed, help_text=help_text, initial=3600 if needed else None)
        choices = self._choices(request, name)
        if name == "notify_roles":
            return RolesField(choices=choices, required=False)
        if choices:
            choices = [("", "—"), *choices]
            return forms.ChoiceField(choices=choices, required=False, help_text=help_text)
        found = super().formfield_for_dbfield(db_field, request, **given)
        if found is not None and help_text:
            found.help_text = help_text
        return found

    def _choices(self, request: HttpRequest, name: str) -> list[tuple[str, str]]:
        if name in {"notify_roles", "escalate_to"}:
            return sorted(
                ((slug, policy.role_label(slug)) for slug in policy.PEOPLE), key=lambda one: one[1]
            )
        if name == "category":
            return list(Incident.Category.choices)
        place = workspace_of(request)
        if place is None:
            return []
        if name == "level":
            return [(code, row.title) for code, row in levels.of(place.pk).items()]
        if name == "policy":
            return sorted((slug, row.title) for slug, row in policies.in_force(place.pk).items())
        return []

    def get_form(self, request: HttpRequest, *args: Any, **given: Any) -> Any:
        form: Any = super().get_form(request, *args, **given)
        form.parts = property(_parts)
        return form

    def service_save(
        self, request: HttpRequest, obj: RoutingRule, form: forms.ModelForm[RoutingRule],
        change: bool,
    ) -> RoutingRule:  # fmt: skip
        data, actor = dict(form.cleaned_data), actor_of(request)
        slug = data.pop("slug", "")
        if is_look(request):
            place = (obj.workspace if change else None) or chosen(request)
            policy.require(actor, KEEP, place)
            trial = rules.unsaved(place, obj if change else None, data)
            raise look(request, drawn(trying.try_rule(trial, place.pk)))
        if change:
            return rules.change_rule(obj, actor=actor, version=obj.version, **data)
        return rules.create_rule(chosen(request), slug, actor=actor, **data)

    # --- Buttons --------------------------------------------------------------------------------

    @here
    @button(
        label="Change it for this workspace", action=KEEP, when=_shared,
        confirm="The workspace gets a copy of its own, which takes the shipped rule's place here.",
    )  # fmt: skip
    def adapt(self, request: HttpRequest, obj: RoutingRule, reason: str) -> HttpResponse:
        made = rules.copy_rule(obj, chosen(request), actor=actor_of(request))
        return HttpResponseRedirect(f"{self.object_url(made)}?edit=1")

    @button(quiet=True, label="Switch off", action=KEEP, reason=True, when=_on)
    def switch_off(self, request: HttpRequest, obj: RoutingRule, reason: str) -> str:
        rules.switch_rule(obj, actor=actor_of(request), on=False, reason=reason)
        return "Off. The next rule that holds decides."

    @button(label="Switch on", action=KEEP, reason=True, when=_off)
    def switch_on(self, request: HttpRequest, obj: RoutingRule, reason: str) -> str:
        rules.switch_rule(obj, actor=actor_of(request), on=True, reason=reason)
        return "On, from the next alert."

    @button(
        quiet=True, label="Back to what was shipped", action=KEEP, reason=True, when=_copied,
        confirm="The workspace's copy goes, and the shipped rule holds again.",
    )  # fmt: skip
    def reset(self, request: HttpRequest, obj: RoutingRule, reason: str) -> HttpResponse:
        kept = rules.reset_rule(obj, actor=actor_of(request), reason=reason)
        return HttpResponseRedirect(self.object_url(kept))

    @button(quiet=True, label="Remove", action=KEEP, typed=True, reason=True, when=_made)
    def remove(self, request: HttpRequest, obj: RoutingRule, reason: str) -> HttpResponse:
        rules.remove_rule(obj, actor=actor_of(request), reason=reason)
        return HttpResponseRedirect(self._back(None))


def drawn(found: trying.Trial) -> dict[str, Any]:
    """A dry run as the form shows it: both fates side by side."""
    noun = "alert" if found.alerts == 1 else "alerts"
    return {
        "sentence": f"Of {found.alerts:,} {noun} of the last day this rule would decide "
        f"{found.matched:,}, and {found.changed:,} would fare otherwise.",
        "note": _note(found),
        "sums": [{"what": name, "now": now, "then": then} for name, now, then in found.rows],
        "sum_columns": (("what", "What"), ("now", "As it is", "number"),
                        ("then", "By this rule", "number")),
        "columns": (("alert", "Alert"), ("now", "As it is"), ("then", "By this rule")),
        "rows": [
            {"alert": each.alert.title, "now": _fate(each.now), "then": _fate(each.then),
             "_url": reverse("admin:incidents_alert_change", args=(each.alert.uid,))}
            for each in found.examples
        ],
        "caption": "Alerts that would fare otherwise", "empty": "None would fare otherwise.",
        "more": found.changed > len(found.examples),
    }  # fmt: skip


def _note(found: trying.Trial) -> str:
    parts = []
    if found.held_back:
        parts.append(f"{found.held_back:,} of them are held back, whatever a rule says.")
    if found.cut:
        parts.append("There were more than are looked at: the newest were.")
    return " ".join(parts)


def _fate(fate: trying.Fate) -> str:
    return f"{fate.severity}, {fate.words} ({fate.rule or 'no rule'})"


def _parts(form: Any) -> list[tuple[str, list[Any]]]:
    """Its fields by heading; what has no heading stands first."""
    named = {name for _, names in PARTS for name in names}
    first = [form[name] for name in form.fields if name not in named]
    parts = [(title, [form[each] for each in names if each in form.fields])
             for title, names in PARTS]  # fmt: skip
    return [("", first), *parts] if first else parts
