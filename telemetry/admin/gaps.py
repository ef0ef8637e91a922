"""Gaps: what audits found wrong and what keeps the next deployment from starting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.linking import url_of
from controlplane.base.admin.questions import named
from controlplane.base.web import actor_of
from telemetry.audits import RULES
from telemetry.audits.asking import audit_now
from telemetry.models import AuditRun, Gap
from telemetry.shown import audits as shown

FOUND_BY = 20
_RUNS = (
    ("what", "Audit"),
    ("total", "Events", "number"),
    ("signed", "Signed"),
    ("at", "When", "when"),
)


def _about(gap: Gap) -> str:
    return gap.about or gap.rule


@admin.register(Gap)
class GapAdmin(ModelAdmin[Gap]):
    view_action = "telemetry.view"
    list_name = "Telemetry gaps"
    about = shown.BLOCKS + " An audit that no longer finds one closes it."
    tabs = (("Open", "status__exact=open"), ("Closed", "status__exact=closed"), ("All", "view=all"))
    empty = "No gap is open."
    empty_hint = (
        "Nothing keeps a deployment from starting here. manage.py audit_telemetry looks again."
    )
    list_display = (
        "what", "status", "rule", "text", "total", "first_seen", "last_seen", "reference",
    )  # fmt: skip
    phone_columns = ("status", "last_seen")
    list_filter = ("status", named("Rule", "rule", "rule"))
    search_fields = ("about", "text", "item")
    labels = {
        "text": "What is wrong",
        "total": "Events",
        "first_seen": "Since",
        "last_seen": "Last found",
        "rule": "Rule",
        "closed_at": "Closed",
        "run": "Last found by",
    }
    head_state = "status"
    head_clocks = ("first_seen",)
    fields = (
        "status", "question", "reference", "total", "first_seen", "last_seen", "closed_at", "run",
    )  # fmt: skip
    panel_template = "telemetry/panel_gap.html"
    change_form_template = "telemetry/row.html"
    in_palette = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Gap]:
        return super().get_queryset(request).select_related("workspace", "run")

    def heading(self, obj: Gap) -> str:
        return f"{obj.rule}: {_about(obj)}"

    @admin.display(description="About", ordering="about")
    def what(self, gap: Gap) -> str:
        return _about(gap)

    @admin.display(description="Work item", ordering="item")
    def reference(self, gap: Gap) -> str:
        return gap.item

    @admin.display(description="Asked")
    def question(self, gap: Gap) -> str:
        rule = RULES.get(gap.rule)
        return f"{gap.rule}: {rule.title}" if rule else gap.rule

    def panel_context(self, request: HttpRequest, obj: Gap) -> Mapping[str, Any]:
        runs = _found_by(obj)
        run: AuditRun = obj.run
        rule = RULES.get(obj.rule)
        return {
            "asked": rule.title if rule else "",
            "blocks": shown.BLOCKS if obj.status == Gap.Status.OPEN else "",
            "events_url": shown.events_url(
                obj.rule, obj.about, obj.workspace, run.since, run.until
            ),
            "stretch": (run.since, run.until),
            "run_columns": _RUNS,
            "run_rows": [_run_row(run, obj, actor_of(request)) for run in runs],
            "details": obj.details,
        }

    @button(label="Audit now", action="telemetry.audit")
    def look_again(self, request: HttpRequest, obj: Gap, reason: str) -> HttpResponse | str:
        run = audit_now(obj.workspace, actor=actor_of(request))
        if not isinstance(run, AuditRun):
            messages.success(request, "It has begun. This page shows how far it is.")
            return HttpResponseRedirect(url_of(run, actor_of(request)))
        obj.refresh_from_db()
        if obj.status == Gap.Status.OPEN:
            return "The audit found it again." if obj.run_id == run.pk else "It could not be asked."
        return "The audit no longer finds it: it is closed."


def _found_by(gap: Gap) -> list[AuditRun]:
    """The newest audits that found it, by what they wrote down."""
    told = [{"rule": gap.rule, "gaps": [{"about": gap.about}]}]
    rows = AuditRun.objects.of(gap.workspace_id).filter(rules__contains=told)
    return list(rows[:FOUND_BY])


def _run_row(run: AuditRun, gap: Gap, actor: Any) -> dict[str, Any]:
    totals = [
        found.get("total")
        for line in run.rules
        if line.get("rule") == gap.rule
        for found in line.get("gaps", ())
        if found.get("about") == gap.about
    ]
    return {
        "what": str(run),
        "total": totals[0] if totals else None,
        "signed": "yes" if run.signed_at else "not yet",
        "at": run.finished_at,
        "_url": url_of(run, actor),
    }
