"""The governance check in the console: what it found, and each check with the marks it gave."""

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
from controlplane.base.admin.questions import named, question
from controlplane.base.web import actor_of
from missions import governance, links
from missions.governance.kinds import WHOLE
from missions.governance.running import title_of
from missions.models import GovernanceFinding, GovernanceRun, Mission
from missions.shown import governance as shown
from telemetry.web.common import onwards, workspace_shown

Signed = question(
    "Signed",
    "signed",
    {
        "no": ("Not yet", lambda rows: rows.filter(signed_at=None)),
        "yes": ("Yes", lambda rows: rows.exclude(signed_at=None)),
    },
)


@admin.register(GovernanceFinding)
class GovernanceFindingAdmin(ModelAdmin[GovernanceFinding]):
    view_action = "mission.view"
    list_name = "Governance"
    about = "What missions lack, by the rules of governance. What is mended closes itself."
    tabs = (("Open", "status__exact=open"), ("Closed", "status__exact=closed"), ("All", "view=all"))
    empty = "Nothing is missing."
    empty_hint = "Missions that execute are checked each quarter of an hour, all others on Mondays."
    list_display = ("what", "status", "rule", "text", "first_seen", "last_seen", "reference")
    phone_columns = ("text", "status")
    list_filter = ("status", named("Rule", "rule", "rule"))
    search_fields = ("about", "text", "item")
    labels = {
        "text": "What is missing",
        "first_seen": "Since",
        "last_seen": "Last found",
        "closed_at": "Closed",
        "run": "Last found by",
    }
    head_state = "status"
    head_clocks = ("first_seen",)
    fields = ("status", "question", "reference", "first_seen", "last_seen", "closed_at", "run")
    list_panel_template = "missions/governance/ask.html"
    panel_template = "missions/governance/finding.html"
    change_form_template = "missions/governance/row.html"
    change_list_template = "missions/governance/list.html"
    in_palette = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[GovernanceFinding]:
        return super().get_queryset(request).select_related("workspace", "run")

    def heading(self, obj: GovernanceFinding) -> str:
        return f"{obj.rule}: {_about(obj)}"

    @admin.display(description="About", ordering="about")
    def what(self, row: GovernanceFinding) -> str:
        return _about(row)

    @admin.display(description="Work item", ordering="item")
    def reference(self, row: GovernanceFinding) -> str:
        return row.item

    @admin.display(description="Asked")
    def question(self, row: GovernanceFinding) -> str:
        return f"{row.rule}: {title_of(row.rule)}"

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        workspace = workspace_shown(request)
        if workspace is None:
            return {"workspace": None}
        decision = policy.can(actor_of(request), "mission.check", workspace)
        last = GovernanceRun.objects.of(workspace).exclude(scope="mission").first()
        return {
            "workspace": workspace,
            "last": last,
            "last_url": shown.run_url(last) if last else "",
            "ask_url": onwards(request, reverse("missions:governance_now")),
            "refusal": "" if decision else decision.reason,
        }

    def panel_context(self, request: HttpRequest, obj: GovernanceFinding) -> Mapping[str, Any]:
        mission = None
        if obj.about != WHOLE:
            mission = Mission.objects.of(obj.workspace).filter(ref=obj.about).first()
        return {
            "asked": title_of(obj.rule),
            "mission": mission,
            "mission_url": links.page_of(mission) if mission else "",
            "run_url": shown.run_url(obj.run),
        }

    @button(label="Check again", action="mission.check")
    def look_again(self, request: HttpRequest, obj: GovernanceFinding, reason: str) -> str:
        actor, rows = actor_of(request), Mission.objects.of(obj.workspace)
        mission = rows.select_related("workspace", "owner").filter(ref=obj.about).first()
        if mission is None:
            governance.ask(obj.workspace, actor=actor)
            return "It is asked again, with all that is asked of the workspace."
        governance.check(obj.workspace, actor=actor, scope="mission", mission=mission)
        obj.refresh_from_db()
        if obj.status == GovernanceFinding.Status.OPEN:
            return "It was found again."
        return "It is not found any more: closed, with its work item."


def _about(row: GovernanceFinding) -> str:
    return "The workspace" if row.about == WHOLE else row.about


def _not_to_sign(run: GovernanceRun) -> str:
    if run.result == GovernanceRun.Result.ASKED:
        return "it is on its way"
    return "it is signed already" if run.signed_at else ""


@admin.register(GovernanceRun)
class GovernanceRunAdmin(ModelAdmin[GovernanceRun]):
    view_action = "mission.view"
    keyed = True
    list_name = "Governance checks"
    about = "Sixteen rules asked of missions: gates, signatures, evidence, undo, staffing."
    tabs = (
        ("Weekly", "scope__exact=active"),
        ("With findings", "result__exact=findings"),
        ("Could not run", "result__exact=failed"),
        ("All", "view=all"),
    )
    empty = "No such check."
    empty_hint = "The job missions.governance_weekly makes one each Monday."
    list_display = (
        "named", "outcome", "scope", "missions", "found", "finished_at", "signed",
    )  # fmt: skip
    phone_columns = ("outcome", "finished_at")
    list_filter = ("result", "scope", Signed)
    labels = {
        "signed_by": "Signed by",
        "note": "Note",
        "started_by": "Begun by",
        "missions": "Missions",
        "found": "Found",
        "error": "What failed",
    }
    head_state = "outcome"
    head_clocks = ("finished_at",)
    fields = (
        "outcome", "scope", "mission", "started_by", "took", "finished_at", "signed_by",
        "signed_at", "note", "error",
    )  # fmt: skip
    panel_template = "missions/governance/panel.html"
    change_form_template = "missions/governance/row.html"
    change_list_template = "missions/governance/list.html"
    in_palette = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[GovernanceRun]:
        return super().get_queryset(request).select_related("workspace", "mission")

    def heading(self, obj: GovernanceRun) -> str:
        which = obj.mission.ref if obj.mission is not None else obj.get_scope_display()
        return f"{which}, {obj.finished_at:%Y-%m-%d %H:%M}"

    @admin.display(description="Check")
    def named(self, run: GovernanceRun) -> str:
        return f"{run.started_at:%Y-%m-%d %H:%M}"

    @admin.display(description="Result", ordering="result")
    def outcome(self, run: GovernanceRun) -> str:
        return run.get_result_display()

    @admin.display(description="Signed")
    def signed(self, run: GovernanceRun) -> Any:
        return run.signed_at or "not yet"

    @admin.display(description="Took")
    def took(self, run: GovernanceRun) -> timedelta:
        return run.finished_at - run.started_at

    def panel_context(self, request: HttpRequest, obj: GovernanceRun) -> Mapping[str, Any]:
        open_rows = GovernanceFinding.objects.of(obj.workspace).filter(status="open")
        return {
            "lines": shown.rule_lines(obj),
            "table": shown.table(obj),
            "open_findings": open_rows.count(),
            "findings_url": reverse("admin:missions_governancefinding_changelist"),
        }

    @button(
        label="Sign",
        action="mission.sign_check",
        confirm="You have read what it found. Say what you make of it: the note stays with the"
        " check and in the log.",
        reason=True,
        when=_not_to_sign,
    )
    def sign(self, request: HttpRequest, obj: GovernanceRun, reason: str) -> str:
        governance.sign(obj, actor=actor_of(request), note=reason)
        return "Signed."
