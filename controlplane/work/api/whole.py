"""The graph as a whole: projects, loops, numbers, activity, what CI said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet, PresenceFilter
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from controlplane.work import services
from controlplane.work.api import examples, forms
from controlplane.work.api.common import asked_project, item_named, projects_of
from controlplane.work.models import CheckResult, ItemEvent, Project
from controlplane.work.services import counting, cycles


class ProjectRow(StrictSerializer):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="Keys begin with it: bd-a1f.")
    description = serializers.CharField()
    ids = serializers.CharField(help_text="hash or sequence")
    is_operations = serializers.BooleanField(help_text="What the portal itself works with.")
    is_sandbox = serializers.BooleanField()
    custom_types = serializers.ListField(child=serializers.CharField())
    custom_statuses = serializers.DictField(help_text="status: category")
    epics_block_epics_only = serializers.BooleanField()
    update_may_close = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    archived_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class ProjectNew(StrictSerializer):
    name = serializers.CharField(max_length=80)
    prefix = serializers.CharField(max_length=40)
    ids = serializers.ChoiceField(choices=Project.Ids.choices, default=Project.Ids.HASH.value)
    description = serializers.CharField(max_length=500, default="", allow_blank=True)


class ProjectChange(StrictSerializer):
    name = serializers.CharField(max_length=80, required=False)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    ids = serializers.ChoiceField(choices=Project.Ids.choices, required=False)
    epics_block_epics_only = serializers.BooleanField(required=False)
    update_may_close = serializers.BooleanField(required=False)
    archived = serializers.BooleanField(required=False)


class ProjectFilter(PortalFilterSet):
    sandbox = BooleanFilter(field_name="is_sandbox")
    operations = BooleanFilter(field_name="is_operations")
    archived = PresenceFilter(field_name="archived_at", exclude=True)
    prefix = django_filters.CharFilter(lookup_expr="iexact", max_length=40)

    class Meta:
        model = Project
        fields: list[str] = []


class ProjectsView(ListView):
    """Graphs of the workspace, each with its prefix. Of sandboxes one's own."""

    actions = {"GET": "work.view", "POST": "work.start_project"}
    output = ProjectRow
    inputs = {"POST": ProjectNew}
    outputs = {"POST": ProjectRow}
    filterset = ProjectFilter
    sorts = {"oldest": ("pk",), "name": ("name", "pk")}
    tags = ["work"]
    examples = {
        "GET": examples.page(examples.PROJECT),
        "POST": {"name": "Website", "prefix": "web"},
    }

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return projects_of(request)

    def post(self, request: Any) -> HttpResponse:
        """Start a project"""
        project = services.create_project(
            request.workspace, actor=request.actor, **self.read(request)
        )
        return created(self.show(project), f"{request.path}/{project.uid}")


class ProjectView(DetailView):
    """One project."""

    actions = {"GET": "work.view", "PATCH": "work.manage"}
    output = ProjectRow
    inputs = {"PATCH": ProjectChange}
    outputs = {"PATCH": ProjectRow}
    version = ("version",)
    if_match = {"PATCH": "optional"}
    tags = ["work"]
    examples = {"GET": examples.PROJECT, "PATCH": {"update_may_close": False}}

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return projects_of(request)

    def patch(self, request: Any, uid: Any) -> HttpResponse:
        """Configure a project"""
        project = self.object(request, {"uid": uid})
        values = self.read(request)
        archived = values.pop("archived", None)
        if values:
            project = services.change_project(
                project, actor=request.actor, version=project.version, **values
            )
        if archived is not None:
            project = services.archive_project(project, actor=request.actor, archived=archived)
        return JsonAnswer(self.show(project))


# --- Loops and numbers ------------------------------------------------------------------------


class CycleItem(StrictSerializer):
    key = serializers.CharField()
    title = serializers.CharField()
    status = serializers.CharField()


class Cycles(StrictSerializer):
    items = serializers.ListField(child=CycleItem(many=True))


class CyclesView(PortalAPIView):
    """Items that stand before one another in a circle

    None are let in; this looks at the stored edges all the same.
    """

    actions = {"GET": "work.view"}
    outputs = {"GET": Cycles}
    query = ("project",)
    tags = ["work"]
    examples = {"GET": {"items": []}}

    def get(self, request: Any) -> HttpResponse:
        named = request._request.GET.get("project")
        found = cycles.cycles(request.workspace, asked_project(request) if named else None)
        shown = [
            [{"key": item.key, "title": item.title, "status": item.status} for item in loop]
            for loop in found
        ]
        return JsonAnswer({"items": shown})


