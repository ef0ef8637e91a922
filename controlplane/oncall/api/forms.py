"""What goes in and out of the API of the rotas."""

from __future__ import annotations

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from controlplane.oncall.models import HandoffNote, Layer, SwapRequest

DAYS = "Days of the week; Monday is 0."
PERSON = "uid or e-mail address"


class PersonRow(StrictSerializer):
    uid = serializers.UUIDField()
    name = serializers.CharField(allow_blank=True)
    email = serializers.CharField()


class ScheduleRow(StrictSerializer):
    uid = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()
    about = serializers.CharField(allow_blank=True)
    roles = serializers.ListField(child=serializers.CharField(max_length=40))
    time_zone = serializers.CharField()
    cover_days = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6), help_text=DAYS
    )
    cover_from = serializers.TimeField(allow_null=True)
    cover_until = serializers.TimeField(allow_null=True)
    notes_wanted = serializers.BooleanField()
    overlap_minutes = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    retired_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class ScheduleChange(StrictSerializer):
    title = serializers.CharField(max_length=120, required=False)
    about = serializers.CharField(max_length=400, required=False, allow_blank=True)
    roles = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=40, required=False
    )
    time_zone = serializers.CharField(max_length=64, required=False)
    cover_days = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6), max_length=7, required=False,
        help_text=f"When somebody should be on duty. {DAYS}",
    )  # fmt: skip
    cover_from = serializers.TimeField(required=False, allow_null=True)
    cover_until = serializers.TimeField(required=False, allow_null=True)
    notes_wanted = serializers.BooleanField(
        required=False, help_text="Ask for a hand-off note when a shift ends."
    )
    overlap_minutes = serializers.IntegerField(
        min_value=0, max_value=480, required=False, help_text="How long both are there."
    )


class ScheduleNew(ScheduleChange):
    slug = serializers.CharField(max_length=50)
    title = serializers.CharField(max_length=120)
    roles = serializers.ListField(child=serializers.CharField(max_length=40), max_length=40)


class ReasonForm(StrictSerializer):
    reason = serializers.CharField(max_length=300)


class LayerRow(StrictSerializer):
    uid = serializers.UUIDField()
    position = serializers.IntegerField(help_text="Higher ones come before lower ones.")
    title = serializers.CharField(allow_blank=True)
    people = PersonRow(many=True)
    turn = serializers.ChoiceField(choices=Layer.Turn.choices)
    every = serializers.IntegerField()
    handoff_time = serializers.TimeField()
    handoff_weekday = serializers.IntegerField()
    time_zone = serializers.CharField()
    starts_on = serializers.DateField()
    days = serializers.ListField(child=serializers.IntegerField(min_value=0, max_value=6))
    hours_from = serializers.TimeField(allow_null=True)
    hours_until = serializers.TimeField(allow_null=True)
    from_at = serializers.DateTimeField(help_text="In effect from then on.")
    until_at = serializers.DateTimeField(allow_null=True)


class LayerRows(StrictSerializer):
    items = LayerRow(many=True)


class LayerForm(StrictSerializer):
    people = serializers.ListField(
        child=serializers.CharField(max_length=254), max_length=200,
        help_text=f"In order: {PERSON}. The first has the turn that `starts_on` lies in.",
    )  # fmt: skip
    title = serializers.CharField(max_length=120, required=False, allow_blank=True)
    turn = serializers.ChoiceField(choices=Layer.Turn.choices, required=False)
    every = serializers.IntegerField(min_value=1, max_value=1344, required=False)
    handoff_time = serializers.TimeField(required=False)
    handoff_weekday = serializers.IntegerField(
        min_value=0, max_value=6, required=False, help_text="For turns of weeks; Monday is 0."
    )
    time_zone = serializers.CharField(max_length=64, required=False)
    starts_on = serializers.DateField(required=False, help_text="By default today.")
    until = serializers.DateField(required=False, allow_null=True)
    days = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6), max_length=7, required=False,
        help_text=f"Only on these. {DAYS}",
    )  # fmt: skip
    hours_from = serializers.TimeField(required=False, allow_null=True)
    hours_until = serializers.TimeField(required=False, allow_null=True)
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)


