"""Projects: how each names its items, which words are its own, which rules hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse

from controlplane.base.admin import ModelAdmin, button, question
from controlplane.base.admin.linking import list_url
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid
from controlplane.work import services, vocabulary
from controlplane.work.admin.common import IDLE, Steps
from controlplane.work.models import Item, Project
from controlplane.work.shown.words import status_words

OWN = ("own_types", "own_statuses")
EDITED = ("name", "description", "ids", "epics_block_epics_only", "update_may_close")

Kind = question(
    "kind",
    "kind",
    {
        "used": ("In use", lambda rows: rows.in_use().shared()),
        "archived": ("Archived", lambda rows: rows.filter(archived_at__isnull=False)),
        "sandbox": ("Sandboxes", lambda rows: rows.filter(is_sandbox=True)),
    },
)


class ProjectForm(forms.ModelForm):  # type: ignore[type-arg]
    own_types = forms.CharField(
        label="Types of its own",
        required=False,
        max_length=3000,
        help_text="With commas between: migration, spike-week. Everybody's: "
        + ", ".join(vocabulary.TYPES)
        + ".",
    )
    own_statuses = forms.CharField(
        label="Statuses of its own",
        required=False,
        max_length=3000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One a line, with what it means to those who wait: in_review: wip. The meanings"
        " are active, wip, done and frozen; what is done holds nothing up.",
    )

    class Meta:
        model = Project
        fields = [*EDITED, "prefix"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.initial["own_types"] = ", ".join(self.instance.custom_types)
            self.initial["own_statuses"] = "\n".join(
                f"{status}: {meaning}" for status, meaning in self.instance.custom_statuses.items()
            )
        for name, words in (
            ("prefix", "What keys begin with. It stays as it is."),
            ("ids", "Keys that are there keep their form."),
            ("epics_block_epics_only", "An epic blocks epics, a task blocks tasks."),
            (
                "update_may_close",
                "Some tools close with an update of the status, which asks no guard. It is"
                " recorded as forced; switched off, it is refused.",
            ),
        ):
            if name in self.fields:
                self.fields[name].help_text = words
        if "update_may_close" in self.fields:
            self.fields["update_may_close"].label = "An update of the status may close"

    def clean_own_types(self) -> list[str]:
        return [part.strip() for part in self.cleaned_data["own_types"].split(",") if part.strip()]

    def clean_own_statuses(self) -> dict[str, str]:
        found = {}
        for line in self.cleaned_data["own_statuses"].replace(",", "\n").splitlines():
            status, _, meaning = line.partition(":")
            if status.strip():
                found[status.strip()] = meaning.strip() or "active"
        return found


def _not_archivable(project: Project) -> str:
    if project.archived_at is not None:
        return IDLE
    return "The portal itself works with it." if project.is_operations else ""


@admin.register(Project)
class ProjectAdmin(Steps, ModelAdmin[Project]):
    view_action = "work.view"
    add_action = "work.start_project"
    change_action = "work.manage"
    about = "Graphs of work, each with its own keys and words. Edges may cross them."
    tabs = (
        ("In use", "kind=used"),
        ("Archived", "kind=archived"),
        ("Sandboxes", "kind=sandbox"),
        ("All", "view=all"),
    )
    empty = "No project is like that."
    empty_hint = "bd init -p PREFIX starts one and points its folder at it."
    list_display = ["name", "state", "prefix", "keys", "unfinished", "ready_now", "created_at"]
    list_filter = (Kind,)
    search_fields = ["name", "prefix", "description"]
    in_palette = True
    form = ProjectForm
    add_fields = ("name", "prefix", "ids", "description")
    edit_fields = (*EDITED, *OWN)
    panel_template = "work/panel_project.html"
    change_form_template = "work/row.html"
    facts = (
        "state", "prefix", "keys", "epics_rule", "closing_rule", "sandbox_key", "created_at",
        "archived_at", "uid",
    )  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: Project | None = None) -> Any:
        if obj is None:
            return super().get_fieldsets(request, obj)
        return [(None, {"fields": [*self.edit_fields]})]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Counted for the rows of the page: over all of them it would read every item."""
        changelist = super().get_changelist_instance(request)
        shown = list(changelist.result_list)
        counted = (
            Item.objects.filter(project__in=[row.pk for row in shown])
            .order_by()
            .values("project")
            .annotate(
                unfinished=Count("pk", filter=~Q(category="done")),
                ready=Count("pk", filter=Q(status="open", blocked=False)),
            )
        )
        numbers = {row["project"]: row for row in counted}
        for row in shown:
            row.numbers = numbers.get(row.pk, {})
        changelist.result_list = shown
        return changelist

    @admin.display(description="State")
    def state(self, project: Project) -> str:
        if project.archived_at is not None:
            return "archived"
        if project.is_sandbox:
            return "sandbox"
        return "operations" if project.is_operations else "in use"

    @admin.display(description="Keys", ordering="ids")
    def keys(self, project: Project) -> str:
        """Without the choice's example: a key in a text is made a link, and that one leads
        nowhere."""
        return str(project.get_ids_display()).partition(" (")[0]

    @admin.display(description="Epics")
    def epics_rule(self, project: Project) -> str:
        return "block epics only" if project.epics_block_epics_only else "block anything"

    @admin.display(description="Closing")
    def closing_rule(self, project: Project) -> str:
        if project.update_may_close:
            return "also by an update of the status, recorded as forced"
        return "by close alone, which asks the guards"

    @admin.display(description="Not done")
    def unfinished(self, project: Project) -> int:
        return int(getattr(project, "numbers", {}).get("unfinished", 0))

    @admin.display(description="Ready")
    def ready_now(self, project: Project) -> int:
        return int(getattr(project, "numbers", {}).get("ready", 0))

    def panel_context(self, request: HttpRequest, obj: Project) -> Mapping[str, Any]:
        counted = dict(obj.items.order_by().values_list("status").annotate(Count("pk")))
        known = [*vocabulary.STATUSES, *obj.custom_statuses]
        asked = {"project": str(obj.uid)}
        return {
            "counts": [
                (
                    status_words(status),
                    counted[status],
                    list_url(Item, urlencode({**asked, "status": status})),
                )
                for status in known
                if counted.get(status)
            ],
            "total": sum(counted.values()),
            "board_url": f"{reverse('work:board')}?{urlencode(asked)}",
            "queue_url": f"{reverse('work:queue')}?{urlencode(asked)}",
            "items_url": list_url(Item, urlencode({**asked, "queue": "unfinished"})),
            "export_url": f"/api/v1/work/export?{urlencode(asked)}",
            "tasks_url": f"/api/v1/work/tasks.json?{urlencode(asked)}",
            "own_statuses": obj.custom_statuses.items(),
            "settings": sorted(obj.config.items()),
        }

    def service_save(
        self, request: HttpRequest, obj: Project, form: forms.ModelForm[Project], change: bool
    ) -> Project:
        actor, data = actor_of(request), dict(form.cleaned_data)
        types, statuses = data.pop("own_types", []), data.pop("own_statuses", {})
        if not change:
            workspace = workspace_of(request)
            if workspace is None:
                raise Invalid("Choose a workspace first.")
            return services.create_project(workspace, actor=actor, **data)
        project = services.change_project(obj, actor=actor, version=obj.version, **data)
        project = services.set_types(project, types, actor=actor)
        return services.set_statuses(project, statuses, actor=actor)

    @button(
        quiet=True,
        label="Archive",
        action="work.manage",
        confirm="Its items leave the queues. It can be taken back.",
        reason=True,
        when=_not_archivable,
    )
    def archive(self, request: HttpRequest, project: Project, reason: str) -> str:
        services.archive_project(project, actor=actor_of(request), archived=True, reason=reason)
        return "Archived."

    @button(
        label="Take out of the archive",
        action="work.manage",
        when=lambda project: "" if project.archived_at else IDLE,
    )
    def restore(self, request: HttpRequest, project: Project, reason: str) -> str:
        services.archive_project(project, actor=actor_of(request), archived=False)
        return "In use again."
