"""What goes in and out of the approvals API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.approvals.models import Decision, Policy, Request
from controlplane.approvals.services.reading import COMMENT
from controlplane.base.api.serializers import RefField, StrictSerializer


class PacketField(serializers.DictField):
    """A packet has bounds of its own, told by `packets.clean` with the path of what is wrong."""

    max_depth = 64
    max_bytes = 1_000_000


class PersonRow(StrictSerializer):
    """Who. Machines have no `uid`."""

    uid = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()


class SlotRow(StrictSerializer):
    slug = serializers.CharField()
    title = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField(max_length=40))
    needed = serializers.IntegerField()
    signed = serializers.IntegerField()
    waiting = serializers.BooleanField(help_text="Its turn, and not full.")
    may_sign = serializers.BooleanField(help_text="You may, now.")
    refusal = serializers.CharField(allow_blank=True, help_text="Why you may not.")


class DecisionRow(StrictSerializer):
    uid = serializers.UUIDField()
    slot = serializers.CharField(source="slot.slug")
    instance = serializers.IntegerField()
    person = PersonRow(source="*")
    signed_for = PersonRow(source="*", allow_null=True)
    as_role = serializers.CharField(allow_blank=True)
    verdict = serializers.ChoiceField(choices=Decision.Verdict.choices)
    comment = serializers.CharField(allow_blank=True)
    sha256 = serializers.CharField()
    decided_at = serializers.DateTimeField()
    factor_age_s = serializers.IntegerField(allow_null=True)
    break_glass = serializers.BooleanField()


class SignatureRow(DecisionRow):
    """A decision in a list of its own."""

    request = serializers.UUIDField(source="request.uid")
    ref = serializers.CharField(source="*")
    title = serializers.CharField(source="request.title")


class RequestRow(StrictSerializer):
    uid = serializers.UUIDField()
    ref = serializers.CharField(source="*")
    status = serializers.ChoiceField(choices=Request.Status.choices)
    policy = serializers.CharField(source="policy.slug")
    owner = serializers.CharField()
    subject = serializers.CharField()
    title = serializers.CharField()
    item = serializers.CharField(source="item.key", allow_null=True)
    sha256 = serializers.CharField(help_text="Send it back when you decide.")
    question = serializers.UUIDField(help_text="The same over all revisions.")
    revision = serializers.IntegerField()
    requested_by = PersonRow(source="*")
    requested_at = serializers.DateTimeField(help_text="Of the question: revisions keep it.")
    asked_at = serializers.DateTimeField(help_text="Of this revision.")
    due_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField()


class RequestDetail(RequestRow):
    packet = serializers.DictField(source="*")
    policy_snapshot = serializers.DictField()
    producers = serializers.ListField(child=serializers.CharField())
    supersedes = serializers.UUIDField(source="supersedes.uid", allow_null=True)
    slots = SlotRow(source="*", many=True)
    decisions = DecisionRow(source="*", many=True)


class RequestNew(StrictSerializer):
    """Ask people for consent to something of your own."""

    policy = serializers.CharField(max_length=50)
    title = serializers.CharField(max_length=200)
    packet = PacketField()
    item = RefField(required=False, help_text="Key or uid of the work item it belongs to.")
    subject = serializers.CharField(max_length=160, required=False)
    producers = serializers.ListField(
        child=serializers.CharField(max_length=254), required=False, max_length=50,
        help_text="uids or e-mail addresses of people who made it, and will not sign it.",
    )  # fmt: skip
    due_at = serializers.DateTimeField(required=False)


class DecideForm(StrictSerializer):
    verdict = serializers.ChoiceField(choices=Decision.Verdict.choices)
    sha256 = serializers.CharField(min_length=64, max_length=64)
    slot = serializers.CharField(max_length=50, required=False, allow_blank=True)
    comment = serializers.CharField(max_length=COMMENT, required=False, allow_blank=True)


class ReviseForm(StrictSerializer):
    packet = PacketField()
    title = serializers.CharField(max_length=200, required=False)
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)


class WithdrawForm(StrictSerializer):
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)


class CommentNew(StrictSerializer):
    text = serializers.CharField(max_length=20_000)


class CommentRow(StrictSerializer):
    """`on` is the revision it was said of, or the work item."""

    on = serializers.CharField()
    author = PersonRow(source="*")
    text = serializers.CharField()
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    at = serializers.DateTimeField()


class CommentsRow(StrictSerializer):
    """The newest first. `more`: there are older ones than these."""

    comments = CommentRow(many=True)
    more = serializers.BooleanField()


class DelegateForm(StrictSerializer):
    to = serializers.CharField(max_length=254, help_text="uid or e-mail address")
    reason = serializers.CharField(max_length=500)
    until = serializers.DateTimeField(required=False)
    role = serializers.CharField(max_length=40, required=False, allow_blank=True)


class AbsenceForm(DelegateForm):
    until = serializers.DateTimeField()
    starts = serializers.DateTimeField(required=False)


class DelegationRow(StrictSerializer):
    uid = serializers.UUIDField()
    giver = PersonRow(source="*")
    receiver = PersonRow(source="*")
    request = serializers.UUIDField(source="request.uid", allow_null=True)
    role = serializers.CharField(allow_blank=True)
    reason = serializers.CharField()
    starts = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class ChangeRow(StrictSerializer):
    path = serializers.CharField(allow_blank=True)
    kind = serializers.ChoiceField(choices=["added", "removed", "changed", "more"])
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class ChangesRow(StrictSerializer):
    previous = ChangeRow(many=True, allow_null=True, help_text="Since the last revision, if any.")
    stands = ChangeRow(many=True, allow_null=True, help_text="What stands now, where it is known.")


class SlotForm(StrictSerializer):
    slug = serializers.CharField(max_length=50)
    title = serializers.CharField(max_length=120, required=False, allow_blank=True)
    roles = serializers.ListField(child=serializers.CharField(max_length=40), max_length=40)
    count = serializers.IntegerField(min_value=1, max_value=20, required=False)
    requester_may = serializers.BooleanField(required=False)


class PolicyFields(StrictSerializer):
    name = serializers.CharField(max_length=120, required=False)
    about = serializers.CharField(max_length=400, required=False, allow_blank=True)
    order = serializers.ChoiceField(choices=Policy.Order.choices, required=False)
    slots: Any = SlotForm(many=True, required=False)
    target_minutes = serializers.IntegerField(min_value=1, max_value=527_040, required=False)
    expires_minutes = serializers.IntegerField(min_value=1, max_value=527_040, required=False)
    remind_at = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=99), max_length=5, required=False
    )
    escalate_to = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=40, required=False
    )
    fresh_factor_minutes = serializers.IntegerField(
        min_value=0, max_value=1_440, required=False,
        help_text="How old a signer's second factor may be; 0: as the session has it.",
    )  # fmt: skip


class PolicyChange(PolicyFields):
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)


class PolicyNew(PolicyFields):
    slug = serializers.CharField(max_length=50)
    name = serializers.CharField(max_length=120)
    slots: Any = SlotForm(many=True)


class PolicyRow(StrictSerializer):
    uid = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    about = serializers.CharField(allow_blank=True)
    order = serializers.ChoiceField(choices=Policy.Order.choices)
    slots = serializers.JSONField()
    target_minutes = serializers.IntegerField()
    expires_minutes = serializers.IntegerField()
    remind_at = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=99))
    escalate_to = serializers.ListField(child=serializers.CharField(max_length=40))
    fresh_factor_minutes = serializers.IntegerField()
    is_active = serializers.BooleanField()
    changed_at = serializers.DateTimeField()
    version = serializers.IntegerField()
