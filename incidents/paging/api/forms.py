"""What is sent and what is answered."""

from __future__ import annotations

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from controlplane.notify.models import Urgency
from incidents.models import Drill, EscalationRun, Page
from incidents.paging.targets import KINDS

TAGS = ["paging"]


class EscalationTarget(StrictSerializer):
    kind = serializers.ChoiceField(choices=list(KINDS))
    ref = serializers.CharField(
        max_length=120,
        help_text="slug of a role or schedule, purpose of a contact, uid of a person or channel",
    )


class EscalationStep(StrictSerializer):
    targets = EscalationTarget(many=True)
    wait_s = serializers.IntegerField(help_text="until the next step, counted from this one")


class PolicyForm(StrictSerializer):
    title = serializers.CharField(max_length=120)
    about = serializers.CharField(max_length=400, required=False, allow_blank=True)
    steps = EscalationStep(many=True)
    repeats = serializers.IntegerField(required=False)
    catch_all = EscalationTarget(
        many=True, required=False, help_text="called after the last step of each round"
    )
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)


class LadderNew(PolicyForm):
    slug = serializers.CharField(
        max_length=50, help_text="a shipped one's: takes its place in this workspace"
    )


class PolicyRetire(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class EscalationPolicyRow(StrictSerializer):
    uid = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()
    about = serializers.CharField()
    shipped = serializers.BooleanField(help_text="comes with the release, for every workspace")
    is_active = serializers.BooleanField()
    number = serializers.IntegerField(help_text="of the version in force")
    steps = serializers.JSONField(help_text="as they are sent")
    repeats = serializers.IntegerField()
    catch_all = serializers.JSONField(help_text="targets, called after the last step of a round")
    version = serializers.IntegerField()


class WouldBeCalled(StrictSerializer):
    name = serializers.CharField()
    why = serializers.CharField()


class PreviewRung(StrictSerializer):
    number = serializers.IntegerField()
    after_s = serializers.IntegerField()
    at = serializers.DateTimeField()
    wait_s = serializers.IntegerField()
    targets = serializers.ListField(child=serializers.CharField())
    called = WouldBeCalled(many=True)
    missing = serializers.ListField(child=serializers.CharField())
    is_catch_all = serializers.BooleanField()


class PolicyPreview(StrictSerializer):
    at = serializers.DateTimeField()
    items = PreviewRung(many=True)


class PageRow(StrictSerializer):
    uid = serializers.UUIDField()
    incident = serializers.CharField(source="incident.ref", allow_null=True)
    ticket = serializers.CharField(source="ticket.ref", allow_null=True)
    run = serializers.UUIDField(source="run.uid")
    round = serializers.IntegerField()
    step = serializers.IntegerField()
    target = serializers.CharField()
    name = serializers.CharField(help_text="who was called; empty: nobody stood behind the target")
    why = serializers.CharField()
    status = serializers.ChoiceField(choices=Page.Status.values)
    note = serializers.CharField()
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    answered_at = serializers.DateTimeField(allow_null=True)
    answered_by_way = serializers.CharField()


class EscalationRow(StrictSerializer):
    uid = serializers.UUIDField()
    incident = serializers.CharField(source="incident.ref", allow_null=True)
    ticket = serializers.CharField(source="ticket.ref", allow_null=True)
    policy = serializers.CharField(source="policy.policy.slug")
    number = serializers.IntegerField(source="policy.number")
    why = serializers.ChoiceField(choices=EscalationRun.Why.values)
    reason = serializers.CharField()
    status = serializers.ChoiceField(choices=EscalationRun.Status.values)
    round = serializers.IntegerField()
    step = serializers.IntegerField(help_text="the next one")
    next_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_why = serializers.CharField()
    trouble = serializers.CharField()


class PagingFigureRow(StrictSerializer):
    key = serializers.CharField(help_text="The code of a level, or a month.")
    incidents = serializers.IntegerField(help_text="And tickets somebody is called for.")
    goal_s = serializers.IntegerField(allow_null=True, help_text="What the level asks.")
    mtta_s = serializers.FloatField(allow_null=True, help_text="Mean time to acknowledge.")
    median_s = serializers.FloatField(allow_null=True)
    longest_s = serializers.FloatField(allow_null=True)
    in_time = serializers.IntegerField()
    late = serializers.IntegerField()
    in_time_percent = serializers.IntegerField(allow_null=True)
    missed = serializers.IntegerField(help_text="Pages that nobody answered in time.")
    mttd_s = serializers.FloatField(allow_null=True, help_text="Mean time to detect.")
    mttr_s = serializers.FloatField(allow_null=True, help_text="Mean time to restore.")


class MissedPageRow(StrictSerializer):
    uid = serializers.UUIDField()
    incident = serializers.CharField(allow_null=True)
    ticket = serializers.CharField(allow_null=True)
    severity = serializers.CharField(help_text="of a ticket its priority")
    called = serializers.CharField()
    status = serializers.ChoiceField(choices=Page.Status.values)
    created_at = serializers.DateTimeField()
    link = serializers.CharField()


class PromisesRow(StrictSerializer):
    month = serializers.CharField()
    reviews_in_time = serializers.IntegerField()
    reviews_late = serializers.IntegerField()
    reviews_percent = serializers.IntegerField(allow_null=True)
    updates_in_time = serializers.IntegerField()
    updates_missed = serializers.IntegerField()
    updates_percent = serializers.IntegerField(allow_null=True)


class PagingFiguresAnswer(StrictSerializer):
    since = serializers.DateTimeField()
    by_severity = PagingFigureRow(many=True)
    by_month = PagingFigureRow(many=True, help_text="The latest first.")
    missed = serializers.IntegerField()
    latest_missed = MissedPageRow(many=True)
    promises = PromisesRow(many=True, help_text="Reviews and updates in time; the latest first.")


class PagingFiguresQuery(StrictSerializer):
    months = serializers.ChoiceField(
        choices=["1", "3", "6", "12", "24"], required=False,
        help_text="This one and those before it.",
    )  # fmt: skip


class OwnRuleForm(StrictSerializer):
    way = serializers.CharField(max_length=60, help_text="email, or the uid of a way of one's own")
    after_s = serializers.IntegerField(required=False, default=0)


class OwnRulesForm(StrictSerializer):
    urgency = serializers.ChoiceField(choices=Urgency.values, required=False, default="critical")
    rules = OwnRuleForm(many=True, help_text="none: the usual ways")


class OwnRuleRow(StrictSerializer):
    way = serializers.CharField()
    called = serializers.CharField()
    after_s = serializers.IntegerField()


class OwnRulesRow(StrictSerializer):
    urgency = serializers.CharField()
    rules = OwnRuleRow(many=True)


class DrillNew(StrictSerializer):
    severity = serializers.CharField(max_length=8, default="sev1", help_text="the code of a level")
    policy = serializers.CharField(
        max_length=50, required=False, default="", help_text="its slug; empty: that of the level"
    )
    title = serializers.CharField(max_length=150, required=False, default="", allow_blank=True)
    reason = serializers.CharField(max_length=500)


class DrillReason(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class DrillSeen(StrictSerializer):
    """Seconds from its beginning; null: it did not happen (yet)."""

    called_s = serializers.FloatField(allow_null=True)
    sent_s = serializers.FloatField(allow_null=True)
    acknowledged_s = serializers.FloatField(allow_null=True)
    acknowledged_by = serializers.CharField(allow_blank=True)
    calls = serializers.IntegerField()
    unreached = serializers.IntegerField()


class DrillAsked(StrictSerializer):
    severity = serializers.CharField()
    policy = serializers.CharField()
    called_s = serializers.IntegerField()
    sent_s = serializers.IntegerField()
    acknowledged_s = serializers.IntegerField()


class DrillRow(StrictSerializer):
    uid = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Drill.Kind.values)
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=Drill.Status.values)
    incident = serializers.CharField(source="incident.ref", allow_null=True)
    score = serializers.IntegerField(allow_null=True, help_text="percent, once it is over")
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    notes = serializers.CharField(help_text="what was learned")


class DrillWhole(DrillRow):
    asked = DrillAsked()
    seen = DrillSeen(allow_null=True, help_text="as far as it went, while it runs")
