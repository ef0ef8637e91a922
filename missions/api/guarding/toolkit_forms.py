"""Forms of toolkits: what is asked of them, inspected, approved and connected."""

from __future__ import annotations

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from missions.api.forms import Reason, text
from missions.api.guarding.forms import scope_list, version_seen
from missions.models import (
    DataInspection,
    MissionToolkit,
    ToolkitConnection,
)


class ToolkitNew(StrictSerializer):
    toolkit = serializers.CharField(max_length=60, help_text="slug of an integration")
    purpose = text(max_length=500)
    requested_scopes = scope_list()
    minimum_scopes = scope_list(required=False)
    mutating = serializers.BooleanField(required=False, help_text="it will change something there")


class Approve(StrictSerializer):
    scopes = scope_list(required=False, allow_null=True)
    reason = text(max_length=500)
    version = version_seen()


class Drop(Reason):
    version = version_seen()


class Attest(StrictSerializer):
    text = serializers.CharField(max_length=500)
    version = version_seen()


class InspectionNew(StrictSerializer):
    external_id = text(max_length=120, help_text="sent again, it is one inspection")
    source = serializers.CharField(max_length=200)  # type: ignore[assignment]
    read_only = serializers.BooleanField()  # type: ignore[assignment]
    proof = text(max_length=500, help_text="what shows that it changed nothing")
    coverage_percent = serializers.DecimalField(max_digits=5, decimal_places=2)
    sample_count = serializers.IntegerField(min_value=0)
    freshness_at = serializers.DateTimeField(required=False, allow_null=True)
    pii_flags = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, max_length=30
    )
    duplicates = serializers.IntegerField(min_value=0, required=False)
    duration_ms = serializers.IntegerField(min_value=0, required=False, allow_null=True)
    result = serializers.ChoiceField(choices=DataInspection.Result.values)
    note = text(max_length=4_000)
    inspected_at = serializers.DateTimeField(required=False, allow_null=True)


class InspectionRow(StrictSerializer):
    uid = serializers.UUIDField()
    external_id = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    read_only = serializers.BooleanField()  # type: ignore[assignment]
    proof = serializers.CharField()
    coverage_percent = serializers.CharField()
    sample_count = serializers.IntegerField()
    freshness_at = serializers.DateTimeField(allow_null=True)
    pii_flags = serializers.ListField(child=serializers.CharField())
    duplicates = serializers.IntegerField()
    duration_ms = serializers.IntegerField(allow_null=True)
    result = serializers.ChoiceField(choices=DataInspection.Result.values)
    note = serializers.CharField()
    inspected_at = serializers.DateTimeField()
    by = serializers.CharField()


class ConnectionNew(StrictSerializer):
    link_id = serializers.CharField(max_length=120, help_text="of the provider's flow")
    requested_scopes = scope_list(required=False, allow_null=True)


class Granted(StrictSerializer):
    granted_scopes = scope_list()
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class Ended(Reason):
    to = serializers.ChoiceField(choices=["failed", "expired", "revoked"])


class ConnectionRow(StrictSerializer):
    uid = serializers.UUIDField()
    link_id = serializers.CharField()
    status = serializers.ChoiceField(choices=ToolkitConnection.Status.values)
    requested_scopes = serializers.ListField(child=serializers.CharField())
    granted_scopes = serializers.ListField(child=serializers.CharField())
    drift = serializers.ListField(
        child=serializers.CharField(), help_text="held beyond what was approved"
    )
    initiated_at = serializers.DateTimeField()
    connected_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    verified_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    end_reason = serializers.CharField()
    version = serializers.IntegerField()


class ToolkitRow(StrictSerializer):
    uid = serializers.UUIDField()
    toolkit = serializers.CharField()
    name = serializers.CharField()
    purpose = serializers.CharField()
    mutating = serializers.BooleanField()
    minimum_scopes = serializers.ListField(child=serializers.CharField())
    requested_scopes = serializers.ListField(child=serializers.CharField())
    approved_scopes = serializers.ListField(child=serializers.CharField())
    status = serializers.ChoiceField(choices=MissionToolkit.Status.values)
    decided_by = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    decision = serializers.CharField()
    attested_by = serializers.CharField()
    attested_at = serializers.DateTimeField(allow_null=True)
    attestation = serializers.CharField()
    connection = ConnectionRow(allow_null=True)
    inspection = InspectionRow(allow_null=True)
    refusal = serializers.CharField(help_text="why it may not be called now; empty: it may")
    version = serializers.IntegerField()


class Toolkits(StrictSerializer):
    items = ToolkitRow(many=True)


class DueRow(StrictSerializer):
    uid = serializers.UUIDField()
    mission = serializers.CharField(source="toolkit.mission.ref")
    toolkit = serializers.CharField(source="toolkit.integration.slug")
    verified_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
