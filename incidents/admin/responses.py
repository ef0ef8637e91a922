"""Response policies: what happens by itself when an incident opens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from controlplane.access import policy
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.web import actor_of
from incidents.admin.common import WordsField, chosen, is_look, look
from incidents.models import Incident, ResponsePolicy
from incidents.response import responding
from incidents.response.kinds import KINDS

KEEP = responding.KEEP
COLUMNS = (("label", "What"), ("target", "Of which"), ("said", "As things stand now"))


class ActionsField(forms.CharField):
    """One a line: `flag_off new-planner`, `rate_limit /api/v1/work* limit=5 minutes=10`."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(_line, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        return [_read(line) for line in str(value or "").splitlines() if line.strip()]

    def run_validators(self, value: Any) -> None:
        return

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or []))
        except ValidationError:
            return True


def _line(each: Mapping[str, Any]) -> str:
    how = " ".join(f"{name}={value}" for name, value in each.get("given", {}).items())
    return " ".join(part for part in (each["kind"], each["target"], how) if part)


def _read(line: str) -> dict[str, Any]:
    kind, *rest = line.split()
    known = [slug for slug, one in KINDS.items() if not one.recorded]
    if kind not in known:
        raise ValidationError(f"{kind}: one of {', '.join(known)}.")
    given: dict[str, Any] = {}
    words = []
    for part in rest:
        name, sign, value = part.partition("=")
        if sign and name.isidentifier():
            given[name] = int(value) if value.isascii() and value.isdigit() else value
        else:
            words.append(part)
    return {"kind": kind, "target": " ".join(words), "given": given}


def _switches(mode: str) -> Any:
    words = {"on": "It acts already.", "dry": "It only says so already.", "off": "It is off."}
    return lambda row: words[mode] if row.mode == mode else ""


@admin.register(ResponsePolicy)
class ResponsePolicyAdmin(ModelAdmin[ResponsePolicy]):
    view_action = "incident.view"
    add_action = KEEP
    change_action = KEEP
    about = "What happens by itself when an incident opens. Off, until somebody switches it on."
    empty = "Nothing happens by itself."
    empty_hint = (
        "Make one, look at what it would do, and switch it on: POST /api/v1/response-policies."
    )
    list_display = ("title", "mode", "means", "does")
    phone_columns = ("mode",)
    list_filter = ("mode", "category")
    list_select_related = ("service",)
    search_fields = ("title",)
    change_form_template = "incidents/form.html"
    panel_template = "incidents/panel_response.html"
    titled = True
    head_state = "mode"
    facts = ("mode", "severities", "category", "service", "only_alerts", "made_by", "created_at")
    labels = {
        "only_alerts": "Only of alerts", "made_by": "By the rights of", "mode": "By itself",
        "severities": "Severities", "does": "Does", "means": "Of which incidents",
    }  # fmt: skip
    add_fields = ("title", "severities", "category", "service", "only_alerts", "actions")
    edit_fields = add_fields
    fields = add_fields

    @admin.display(description="Of which incidents")
    def means(self, row: ResponsePolicy) -> str:
        told = [", ".join(row.severities) or "every severity"]
        if row.category:
            told.append(str(row.get_category_display()).lower())
        if row.service is not None:
            told.append(str(row.service.name))
        return "; ".join(told)

    @admin.display(description="Does")
    def does(self, row: ResponsePolicy) -> str:
        return "; ".join(map(_line, row.actions))[:200]

    def panel_context(self, request: HttpRequest, obj: ResponsePolicy) -> Mapping[str, Any]:
        if not policy.can(actor_of(request), KEEP, obj):
            return {"lines": [_line(each) for each in obj.actions], "rows": None}
        found = responding.preview(obj, actor=actor_of(request))
        return {"columns": COLUMNS, "rows": [_row(each) for each in found], "lines": []}

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **given: Any) -> Any:
        if db_field.name == "actions":
            return ActionsField(
                required=False, max_length=8_000, label="What is done",
                widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
                help_text="One a line: flag_off new-planner; pause_missions type:outreach;"
                " trip_breaker mail minutes=30; rate_limit /api/v1/work* limit=5 minutes=10;"
                " rollback DEP-12; wake_agent Name; block_item DEP-12;"
                " runbook_step postgres_pool/3.",
            )  # fmt: skip
        if db_field.name == "severities":
            return WordsField(help_text="As sev1, sev2. Empty: every one.")
        field: Any = super().formfield_for_dbfield(db_field, request, **given)
        if db_field.name == "category":
            field.choices = [("", "Every category"), *Incident.Category.choices]
        if db_field.name == "service":
            field.empty_label = "Every service"
        return field

    def service_save(
        self,
        request: HttpRequest,
        obj: ResponsePolicy,
        form: forms.ModelForm[ResponsePolicy],
        change: bool,
    ) -> ResponsePolicy:
        actor, given = actor_of(request), dict(form.cleaned_data)
        place = obj.workspace if change else chosen(request)
        if is_look(request):
            policy.require(actor, KEEP, place)
            seen = ResponsePolicy(workspace=place, actions=given["actions"])
            found = responding.preview(seen, actor=actor)
            raise look(request, _look([_row(each) for each in found]))
        row = ResponsePolicy.objects.get(pk=obj.pk) if change else None
        return responding.save(place, actor=actor, row=row, **given)

    @button(label="Let it act", action=KEEP, reason=True, when=_switches("on"),
            confirm="From now on it acts by itself when such an incident opens.")  # fmt: skip
    def act(self, request: HttpRequest, obj: ResponsePolicy, reason: str) -> str:
        responding.switch(obj, "on", actor=actor_of(request), reason=reason)
        return "It acts from now on."

    @button(label="Only say so", action=KEEP, reason=True, when=_switches("dry"))
    def only_say(self, request: HttpRequest, obj: ResponsePolicy, reason: str) -> str:
        responding.switch(obj, "dry", actor=actor_of(request), reason=reason)
        return "It only says what it would do."

    @button(label="Switch it off", action=KEEP, quiet=True, reason=True, when=_switches("off"))
    def off(self, request: HttpRequest, obj: ResponsePolicy, reason: str) -> str:
        responding.switch(obj, "off", actor=actor_of(request), reason=reason)
        return "It is off."


def _row(each: responding.Would) -> dict[str, Any]:
    return {"label": each.label, "target": each.target, "said": each.said}


def _look(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "sentence": f"{len(rows)} action{'' if len(rows) == 1 else 's'}, as things stand now.",
        "columns": COLUMNS, "rows": rows, "caption": "What it would do",
        "empty": "It does nothing.", "more": False,
    }  # fmt: skip
