"""Saved queries: listing, saving, running."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api import etag
from controlplane.base.api.answers import JsonAnswer, created, nothing
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import PortalAPIView
from controlplane.lib.errors import Invalid
from telemetry import queries
from telemetry.api.series import FileSchema
from telemetry.api.series_question import FORMATS, SCOPE, Faults, answered, as_file, scope_of
from telemetry.models.rollups import DIMENSIONS
from telemetry.queries import LAST, Query


class ParameterForm(StrictSerializer):
    name = serializers.ChoiceField(choices=list(DIMENSIONS))
    label = serializers.CharField(max_length=80, required=False, allow_blank=True)  # type: ignore[assignment]
    default = serializers.CharField(max_length=80, required=False, allow_blank=True)
    options = serializers.ListField(
        child=serializers.CharField(max_length=80), max_length=50, required=False
    )


class QuestionForm(StrictSerializer):
    measures = serializers.ListField(child=serializers.CharField(max_length=60), max_length=8)
    group_by = serializers.CharField(
        max_length=20, required=False, allow_blank=True, help_text="A dimension, `time`, or empty."
    )
    filters = serializers.DictField(required=False, help_text="Dimension -> list of values.")
    window = serializers.ChoiceField(choices=list(queries.WINDOWS), required=False)
    step = serializers.CharField(max_length=3, required=False, allow_blank=True)
    parameters = ParameterForm(many=True, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=500, required=False)


class QueryForm(StrictSerializer):
    slug = serializers.CharField()
    title = serializers.CharField()
    about = serializers.CharField()
    runbook = serializers.CharField(help_text="The runbook that asks it; may be empty.")
    shipped = serializers.BooleanField(help_text="Part of the release: can't be changed.")
    installation = serializers.BooleanField(help_text="About the portal itself.")
    question = QuestionForm()
    version = serializers.IntegerField()


class QueriesForm(StrictSerializer):
    items = QueryForm(many=True)


class NewQuery(StrictSerializer):
    slug = serializers.SlugField(max_length=50)
    title = serializers.CharField(max_length=120)
    about = serializers.CharField(max_length=400, required=False, default="", allow_blank=True)
    question = QuestionForm()


class QueryChange(StrictSerializer):
    title = serializers.CharField(max_length=120, required=False)
    about = serializers.CharField(max_length=400, required=False, allow_blank=True)
    question = QuestionForm(required=False)


class ColumnForm(StrictSerializer):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    unit = serializers.CharField(allow_blank=True)


class TableForm(StrictSerializer):
    columns = ColumnForm(many=True)
    rows = serializers.ListField(child=serializers.ListField(), help_text="null: no data.")
    note = serializers.CharField(allow_blank=True)
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()


class QueriesView(PortalAPIView):
    """Questions that runbooks ask, and those the workspace saved."""

    actions = {"GET": "telemetry.view", "POST": queries.ACTION}
    inputs = {"POST": NewQuery}
    outputs = {"GET": QueriesForm, "POST": QueryForm}
    statuses = {"POST": 201}
    operation_ids = {"GET": "telemetry_queries_list"}
    tags = ["telemetry"]

    def get(self, request: Any) -> HttpResponse:
        found = queries.queries_of(request.actor, request.workspace)
        return answered(request, {"items": [_shown(each) for each in found]})

    def post(self, request: Any) -> HttpResponse:
        row = queries.create_query(request.workspace, actor=request.actor, **self.read(request))
        path = f"{request._request.path}/{row.slug}"
        return created(_shown(queries.as_query(row)), path)


class QueryView(PortalAPIView):
    """One question. The shipped ones can't be changed: save one of your own."""

    actions = {"GET": "telemetry.view", "PATCH": queries.ACTION, "DELETE": queries.ACTION}
    inputs = {"PATCH": QueryChange}
    outputs = {"GET": QueryForm, "PATCH": QueryForm}
    statuses = {"DELETE": 204}
    tags = ["telemetry"]

    def get(self, request: Any, slug: str) -> HttpResponse:
        found = queries.find(slug, request.actor, request.workspace)
        return answered(request, _shown(found))

    def patch(self, request: Any, slug: str) -> HttpResponse:
        row = queries.row_of(slug, request.actor, request.workspace)
        etag.require_match(request._request, etag.of(row.uid, row.version))
        changed = queries.change_query(
            row, actor=request.actor, version=row.version, **self.read(request)
        )
        return JsonAnswer(_shown(queries.as_query(changed)))

    def delete(self, request: Any, slug: str) -> HttpResponse:
        row = queries.row_of(slug, request.actor, request.workspace)
        queries.remove_query(row, actor=request.actor)
        return nothing()


class QueryResultView(PortalAPIView):
    """Run a question

    Its parameters are values of dimensions (`toolkit=hubspot,slack`); `last` asks for another
    window than its own; `scope=installation` about the portal itself; `format=csv` for a file.
    """

    schema = FileSchema()
    actions = {"GET": "telemetry.view"}
    outputs = {"GET": TableForm}
    query = (*DIMENSIONS, LAST, "format", SCOPE)
    tags = ["telemetry"]

    def get(self, request: Any, slug: str) -> HttpResponse:
        asked = request._request.GET
        faults = Faults()
        scope = scope_of(asked, faults)
        form = asked.get("format", "json")
        if form not in FORMATS:
            faults["format"] = "json or csv."
        faults.raise_any()
        workspace = None if scope == "installation" else request.workspace
        found = queries.find(slug, request.actor, request.workspace)
        params = {name: asked[name] for name in (*DIMENSIONS, LAST) if name in asked}
        empty = {name: "Must not be empty." for name, text in params.items() if not text.strip()}
        if empty:
            raise Invalid("The query is not valid.", details=empty)
        table = queries.run(found, request.actor, workspace, params)
        if form == "csv":
            return as_file(request._request, queries.as_csv(table), found.slug)
        return answered(request, queries.as_data(table))


def _shown(query: Query) -> dict[str, Any]:
    return {
        "slug": query.slug,
        "title": query.title,
        "about": query.about,
        "runbook": query.runbook,
        "shipped": query.shipped,
        "installation": query.installation,
        "question": query.question.as_data(),
        "version": query.version,
    }
