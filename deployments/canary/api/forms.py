"""What is asked of the API of rollouts."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from deployments.canary.limits import JUDGES
from deployments.models import Rollout


class RolloutLimitsForm(StrictSerializer):
    """What the judge holds the cohort to. What is left out is the installation's default."""

    judge = serializers.ChoiceField(choices=list(JUDGES), required=False)
    max_error_rate = serializers.FloatField(required=False, help_text="a share: 0.02")
    max_latency_ratio = serializers.FloatField(required=False, help_text="times the baseline's p95")
    max_slow_share = serializers.FloatField(required=False)
    max_violations = serializers.IntegerField(required=False)
    alpha = serializers.FloatField(required=False)
    min_samples = serializers.IntegerField(required=False)
    literal_samples = serializers.IntegerField(required=False)
    confirm_ticks = serializers.IntegerField(required=False)
    min_errors = serializers.IntegerField(required=False)
    stale_after = serializers.FloatField(required=False, help_text="seconds without figures")
    max_holds = serializers.FloatField(required=False)


class RolloutStepForm(StrictSerializer):
    percent = serializers.IntegerField(min_value=1, max_value=100)
    hold_minutes = serializers.IntegerField(min_value=1, max_value=14 * 1440)


class RolloutNew(StrictSerializer):
    flag = serializers.CharField(max_length=200)
    environment = serializers.SlugField(max_length=50)
    deployment = serializers.CharField(
        max_length=16, required=False, allow_null=True, help_text="DEP-7: what brought the code"
    )
    title = serializers.CharField(max_length=200, required=False, allow_blank=True)
    preset = serializers.ChoiceField(choices=Rollout.Preset.choices, required=False)
    steps = RolloutStepForm(many=True, required=False, help_text="of the preset custom")
    limits = RolloutLimitsForm(required=False)
    source = serializers.ChoiceField(choices=Rollout.Source.choices, required=False)  # type: ignore[assignment]
    asking = serializers.DictField(required=False, help_text="what the source needs")
    automatic = serializers.BooleanField(required=False)
    reporter = serializers.CharField(
        max_length=80,
        required=False,
        allow_blank=True,
        help_text="the agent that posts its figures, by name; unsaid: the agent that plans it",
    )


class RolloutChange(StrictSerializer):
    """Before it starts; afterwards the title, whether it goes on by itself, and the reporter."""

    title = serializers.CharField(max_length=200, required=False)
    deployment = serializers.CharField(max_length=16, required=False, allow_null=True)
    preset = serializers.ChoiceField(choices=Rollout.Preset.choices, required=False)
    steps = RolloutStepForm(many=True, required=False, help_text="of the preset custom")
    limits = RolloutLimitsForm(required=False)
    source = serializers.ChoiceField(choices=Rollout.Source.choices, required=False)  # type: ignore[assignment]
    asking = serializers.DictField(required=False)
    automatic = serializers.BooleanField(required=False)
    reporter = serializers.CharField(
        max_length=80, required=False, allow_blank=True, help_text="said by people; empty: nobody"
    )
    version = serializers.IntegerField(required=False, help_text="refused when another stands")


class RolloutBaselineForm(StrictSerializer):
    """Figures of being without the flag, for a rollout whose figures are posted. Elsewhere they
    are read from the source."""

    requests = serializers.IntegerField(min_value=0, required=False)
    error_rate = serializers.FloatField(min_value=0, max_value=1, required=False, allow_null=True)
    p95_ms = serializers.FloatField(min_value=0, required=False, allow_null=True)
    violations = serializers.IntegerField(min_value=0, required=False)


class RolloutOverrideForm(StrictSerializer):
    override = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="why it is passed over"
    )


class RolloutPromoteForm(RolloutOverrideForm):
    step = serializers.IntegerField(
        min_value=1,
        required=False,
        help_text="the position you look at: a repeat goes on once. With override it is required",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A reason that passes the time over would pass over the next step's as well."""
        if attrs.get("override") and attrs.get("step") is None:
            raise serializers.ValidationError({"step": "Say which step you look at."})
        return attrs


class RolloutFiguresForm(StrictSerializer):
    """Counts since the last post, of the cohort and of everybody else; or rates, where only those
    are known."""

    at = serializers.DateTimeField(required=False)
    n = serializers.IntegerField(min_value=0, required=False)
    errors = serializers.IntegerField(min_value=0, required=False)  # type: ignore[assignment]
    slow = serializers.IntegerField(min_value=0, required=False)
    violations = serializers.IntegerField(min_value=0, required=False)
    others = serializers.IntegerField(min_value=0, required=False)
    others_errors = serializers.IntegerField(min_value=0, required=False)
    others_slow = serializers.IntegerField(min_value=0, required=False)
    on = serializers.IntegerField(min_value=0, required=False, help_text="people, not requests")
    off = serializers.IntegerField(min_value=0, required=False, help_text="the same")
    error_rate = serializers.FloatField(min_value=0, max_value=1, required=False)
    latency_ratio = serializers.FloatField(min_value=0, required=False)
    p95_ms = serializers.FloatField(min_value=0, required=False, help_text="of the cohort")
    others_p95_ms = serializers.FloatField(min_value=0, required=False)


class RolloutNothingForm(StrictSerializer):
    """Nothing is to be said."""


class RolloutCompleteForm(StrictSerializer):
    metrics_note = serializers.CharField(max_length=20_000)
    remove_by = serializers.DateField(required=False)
