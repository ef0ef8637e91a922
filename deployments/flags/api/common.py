"""Forms and looks that the views of flags share."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from controlplane.lib.errors import NotFound
from deployments.flags.forms import constraints as constraint_forms
from deployments.flags.forms import variants as variant_forms
from deployments.flags.models import Flag, FlagState

TAGS = ["flags"]
VIEW, CHANGE = "flag.view", "flag.change"


class ConstraintForm(StrictSerializer):
    """A condition on one field of the context, in the words of the Unleash SDKs. Lists compare
    with `values`, the others with `value`."""

    contextName = serializers.CharField(max_length=200)  # noqa: N815
    operator = serializers.ChoiceField(choices=constraint_forms.OPERATORS)
    values = serializers.ListField(child=serializers.CharField(), required=False)
    value = serializers.CharField(required=False, allow_blank=True)
    caseInsensitive = serializers.BooleanField(default=False)  # noqa: N815
    inverted = serializers.BooleanField(default=False)


class PayloadForm(StrictSerializer):
    type = serializers.ChoiceField(choices=variant_forms.PAYLOADS)
    value = serializers.CharField(allow_blank=True)


class OverrideForm(StrictSerializer):
    contextName = serializers.CharField(max_length=200)  # noqa: N815
    values = serializers.ListField(child=serializers.CharField())


class VariantForm(StrictSerializer):
    name = serializers.CharField(max_length=100)
    weight = serializers.IntegerField(min_value=0, max_value=variant_forms.HEAVIEST)
    weightType = serializers.ChoiceField(choices=["variable", "fix"], default="variable")  # noqa: N815
    stickiness = serializers.CharField(max_length=200, default="default")
    payload = PayloadForm(required=False)
    overrides = OverrideForm(many=True, required=False)


class RuleForm(StrictSerializer):
    """One way to be on. All its constraints and segments must hold; `percent` of whom they hold
    for, told apart by `stickiness`, are in. Growing it keeps who was in."""

    title = serializers.CharField(max_length=120, allow_blank=True, default="")
    percent = serializers.IntegerField(min_value=0, max_value=100, default=100)
    stickiness = serializers.CharField(
        max_length=200, default="default", help_text="default, userId, sessionId, random or a field"
    )
    group = serializers.CharField(max_length=200, allow_blank=True, default="")
    constraints = ConstraintForm(many=True, required=False)
    segments = serializers.ListField(child=serializers.CharField(), required=False)
    variants = VariantForm(many=True, required=False)
    disabled = serializers.BooleanField(default=False)


class RequiredForm(StrictSerializer):
    """A prerequisite: another flag that must be on (or off), with one of these variants."""

    flag = serializers.CharField(max_length=200)
    enabled = serializers.BooleanField(default=True)
    variants = serializers.ListField(child=serializers.CharField(), required=False)


class SettingsForm(StrictSerializer):
    """How a flag stands in an environment. Without rules and `allow` it is on for everybody; any
    rule that matches is enough; `deny` beats them all."""

    on = serializers.BooleanField(default=False)
    allow = serializers.ListField(child=serializers.CharField(), required=False)
    deny = serializers.ListField(child=serializers.CharField(), required=False)
    rules = RuleForm(many=True, required=False)
    variants = VariantForm(many=True, required=False)
    requires = RequiredForm(many=True, required=False)


# Described here, read by the service: one place says what is wrong with a document, and where.
@extend_schema_field(SettingsForm)
class SettingsField(serializers.JSONField):
    pass


@extend_schema_field(ConstraintForm(many=True))
class ConstraintsField(serializers.JSONField):
    pass


def flag_of(request: Any, name: str) -> Flag:
    rows = Flag.objects.visible_to(request.actor).of(request.workspace)
    found: Flag | None = rows.select_related("item", "owner").filter(flag_name=name).first()
    if found is None:
        raise NotFound("Nothing is here, or it is not yours to see.")
    return found


def state_of(request: Any, name: str, environment: str) -> FlagState:
    rows = FlagState.objects.visible_to(request.actor).of(request.workspace)
    found: FlagState | None = (
        rows.select_related("flag__workspace", "flag__item", "environment")
        .filter(flag__flag_name=name, environment__slug=environment)
        .first()
    )
    if found is None:
        raise NotFound("Nothing is here, or it is not yours to see.")
    return found
