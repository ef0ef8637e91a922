"""Health snapshots in the console."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from controlplane.access import policy
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.linking import names_by_ref
from controlplane.base.web import actor_of
from telemetry import snapshots
from telemetry.models import HealthSnapshot
from telemetry.querysets import INSTALLATION
from telemetry.snapshots.written import STATES, bound, number
from telemetry.web.common import workspace_shown

COLUMNS = (
    ("title", "Figure"),
    ("value", "Value"),
    ("bound", "Should be"),
    ("state", "State", "chip"),
    ("before", "Time before"),
)
# Red is for what needs somebody now, and this is the past.
TONES = {"good": "good", "warn": "warn", "bad": "warn"}


@admin.register(HealthSnapshot)
class HealthSnapshotAdmin(ModelAdmin[HealthSnapshot]):
    view_action = "telemetry.view"
    list_name = "Health snapshots"
    about = "What the key figures were and what they should have been, kept as it was seen then."
    tabs = (
        # On the first day nothing is daily yet, and what was taken at once is looked for here.
        ("All", "view=all"),
        ("Daily", "kind__exact=daily"),
        ("On demand", "kind__exact=demand"),
        ("For a record", "kind__exact=subject"),
    )
    empty = "No snapshot is here."
    empty_hint = "One is kept each night; POST /api/v1/telemetry/snapshots takes one at once."
    list_display = ("span", "state", "missed", "kind", "about_what", "taken_at")
    phone_columns = ("state", "taken_at")
    list_filter = ("state", "kind")
    labels = {"taken_at": "Taken", "starts_at": "From", "ends_at": "To"}
    fields = ("state", "starts_at", "ends_at", "kind", "taken_at", "taken_by", "about_what", "note")
    panel_template = "telemetry/panel_healthsnapshot.html"
    head_state = "state"
    head_clocks = ("taken_at",)
    in_palette = True

    def heading(self, obj: HealthSnapshot) -> str:
        return f"Health from {obj}"

    @admin.display(description="Of", ordering="starts_at")
    def span(self, snapshot: HealthSnapshot) -> str:
        return str(snapshot)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the name of the record that each was taken for."""
        found = super().get_changelist_instance(request)
        names = names_by_ref([row.subject for row in found.result_list], actor_of(request))
        for row in found.result_list:
            row.about = names.get(row.subject, "")
        return found

    def get_object(self, request: HttpRequest, *given: Any, **named: Any) -> Any:
        found: Any = super().get_object(request, *given, **named)
        if found is not None:
            names = names_by_ref([found.subject], actor_of(request))
            found.about = names.get(found.subject, "")
        return found

    @admin.display(description="For", ordering="subject")
    def about_what(self, snapshot: HealthSnapshot) -> str:
        return getattr(snapshot, "about", "") or snapshot.subject

    @admin.display(description="Missed")
    def missed(self, snapshot: HealthSnapshot) -> str:
        states = [figure["state"] for figure in snapshot.figures if not figure["installation"]]
        told = sum(state in TONES for state in states)
        if not told:
            return "no figure"
        return f"{sum(state in ('warn', 'bad') for state in states)} of {told} figures"

    def panel_context(self, request: HttpRequest, obj: HealthSnapshot) -> Mapping[str, Any]:
        sees = bool(policy.can(actor_of(request), INSTALLATION))
        found = snapshots.shown_figures(obj, installation=sees)
        counts = {state: sum(one["state"] == state for one in found) for state in STATES}
        return {
            "areas": [
                {"title": area, "rows": [_row(figure) for figure in some]}
                for area, some in groupby(found, key=lambda figure: figure["area"])
            ],
            "columns": COLUMNS,
            "counts": counts,
            "files": [
                (form.upper() if form == "json" else "Markdown", _file(obj, form))
                for form in ("md", "json")
            ],
        }

    @button(
        label="Take one now",
        action="telemetry.snapshot",
        place="list",
        reason=True,
    )
    def take_now(self, request: HttpRequest, reason: str) -> str:
        workspace = workspace_shown(request)
        if workspace is None:
            return "Choose a workspace first."
        taken = snapshots.take(workspace, actor=actor_of(request), note=reason)
        return f"Taken of {workspace.name}: {taken.get_state_display().lower()}."


def _file(snapshot: HealthSnapshot, form: str) -> str:
    return reverse("telemetry:snapshot_file", args=[snapshot.uid, form])


def _row(figure: Mapping[str, Any]) -> dict[str, Any]:
    state = str(figure["state"])
    return {
        "title": figure.get("note") or figure["title"],
        "value": number(figure["value"], figure["unit"]),
        "bound": bound(figure),
        "state": {"text": STATES.get(state, ""), "tone": TONES.get(state, "neutral")},
        "before": number(figure["before"], figure["unit"]),
    }
