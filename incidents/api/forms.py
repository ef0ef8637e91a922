"""What is sent and what is answered."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from incidents.models import Incident, SeverityLevel
from incidents.records.calling import BECAUSE

TAGS = ["incidents"]
SEVERITY = "the code of a level, as sev1"


def text(**given: Any) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, **given)


class IncidentRow(StrictSerializer):
    ref = serializers.CharField()
    uid = serializers.UUIDField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=Incident.Status.choices)
    severity = serializers.CharField(help_text=SEVERITY)
    category = serializers.ChoiceField(choices=Incident.Category.choices)
    origin = serializers.ChoiceField(choices=Incident.Origin.choices)
    service = serializers.CharField(source="service.slug", allow_null=True)
    environment = serializers.CharField(source="environment.slug", allow_null=True)
    item = serializers.CharField(source="item.key", allow_null=True)
    commander = serializers.UUIDField(source="commander.uid", allow_null=True)
    opened_at = serializers.DateTimeField()
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    mitigated_at = serializers.DateTimeField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    alert_count = serializers.IntegerField()
    firing_count = serializers.IntegerField()
    version = serializers.IntegerField()


class IncidentWhole(IncidentRow):
    summary = serializers.CharField()
    symptoms = serializers.CharField()
    root_cause = serializers.CharField()
    impact_percent = serializers.IntegerField(allow_null=True)
    tenants = serializers.ListField(child=serializers.CharField())
    customer_facing = serializers.BooleanField()
    data_at_risk = serializers.BooleanField(help_text="others were called: data may be wrong")
    legal_matter = serializers.BooleanField(help_text="Legal and Compliance were called")
    group_key = serializers.CharField()
    runbook = serializers.CharField()
    merged_into = serializers.CharField(source="merged_into.ref", allow_null=True)
    acknowledged_by = serializers.UUIDField(source="acknowledged_by.uid", allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    detected_at = serializers.DateTimeField()
    first_acknowledged_at = serializers.DateTimeField(allow_null=True)
    triaged_at = serializers.DateTimeField(allow_null=True)
    mitigation_started_at = serializers.DateTimeField(allow_null=True)
    restored_at = serializers.DateTimeField(allow_null=True)
    monitor_until = serializers.DateTimeField(allow_null=True)
    review_due_at = serializers.DateTimeField(allow_null=True)
    next_update_at = serializers.DateTimeField(allow_null=True, help_text="promised to all")
    last_update_at = serializers.DateTimeField(allow_null=True)
    unseen_count = serializers.IntegerField(help_text="alerts that the sender cut off")
    last_alert_at = serializers.DateTimeField(allow_null=True)
    created_by = serializers.CharField()


class IncidentClock(StrictSerializer):
    label = serializers.CharField()  # type: ignore[assignment]
    due_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField(allow_null=True)


class IncidentNext(StrictSerializer):
    """The one next step; where `action` is empty there is none."""

    action = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    why = serializers.CharField()
    allowed = serializers.BooleanField()
    refusal = serializers.CharField()
    path = serializers.CharField()


class IncidentTold(IncidentWhole):
    clocks = IncidentClock(many=True)
    next = IncidentNext()


class IncidentNew(StrictSerializer):
    title = serializers.CharField(max_length=200)
    severity = serializers.CharField(max_length=8, help_text=SEVERITY)
    category = serializers.ChoiceField(choices=Incident.Category.choices, required=False)
    service = serializers.CharField(max_length=50, required=False, help_text="its slug")
    environment = serializers.CharField(max_length=50, required=False, help_text="its slug")
    summary = text(max_length=8_000)
    symptoms = text(max_length=4_000)
    started_at = serializers.DateTimeField(required=False)
    runbook = text(max_length=60)
    group_key = text(
        max_length=300, help_text="of all that share it one is open at a time; others are refused"
    )


class IncidentSeen(StrictSerializer):
    version = serializers.IntegerField(required=False, help_text="that was seen")


class IncidentTriage(IncidentSeen):
    symptoms = serializers.CharField(max_length=4_000)
    started_at = serializers.DateTimeField()
    impact_percent = serializers.IntegerField(min_value=0, max_value=100)
    severity = text(max_length=8, help_text=SEVERITY)
    category = serializers.ChoiceField(choices=Incident.Category.choices, required=False)
    tenants = serializers.ListField(
        child=serializers.CharField(max_length=120), required=False, max_length=200
    )
    customer_facing = serializers.BooleanField(required=False)


class IncidentSeverity(IncidentSeen):
    severity = serializers.CharField(max_length=8, help_text=SEVERITY)
    reason = serializers.CharField(max_length=500)


class IncidentBegin(IncidentSeen):
    reason = text(max_length=500)


class IncidentMitigated(IncidentSeen):
    how = serializers.CharField(max_length=500)


class IncidentOver(IncidentSeen):
    reason = serializers.CharField(max_length=500)
    root_cause = text(max_length=4_000)


class IncidentWhy(IncidentSeen):
    reason = serializers.CharField(max_length=500)


class IncidentEscalate(IncidentWhy):
    because = serializers.ChoiceField(choices=list(BECAUSE.items()))
    role = text(max_length=40, help_text="the role to call; without it whoever comes next")


class IncidentCall(IncidentSeen):
    contact = serializers.UUIDField(help_text="uid of an entry of the contact book")
    message = serializers.CharField(max_length=500, help_text="what they read first")


class IncidentMerge(IncidentWhy):
    into = serializers.CharField(max_length=16, help_text="ref of the one it goes on as")


class SeverityRow(StrictSerializer):
    uid = serializers.UUIDField()
    ladder = serializers.ChoiceField(choices=SeverityLevel.Ladder.choices)
    code = serializers.CharField()
    rank = serializers.IntegerField(help_text="1 is the gravest")
    title = serializers.CharField()
    definition = serializers.CharField()
    maps_to = serializers.CharField(help_text="the code on the other ladder")
    shipped = serializers.BooleanField(help_text="comes with the release, for every workspace")
    pages = serializers.BooleanField()
    policy = serializers.CharField()
    at_once = serializers.ListField(child=serializers.CharField())
    informed = serializers.ListField(child=serializers.CharField())
    ack_s = serializers.IntegerField(allow_null=True)
    triage_s = serializers.IntegerField(allow_null=True)
    respond_s = serializers.IntegerField(allow_null=True)
    mitigation_starts_s = serializers.IntegerField(allow_null=True)
    mitigate_s = serializers.IntegerField(allow_null=True)
    restore_s = serializers.IntegerField(allow_null=True)
    resolve_s = serializers.IntegerField(allow_null=True)
    update_s = serializers.IntegerField(allow_null=True)
    escalate_s = serializers.IntegerField(allow_null=True)
    unack_s = serializers.IntegerField(allow_null=True)
    monitor_s = serializers.IntegerField(allow_null=True)
    review_s = serializers.IntegerField(allow_null=True)
    item_priority = serializers.IntegerField()
    note = serializers.CharField()
    version = serializers.IntegerField()
