"""Runbooks as they hold here, and what was run of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.policy import role_label
from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.buttons import Place, ShownButton
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid
from controlplane.lib.lasting import lasted
from incidents.models import Runbook, RunbookRun
from incidents.runbooks import books, reading, running, shown, validating


def here(request: HttpRequest) -> Workspace | None:
    known: list[Workspace] = [*getattr(request, "workspaces", [])]
    return workspace_of(request) or (known[0] if len(known) == 1 else None)


def here_or_refuse(request: HttpRequest) -> Workspace:
    found = here(request)
    if found is None:
        raise Invalid("Choose the workspace it is for, at the top of the page.")
    return found


def _standings(request: HttpRequest, where: Workspace | None) -> list[validating.Standing]:
    """Asked for once, for the rows and for what stands above them."""
    if where is None:
        return []
    known: dict[int, list[validating.Standing]] = request.__dict__.setdefault("_standings", {})
    if where.pk not in known:
        known[where.pk] = validating.standings(where.pk)
    return known[where.pk]


def _of(code: str) -> Callable[[Any], Any]:
    return lambda rows: rows.filter(severity=code)


@admin.register(Runbook)
class RunbookAdmin(ModelAdmin[Runbook]):
    list_name = "Runbooks"
    view_action = "runbook.view"
    about = "What to do when something breaks: steps that the portal runs, and steps by hand."
    tabs = (("All", "view=all"),)
    empty = "No runbook yet."
    empty_hint = "The shipped ones appear with the first look."
    list_display = ["title", "state", "severity", "slug", "owner", "tried", "whose"]
    phone_columns = ("state", "severity")
    search_fields = ["title", "slug"]
    list_filter = (
        question("Severity", "severity", {code: (code.upper().replace("SEV", "SEV-"), _of(code))
                                          for code in reading.SEVERITIES}),
    )  # fmt: skip
    list_select_related = ["workspace", "current"]
    in_palette = True
    change_form_template = "incidents/runbooks/row.html"
    change_list_template = "incidents/runbooks/list.html"
    panel_template = "incidents/runbooks/panel.html"
    head_state = "state"
    head_severity = "severity"
    facts = (
        *("state", "severity", "owner", "slug", "aliases_", "services_", "labels_", "whose"),
        *("version_", "source_item", "replaced_by", "archived_at", "created_at", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "owner": "Looked after by", "tried": "Tried", "whose": "Whose", "aliases_": "Also called",
        "services_": "For services", "labels_": "For labels", "version_": "Version in force",
        "source_item": "Discovered from", "created_at": "Since", "state": "State",
        "archived_at": "Put away",
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        match = request.resolver_match
        if match is None or not str(match.url_name).endswith("changelist"):
            books.adopt()
        rows: Any = super().get_queryset(request)
        where = workspace_of(request)
        if where is not None:
            rows = rows.in_force(where.pk)
        return rows.select_related("workspace", "current", "replaced_by", "source_item")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With how each row stands, asked for once."""
        found = super().get_changelist_instance(request)
        if not found.result_count and books.adopt():  # the first look of all
            found = super().get_changelist_instance(request)
        where = here(request)
        known = {each.slug: each for each in _standings(request, where)}
        for row in found.result_list:
            row.standing = known.get(row.slug)
        return found

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        where = here(request)
        may = policy.can(actor_of(request), books.ACTION, where) if where is not None else None
        left = validating.unready(_standings(request, where))
        return {"may_write": bool(may), "left": left, "required": len(books.REQUIRED),
                "here": where}  # fmt: skip

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Runbook | None:
        row = super().get_object(request, object_id, from_field)
        where = here(request)
        if row is not None and where is not None and not hasattr(row, "standing"):
            known = {each.slug: each for each in _standings(request, where)}
            row.standing = known.get(row.slug)  # type: ignore[attr-defined]
        return row

    @admin.display(description="State")
    def state(self, obj: Runbook) -> str:
        return shown.state_of(obj, getattr(obj, "standing", None))

    @admin.display(description="Looked after by")
    def owner(self, obj: Runbook) -> str:
        return role_label(obj.owner_role)

    @admin.display(description="Tried")
    def tried(self, obj: Runbook) -> Any:
        standing: validating.Standing | None = getattr(obj, "standing", None)
        return standing.validated_at if standing is not None else None

    @admin.display(description="Whose")
    def whose(self, obj: Runbook) -> str:
        return obj.workspace.name if obj.workspace is not None else "shipped"

    @admin.display(description="Also called")
    def aliases_(self, obj: Runbook) -> str:
        return ", ".join(obj.aliases)

    @admin.display(description="For services")
    def services_(self, obj: Runbook) -> str:
        return ", ".join(obj.services)

    @admin.display(description="For labels")
    def labels_(self, obj: Runbook) -> str:
        return ", ".join(obj.labels)

    @admin.display(description="Version in force")
    def version_(self, obj: Runbook) -> int | None:
        return obj.current.number if obj.current is not None else None

    def panel_context(self, request: HttpRequest, obj: Runbook) -> Mapping[str, Any]:
        return shown.panel(obj, here(request), actor_of(request))

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        """Asked about the workspace and not about the row: a shipped one is everybody's."""
        if place != "detail" or obj is None:
            return super()._shown(request, place, obj)
        found = [_button(each) for each in shown.acts(obj, here(request), actor_of(request))]
        return sorted(found, key=lambda one: (bool(one.refusal), not one.primary))


