"""What is sent and answered of alerts, their sources, silences and rules."""

from __future__ import annotations

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from incidents.models import Alert, AlertSource, RoutingRule, Silence
from incidents.models.sources import Severity

TAGS = ["alerts"]
_FORMATS = [value for value in AlertSource.Format.values if value != "portal"]


# --- Sources ------------------------------------------------------------------------------------


class AlertSourceFields(StrictSerializer):
    about = serializers.CharField(max_length=400, required=False, allow_blank=True)
    severity = serializers.ChoiceField(
        choices=Severity.choices, required=False, help_text="of alerts that name none"
    )
    service = serializers.CharField(max_length=80, required=False, allow_null=True)
    environment = serializers.CharField(max_length=80, required=False, allow_null=True)
    labels = serializers.DictField(
        child=serializers.CharField(max_length=2_000, allow_blank=True), required=False,
        help_text="given to every alert that lacks them",
    )  # fmt: skip
    group_by = serializers.ListField(
        child=serializers.CharField(max_length=100), required=False, max_length=10
    )
    mapping = serializers.DictField(
        child=serializers.CharField(max_length=200), required=False,
        help_text="of any JSON: our field and where it is, like $.alert.title",
    )  # fmt: skip
    operates = serializers.BooleanField(
        required=False, help_text="its key also looks at alerts and silences them"
    )
    per_minute = serializers.IntegerField(
        min_value=1, max_value=1_000_000, required=False, allow_null=True
    )
    secret = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="signs bodies; never shown"
    )


class AlertSourceNew(AlertSourceFields):
    name = serializers.CharField(max_length=80)
    format = serializers.ChoiceField(choices=_FORMATS)


class AlertSourceChange(AlertSourceFields):
    name = serializers.CharField(max_length=80, required=False)


class AlertSourceRow(StrictSerializer):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    format = serializers.ChoiceField(choices=AlertSource.Format.values)
    about = serializers.CharField()
    severity = serializers.ChoiceField(choices=Severity.values)
    service = serializers.CharField(source="service.slug", allow_null=True)
    environment = serializers.CharField(source="environment.slug", allow_null=True)
    labels = serializers.JSONField()
    group_by = serializers.ListField(child=serializers.CharField())
    mapping = serializers.JSONField()
    operates = serializers.BooleanField()
    per_minute = serializers.IntegerField(allow_null=True)
    is_active = serializers.BooleanField()
    key_tail = serializers.CharField(help_text="what its key ends with")
    keyed_at = serializers.DateTimeField(allow_null=True)
    last_at = serializers.DateTimeField(allow_null=True)
    calls = serializers.IntegerField()
    refused = serializers.IntegerField()
    last_error = serializers.CharField()
    last_error_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class AlertSourceKeyed(AlertSourceRow):
    key = serializers.CharField(help_text="shown once")


class AlertSourceSwitch(StrictSerializer):
    on = serializers.BooleanField()
    reason = serializers.CharField(max_length=500)


class AlertReason(StrictSerializer):
    reason = serializers.CharField(max_length=300)


class MessageToTry(StrictSerializer):
    body = serializers.CharField(max_length=1_000_000, help_text="as its sender sends it")
    content_type = serializers.CharField(max_length=200, required=False)


class AlertTried(StrictSerializer):
    title = serializers.CharField()
    what = serializers.CharField()
    severity = serializers.CharField()
    rule = serializers.CharField()
    follows = serializers.CharField()
    held_back = serializers.CharField(help_text="empty: it is not")


class MessageTried(StrictSerializer):
    items = AlertTried(many=True)
    more = serializers.IntegerField()
    refused = serializers.ListField(child=serializers.DictField())
    truncated = serializers.IntegerField()


# --- Alerts -------------------------------------------------------------------------------------


class AlertRow(StrictSerializer):
    uid = serializers.UUIDField()
    source = serializers.CharField(source="source.name")  # type: ignore[assignment]
    dedup_key = serializers.CharField()
    status = serializers.ChoiceField(choices=Alert.Status.values)
    severity = serializers.ChoiceField(choices=Severity.values)
    title = serializers.CharField()
    description = serializers.CharField()
    labels = serializers.JSONField()
    annotations = serializers.JSONField()
    links = serializers.JSONField()
    service = serializers.CharField(source="service.slug", allow_null=True)
    incident = serializers.CharField(source="incident.ref", allow_null=True)
    item = serializers.CharField(source="item.key", allow_null=True)
    rule = serializers.CharField(source="rule.slug", allow_null=True)
    silence = serializers.UUIDField(source="silence.uid", allow_null=True)
    inhibited_by = serializers.UUIDField(source="inhibited_by.uid", allow_null=True)
    flaps_until = serializers.DateTimeField(allow_null=True)
    repeats = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    over_by = serializers.CharField()
    version = serializers.IntegerField()


# --- Silences -----------------------------------------------------------------------------------


class AlertMatcher(StrictSerializer):
    name = serializers.CharField(max_length=200)
    value = serializers.CharField(max_length=1_000, allow_blank=True)
    isRegex = serializers.BooleanField(required=False)  # noqa: N815 - as Alertmanager calls it
    isEqual = serializers.BooleanField(required=False)  # noqa: N815


class SilenceNew(StrictSerializer):
    matchers = AlertMatcher(many=True, help_text="all of them hold")
    starts_at = serializers.DateTimeField(required=False, help_text="left out: now")
    ends_at = serializers.DateTimeField()
    comment = serializers.CharField(max_length=1_000)