class Stats(StrictSerializer):
    total_issues = serializers.IntegerField()
    open_issues = serializers.IntegerField()
    in_progress_issues = serializers.IntegerField()
    closed_issues = serializers.IntegerField()
    blocked_issues = serializers.IntegerField()
    deferred_issues = serializers.IntegerField()
    pinned_issues = serializers.IntegerField()
    ready_issues = serializers.IntegerField()
    epics_eligible_for_closure = serializers.IntegerField()
    average_lead_time_hours = serializers.FloatField()
    recent_activity = serializers.DictField(child=serializers.IntegerField())


class StatsView(PortalAPIView):
    """How many items there are of what, in one project

    Of the operations project, unless `?project=` names another; `?assignee=` counts one person's.
    """

    actions = {"GET": "work.view"}
    outputs = {"GET": Stats}
    query = ("project", "assignee")
    tags = ["work"]
    examples = {
        "GET": {
            "total_issues": 40,
            "open_issues": 12,
            "in_progress_issues": 5,
            "closed_issues": 21,
            "blocked_issues": 4,
            "deferred_issues": 1,
            "pinned_issues": 1,
            "ready_issues": 8,
            "epics_eligible_for_closure": 1,
            "average_lead_time_hours": 30.5,
            "recent_activity": {"hours_tracked": 24, "issues_created": 3, "total_changes": 17},
        }
    }

    def get(self, request: Any) -> HttpResponse:
        project = asked_project(request)
        assignee = request._request.GET.get("assignee", "")
        found = counting.summary(project, assignee=assignee[:200])
        return JsonAnswer(found | {"recent_activity": counting.recent_activity(project)})


class ActivityFilter(PortalFilterSet):
    event_type = django_filters.CharFilter(field_name="kind", max_length=40)
    actor = django_filters.CharFilter(field_name="actor_name", max_length=200)
    since = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")

    class Meta:
        model = ItemEvent
        fields: list[str] = []


class ActivityView(ListView):
    """What happened to the workspace's items, newest first."""

    actions = {"GET": "work.view"}
    output = forms.ActivityRow
    filterset = ActivityFilter
    query = ("project",)
    sorts: ClassVar[Mapping[str, Any]] = {"newest": ("-pk",), "oldest": ("pk",)}
    tags = ["work"]
    examples = {
        "GET": examples.page({**examples.EVENT, "key": "bd-a1f", "title": examples.ITEM["title"]})
    }

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = ItemEvent.objects.visible_to(request.actor).of(request.workspace)
        if request._request.GET.get("project"):
            return rows.filter(item__project=asked_project(request))
        return rows.filter(item__project__is_sandbox=False)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return row | {"id": str(row["id"])}


# --- What CI said -----------------------------------------------------------------------------


class CheckRow(StrictSerializer):
    uid = serializers.UUIDField()
    repository = serializers.CharField(source="source.repository")
    kind = serializers.CharField()
    name = serializers.CharField()
    sha = serializers.CharField()
    branch = serializers.CharField()
    status = serializers.CharField()
    conclusion = serializers.CharField()
    passed = serializers.SerializerMethodField(help_text="Null while it runs.")
    url = serializers.CharField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    updated_at = serializers.DateTimeField()

    def get_passed(self, row: object) -> bool | None:  # for the document; `shape` fills it in
        raise NotImplementedError


class CheckFilter(PortalFilterSet):
    sha = django_filters.CharFilter(max_length=64)
    branch = django_filters.CharFilter(max_length=300)
    name = django_filters.CharFilter(max_length=300)
    kind = django_filters.CharFilter(max_length=30)
    status = django_filters.CharFilter(max_length=30)
    conclusion = django_filters.CharFilter(max_length=30)
    repository = django_filters.CharFilter(
        field_name="source__repository", lookup_expr="iexact", max_length=200
    )
    item = django_filters.CharFilter(method="by_item", max_length=120, help_text="key")

    class Meta:
        model = CheckResult
        fields: list[str] = []

    def by_item(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(items=item_named(self.request, value))


class ChecksView(ListView):
    """The newest word of each check about each commit."""

    actions = {"GET": "work.view"}
    output = CheckRow
    filterset = CheckFilter
    sorts: ClassVar[Mapping[str, Any]] = {"newest": ("-updated_at", "-pk")}
    tags = ["work"]
    examples = {"GET": examples.page({k: v for k, v in examples.CHECK.items() if k != "items"})}

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return CheckResult.objects.visible_to(request.actor).of(request.workspace)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        done = row["status"] == "completed"
        return row | {"passed": row["conclusion"] in CheckResult.GOOD if done else None}