def _button(act: shown.Act) -> ShownButton:
    return ShownButton(
        act.slug, f"{act.label}…" if act.leads else act.label, act.url, act.refusal, asks=False,
        primary=act.primary and not act.refusal, icon=act.icon, leads=act.leads,
    )  # fmt: skip


@admin.register(RunbookRun)
class RunbookRunAdmin(ModelAdmin[RunbookRun]):
    list_name = "Runbook runs"
    view_action = "runbook.view"
    about = "Runbooks that were worked through: who did which step, and what came of it."
    tabs = (("Running", "status__exact=running"), ("All", "view=all"))
    empty = "Nobody works through one."
    empty_hint = "Begin on the page of a runbook, or of an incident."
    keyed = True
    list_display = ["what", "status", "purpose", "incident_", "lasted", "started_at"]
    phone_columns = ("status", "started_at")
    list_filter = ("status", "purpose")
    list_select_related = ["runbook", "incident"]
    search_fields = ["runbook__slug", "runbook__title"]
    change_form_template = "incidents/runbooks/row.html"
    panel_template = "incidents/runbooks/run.html"
    head_state = "status"
    facts = (
        *("status", "purpose", "runbook", "version_", "incident_", "lasted", "started_by"),
        *("started_at", "ended_at", "ended_why", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "what": "Runbook", "incident_": "Incident", "lasted": "Took", "version_": "By version",
        "started_by": "Begun by", "started_at": "Begun", "ended_at": "Ended",
        "ended_why": "How it ended",
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        related = ("runbook", "incident__service", "text", "workspace", "drill")
        return super().get_queryset(request).select_related(*related)

    def heading(self, obj: RunbookRun) -> str:
        return obj.runbook.title

    @admin.display(description="Runbook")
    def what(self, obj: RunbookRun) -> str:
        return obj.runbook.title

    @admin.display(description="Incident")
    def incident_(self, obj: RunbookRun) -> str:
        return f"{obj.incident.ref} {obj.incident.title}"[:120] if obj.incident else ""

    @admin.display(description="By version")
    def version_(self, obj: RunbookRun) -> int:
        return obj.text.number

    @admin.display(description="Took")
    def lasted(self, obj: RunbookRun) -> Any:
        return lasted(obj.started_at, obj.ended_at)

    def panel_context(self, request: HttpRequest, obj: RunbookRun) -> Mapping[str, Any]:
        actor = actor_of(request)
        may = policy.can(actor, running.ACTION, obj)
        parts = shown.run_parts(obj)
        steps = [part["shown"] for part in parts if "shown" in part]
        return {
            "parts": parts,
            "open": obj.status == RunbookRun.Status.RUNNING and bool(may),
            "refusal": "" if may else may.reason,
            "done": sum(step.over for step in steps),
            "steps": len(steps),
            "following": next((step for step in steps if not step.over), None),
            "running": obj.status == RunbookRun.Status.RUNNING,
        }
