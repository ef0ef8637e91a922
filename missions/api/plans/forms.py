"""What is sent and what is answered."""

from __future__ import annotations

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from missions import numbers_plans as numbers
from missions.api.forms import text
from missions.models import Play, RiskEntry, UndoPlan
from missions.models.plays import Level


def _share() -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=4, decimal_places=3, required=False, allow_null=True)


def number(least: int, most: int, **given: object) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=least, max_value=most, **given)  # type: ignore[arg-type]


# --- Plays --------------------------------------------------------------------------------------


class Precedent(StrictSerializer):
    id = text(max_length=100)
    title = serializers.CharField(max_length=200)
    similarity = _share()
    summary = text(max_length=500)


class StepNew(StrictSerializer):
    toolkit = text(max_length=50, help_text="the slug of an integration")
    action = serializers.CharField(max_length=120)
    summary = text(max_length=500)
    mutating = serializers.BooleanField(default=False, help_text="it changes something outside")


class UndoStepNew(StrictSerializer):
    play_step = number(
        1, numbers.MOST_STEPS, required=False, allow_null=True,
        help_text="position of the step it takes back",
    )  # fmt: skip
    action = serializers.CharField(max_length=200)
    inverse = serializers.CharField(max_length=1_000)
    verify = serializers.CharField(max_length=1_000, help_text="how one sees that it worked")
    alternate = serializers.BooleanField(
        default=False, help_text="another way, for when the first fails"
    )


class UndoNew(StrictSerializer):
    label = text(max_length=200)  # type: ignore[assignment]
    impact = text(max_length=500)
    window_minutes = number(1, 43_200, required=False)
    steps = UndoStepNew(many=True)


class PlayNew(StrictSerializer):
    key = text(max_length=100, help_text="the planner's own name of it")
    rank = number(1, numbers.MOST_PLAYS, required=False)
    title = serializers.CharField(max_length=200)
    rationale = text(max_length=16_000)
    impact = text(max_length=500)
    confidence = _share()
    effort = serializers.ChoiceField(choices=Level.choices, required=False)
    risk = serializers.ChoiceField(choices=Level.choices, required=False)
    precedents = Precedent(many=True, required=False)
    steps = StepNew(many=True)
    undo = UndoNew(required=False)


class Plays(StrictSerializer):
    plays = PlayNew(many=True)
    method = text(max_length=60)
    critique = text(max_length=500, help_text="what the validator said of the ranking")
    reason = text(max_length=500)


class PlayStepRow(StrictSerializer):
    position = serializers.IntegerField()
    toolkit = serializers.CharField()
    action = serializers.CharField()
    summary = serializers.CharField()
    mutating = serializers.BooleanField()
    covered = serializers.BooleanField(help_text="something takes it back")


class UndoStepRow(StrictSerializer):
    position = serializers.IntegerField()
    play_step = serializers.IntegerField(allow_null=True)
    action = serializers.CharField()
    inverse = serializers.CharField()
    verify = serializers.CharField()
    alternate = serializers.BooleanField()
    verified_at = serializers.DateTimeField(allow_null=True)


class UndoRow(StrictSerializer):
    uid = serializers.UUIDField()
    label = serializers.CharField()  # type: ignore[assignment]
    impact = serializers.CharField()
    window_minutes = serializers.IntegerField()
    status = serializers.ChoiceField(choices=UndoPlan.Status.choices)
    ready_at = serializers.DateTimeField(allow_null=True)
    tested_at = serializers.DateTimeField(allow_null=True)
    deadline_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    closed_reason = serializers.CharField()
    coverage_percent = serializers.FloatField(
        allow_null=True, help_text="steps that change something and can be taken back"
    )
    verified_percent = serializers.FloatField(
        allow_null=True, help_text="of them, those whose way back was seen to work"
    )
    steps = UndoStepRow(many=True)
    version = serializers.IntegerField()


class PlayRow(StrictSerializer):
    uid = serializers.UUIDField()
    key = serializers.CharField()
    rank = serializers.IntegerField()
    title = serializers.CharField()
    rationale = serializers.CharField()
    impact = serializers.CharField()
    confidence = serializers.CharField(allow_null=True)
    effort = serializers.CharField()
    risk = serializers.CharField()
    precedents = serializers.ListField(child=serializers.DictField())
    status = serializers.ChoiceField(choices=Play.Status.choices)
    proposed_by = serializers.CharField()
    proposed_at = serializers.DateTimeField()
    selected_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()
    steps = PlayStepRow(many=True)
    undo = UndoRow(allow_null=True)
    version = serializers.IntegerField()


class PlayList(StrictSerializer):
    items = PlayRow(many=True)


# --- What stands beside -------------------------------------------------------------------------


class PlanNotesPut(StrictSerializer):
    risk_notes = text(max_length=16_000)
    sla_impact = text(max_length=16_000)
    version = serializers.IntegerField(required=False, help_text="of the notes, as they were read")


class PlanNotesRow(StrictSerializer):
    risk_notes = serializers.CharField()
    sla_impact = serializers.CharField()
    changed_by = serializers.CharField()
    changed_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class RiskFields(StrictSerializer):
    title = serializers.CharField(max_length=200, required=False)
    likelihood = number(1, 5, required=False)
    impact = number(1, 5, required=False)
    reversibility = serializers.ChoiceField(choices=RiskEntry.Reversibility.choices, required=False)
    mitigation = text(max_length=1_000)
    owner = serializers.UUIDField(required=False, allow_null=True, help_text="a person's uid")


class RiskNew(RiskFields):
    title = serializers.CharField(max_length=200)
    likelihood = number(1, 5)
    impact = number(1, 5)
    reversibility = serializers.ChoiceField(choices=RiskEntry.Reversibility.choices)


class RiskChange(RiskFields):
    version = serializers.IntegerField(required=False)


class RiskRow(StrictSerializer):
    uid = serializers.UUIDField()
    title = serializers.CharField()
    likelihood = serializers.IntegerField()
    impact = serializers.IntegerField()
    score = serializers.IntegerField()
    reversibility = serializers.CharField()
    mitigation = serializers.CharField()
    owner = serializers.UUIDField(allow_null=True)
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    removed_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class RiskList(StrictSerializer):
    items = RiskRow(many=True)


class HookPut(StrictSerializer):
    passed = serializers.BooleanField()
    details = text(max_length=2_000)
    sha256 = text(max_length=64, help_text="of the plan that was read")


class HookRow(StrictSerializer):
    sha256 = serializers.CharField(help_text="of the plan as it stands")
    stands = serializers.BooleanField(help_text="the last check is of this plan")
    passed = serializers.BooleanField(allow_null=True)
    details = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class MissionDutyNew(StrictSerializer):
    person = serializers.UUIDField(help_text="who holds the role of Operations Command")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    note = text(max_length=500)


class MissionDutyRow(StrictSerializer):
    uid = serializers.UUIDField()
    person = serializers.UUIDField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    note = serializers.CharField()
    cancelled_at = serializers.DateTimeField(allow_null=True)


class MissionDutyList(StrictSerializer):
    watched = serializers.BooleanField(help_text="somebody watches now")
    words = serializers.CharField()
    items = MissionDutyRow(many=True)
