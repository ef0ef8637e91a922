"""What is sent and what is answered."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from incidents.models import Drill, RunbookRun, RunbookStep, RunbookValidation
from incidents.runbooks import reading

TAGS = ["runbooks"]


def words(most: int, **given: Any) -> serializers.CharField:
    return serializers.CharField(max_length=most, required=False, allow_blank=True, **given)


class RunbookRow(StrictSerializer):
    slug = serializers.CharField()
    uid = serializers.UUIDField()
    title = serializers.CharField()
    aliases = serializers.ListField(child=serializers.CharField())
    severity = serializers.CharField(help_text="of the incidents it is usually taken for")
    owner_role = serializers.CharField()
    category = serializers.CharField()
    services = serializers.ListField(child=serializers.CharField())
    labels = serializers.ListField(child=serializers.CharField())
    shipped = serializers.BooleanField()
    number = serializers.IntegerField(help_text="of the version in force")
    archived_at = serializers.DateTimeField(allow_null=True)
    replaced_by = serializers.CharField(source="replaced_by.slug", allow_null=True)
    version = serializers.IntegerField()


class RunbookStepText(StrictSerializer):
    number = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=list(reading.KINDS))
    title = serializers.CharField()
    asks = serializers.ListField(child=serializers.CharField(), help_text="filled in when it runs")
    changes = serializers.BooleanField(help_text="wants `confirmed` and a reason")
    expect = serializers.CharField()
    otherwise = serializers.CharField()


class RunbookWhole(RunbookRow):
    text = serializers.CharField(help_text="Markdown with front matter")
    steps = RunbookStepText(many=True)
    state = serializers.CharField(help_text="works, due, changed since, never tried, does not work")
    validated_at = serializers.DateTimeField(allow_null=True)
    drilled_at = serializers.DateTimeField(allow_null=True)
    newer = serializers.BooleanField(help_text="the release brings a newer text")


class RunbookForm(StrictSerializer):
    text = serializers.CharField(max_length=reading.MOST, trim_whitespace=False)
    reason = words(500)
    source_item = words(40, help_text="key of the work item it was discovered from")


class RunbookChange(RunbookForm):
    version = serializers.IntegerField(required=False, help_text="that was seen")


class RunbookArchive(StrictSerializer):
    reason = serializers.CharField(max_length=500)
    replaced_by = words(60, help_text="slug of the one that takes its place")


class RunbookVersionRow(StrictSerializer):
    number = serializers.IntegerField()
    text = serializers.CharField()
    made_by_ref = serializers.CharField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()


class RunbookValidationRow(StrictSerializer):
    uid = serializers.UUIDField()
    slug = serializers.CharField()
    number = serializers.IntegerField(source="text.number", help_text="the version that was tried")
    environment = serializers.CharField()
    result = serializers.ChoiceField(choices=RunbookValidation.Result.choices)
    note = serializers.CharField()
    by = serializers.CharField(source="actor_ref")
    at = serializers.DateTimeField()


class RunbookValidationNew(StrictSerializer):
    environment = serializers.CharField(max_length=60)
    result = serializers.ChoiceField(choices=RunbookValidation.Result.choices)
    note = words(2_000, help_text="needed where it did not work at once")


class RunbookStanding(StrictSerializer):
    slug = serializers.CharField()
    title = serializers.CharField()
    state = serializers.CharField()
    missing = serializers.ListField(child=serializers.CharField())
    validated_at = serializers.DateTimeField(allow_null=True)
    drilled_at = serializers.DateTimeField(allow_null=True)


class RunbookReadiness(StrictSerializer):
    ready = serializers.BooleanField(help_text="all required are published, validated, drilled")
    items = RunbookStanding(many=True)


class RunbookSuggestion(StrictSerializer):
    slug = serializers.CharField()
    title = serializers.CharField()
    why = serializers.CharField()


class RunbookSuggestions(StrictSerializer):
    items = RunbookSuggestion(many=True)


class RunbookSubject(StrictSerializer):
    incident = words(16, help_text="as INC-7")
    alert = serializers.UUIDField(required=False, help_text="its uid")


class RunbookConsulted(StrictSerializer):
    noted = serializers.BooleanField(help_text="false: it was noted before")


class RunbookRunNew(StrictSerializer):
    runbook = serializers.CharField(max_length=60, help_text="slug or alias")
    incident = words(16, help_text="as INC-7")
    purpose = serializers.ChoiceField(choices=RunbookRun.Purpose.choices, required=False)


class RunbookRunRow(StrictSerializer):
    uid = serializers.UUIDField()
    runbook = serializers.CharField(source="runbook.slug")
    number = serializers.IntegerField(source="text.number", help_text="its version")
    purpose = serializers.ChoiceField(choices=RunbookRun.Purpose.choices)
    status = serializers.ChoiceField(choices=RunbookRun.Status.choices)
    incident = serializers.CharField(source="incident.ref", allow_null=True)
    started_by = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_why = serializers.CharField()
    version = serializers.IntegerField()


class RunbookStepRow(StrictSerializer):
    number = serializers.IntegerField()
    attempt = serializers.IntegerField()
    kind = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=RunbookStep.State.choices)
    by = serializers.CharField(source="actor_ref")
    given = serializers.DictField()
    output = serializers.CharField()
    note = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)


class RunbookRunWhole(RunbookRunRow):
    steps = RunbookStepRow(many=True)


class RunbookStepRun(StrictSerializer):
    given = serializers.DictField(
        child=serializers.CharField(max_length=200, allow_blank=True), required=False,
        help_text="what the step asks for, by name",
    )  # fmt: skip
    confirmed = serializers.BooleanField(required=False)
    reason = words(500)


class RunbookStepTick(StrictSerializer):
    note = serializers.CharField(max_length=2_000, help_text="what was seen, or why it is left out")
    skipped = serializers.BooleanField(required=False)


class RunbookRunOver(StrictSerializer):
    reason = words(500)


class PracticeRow(StrictSerializer):
    uid = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Drill.Kind.choices)
    title = serializers.CharField()
    runbook = serializers.CharField()
    status = serializers.ChoiceField(choices=Drill.Status.choices)
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    score = serializers.IntegerField(allow_null=True, help_text="percent")
    started_by = serializers.CharField()
    asked = serializers.DictField()
    seen = serializers.DictField()
    notes = serializers.CharField()