class SilenceChange(StrictSerializer):
    matchers = AlertMatcher(many=True, required=False)
    starts_at = serializers.DateTimeField(required=False)
    ends_at = serializers.DateTimeField(required=False)
    comment = serializers.CharField(max_length=1_000, required=False)


class SilenceEnd(StrictSerializer):
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)


class SilenceRow(StrictSerializer):
    uid = serializers.UUIDField()
    matchers = serializers.JSONField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    comment = serializers.CharField()
    origin = serializers.ChoiceField(choices=Silence.Origin.values)
    made_by = serializers.CharField(source="made_by_name")
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    version = serializers.IntegerField()


# --- Rules --------------------------------------------------------------------------------------


class RoutingFields(StrictSerializer):
    title = serializers.CharField(max_length=120, required=False)
    about = serializers.CharField(max_length=400, required=False, allow_blank=True)
    position = serializers.IntegerField(required=False, help_text="the lowest is asked first")
    matchers = AlertMatcher(many=True, required=False, help_text="none: every alert")
    severity = serializers.ChoiceField(
        choices=Severity.values,
        required=False,
        allow_blank=True,
        help_text="empty: as it was sent",
    )
    opens = serializers.ChoiceField(choices=RoutingRule.Opens.choices, required=False)
    level = serializers.CharField(max_length=8, required=False, allow_blank=True)
    category = serializers.CharField(max_length=12, required=False, allow_blank=True)
    policy = serializers.CharField(max_length=50, required=False, allow_blank=True)
    notify_roles = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, max_length=20
    )
    group_by = serializers.ListField(
        child=serializers.CharField(max_length=100), required=False, max_length=10
    )
    item_priority = serializers.IntegerField(
        min_value=0, max_value=4, required=False, allow_null=True
    )
    tags = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, max_length=20
    )
    governance = serializers.BooleanField(required=False)
    escalate_s = serializers.IntegerField(required=False, allow_null=True)
    escalate_to = serializers.CharField(max_length=40, required=False, allow_blank=True)
    investigate_s = serializers.IntegerField(required=False, allow_null=True)
    resolve_after_s = serializers.IntegerField(required=False, allow_null=True)
    flaps = serializers.IntegerField(required=False)
    flap_window_s = serializers.IntegerField(required=False)
    runbook = serializers.CharField(max_length=60, required=False, allow_blank=True)
    advice = serializers.CharField(max_length=300, required=False, allow_blank=True)


class RoutingRuleNew(RoutingFields):
    slug = serializers.SlugField(max_length=60)
    title = serializers.CharField(max_length=120)
    opens = serializers.ChoiceField(choices=RoutingRule.Opens.choices)


class RoutingTry(RoutingFields):
    slug = serializers.SlugField(
        max_length=60, required=False, help_text="of a rule in force that these values change"
    )
    is_active = serializers.BooleanField(required=False)
    since = serializers.DateTimeField(required=False, help_text="left out: a day ago")


class RoutingSwitch(StrictSerializer):
    on = serializers.BooleanField()
    reason = serializers.CharField(max_length=500)


class RoutingReason(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class RoutingOrder(StrictSerializer):
    slugs = serializers.ListField(child=serializers.CharField(max_length=60), max_length=200)


class RoutingRuleRow(StrictSerializer):
    uid = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()
    about = serializers.CharField()
    position = serializers.IntegerField()
    matchers = serializers.JSONField()
    is_active = serializers.BooleanField()
    shipped = serializers.BooleanField(help_text="comes with the release, for every workspace")
    severity = serializers.CharField()
    opens = serializers.ChoiceField(choices=RoutingRule.Opens.values)
    level = serializers.CharField()
    category = serializers.CharField()
    policy = serializers.CharField()
    notify_roles = serializers.ListField(child=serializers.CharField())
    group_by = serializers.ListField(child=serializers.CharField())
    item_priority = serializers.IntegerField(allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    governance = serializers.BooleanField()
    escalate_s = serializers.IntegerField(allow_null=True)
    escalate_to = serializers.CharField()
    investigate_s = serializers.IntegerField(allow_null=True)
    resolve_after_s = serializers.IntegerField(allow_null=True)
    flaps = serializers.IntegerField()
    flap_window_s = serializers.IntegerField()
    runbook = serializers.CharField()
    advice = serializers.CharField()
    version = serializers.IntegerField()


class RoutingRules(StrictSerializer):
    items = RoutingRuleRow(many=True)


class AlertFate(StrictSerializer):
    rule = serializers.CharField()
    severity = serializers.CharField()
    opens = serializers.CharField()
    level = serializers.CharField()
    policy = serializers.CharField()


class AlertFates(StrictSerializer):
    uid = serializers.UUIDField()
    title = serializers.CharField()
    now = AlertFate()
    then = AlertFate()


class RoutingSum(StrictSerializer):
    what = serializers.CharField()
    now = serializers.IntegerField()
    then = serializers.IntegerField()


class RoutingTried(StrictSerializer):
    since = serializers.DateTimeField()
    alerts = serializers.IntegerField()
    held_back = serializers.IntegerField()
    cut = serializers.BooleanField(help_text="there were more: the newest were looked at")
    matched = serializers.IntegerField()
    changed = serializers.IntegerField()
    sums = RoutingSum(many=True)
    items = AlertFates(many=True, help_text="the newest of those that would fare otherwise")
