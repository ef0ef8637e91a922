"""The history of flags: each change with its difference, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.web import actor_of
from deployments.flags import services
from deployments.flags.models import FlagChange
from deployments.flags.shown import history, links, segments


class OfFlag(admin.SimpleListFilter):
    """Of one flag; drawn only while it is asked, for a menu of all flags would be endless."""

    title = "Flag"
    parameter_name = "flag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = str(self.value() or "")
        row = self._row(model_admin.get_queryset(request), value)
        return [(value, row.flag.flag_name)] if row is not None else []

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = str(self.value() or "")
        if not value:
            return queryset
        return queryset.filter(flag__uid=value) if _is_uid(value) else queryset.none()

    def _row(self, rows: Any, value: str) -> Any:
        return rows.filter(flag__uid=value).first() if _is_uid(value) else None


def _is_uid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _undoable(change: FlagChange) -> str:
    undone = next(iter(change.undone.all()), None)
    if undone is not None:
        return "It was undone already."
    kinds = history.UNDONE_OTHERWISE
    if change.kind in kinds:
        return kinds[change.kind]
    return "The flag is archived." if change.flag.is_archived else ""


@admin.register(FlagChange)
class FlagChangeAdmin(ModelAdmin[FlagChange]):
    list_name = "Flag history"
    view_action = "flag.view"
    audited = False  # never touched after it was written
    keyed = True
    about = "Every change of every flag: who, why, and what was different afterwards."
    tabs = (("All", "view=all"), ("Kills", "kind__exact=kill"), ("By hand", "kind__exact=sql"))
    empty = "No flag was changed yet."
    empty_hint = "GET /api/v1/flags/changes lists what was."
    list_display = ("name", "what", "place", "done_by", "why", "at")
    phone_columns = ("what", "at")
    list_filter = (OfFlag, "kind", "environment")
    search_fields = ("flag__flag_name", "reason")
    labels = {"at": "When", "undoes": "Undoes", "item": "Work item"}
    panel_template = "flags/panel_change.html"
    change_form_template = "flags/row.html"
    head_clocks = ("at",)
    facts = ("what", "flag_link", "place", "done_by", "item", "undoes", "undone_by", "at", "uid")

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("flag", "environment", "undoes")
        return rows.prefetch_related("undone")

    def heading(self, obj: FlagChange) -> str:
        where = f" in {obj.environment.name}" if obj.environment is not None else ""
        return f"{obj.flag.flag_name}: {history.what(obj).lower()}{where}"

    @admin.display(description="Flag")
    def name(self, change: FlagChange) -> str:
        return change.flag.flag_name

    @admin.display(description="What")
    def what(self, change: FlagChange) -> str:
        return history.what(change)

    @admin.display(description="In")
    def place(self, change: FlagChange) -> str:
        return change.environment.name if change.environment is not None else "everywhere"

    @admin.display(description="Why")
    def why(self, change: FlagChange) -> str:
        return change.reason

    @admin.display(description="By")
    def done_by(self, change: FlagChange) -> str:
        return change.actor_ref

    @admin.display(description="Flag")
    def flag_link(self, change: FlagChange) -> Any:
        return change.flag

    @admin.display(description="Undone by")
    def undone_by(self, change: FlagChange) -> Any:
        return next(iter(change.undone.all()), None)

    def panel_context(self, request: HttpRequest, obj: FlagChange) -> Mapping[str, Any]:
        documents = [each for each in (obj.before, obj.after) if isinstance(each, dict)]
        names = segments.names(obj.workspace_id, documents)
        return {"line": history.line(obj, actor_of(request), obj.flag, names)}

    @button(
        label="Undo",
        action="flag.change",
        reason=True,
        when=_undoable,
        confirm="What this change made different goes back to what it was. Where others have"
        " changed the same since, it is refused.",
    )
    def undo(self, request: HttpRequest, change: FlagChange, reason: str) -> HttpResponse:
        services.undo(change, actor=actor_of(request), reason=reason)
        return HttpResponseRedirect(links.row(change.flag))
