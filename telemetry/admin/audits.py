"""Telemetry audits in the console: what each asked, what it found, who has read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from controlplane.access import policy
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.linking import list_url
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of
from controlplane.lib import moments
from telemetry import audits
from telemetry.models import AuditRun, Gap
from telemetry.shown import audits as shown
from telemetry.web.common import onwards, workspace_shown

Signed = question(
    "Signed",
    "signed",
    {
        "no": ("Not yet", lambda rows: rows.filter(signed_at=None)),
        "yes": ("Yes", lambda rows: rows.exclude(signed_at=None)),
    },
)
TRIED = 12


@admin.register(AuditRun)
class AuditRunAdmin(ModelAdmin[AuditRun]):
    view_action = "telemetry.view"
    keyed = True
    list_name = "Telemetry audits"
    about = "Twelve questions over what was reported: is it there, whole, clean, as much as usual?"
    tabs = (
        ("To be signed", "signed=no"),
        ("With findings", "result__exact=findings"),
        ("Could not run", "result__exact=failed"),
        ("All", "view=all"),
    )
    empty = "No such audit."
    empty_hint = (
        "The job telemetry.audit runs one each Monday; POST /api/v1/telemetry/audits runs one now."
    )
    list_display = (
        "named", "outcome", "mode", "covered", "gaps", "events", "finished_at", "signed",
    )  # fmt: skip
    phone_columns = ("outcome", "finished_at")
    list_filter = ("result", "mode", Signed)
    labels = {
        "gaps": "Found",
        "since": "From",
        "until": "To",
        "signed_by": "Signed by",
        "note": "Note",
        "subject": "Made for",
        "started_by": "Begun by",
        "error": "What failed",
    }
    head_state = "outcome"
    head_clocks = ("finished_at",)
    fields = (
        "outcome", "mode", "since", "until", "started_by", "took", "finished_at",
        "subject", "signed_by", "signed_at", "note", "error",
    )  # fmt: skip
    list_panel_template = "telemetry/list_audit.html"
    panel_template = "telemetry/panel_audit.html"
    change_form_template = "telemetry/row.html"
    change_list_template = "telemetry/list.html"
    in_palette = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditRun]:
        return super().get_queryset(request).select_related("workspace")

    def heading(self, obj: AuditRun) -> str:
        ended = moments.utc(obj.finished_at)
        return f"{obj.get_mode_display()} of {obj.workspace.name}, {ended}"

    @admin.display(description="Audit")
    def named(self, run: AuditRun) -> str:
        return f"{run.since:%Y-%m-%d %H:%M} to {run.until:%Y-%m-%d %H:%M} UTC"

    @admin.display(description="Result", ordering="result")
    def outcome(self, run: AuditRun) -> str:
        return run.get_result_display()

    @admin.display(description="Coverage")
    def covered(self, run: AuditRun) -> str:
        return shown.coverage_words(run)

    @admin.display(description="Signed")
    def signed(self, run: AuditRun) -> Any:
        return run.signed_at or "not yet"

    @admin.display(description="Took")
    def took(self, run: AuditRun) -> timedelta:
        return run.finished_at - run.started_at

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        workspace = workspace_shown(request)
        if workspace is None:
            return {"workspace": None}
        last = AuditRun.objects.of(workspace.pk).exclude(mode=AuditRun.Mode.SPOT).first()
        decision = policy.can(actor_of(request), "telemetry.audit", workspace)
        return {
            "workspace": workspace,
            "last": last,
            "last_url": shown.run_url(last) if last else "",
            "covered": shown.coverage_words(last) if last else "",
            "open_gaps": audits.blocking_gaps(workspace.pk).count(),
            "gaps_url": list_url(Gap, "status__exact=open"),
            "ask_url": onwards(request, reverse("telemetry:audit_now")),
            "refusal": "" if decision else decision.reason,
        }

    def panel_context(self, request: HttpRequest, obj: AuditRun) -> Mapping[str, Any]:
        lines = shown.rule_lines(obj)
        before = AuditRun.objects.of(obj.workspace_id).filter(mode=obj.mode, pk__lte=obj.pk)
        return {
            "lines": lines,
            "found": [line for line in lines if line.gaps],
            "absent": shown.absent(obj),
            "asks_coverage": any(line.get("rule") == "T8" for line in obj.rules),
            "coverage_percent": None if obj.coverage is None else round(obj.coverage * 100, 1),
            "expected_note": f"of {obj.known}" if obj.known else "",
            "open_gaps": audits.blocking_gaps(obj.workspace_id).count(),
            "gaps_url": list_url(Gap, "status__exact=open"),
            "files": [
                (words, reverse("telemetry:audit_file", args=(obj.uid, form)))
                for words, form in (("Markdown", "md"), ("JSON", "json"))
            ],
            "tried": _tried(list(before[:TRIED])[::-1]),
        }

    @button(
        label="Sign",
        action="telemetry.sign_audit",
        confirm="You have read what it found. Say what you make of it: the note stays with the"
        " audit and in the log.",
        reason=True,
        when=lambda run: "it is signed already" if run.signed_at else "",
    )
    def sign(self, request: HttpRequest, obj: AuditRun, reason: str) -> str:
        audits.sign(obj, actor=actor_of(request), note=reason)
        return "Signed."


def _tried(runs: list[AuditRun]) -> dict[str, Any] | None:
    """How much was found, beside the ones before; nothing while there are none."""
    if len(runs) < 2:
        return None
    return {
        "kind": "bar",
        "title": "Found, beside those before it",
        "size": "small",
        "horizontal": False,
        "categories": [f"{run.finished_at:%d %b %H:%M}" for run in runs],
        "series": [{"name": "found", "values": [run.gaps for run in runs]}],
    }
