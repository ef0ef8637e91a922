"""Which measures there are."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import PortalAPIView
from telemetry.api.series_question import answered
from telemetry.measures import MEASURES, Measure


class MeasureForm(StrictSerializer):
    slug = serializers.CharField()
    title = serializers.CharField()
    about = serializers.CharField()
    area = serializers.CharField()
    unit = serializers.CharField()
    statistic = serializers.CharField()
    better = serializers.ChoiceField(choices=["higher", "lower", "neutral"])
    target = serializers.FloatField(allow_null=True, help_text="What it should be.")
    warn = serializers.FloatField(allow_null=True, help_text="Where a rule fires.")
    min_sample = serializers.IntegerField(help_text="Fewer are not judged.")
    events = serializers.ListField(
        child=serializers.CharField(), help_text="What it is made of; `*`: everything."
    )
    group_by = serializers.ListField(
        child=serializers.CharField(), help_text="What it can be split by."
    )
    installation = serializers.BooleanField(help_text="About the portal itself.")


class MeasuresForm(StrictSerializer):
    items = MeasureForm(many=True)


class MeasuresView(PortalAPIView):
    """Every figure there is, with what it should be

    Their slugs are what `/telemetry/series`, alert rules and saved queries name.
    """

    actions = {"GET": "telemetry.view"}
    outputs = {"GET": MeasuresForm}
    tags = ["telemetry"]

    def get(self, request: Any) -> HttpResponse:
        known = sorted(MEASURES.values(), key=lambda each: (each.area, each.slug))
        return answered(request, {"items": [_shown(each) for each in known]})


def _shown(measure: Measure) -> dict[str, Any]:
    return {
        "slug": measure.slug,
        "title": measure.title,
        "about": measure.about,
        "area": measure.area,
        "unit": measure.unit,
        "statistic": measure.statistic,
        "better": measure.better,
        "target": measure.target,
        "warn": measure.warn,
        "min_sample": measure.min_sample,
        "events": list(measure.events),
        "group_by": list(measure.groups),
        "installation": measure.installation,
    }
