"""The log by API: reading, exporting, streaming to a collector, seals, weekly reviews."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import django_filters
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from rest_framework import serializers

from controlplane.access.models import Workspace
from controlplane.audit import export, review, stream
from controlplane.audit.models import AuditEvent, AuditReview, AuditSeal, Outcome
from controlplane.audit.querysets import EventQuerySet
from controlplane.audit.review import WEEKLY_REVIEW
from controlplane.audit.services import record
from controlplane.audit.times import moment
from controlplane.base.api import pagination
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.schema import PortalSchema
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from controlplane.jobs import obligations
from controlplane.jobs.obligations import ObligationRecord
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import Invalid

SEARCH_DAYS = define(
    "audit.search_days",
    30,
    unit="days",
    why="a free search without a start looks this far back: no index serves it",
)


class EventRow(StrictSerializer):
    uid = serializers.UUIDField()
    at = serializers.DateTimeField()
    actor_kind = serializers.CharField()
    actor = serializers.CharField(source="actor_ref")
    actor_label = serializers.CharField()
    action = serializers.CharField()
    subject = serializers.CharField(source="subject_ref")
    subject_label = serializers.CharField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    reason = serializers.CharField()
    rule = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    details = serializers.JSONField(allow_null=True)
    door = serializers.CharField(source="source")
    request_id = serializers.CharField()
    correlation_id = serializers.CharField()
    address = serializers.CharField()


class EventFilter(PortalFilterSet):
    actor = django_filters.CharFilter(field_name="actor_ref", max_length=80)
    action = django_filters.CharFilter(
        method="by_action", max_length=80, help_text="One action, or an area: `key.*`."
    )
    subject = django_filters.CharFilter(field_name="subject_ref", max_length=160)
    outcome = django_filters.ChoiceFilter(choices=Outcome.choices)
    since = django_filters.CharFilter(method="by_since", max_length=40)
    until = django_filters.CharFilter(method="by_until", max_length=40)
    q = django_filters.CharFilter(method="by_text", max_length=100, help_text="Free text.")

    def by_action(self, rows: EventQuerySet, name: str, value: str) -> EventQuerySet:
        if value.endswith(".*"):
            return rows.filter(action__startswith=value[:-1])
        return rows.filter(action=value)

    def by_since(self, rows: EventQuerySet, name: str, value: str) -> EventQuerySet:
        return export.between(rows, since=moment(value))

    def by_until(self, rows: EventQuerySet, name: str, value: str) -> EventQuerySet:
        return export.between(rows, until=moment(value))

    def by_text(self, rows: EventQuerySet, name: str, value: str) -> EventQuerySet:
        if not self.data.get("since"):
            rows = rows.filter(at__gte=clock.now() - timedelta(days=SEARCH_DAYS.value))
        return rows.mentioning(value)


def _here(request: PortalRequest) -> int:
    return cast(Workspace, request.workspace).pk


def readable(request: PortalRequest) -> EventQuerySet:
    """What this caller may read of the workspace the request is about."""
    rows = AuditEvent.objects.visible_to(request.actor)
    return rows.filter(workspace_id=_here(request))


class EventsView(ListView):
    """The log of a workspace, newest first."""

    actions = {"GET": "audit.view"}
    output = EventRow
    filterset = EventFilter
    sorts = {"newest": ("-id",), "oldest": ("id",)}
    tags = ["audit"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return readable(request)


class InstallationEventsView(ListView):
    """What belongs to no workspace: sign-ins, people, backups. As far as the caller may see it."""

    actions = {"GET": "audit.view"}
    in_workspace = False
    output = EventRow
    filterset = EventFilter
    tags = ["audit"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return AuditEvent.objects.visible_to(request.actor).filter(workspace_id=None)


class EventView(DetailView):
    """One row of the log."""

    actions = {"GET": "audit.view"}
    output = EventRow
    tags = ["audit"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return readable(request)


class ExportSchema(PortalSchema):
    """The answer is a file, not the JSON of a form."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        kinds = ("application/x-ndjson", "text/csv")
        bodies["200"]["content"] = {kind: {"schema": {"type": "string"}} for kind in kinds}
        bodies["200"]["description"] = "The rows, oldest first."
        return bodies


