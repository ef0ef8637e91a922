"""The matrix of escalation over the API."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import PortalAPIView
from incidents.support import matrix


class MatrixStep(StrictSerializer):
    after_s = serializers.IntegerField()
    targets = serializers.ListField(child=serializers.CharField())
    people = serializers.ListField(child=serializers.CharField())
    missing = serializers.ListField(child=serializers.CharField(), help_text="why nobody is there")


class MatrixInformed(StrictSerializer):
    role = serializers.CharField()
    people = serializers.ListField(child=serializers.CharField())
    missing = serializers.CharField(allow_blank=True)


class MatrixRow(StrictSerializer):
    priority = serializers.CharField()
    title = serializers.CharField()
    policy = serializers.CharField(help_text="slug of the policy that says the steps")
    steps = MatrixStep(many=True)
    informed = MatrixInformed(many=True)


class SupportMatrix(StrictSerializer):
    items = MatrixRow(many=True)


class SupportMatrixView(PortalAPIView):
    """Who is called for a ticket of each priority, and who is informed."""

    actions = {"GET": "incident.view"}
    outputs = {"GET": SupportMatrix}
    tags = ["Support"]

    def get(self, request: Any) -> HttpResponse:
        """As people of today; changed with the policies of escalation and the severity levels"""
        return JsonAnswer({"items": [_row(each) for each in matrix.of(request.workspace)]})


def _row(each: matrix.Row) -> dict[str, Any]:
    return {
        "priority": each.level.code, "title": each.level.title, "policy": each.policy.slug,
        "steps": [
            {"after_s": rung.after_s, "targets": list(rung.targets),
             "people": [one.name for one in rung.called], "missing": list(rung.missing)}
            for rung in each.rungs
        ],
        "informed": [
            {"role": one.role, "people": list(one.people), "missing": one.note}
            for one in each.informed
        ],
    }  # fmt: skip
