"""What is sent of reviews and answered."""

from __future__ import annotations

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from incidents.api.forms import text
from incidents.models import IncidentReview, ReviewAction
from incidents.models.reviews import WHYS
from incidents.reviews.report import EDITIONS, FORMS


class ReviewWhy(StrictSerializer):
    why = text(max_length=2_000)
    answer = text(max_length=2_000)


class ReviewActionRow(StrictSerializer):
    uid = serializers.UUIDField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=ReviewAction.Kind.choices)
    owner = serializers.UUIDField(source="owner.uid", allow_null=True)
    due_on = serializers.DateField(allow_null=True)
    runbook = serializers.CharField()
    item = serializers.CharField(source="item.key", help_text="its work item")
    status = serializers.CharField(source="item.status", help_text="of its work item")


class ReviewPoint(StrictSerializer):
    slug = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    done = serializers.BooleanField()
    note = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class ReviewRow(StrictSerializer):
    incident = serializers.CharField(source="incident.ref")
    uid = serializers.UUIDField()
    title = serializers.CharField(source="incident.title")
    severity = serializers.CharField(source="incident.severity")
    status = serializers.ChoiceField(choices=IncidentReview.Status.choices)
    item = serializers.CharField(source="item.key")
    root_cause = serializers.CharField(source="incident.root_cause")
    due_at = serializers.DateTimeField(source="incident.review_due_at", allow_null=True)
    is_public = serializers.BooleanField()
    published_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class ReviewWhole(ReviewRow):
    meeting_at = serializers.DateTimeField(allow_null=True)
    attendees = serializers.ListField(child=serializers.CharField())
    impact = serializers.CharField()
    timeline = serializers.CharField()
    trigger = serializers.CharField()
    factors = serializers.CharField()
    gaps = serializers.CharField()
    whys = ReviewWhy(many=True)
    went_well = serializers.CharField()
    to_improve = serializers.CharField()
    lessons = serializers.CharField()
    documents = serializers.CharField()
    documents_item = serializers.CharField(source="documents_item.key", allow_null=True)
    no_actions = serializers.CharField()
    snapshot = serializers.UUIDField(source="snapshot.uid", allow_null=True)
    approval = serializers.CharField(source="approval.ref", allow_null=True)
    tree = serializers.CharField()


class ReviewTold(ReviewWhole):
    actions = ReviewActionRow(many=True)
    checklist = ReviewPoint(many=True)


class ReviewBegin(StrictSerializer):
    incident = serializers.CharField(max_length=16, help_text="ref of one that is over")


class ReviewChange(StrictSerializer):
    root_cause = text(max_length=4_000)
    meeting_at = serializers.DateTimeField(required=False, allow_null=True)
    attendees = serializers.ListField(
        child=serializers.CharField(max_length=160), required=False, max_length=40
    )
    impact = text(max_length=16_000)
    timeline = text(max_length=60_000)
    trigger = text(max_length=16_000)
    factors = text(max_length=16_000)
    gaps = text(max_length=16_000)
    whys = serializers.ListField(child=ReviewWhy(), required=False, max_length=WHYS)
    went_well = text(max_length=16_000)
    to_improve = text(max_length=16_000)
    lessons = text(max_length=16_000)
    documents = text(max_length=16_000)
    no_actions = text(max_length=500)
    is_public = serializers.BooleanField(required=False)


class ReviewReason(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class ReviewDocuments(StrictSerializer):
    what = serializers.CharField(max_length=150)
    owner = serializers.UUIDField(required=False, allow_null=True, help_text="a person's uid")


class ReviewActionFields(StrictSerializer):
    title = serializers.CharField(max_length=200)
    kind = serializers.ChoiceField(choices=ReviewAction.Kind.choices)
    owner = serializers.UUIDField(required=False, allow_null=True, help_text="a person's uid")
    due_on = serializers.DateField(required=False, allow_null=True)
    runbook = text(max_length=60)


class ReviewReport(StrictSerializer):
    filename = serializers.CharField()
    content = serializers.CharField(help_text="base64 where it is a PDF")
    encoding = serializers.ChoiceField(choices=["utf-8", "base64"])


EDITION = list(EDITIONS)
FORM = list(FORMS)
