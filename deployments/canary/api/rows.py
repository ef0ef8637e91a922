"""What the API of rollouts answers."""

from __future__ import annotations

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from deployments.models import Rollout, RolloutStep


class RolloutRow(StrictSerializer):
    uid = serializers.UUIDField()
    ref = serializers.CharField()
    title = serializers.CharField()
    flag = serializers.CharField(source="flag.flag_name")
    environment = serializers.CharField(source="environment.slug")
    deployment = serializers.CharField(source="deployment.ref", allow_null=True)
    status = serializers.ChoiceField(choices=Rollout.Status.choices)
    preset = serializers.ChoiceField(choices=Rollout.Preset.choices)
    automatic = serializers.BooleanField()
    limits = serializers.DictField()
    source = serializers.ChoiceField(choices=Rollout.Source.choices)  # type: ignore[assignment]
    asking = serializers.DictField(help_text="without secrets")
    reporter = serializers.CharField(
        allow_blank=True, help_text="agent:7, who posts its figures beside people who may"
    )
    slow_ms = serializers.FloatField(allow_null=True)
    outcome = serializers.CharField(allow_blank=True)
    metrics_note = serializers.CharField(allow_blank=True)
    item = serializers.CharField(source="item.key", allow_null=True)
    blocker = serializers.CharField(source="blocker.key", allow_null=True)
    approval = serializers.UUIDField(source="approval.uid", allow_null=True)
    baseline = serializers.DictField(source="baseline.figures", allow_null=True)
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class RolloutStepRow(StrictSerializer):
    position = serializers.IntegerField()
    percent = serializers.IntegerField()
    hold_minutes = serializers.IntegerField()
    state = serializers.ChoiceField(choices=RolloutStep.State.choices)
    started_at = serializers.DateTimeField(allow_null=True)
    earliest_next_at = serializers.DateTimeField(allow_null=True)
    held_since = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    promoted_by = serializers.CharField(allow_blank=True)
    override_reason = serializers.CharField(allow_blank=True)
    verdict = serializers.CharField(allow_blank=True)
    rule = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    numbers = serializers.DictField()
    item = serializers.CharField(source="item.key", allow_null=True)
    snapshot = serializers.DictField(source="snapshot.figures", allow_null=True)


class RolloutWhole(RolloutRow):
    steps = RolloutStepRow(many=True, source="*")


class RolloutEventRow(StrictSerializer):
    uid = serializers.UUIDField()
    step = serializers.IntegerField(source="step.position", allow_null=True)
    what = serializers.CharField()
    rule = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    numbers = serializers.DictField()
    by = serializers.CharField()
    at = serializers.DateTimeField()


class RolloutSampleRow(StrictSerializer):
    step = serializers.IntegerField(source="step.position")
    at = serializers.DateTimeField()
    n = serializers.IntegerField()
    errors = serializers.IntegerField()  # type: ignore[assignment]
    slow = serializers.IntegerField()
    p95_ms = serializers.FloatField(allow_null=True)
    violations = serializers.IntegerField()
    others = serializers.IntegerField()
    others_errors = serializers.IntegerField()
    others_slow = serializers.IntegerField()
    others_p95_ms = serializers.FloatField(allow_null=True)
    error_rate = serializers.FloatField(allow_null=True)
    latency_ratio = serializers.FloatField(allow_null=True)


class RolloutTriedRow(StrictSerializer):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    figures = serializers.DictField(allow_null=True)
    p95_ms = serializers.FloatField(allow_null=True)
    others_p95_ms = serializers.FloatField(allow_null=True)
    trouble = serializers.CharField(allow_blank=True, help_text="why there are none")
    baseline = serializers.DictField(allow_null=True)
    baseline_trouble = serializers.CharField(allow_blank=True)
