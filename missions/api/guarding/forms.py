"""What is sent and what is answered."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from missions import guarding
from missions.api.forms import Reason, text
from missions.models import (
    Finding,
    Mode,
    Override,
    Safeguard,
    Severity,
)

_CATEGORIES = list(guarding.CATEGORIES)


def version_seen() -> serializers.IntegerField:
    return serializers.IntegerField(required=False, help_text="as it was read; refused if changed")


def scope_list(**given: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=120), max_length=60, **given
    )


# --- Templates ----------------------------------------------------------------------------------


class TemplateFields(StrictSerializer):
    title = serializers.CharField(max_length=160, required=False)
    category = serializers.ChoiceField(choices=_CATEGORIES, required=False)
    description = text(max_length=16_000)
    severity = serializers.ChoiceField(choices=Severity.values, required=False)
    mode = serializers.ChoiceField(choices=Mode.values, required=False)
    auto_fix = serializers.BooleanField(required=False)
    params = serializers.DictField(required=False)
    is_default = serializers.BooleanField(
        required=False, help_text="suggested to every mission that is started"
    )


class TemplateNew(TemplateFields):
    slug = serializers.SlugField(max_length=60)
    title = serializers.CharField(max_length=160)
    category = serializers.ChoiceField(choices=_CATEGORIES)


class TemplateChange(TemplateFields):
    reason = text(max_length=500)
    version = version_seen()


class TemplateRow(StrictSerializer):
    uid = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()
    category = serializers.CharField()
    description = serializers.CharField()
    severity = serializers.ChoiceField(choices=Severity.values)
    mode = serializers.ChoiceField(choices=Mode.values)
    auto_fix = serializers.BooleanField()
    params = serializers.DictField()
    is_default = serializers.BooleanField()
    number = serializers.IntegerField(help_text="of its newest version")
    retired_at = serializers.DateTimeField(allow_null=True)
    changed_by = serializers.CharField()
    changed_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class Retire(StrictSerializer):
    on = serializers.BooleanField(default=True)
    reason = text(max_length=500)


class VersionRow(StrictSerializer):
    number = serializers.IntegerField()
    said = serializers.DictField()
    reason = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField()


# --- Safeguards ---------------------------------------------------------------------------------


class SafeguardFields(StrictSerializer):
    title = serializers.CharField(max_length=160, required=False)
    category = serializers.ChoiceField(choices=_CATEGORIES, required=False)
    description = text(max_length=16_000)
    severity = serializers.ChoiceField(choices=Severity.values, required=False)
    mode = serializers.ChoiceField(choices=Mode.values, required=False)
    auto_fix = serializers.BooleanField(required=False)
    params = serializers.DictField(required=False)
    justification = text(max_length=4_000)


class SafeguardNew(SafeguardFields):
    template = text(max_length=60, help_text="a policy template's slug; or say it in own words")
    reason_code = text(max_length=60)


class SafeguardDecide(SafeguardFields):
    to = serializers.ChoiceField(choices=["accepted", "edited", "rejected"])
    reason = text(max_length=500, help_text="needed to change and to reject")
    version = version_seen()


class SafeguardRow(StrictSerializer):
    uid = serializers.UUIDField()
    template = serializers.CharField(help_text="slug and version; empty: in own words")
    title = serializers.CharField()
    category = serializers.CharField()
    description = serializers.CharField()
    severity = serializers.ChoiceField(choices=Severity.values)
    mode = serializers.ChoiceField(choices=Mode.values)
    auto_fix = serializers.BooleanField()
    params = serializers.DictField()
    justification = serializers.CharField()
    status = serializers.ChoiceField(choices=Safeguard.Status.values)
    reason = serializers.CharField()
    suggested_by = serializers.CharField()
    decided_by = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class AckRow(StrictSerializer):
    slot = serializers.ChoiceField(choices=["mo", "gv"])
    by = serializers.CharField()
    at = serializers.DateTimeField()


class Safeguards(StrictSerializer):
    digest = serializers.CharField(help_text="of all of them as they stand")
    acknowledged = AckRow(many=True)
    items = SafeguardRow(many=True)


class Acknowledge(StrictSerializer):
    digest = text(max_length=64, help_text="that was read; refused if they changed")


# --- Findings -----------------------------------------------------------------------------------


class FindingNew(StrictSerializer):
    external_id = serializers.CharField(
        max_length=120,
        help_text="sent again, it is one finding; failed again after it was resolved, another",
    )
    safeguard = serializers.UUIDField(required=False, allow_null=True)
    phase = serializers.ChoiceField(choices=Finding.Phase.values, default="run")
    result = serializers.ChoiceField(choices=Finding.Result.values)
    severity = serializers.ChoiceField(
        choices=Severity.values, required=False, help_text="left out: the safeguard's own"
    )
    message = text(max_length=4_000)
    step = text(max_length=120, help_text="of the run, by its external id")
    toolkit = text(max_length=60)
    details = serializers.DictField(required=False)
    auto_fix_attempted = serializers.BooleanField(required=False)
    auto_fix_success = serializers.BooleanField(required=False, allow_null=True)
    found_at = serializers.DateTimeField(
        required=False, allow_null=True,
        help_text="left out: now. A retry that says it is never taken for another look",
    )  # fmt: skip


class FindingsNew(StrictSerializer):
    findings = FindingNew(many=True)


class FindingRow(StrictSerializer):
    uid = serializers.UUIDField()
    external_id = serializers.CharField()
    episode = serializers.IntegerField(help_text="which time it was found")
    safeguard = serializers.UUIDField(source="safeguard.uid", allow_null=True)
    phase = serializers.ChoiceField(choices=Finding.Phase.values)
    stage = serializers.CharField()
    result = serializers.ChoiceField(choices=Finding.Result.values)
    severity = serializers.ChoiceField(choices=Severity.values)
    message = serializers.CharField()
    step = serializers.CharField()
    toolkit = serializers.CharField()
    details = serializers.DictField()
    auto_fix_attempted = serializers.BooleanField()
    auto_fix_success = serializers.BooleanField(allow_null=True)
    unhandled = serializers.BooleanField(help_text="it stopped the mission")
    status = serializers.ChoiceField(choices=Finding.Status.values)
    resolution = serializers.CharField()
    decided_by = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    found_at = serializers.DateTimeField()
    reported_by = serializers.CharField()
    version = serializers.IntegerField()


class Reported(StrictSerializer):
    external_id = serializers.CharField()
    uid = serializers.UUIDField()
    episode = serializers.IntegerField()
    created = serializers.BooleanField()
    status = serializers.ChoiceField(choices=Finding.Status.values)
    unhandled = serializers.BooleanField()


class ReportedAll(StrictSerializer):
    mission_status = serializers.CharField(help_text="paused: agents stop here")
    findings = Reported(many=True)


class Resolve(Reason):
    version = version_seen()


# --- Exceptions ---------------------------------------------------------------------------------


class OverrideNew(Reason):
    kind = serializers.ChoiceField(choices=Override.Kind.values)
    subject = serializers.CharField(
        max_length=60, help_text="uid of the toolkit or the finding, or the gate's name"
    )


class OverrideDecide(StrictSerializer):
    to = serializers.ChoiceField(choices=["granted", "denied"])
    reason = text(max_length=500, help_text="needed to deny")
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    version = version_seen()


class OverrideRow(StrictSerializer):
    uid = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Override.Kind.values)
    subject = serializers.CharField()
    reason = serializers.CharField()
    status = serializers.ChoiceField(choices=Override.Status.values)
    requested_by = serializers.CharField()
    requested_at = serializers.DateTimeField()
    decided_by = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    role = serializers.CharField(help_text="in which it was decided")
    decision = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    end_reason = serializers.CharField()
    version = serializers.IntegerField()


# --- Sessions -----------------------------------------------------------------------------------


class SessionPut(StrictSerializer):
    version = serializers.IntegerField(
        required=False, help_text="it goes on from; needed with a snapshot of one that is there"
    )
    key = text(max_length=64, help_text="of the session with the Tool Router")
    snapshot = serializers.DictField(required=False)
    tokens = serializers.IntegerField(min_value=0, required=False)
    lag_ms = serializers.IntegerField(min_value=0, required=False)
    creation_ms = serializers.IntegerField(
        min_value=0,
        required=False,
        help_text="what the Tool Router took to make it; told as `session_created`",
    )


class SessionRow(StrictSerializer):
    uid = serializers.UUIDField()
    agent = serializers.CharField()
    key = serializers.CharField()
    status = serializers.ChoiceField(choices=["active", "idle", "terminated"])
    tokens = serializers.IntegerField()
    lag_ms = serializers.IntegerField(allow_null=True)
    creation_ms = serializers.IntegerField(allow_null=True, help_text="with the Tool Router")
    size_bytes = serializers.IntegerField()
    conflicts = serializers.IntegerField(help_text="writes refused")
    conflict_at = serializers.DateTimeField(allow_null=True)
    beat_at = serializers.DateTimeField()
    opened_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class SessionWhole(SessionRow):
    snapshot = serializers.DictField()
