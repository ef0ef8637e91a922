"""What is sent and what is answered."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.access.role_table import ROLES
from controlplane.base.api.serializers import StrictSerializer
from missions import stages
from missions.api.forms import text
from missions.models import Asset, Cadence, Feedback, Retrospective, TrainingItem

TAGS = ["missions"]
LIBRARY = ["library"]
MEETINGS = ["meetings"]
ROLE_CHOICES = [(slug, label) for slug, (label, _) in ROLES.items()]


def _version(of: str) -> serializers.IntegerField:
    return serializers.IntegerField(required=False, help_text=f"of {of}, as it was read")


def _stars(**given: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=5, **given)


# --- Feedback -----------------------------------------------------------------------------------


class FeedbackGiven(StrictSerializer):
    rating = _stars(help_text="what came of it; 5 is the best")
    satisfaction = _stars(required=False, allow_null=True, help_text="working with the agents")
    effort_saved_minutes = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=600_000
    )
    blockers = text(max_length=4_000)
    text = text(max_length=8_000)
    version = _version("your own feedback")


class FeedbackRow(StrictSerializer):
    uid = serializers.UUIDField()
    person = serializers.UUIDField(source="person.uid")
    status = serializers.ChoiceField(choices=Feedback.Status.choices)
    rating = serializers.IntegerField(allow_null=True)
    satisfaction = serializers.IntegerField(allow_null=True)
    effort_saved_minutes = serializers.IntegerField(allow_null=True)
    blockers = serializers.CharField()
    text = serializers.CharField()
    declined_reason = serializers.CharField()
    asked_at = serializers.DateTimeField()
    reminded_at = serializers.DateTimeField(allow_null=True)
    answered_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class FeedbackAsk(StrictSerializer):
    people = serializers.ListField(
        child=serializers.UUIDField(), max_length=50, help_text="uids of people who work here"
    )


class FeedbackAsked(StrictSerializer):
    asked = serializers.IntegerField(help_text="who was not asked before")


# --- The retrospective --------------------------------------------------------------------------


class RetrospectiveWrite(StrictSerializer):
    """What is left out stays as it is."""

    summary = text(max_length=8_000)
    went_well = text(max_length=8_000)
    to_improve = text(max_length=8_000)
    kpi_actual = serializers.DecimalField(
        max_digits=18, decimal_places=4, required=False, allow_null=True
    )
    kpi_note = text(max_length=500)
    version = _version("the retrospective; 0 while there is none")


class Reuse(StrictSerializer):
    reuse = serializers.ChoiceField(
        choices=[each for each in Retrospective.Reuse.choices if each[0]]
    )
    reason = serializers.CharField(max_length=500)


class Settled(StrictSerializer):
    note = text(max_length=500, help_text="why there is nothing to learn, where there is not")


class FollowUpNew(StrictSerializer):
    title = serializers.CharField(max_length=200)
    owner = serializers.UUIDField(help_text="a person's uid")
    due_on = serializers.DateField()


class FollowUpRow(StrictSerializer):
    uid = serializers.UUIDField()
    title = serializers.CharField()
    owner = serializers.UUIDField()
    due_on = serializers.DateField()
    item = serializers.CharField(allow_null=True, help_text="the work item's key")
    done = serializers.BooleanField()


class RetrospectiveRow(StrictSerializer):
    uid = serializers.UUIDField()
    attempt = serializers.IntegerField()
    summary = serializers.CharField()
    went_well = serializers.CharField()
    to_improve = serializers.CharField()
    kpi_actual = serializers.CharField(allow_null=True)
    kpi_note = serializers.CharField()
    figures = serializers.JSONField(
        help_text="feedback, impact, safeguards, trend over the mission's type"
    )
    figures_at = serializers.DateTimeField(allow_null=True)
    written_at = serializers.DateTimeField(allow_null=True)
    reuse = serializers.ChoiceField(
        choices=[each for each in Retrospective.Reuse.choices if each[0]], allow_blank=True
    )
    reuse_reason = serializers.CharField()
    training_note = serializers.CharField()
    training_at = serializers.DateTimeField(allow_null=True)
    followups = FollowUpRow(many=True)
    version = serializers.IntegerField()


# --- The library --------------------------------------------------------------------------------


class AssetFields(StrictSerializer):
    summary = text(max_length=1_000)
    category = serializers.ChoiceField(choices=Asset.Category.choices, required=False)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, max_length=20
    )


class DraftFields(StrictSerializer):
    body = text(max_length=16_000)
    playbook = serializers.JSONField(required=False, help_text="the same for programs: an object")
    note = text(max_length=500, help_text="what is new")


class AssetNew(AssetFields, DraftFields):
    title = serializers.CharField(max_length=200)
    source = text(  # type: ignore[assignment]
        max_length=16, help_text="the mission it is made of: MSN-7"
    )


class AssetChange(AssetFields):
    title = serializers.CharField(max_length=200, required=False)
    version = _version("the asset")


class Draft(DraftFields):
    version = _version("the asset")


class Publish(StrictSerializer):
    note = text(max_length=500)
    version = _version("the asset")


class WhyGiven(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class AssetVersionRow(StrictSerializer):
    number = serializers.IntegerField()
    body = serializers.CharField()
    playbook = serializers.JSONField()
    note = serializers.CharField()
    sha256 = serializers.CharField()
    published_at = serializers.DateTimeField(allow_null=True)
    published_by = serializers.CharField()


class AssetRow(StrictSerializer):
    uid = serializers.UUIDField()
    title = serializers.CharField()
    summary = serializers.CharField()
    category = serializers.ChoiceField(choices=Asset.Category.choices)
    tags = serializers.ListField(child=serializers.CharField())
    status = serializers.ChoiceField(choices=Asset.Status.choices)
    number = serializers.IntegerField(help_text="of the published version; 0 while there is none")
    source_mission = serializers.CharField(source="source_mission.ref", allow_null=True)
    published_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class AssetWhole(AssetRow):
    current = AssetVersionRow(allow_null=True)
    draft = AssetVersionRow(allow_null=True)
    uses = serializers.IntegerField()


class Hit(StrictSerializer):
    uid = serializers.UUIDField()
    title = serializers.CharField()
    summary = serializers.CharField()
    category = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    status = serializers.CharField()
    number = serializers.IntegerField()
    published_at = serializers.DateTimeField()
    uses = serializers.IntegerField(help_text="missions that were planned from it")
    rating = serializers.FloatField(allow_null=True, help_text="mean of those missions, of 5")


class Hits(StrictSerializer):
    items = Hit(many=True)


class UseNew(StrictSerializer):
    asset = serializers.UUIDField()
    number = serializers.IntegerField(
        required=False, min_value=1, max_value=1_000_000, help_text="the newest, if left out"
    )
    note = text(max_length=500)


class UseRow(StrictSerializer):
    uid = serializers.UUIDField()
    asset = serializers.UUIDField(source="asset.uid")
    title = serializers.CharField(source="asset.title")
    number = serializers.IntegerField(source="used.number")
    note = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField()


# --- Training -----------------------------------------------------------------------------------


class TrainingFields(StrictSerializer):
    detail = text(max_length=4_000)
    owner = serializers.UUIDField(required=False, allow_null=True, help_text="a person's uid")
    due_on = serializers.DateField(required=False, allow_null=True)


class TrainingNew(TrainingFields):
    title = serializers.CharField(max_length=200)
    role = serializers.ChoiceField(choices=ROLE_CHOICES)
    mission = text(max_length=16, help_text="where it comes from: MSN-7")


class TrainingChange(TrainingFields):
    title = serializers.CharField(max_length=200, required=False)
    role = serializers.ChoiceField(choices=ROLE_CHOICES, required=False)
    version = _version("the item")


class TrainingMove(StrictSerializer):
    status = serializers.ChoiceField(choices=TrainingItem.Status.choices)
    reason = text(max_length=500)
    version = _version("the item")


class TrainingRow(StrictSerializer):
    uid = serializers.UUIDField()
    title = serializers.CharField()
    detail = serializers.CharField()
    role = serializers.CharField()
    mission = serializers.CharField(source="mission.ref", allow_null=True)
    status = serializers.ChoiceField(choices=TrainingItem.Status.choices)
    owner = serializers.UUIDField(source="owner.uid", allow_null=True)
    due_on = serializers.DateField(allow_null=True)
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


# --- Meetings -----------------------------------------------------------------------------------


class SeriesNew(StrictSerializer):
    cadence = serializers.ChoiceField(choices=Cadence.choices)
    time_zone = text(max_length=64, help_text="the workspace's own, if left out")
    at = serializers.TimeField(required=False)
    weekday = serializers.IntegerField(
        required=False, min_value=0, max_value=4, help_text="0 is Monday"
    )


class SeriesRow(StrictSerializer):
    uid = serializers.UUIDField()
    cadence = serializers.ChoiceField(choices=Cadence.choices)
    time_zone = serializers.CharField()
    at = serializers.TimeField()
    weekday = serializers.IntegerField()
    ended_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class Notes(StrictSerializer):
    """What is left out stays as it is."""

    notes = text(max_length=16_000)
    decisions = text(max_length=16_000)
    attendees = text(max_length=1_000)
    stages = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, max_length=20,
        help_text="any of the three vocabularies",
    )  # fmt: skip
    version = _version("the meeting")


class Afterwards(StrictSerializer):
    text = serializers.CharField(max_length=16_000, trim_whitespace=False)
    version = _version("the meeting")


class MeetingRow(StrictSerializer):
    uid = serializers.UUIDField()
    cadence = serializers.ChoiceField(source="series.cadence", choices=Cadence.choices)
    time_zone = serializers.CharField(source="series.time_zone")
    planned_at = serializers.DateTimeField()
    began_at = serializers.DateTimeField()
    notes = serializers.CharField()
    decisions = serializers.CharField()
    attendees = serializers.CharField()
    stages = serializers.ListField(child=serializers.ChoiceField(choices=stages.CHOICES))
    closed_at = serializers.DateTimeField(allow_null=True)
    missed_at = serializers.DateTimeField(allow_null=True, help_text="nobody held it")
    afterwards = serializers.CharField(help_text="what was said of one that was not held")
    afterwards_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class MeetingWhole(MeetingRow):
    agenda = serializers.JSONField(help_text="as it stood when the meeting began")
    followups = FollowUpRow(many=True)
