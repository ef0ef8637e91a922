"""Figures along time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.schema import PortalSchema
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import PortalAPIView
from telemetry import measures
from telemetry.api import series_question
from telemetry.api.series_question import SCOPE, TIME, answered, as_file
from telemetry.measures import Series
from telemetry.measures.grains import name_of
from telemetry.models.rollups import DIMENSIONS
from telemetry.queries import csv_of, legacy


class PointForm(StrictSerializer):
    at = serializers.DateTimeField()
    value = serializers.FloatField(allow_null=True, help_text="null: nobody reported anything.")
    sample = serializers.IntegerField(help_text="What the figure stands on.")
    partial = serializers.BooleanField(  # type: ignore[assignment]
        help_text="The step has not ended yet."
    )


class LineForm(StrictSerializer):
    measure = serializers.CharField()
    title = serializers.CharField()
    unit = serializers.CharField()
    group = serializers.CharField(help_text="The value it is split by; empty: the whole.")
    points = PointForm(many=True)


class SeriesForm(StrictSerializer):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    step = serializers.ChoiceField(choices=list(measures.STEPS))
    group_by = serializers.CharField()
    left_out = serializers.IntegerField(help_text="Groups beyond the limit, the smallest.")
    series = LineForm(many=True)


class FileSchema(PortalSchema):
    """JSON, or a file where `format=csv`."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        bodies["200"]["content"]["text/csv"] = {"schema": {"type": "string"}}
        return bodies


class SeriesView(PortalAPIView):
    """Measures along time, for charts

    `measure` names up to 20, separated by commas. The window is `last` (15m, 1h, 6h, 24h, 7d, 30d,
    90d) or `start` and `end`; the last 24 hours by default. `step` is 1m, 5m, 15m, 1h, 6h or 1d;
    what suits the window by default. `group_by` splits by a dimension, and a dimension's own
    name narrows to some of its values: `toolkit=hubspot,slack`. `scope=installation` asks about
    the portal itself.
    """

    schema = FileSchema()
    actions = {"GET": "telemetry.view"}
    outputs = {"GET": SeriesForm}
    query = ("measure", *TIME, "step", "group_by", "format", SCOPE, *DIMENSIONS)
    tags = ["telemetry"]

    def get(self, request: Any) -> HttpResponse:
        asked = series_question.read(request)
        found = measures.series_many(
            asked.measures,
            asked.workspace_id,
            asked.start,
            asked.end,
            step=asked.step,
            group_by=asked.group_by,
            filters=asked.filters,
        )
        if asked.form == "csv":
            return as_file(request._request, _csv(found, asked.group_by), "series")
        return answered(request, _data(found, asked))


def _data(found: Mapping[str, Series], asked: series_question.Question) -> dict[str, Any]:
    step = asked.step or measures.step_for(asked.start, asked.end)
    return {
        "start": asked.start,
        "end": asked.end,
        "step": name_of(step),
        "group_by": asked.group_by,
        "left_out": max((each.left_out for each in found.values()), default=0),
        "series": [
            {
                "measure": each.measure.slug,
                "title": each.measure.title,
                "unit": each.measure.unit,
                "group": group,
                "points": [
                    {
                        "at": point.at,
                        "value": point.value,
                        "sample": point.sample,
                        "partial": point.partial,
                    }
                    for point in points
                ],
            }
            for each in found.values()
            for group, points in each.groups.items()
        ],
    }


def _csv(found: Mapping[str, Series], group_by: str) -> str:
    names = ["at", "measure", "unit", group_by or "group", "value", "sample", "partial"]
    old = group_by == "stage" and legacy.WANTED.value
    return csv_of([*names, "stage_legacy"] if old else names, _rows(found, old))


def _rows(found: Mapping[str, Series], old: bool) -> Iterator[list[Any]]:
    for each in found.values():
        for group, points in each.groups.items():
            more = [legacy.names_of(group)] if old else []
            for point in points:
                shown = [point.at, each.measure.slug, each.measure.unit, group]
                yield [*shown, point.value, point.sample, str(point.partial).lower(), *more]