class ExportView(PortalAPIView):
    """The log of a workspace as a file, oldest first: `format` is `jsonl` or `csv`."""

    schema = ExportSchema()
    actions = {"GET": "audit.export"}
    query = ("format", "since", "until")
    tags = ["audit"]

    def get(self, request: Any) -> StreamingHttpResponse:
        asked = request._request.GET
        form = asked.get("format", "jsonl")
        if form not in export.FORMATS:
            raise Invalid("The format is not known.", details={"format": "jsonl or csv."})
        since, until = moment(asked.get("since")), moment(asked.get("until"))
        with transaction.atomic():
            record(
                request.actor,
                "audit.export",
                request.workspace,
                details={"format": form, "since": since, "until": until},
            )
        rows = export.between(readable(request), since=since, until=until)
        slugs = {request.workspace.pk: request.workspace.slug}
        name = f"audit-{request.workspace.slug}-{clock.now():%Y-%m-%d}.{form}"
        return StreamingHttpResponse(
            export.lines(rows, form, slugs),
            content_type=export.FORMATS[form],
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


class StreamedRow(EventRow):
    seal = serializers.IntegerField()


class StreamPage(StrictSerializer):
    items = StreamedRow(many=True)
    after = serializers.CharField()
    more = serializers.BooleanField()


class StreamView(PortalAPIView):
    """For collectors: rows behind `after`, at least once, in an order that never changes.

    Keep `after` once the rows are stored, and send it next time. Rows appear a few seconds after
    they were written, when they are sealed. `more` says to ask again at once.
    """

    actions = {"GET": "audit.export"}
    outputs = {"GET": StreamPage}
    query = ("after", "limit")
    tags = ["audit"]

    def get(self, request: Any) -> HttpResponse:
        http = request._request
        after = stream.START
        if text := http.GET.get("after"):
            after = stream.Position(*pagination.read_cursor(text, "audit/stream", 2))
        piece = stream.read(
            readable(request), after, limit=pagination.limit_of(http), columns=_SHOWN
        )
        items = [
            {_NAMES.get(name, name): value for name, value in row.items()} for row in piece.rows
        ]
        cursor = pagination.make_cursor(piece.after, "audit/stream")
        return JsonAnswer({"items": items, "after": cursor, "more": piece.more})


_NAMES = {"actor_ref": "actor", "subject_ref": "subject", "source": "door"}
_SHOWN = [str(field.source) for field in EventRow().fields.values()]


class SealRow(StrictSerializer):
    n = serializers.IntegerField()
    kind = serializers.CharField()
    at = serializers.DateTimeField()
    count = serializers.IntegerField()
    merkle_root = serializers.CharField(source="root")
    hash = serializers.CharField()


class SealsView(ListView):
    """The chain of seals. Keep the newest hash elsewhere: it proves that nothing was cut off."""

    actions = {"GET": "audit.verify"}
    output = SealRow
    sorts = {"newest": ("-n",), "oldest": ("n",)}
    tags = ["audit"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return AuditSeal.objects.visible_to(request.actor)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        for name in ("merkle_root", "hash"):
            row[name] = bytes(row[name]).hex()
        return row


class ReviewRow(StrictSerializer):
    week = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    extract = serializers.JSONField()
    signed_at = serializers.DateTimeField(allow_null=True)
    signed_by = serializers.CharField()
    statement = serializers.CharField()


class ReviewsView(ListView):
    """Weekly reviews of the log, newest first."""

    actions = {"GET": "audit.view"}
    output = ReviewRow
    tags = ["audit"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = AuditReview.objects.visible_to(request.actor)
        return rows.filter(workspace_id=_here(request))


def sign(actor: Actor, row: AuditReview, *, statement: str) -> AuditReview:
    """Sign a week's review, and with it fulfil the oldest open duty to review the log."""
    with transaction.atomic():
        signed = review.sign_review(actor, row, statement=statement)
        duty = ObligationRecord.objects.filter(
            workspace_id=row.workspace_id,
            obligation__slug=WEEKLY_REVIEW,
            status=ObligationRecord.Status.DUE,
        )
        oldest = duty.order_by("due_at").first()
        if oldest is not None:
            note = f"Signed the review of {row.week}. {statement}"
            obligations.fulfil(oldest, actor=actor, note=note)
    return signed


class Statement(StrictSerializer):
    statement = serializers.CharField(max_length=2_000)


class ReviewView(DetailView):
    """One week's review; `POST` signs it."""

    actions = {"GET": "audit.view", "POST": "audit.review"}
    output = ReviewRow
    inputs = {"POST": Statement}
    outputs = {"POST": ReviewRow}
    statuses = {"POST": 200}
    lookup = "week"
    tags = ["audit"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = AuditReview.objects.visible_to(request.actor)
        return rows.filter(workspace_id=_here(request))

    def post(self, request: Any, week: str) -> HttpResponse:
        found = self.object(request, {"week": week})
        signed = sign(request.actor, found, **self.read(request))
        return JsonAnswer(self.show(signed))


urlpatterns = [
    path("v1/audit/events", EventsView.as_view()),
    path("v1/audit/events/<uuid:uid>", EventView.as_view()),
    path("v1/audit/installation-events", InstallationEventsView.as_view()),
    path("v1/audit/export", ExportView.as_view()),
    path("v1/audit/stream", StreamView.as_view()),
    path("v1/audit/seals", SealsView.as_view()),
    path("v1/audit/reviews", ReviewsView.as_view()),
    path("v1/audit/reviews/<str:week>", ReviewView.as_view()),
]
