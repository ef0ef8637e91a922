"""Updates of an incident: read, drafted, posted, published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from incidents.api import forms
from incidents.api.forms import TAGS
from incidents.models import Update
from incidents.records import levels
from incidents.response import adherence, updates, wordings
from incidents.response.api.common import incident_here

VIEW = "incident.view"


class UpdateRow(StrictSerializer):
    uid = serializers.UUIDField()
    audience = serializers.ChoiceField(choices=Update.Audience.choices)
    kind = serializers.ChoiceField(choices=Update.Kind.choices)
    status = serializers.ChoiceField(choices=Update.Status.choices)
    subject = serializers.CharField()
    text = serializers.CharField()
    written_by = serializers.CharField()
    posted_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    posted_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True, help_text="what it had been promised for")
    next_at = serializers.DateTimeField(allow_null=True, help_text="when the next one comes")
    version = serializers.IntegerField()


class UpdateNew(StrictSerializer):
    text = serializers.CharField(max_length=8_000)
    subject = forms.text(max_length=200)
    audience = serializers.ChoiceField(choices=Update.Audience.choices, required=False)
    kind = serializers.ChoiceField(choices=Update.Kind.choices, required=False)
    next_at = serializers.DateTimeField(
        required=False, help_text="Left out: as soon as the level asks for it."
    )
    draft = serializers.BooleanField(required=False, help_text="Somebody else publishes it.")


class UpdateSeen(StrictSerializer):
    version = serializers.IntegerField(required=False, help_text="that was seen")


class UpdateDrop(UpdateSeen):
    reason = forms.text(max_length=500)


class UpdateBegun(StrictSerializer):
    """The words to begin with, and how the promise was kept so far."""

    audience = serializers.CharField()
    kind = serializers.CharField()
    subject = serializers.CharField()
    text = serializers.CharField()
    next_at = serializers.DateTimeField(allow_null=True)
    kept = serializers.IntegerField(help_text="updates that came in time")
    missed = serializers.IntegerField(help_text="updates that did not come")


class UpdateFilter(PortalFilterSet):
    audience = django_filters.ChoiceFilter(choices=Update.Audience.choices)
    status = django_filters.ChoiceFilter(choices=Update.Status.choices)


class UpdatesView(ListView):
    """What was said of an incident, the newest first."""

    actions = {"GET": VIEW, "POST": "incident.update"}
    output = UpdateRow
    inputs = {"POST": UpdateNew}
    outputs = {"POST": UpdateRow}
    filterset = UpdateFilter
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = incident_here(request, self.kwargs["ref"]).updates.all()
        return found

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Post an update

        It goes to the channels and stands on the timeline. What is for customers waits as a draft
        unless the caller may publish it.
        """
        row = incident_here(request, ref)
        made = updates.post_update(row, actor=request.actor, **self.read(request))
        return created(self.show(made), f"{request.path}/{made.uid}")


class UpdateDraftView(PortalAPIView):
    """The words of the next update to begin with."""

    actions = {"GET": VIEW}
    outputs = {"GET": UpdateBegun}
    query = ("audience",)
    tags = TAGS

    def get(self, request: Any, ref: str) -> HttpResponse:
        """Where the incident stands decides which of the wordings it is"""
        row = incident_here(request, ref)
        asked = request._request.GET.get("audience", "internal")
        audience = asked if asked in Update.Audience.values else "internal"
        level = levels.level(row.workspace_id, row.severity)
        kind = wordings.suggested(row, audience)
        subject, said = wordings.drafted(row, level, audience, kind, row.next_update_at)
        kept = adherence.of_incident(row)
        return JsonAnswer({
            "audience": audience, "kind": kind, "subject": subject, "text": said,
            "next_at": row.next_update_at, "kept": kept.kept, "missed": kept.missed,
        })  # fmt: skip


class _Draft(DetailView):
    service: ClassVar[Callable[..., Any]]
    output = UpdateRow
    outputs = {"POST": UpdateRow}
    statuses = {"POST": 200}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = Update.objects.visible_to(request.actor).of(request.workspace)
        return rows.filter(incident__ref=self.kwargs["ref"]).select_related("incident")

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        made = self.object(request, {"uid": uid})
        done = type(self).service(made, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))


class UpdatePublishView(_Draft):
    """Publish a draft: customers are told."""

    actions = {"POST": "incident.publish"}
    inputs = {"POST": UpdateSeen}
    service = staticmethod(updates.publish)


class UpdateDropView(_Draft):
    """Drop a draft: it never goes out."""

    actions = {"POST": "incident.update"}
    inputs = {"POST": UpdateDrop}
    service = staticmethod(updates.drop)
