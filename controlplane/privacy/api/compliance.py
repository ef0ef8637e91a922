"""Compliance by API: controls in a period, files that show them, reports."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.schema import PortalSchema
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from controlplane.lib import clock
from controlplane.lib.errors import Invalid, NotFound
from controlplane.privacy import services
from controlplane.privacy.compliance import handing, periods, standing
from controlplane.privacy.compliance.controls import CONTROLS
from controlplane.privacy.compliance.standing import WORDS, Cell
from controlplane.privacy.models import ComplianceReport, ControlEvidence
from controlplane.privacy.services.controls import named

TAGS = ["compliance"]
VIEW = "compliance.view"
MAX_UPLOAD = 15 * 1024 * 1024  # a file of ten million bytes, in base64
_STATES = list(WORDS.items())
_CONTROLS = [(control.slug, control.title) for control in CONTROLS]


class ControlDemandRow(StrictSerializer):
    slug = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=_STATES)
    found = serializers.CharField()
    decides = serializers.BooleanField(help_text="False: it is told beside, and never decides.")
    link = serializers.CharField(allow_blank=True, help_text="Its rows in the console.")
    due = serializers.DateTimeField(allow_null=True)


class ControlRow(StrictSerializer):
    control = serializers.ChoiceField(choices=_CONTROLS)
    title = serializers.CharField()
    area = serializers.CharField()
    about = serializers.CharField()
    owner_role = serializers.CharField()
    standards = serializers.ListField(child=serializers.CharField())
    period = serializers.CharField()
    state = serializers.ChoiceField(choices=_STATES)
    why = serializers.CharField()
    files = serializers.IntegerField(help_text="Files in force.")
    demands = ControlDemandRow(many=True)


class ControlRows(StrictSerializer):
    period = serializers.CharField()
    controls = ControlRow(many=True)


def _shown(cell: Cell) -> dict[str, Any]:
    return {
        "control": cell.control.slug,
        "title": cell.control.title,
        "area": cell.control.area,
        "about": cell.control.about,
        "owner_role": cell.control.owner_role,
        "standards": list(cell.control.standards),
        "period": cell.span.name,
        "state": cell.state,
        "why": cell.why,
        "files": len(cell.files),
        "demands": [
            {
                "slug": one.demand.slug,
                "title": one.demand.title,
                "state": one.reading.state,
                "found": one.reading.text,
                "decides": not one.demand.supports,
                "link": one.reading.url,
                "due": one.reading.due,
            }
            for one in cell.told
        ],
    }


class ControlsView(PortalAPIView):
    """Every control in a quarter (`2026-Q4`) or a year (`2026`); without one, in the quarter that
    runs. Read from the rows that prove it, now."""

    actions = {"GET": VIEW}
    operation_ids = {"GET": "compliance_controls_list"}
    outputs = {"GET": ControlRows}
    query = ("period",)
    tags = TAGS
    errors = (400,)

    def get(self, request: Any) -> HttpResponse:
        asked = request._request.GET.get("period", "")
        span = (
            periods.named(asked, request.workspace)
            if asked
            else periods.at(periods.QUARTERLY, clock.now(), request.workspace)
        )
        rows = standing.of_period(request.workspace, request.actor, span)
        return JsonAnswer({"period": span.name, "controls": [_shown(row) for row in rows]})


class ControlView(PortalAPIView):
    """One control in one period, with what is demanded of it."""

    actions = {"GET": VIEW}
    outputs = {"GET": ControlRow}
    tags = TAGS
    errors = (400, 404)

    def get(self, request: Any, control: str, period: str) -> HttpResponse:
        entry = standing.control_named(control)
        if entry is None:
            raise NotFound("There is no such control.")
        span = periods.named(period, request.workspace)
        if span.cadence != entry.cadence:
            raise Invalid(f"This control is owed {entry.cadence}.", details={"period": "Unknown."})
        return JsonAnswer(_shown(standing.cell(request.workspace, request.actor, entry, span)))


class ScopeNew(StrictSerializer):
    applies = serializers.BooleanField()
    reason = serializers.CharField(max_length=400)


class ControlScopeView(PortalAPIView):
    """Say that a control does not apply in a period, or that it does after all."""

    actions = {"POST": "compliance.scope"}
    inputs = {"POST": ScopeNew}
    outputs = {"POST": ControlRow}
    statuses = {"POST": 200}
    tags = TAGS
    errors = (400, 409)

    def post(self, request: Any, control: str, period: str) -> HttpResponse:
        given = self.read(request)
        entry = standing.control_named(control)
        if entry is None:
            raise NotFound("There is no such control.")
        services.say_scope(
            request.workspace, actor=request.actor, control=control, period=period, **given
        )
        span = periods.named(period, request.workspace)
        return JsonAnswer(_shown(standing.cell(request.workspace, request.actor, entry, span)))


class ControlEvidenceRow(StrictSerializer):
    uid = serializers.UUIDField()
    control = serializers.ChoiceField(choices=_CONTROLS)
    period = serializers.CharField()
    title = serializers.CharField()
    note = serializers.CharField()
    name = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    media_type = serializers.CharField()
    added_at = serializers.DateTimeField()
    added_by = serializers.CharField()
    replaces = serializers.UUIDField(source="replaces.uid", allow_null=True)


class ControlEvidenceNew(StrictSerializer):
    control = serializers.ChoiceField(choices=_CONTROLS)
    period = serializers.CharField(max_length=7)
    filename = serializers.CharField(max_length=200)
    content_base64 = serializers.CharField(trim_whitespace=False)
    media_type = serializers.CharField(max_length=100, default="", allow_blank=True)
    title = serializers.CharField(max_length=200, default="", allow_blank=True)
    note = serializers.CharField(max_length=1000, default="", allow_blank=True)
    replaces = serializers.UUIDField(required=False, allow_null=True)


class ControlEvidenceFilter(PortalFilterSet):
    control = django_filters.ChoiceFilter(choices=_CONTROLS)
    period = django_filters.CharFilter(max_length=7)


def _evidence(request: PortalRequest) -> QuerySet[Any]:
    rows = ControlEvidence.objects.visible_to(request.actor).filter(workspace=request.workspace)
    return rows.select_related("replaces")


class ControlEvidenceListView(ListView):
    """Files that show how controls were kept, newest first."""

    actions = {"GET": VIEW, "POST": "compliance.attach"}
    output = ControlEvidenceRow
    inputs = {"POST": ControlEvidenceNew}
    outputs = {"POST": ControlEvidenceRow}
    statuses = {"POST": 201}
    filterset = ControlEvidenceFilter
    max_body = MAX_UPLOAD
    tags = TAGS
    examples = {
        "POST": {
            "control": "penetration-test",
            "period": "2026",
            "filename": "report.txt",
            "content_base64": "aGVsbG8=",
        }
    }

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _evidence(request)

    def post(self, request: Any) -> HttpResponse:
        """Keep a file as evidence of a control"""
        given = self.read(request)
        replaces = given.pop("replaces", None)
        old = None
        if replaces is not None:
            old = _evidence(request).filter(uid=replaces).first()
            if old is None:
                raise Invalid("No such file.", details={"replaces": "Not known here."})
        try:
            content = base64.b64decode(given.pop("content_base64"), validate=True)
        except (binascii.Error, ValueError):
            raise Invalid(
                "The content is not base64.", details={"content_base64": "Not base64."}
            ) from None
        named(given["control"])
        row = services.add_evidence(
            request.workspace, actor=request.actor, content=content, replaces=old, **given
        )
        return created(self.show(row), f"/api/v1/compliance/evidence/{row.uid}/file")


class EvidenceFileSchema(PortalSchema):
    """The answer is the file."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        form = {"schema": {"type": "string", "format": "binary"}}
        bodies["200"]["content"] = {"application/octet-stream": form}
        bodies["200"]["description"] = "The file, to be saved and not to be shown."
        return bodies


