"""Silences: what each holds back, until when and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from controlplane.access import policy
from controlplane.base.admin import ModelAdmin, button, question
from controlplane.base.web import actor_of
from controlplane.lib import clock
from controlplane.oncall.web.common import on_the_wall
from incidents.admin.common import MatchersField, chosen, is_look, look
from incidents.models import Alert, Silence
from incidents.routing import matching, silences

KEEP = "alert.silence"
_SHOWN = 50
COLUMNS = (("title", "Alert"), ("severity", "Severity", "severity"), ("labels", "Labels"),
           ("first_at", "First heard", "when"))  # fmt: skip


def _over(row: Silence) -> str:
    return "It is over." if row.ends_at <= clock.now() else ""


def state_of(row: Silence) -> str:
    return {"active": "in force", "pending": "planned", "expired": "over"}[silences.state_of(row)]


@admin.register(Silence)
class SilenceAdmin(ModelAdmin[Silence]):
    view_action = "alert.view"
    add_action = KEEP
    change_action = KEEP
    about = "Alerts that call nobody for a while. They are kept, and told after it if they last."
    tabs = (("In force", "when=now"), ("Planned", "when=planned"), ("Over", "when=over"),
            ("All", "view=all"))  # fmt: skip
    empty = "No silence is here."
    empty_hint = (
        "Make one before planned work; amtool silence add and POST /api/v1/silences do, too."
    )
    list_display = ("what", "state", "asks", "ends_at", "made_by_name", "origin")
    phone_columns = ("state", "ends_at")
    list_filter = (
        "origin",
        question("When", "when", {
            "now": ("In force", lambda rows: rows.in_force()),
            "planned": ("Planned", lambda rows: rows.coming()),
            "over": ("Over", lambda rows: rows.filter(ends_at__lte=clock.now())),
        }),
    )  # fmt: skip
    search_fields = ("comment", "made_by_name")
    in_palette = True
    change_form_template = "incidents/form.html"
    panel_template = "incidents/panel_silence.html"
    head_state = "state"
    head_clocks = ("ends_at",)
    head_owner = "made_by_name"
    facts = ("state", "asks", "starts_at", "ends_at", "origin", "made_by_name", "created_at",
             "changed_at")  # fmt: skip
    labels = {
        "starts_at": "Begins", "ends_at": "Ends", "made_by_name": "Made by", "origin": "Made how",
        "comment": "Why", "matchers": "Holds for alerts with", "changed_at": "Last changed",
    }  # fmt: skip
    add_fields = ("matchers", "starts_at", "ends_at", "comment")
    edit_fields = add_fields
    fields = add_fields

    @admin.display(description="Why")
    def what(self, row: Silence) -> str:
        return row.comment[:120]

    @admin.display(description="State")
    def state(self, row: Silence) -> str:
        return state_of(row)

    @admin.display(description="Holds for")
    def asks(self, row: Silence) -> str:
        return matching.words(row.matchers)

    def panel_context(self, request: HttpRequest, obj: Silence) -> Mapping[str, Any]:
        held = Alert.objects.firing().filter(silence=obj).order_by("-pk")
        rows = list(held[: _SHOWN + 1])
        return {
            "words": matching.words(obj.matchers), "is_over": bool(_over(obj)),
            "columns": COLUMNS, "rows": _rows(rows[:_SHOWN]), "more": len(rows) > _SHOWN,
        }  # fmt: skip

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **given: Any) -> Any:
        if db_field.name == "matchers":
            return MatchersField(
                help_text='Labels, with commas: service="agent", env!="dev", instance=~"db.*". '
                "Also severity, source and format."
            )
        if db_field.name == "comment":
            return forms.CharField(max_length=1_000, widget=forms.Textarea(attrs={"rows": 2}))
        found = super().formfield_for_dbfield(db_field, request, **given)
        if db_field.name == "starts_at" and found is not None:
            found.required = False
            found.help_text = "Empty: now."
        if db_field.name == "ends_at" and found is not None:
            found.initial = clock.now() + timedelta(hours=2)
        return found

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        on_the_wall(form, request, "starts_at", "ends_at")
        return form

    def service_save(
        self, request: HttpRequest, obj: Silence, form: forms.ModelForm[Silence], change: bool
    ) -> Silence:
        data, actor = form.cleaned_data, actor_of(request)
        if is_look(request):
            place = obj.workspace if change else chosen(request)
            policy.require(actor, KEEP, place)
            raise look(request, _look(Silence(workspace=place, matchers=data["matchers"])))
        if change:
            return silences.change_silence(obj, actor=actor, **_changed(data, obj))
        return silences.create_silence(chosen(request), actor=actor, **data)

    @button(label="An hour more", action=KEEP, when=_over)
    def extend(self, request: HttpRequest, obj: Silence, reason: str) -> str:
        ends = obj.ends_at + timedelta(hours=1)
        silences.change_silence(obj, actor=actor_of(request), ends_at=ends)
        return "It lasts an hour longer."

    @button(
        label="End it now", action=KEEP, quiet=True, reason=True, when=_over,
        confirm="What it holds back and fires still calls somebody within seconds.",
    )  # fmt: skip
    def end(self, request: HttpRequest, obj: Silence, reason: str) -> str:
        silences.end_silence(obj, actor=actor_of(request), reason=reason)
        return "It is over."


def _changed(data: Mapping[str, Any], row: Silence) -> dict[str, Any]:
    """A form says minutes: a time that reads the same was not touched."""
    found = {name: value for name, value in data.items() if value is not None}
    for name in ("starts_at", "ends_at"):
        if name in found and abs(found[name] - getattr(row, name)) < timedelta(minutes=1):
            del found[name]
    return found


def _look(row: Silence) -> dict[str, Any]:
    found = silences.matched(row)
    count = len(found)
    return {
        "sentence": f"{count:,} alert{'' if count == 1 else 's'} that fire now would be held back.",
        "columns": COLUMNS, "rows": _rows(found[:_SHOWN]), "caption": "What it would hold back",
        "empty": "Nothing that fires now.", "more": count > _SHOWN,
    }  # fmt: skip


def _rows(alerts: list[Alert]) -> list[dict[str, Any]]:
    return [
        {"title": row.title, "severity": row.get_severity_display(), "first_at": row.first_at,
         "labels": ", ".join(f"{name}={value}" for name, value in sorted(row.labels.items()))[:200],
         "_url": reverse("admin:incidents_alert_change", args=(row.uid,))}
        for row in alerts
    ]  # fmt: skip