class DutyRow(StrictSerializer):
    person = PersonRow(allow_null=True, help_text="null: nobody")
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    layer = serializers.CharField(allow_null=True, help_text="The rotation; null for a swap.")
    override = serializers.UUIDField(allow_null=True, help_text="The swap, if it is one.")


class StandingRow(StrictSerializer):
    schedule = serializers.CharField(help_text="slug")
    title = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField(max_length=40))
    now = DutyRow()
    gap = serializers.BooleanField(help_text="Nobody is on duty, and somebody should be.")
    next = DutyRow(allow_null=True)
    changes_at = serializers.DateTimeField(allow_null=True)


class OnDutyAnswer(StrictSerializer):
    at = serializers.DateTimeField()
    items = StandingRow(many=True)


class OnDutyQuery(StrictSerializer):
    role = serializers.CharField(max_length=40, required=False)
    at = serializers.DateTimeField(required=False)


class ShiftsQuery(StrictSerializer):
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)


class ShiftRow(DutyRow):
    gap = serializers.BooleanField()


class ShiftsAnswer(StrictSerializer):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    items = ShiftRow(many=True)


class RosterAnswer(StrictSerializer):
    markdown = serializers.CharField()


class OverrideRow(StrictSerializer):
    uid = serializers.UUIDField()
    schedule = serializers.CharField(source="schedule.slug")
    person = PersonRow(source="*")
    starts = serializers.DateTimeField()
    ends = serializers.DateTimeField()
    reason = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    cancelled_at = serializers.DateTimeField(allow_null=True)


class OverrideNew(StrictSerializer):
    schedule = serializers.CharField(max_length=50, help_text="slug")
    person = serializers.CharField(max_length=254, help_text=PERSON)
    starts = serializers.DateTimeField(required=False, help_text="By default now.")
    ends = serializers.DateTimeField()
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)


class SwapRequestRow(StrictSerializer):
    uid = serializers.UUIDField()
    schedule = serializers.CharField(source="schedule.slug")
    asker = PersonRow(source="*")
    asked = PersonRow(source="*", allow_null=True, help_text="null: whoever is on call there")
    starts = serializers.DateTimeField()
    ends = serializers.DateTimeField()
    reason = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=SwapRequest.Status.choices)
    taker = PersonRow(source="*", allow_null=True)
    answer = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    answered_at = serializers.DateTimeField(allow_null=True)


class SwapRequestNew(StrictSerializer):
    schedule = serializers.CharField(max_length=50, help_text="slug")
    asked = serializers.CharField(max_length=254, required=False, help_text=PERSON)
    starts = serializers.DateTimeField()
    ends = serializers.DateTimeField()
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)


class SwapAnswer(StrictSerializer):
    answer = serializers.CharField(max_length=300, required=False, allow_blank=True)


class OpenItemRow(StrictSerializer):
    of = serializers.CharField()
    title = serializers.CharField()
    url = serializers.CharField(allow_blank=True)
    state = serializers.CharField(allow_blank=True)


class HandoffNoteRow(StrictSerializer):
    uid = serializers.UUIDField()
    schedule = serializers.CharField(source="schedule.slug")
    person = PersonRow(source="*")
    next_person = PersonRow(source="*", allow_null=True)
    text = serializers.CharField(allow_blank=True)
    open_items = OpenItemRow(many=True)
    status = serializers.ChoiceField(choices=HandoffNote.Status.choices)
    handed_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    written_at = serializers.DateTimeField(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True)


class HandoffNoteNew(StrictSerializer):
    schedule = serializers.CharField(max_length=50, help_text="slug")
    text = serializers.CharField(max_length=8_000)