class ControlEvidenceFileView(DetailView):
    """A file of a control, as it was added."""

    schema = EvidenceFileSchema()
    actions = {"GET": VIEW}
    output = ControlEvidenceRow
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _evidence(request)

    def get(self, request: Any, **kwargs: Any) -> Any:
        return handing.evidence(request.actor, self.object(request, kwargs).uid)


class ComplianceReportRow(StrictSerializer):
    uid = serializers.UUIDField()
    ref = serializers.CharField()
    period = serializers.CharField()
    made_at = serializers.DateTimeField()
    made_by = serializers.CharField()
    figures = serializers.DictField(child=serializers.IntegerField())
    sha256 = serializers.CharField()
    html_sha256 = serializers.CharField()
    pdf_sha256 = serializers.CharField()


class ComplianceReportNew(StrictSerializer):
    period = serializers.CharField(max_length=7)


def _reports(request: PortalRequest) -> QuerySet[Any]:
    return ComplianceReport.objects.visible_to(request.actor).filter(workspace=request.workspace)


class ComplianceReportsView(ListView):
    """Reports on compliance, newest first; `POST` makes one of a quarter or a year."""

    actions = {"GET": "compliance.report", "POST": "compliance.report"}
    output = ComplianceReportRow
    inputs = {"POST": ComplianceReportNew}
    outputs = {"POST": ComplianceReportRow}
    statuses = {"POST": 201}
    tags = TAGS
    examples = {"POST": {"period": "2026-Q4"}}

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _reports(request)

    def post(self, request: Any) -> HttpResponse:
        """Make a report of a quarter or a year"""
        row = services.make_report(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(row), f"/api/v1/compliance/reports/{row.uid}/pdf")


class ComplianceReportFileView(DetailView):
    """A report as a file, `pdf` or `html`."""

    schema = EvidenceFileSchema()
    actions = {"GET": "compliance.report"}
    output = ComplianceReportRow
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _reports(request)

    def get(self, request: Any, **kwargs: Any) -> Any:
        form = kwargs.pop("form")
        return handing.report(request.actor, self.object(request, kwargs).uid, form)


urlpatterns = [
    path("v1/compliance/controls", ControlsView.as_view()),
    path("v1/compliance/controls/<slug:control>/<str:period>", ControlView.as_view()),
    path("v1/compliance/controls/<slug:control>/<str:period>/scope", ControlScopeView.as_view()),
    path("v1/compliance/evidence", ControlEvidenceListView.as_view()),
    path("v1/compliance/evidence/<uuid:uid>/file", ControlEvidenceFileView.as_view()),
    path("v1/compliance/reports", ComplianceReportsView.as_view()),
    path("v1/compliance/reports/<uuid:uid>/<str:form>", ComplianceReportFileView.as_view()),
]
