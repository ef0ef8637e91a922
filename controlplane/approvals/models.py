"""What is asked, of whom, and who answered what.

A request keeps a snapshot of its policy and the packet as canonical text with its hash: what was
signed can be shown word for word years later, whatever became of the policy or of the thing.
Columns that tell history are guarded by triggers (migration `guards`), not by good manners.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from controlplane.access.models import User, Workspace
from controlplane.approvals import querysets
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models import Item

slug_form = RegexValidator(
    r"\A[a-z0-9](?:[a-z0-9_-]{0,48}[a-z0-9])?\Z", "Use a-z, 0-9, dashes and underscores."
)


class Policy(models.Model):
    """Who must consent to a kind of thing, how fast, and what happens when nobody does."""

    class Order(models.TextChoices):
        PARALLEL = "parallel", "All at once"
        IN_ORDER = "in_order", "One after the other"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    slug = models.CharField(max_length=50, validators=[slug_form])
    name = models.CharField(max_length=120)
    about = models.CharField(max_length=400, blank=True)
    order = models.CharField(max_length=10, choices=Order.choices, default=Order.PARALLEL)
    # [{"slug", "title", "roles": […], "count", "requester_may"}], in order
    slots = models.JSONField(default=list)
    target_minutes = models.PositiveIntegerField(default=240)
    expires_minutes = models.PositiveIntegerField(default=10_080)
    remind_at = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)  # percent
    escalate_to = ArrayField(models.CharField(max_length=40), default=list, blank=True)  # roles
    # How old a signer's second factor may be; 0 asks for nothing more than the session did.
    fresh_factor_minutes = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.PolicyQuerySet.as_manager()

    class Meta:
        verbose_name = "approval policy"
        verbose_name_plural = "approval policies"
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "slug"],
                name="approval_policy_once",
                violation_error_message="There is a policy of this slug already.",
            ),
            models.CheckConstraint(
                condition=Q(target_minutes__gte=1, expires_minutes__gte=1),
                name="approval_policy_has_time",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Request(models.Model):
    """One packet, asked to be consented to. A packet that changes is a new request of the same
    question: the clock goes on, the signatures don't."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        CHANGES_REQUESTED = "changes_requested", "Changes requested"
        EXPIRED = "expired", "Expired"
        WITHDRAWN = "withdrawn", "Withdrawn"
        VOID = "void", "Void"
        SUPERSEDED = "superseded", "Superseded"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField(editable=False)  # of its ref, APR-n
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.OPEN)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="requests")
    policy_snapshot = models.JSONField()
    owner = models.CharField(max_length=60)  # the name an app registered in `owners`
    subject = models.CharField(max_length=160)  # audit ref of what it is about
    title = models.CharField(max_length=200)
    item = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.SET_NULL, related_name="approvals"
    )
    packet_text = models.TextField()  # canonical JSON: exactly what is hashed and signed
    sha256 = models.CharField(max_length=64)
    question = models.UUIDField(default=uuid7, editable=False)
    revision = models.PositiveIntegerField(default=1)
    supersedes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="successor"
    )
    # A person by key, so that the row names nobody; an agent or job by what it is called.
    requested_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    requested_by_ref = models.CharField(max_length=80)
    requested_by_name = models.CharField(max_length=200, blank=True)
    producers = ArrayField(models.CharField(max_length=80), default=list, blank=True)  # refs
    # People whose agents asked or made it: they count as who asked. Kept, for owners change.
    behind = ArrayField(models.BigIntegerField(), default=list, blank=True)  # ids of users
    requested_at = models.DateTimeField()  # of the question: kept over revisions
    asked_at = models.DateTimeField()  # of this revision
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)  # by people
    closed_at = models.DateTimeField(null=True, blank=True)  # by whatever came first
    reason = models.TextField(blank=True)  # why it is no longer open, if not by decisions
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.RequestQuerySet.as_manager()

    class Meta:
        verbose_name = "approval request"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "number"], name="approval_ref_once"),
            models.UniqueConstraint(fields=["question", "revision"], name="approval_revision_once"),
            models.UniqueConstraint(
                fields=["question"], condition=Q(status="open"), name="approval_one_open_revision"
            ),
            models.CheckConstraint(
                condition=Q(status="open", closed_at=None, decided_at=None)
                | (~Q(status="open") & Q(closed_at__isnull=False)),
                name="approval_closed_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["approved", "rejected", "changes_requested"])
                | Q(decided_at__isnull=False),
                name="approval_decided_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "requested_at"],
                condition=Q(status="open"),
                name="approval_queue",
            ),
            # What somebody asked for and has to look at again: few of very many.
            models.Index(
                fields=["requested_by_ref", "-closed_at"],
                condition=Q(status__in=["changes_requested", "rejected", "expired"]),
                name="approval_sent_back",
            ),
            models.Index(fields=["subject"], name="approvals_of_subject"),
            models.Index(fields=["workspace", "decided_at"], name="approval_decided"),
            models.Index(fields=["workspace", "-id"], name="approval_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    @property
    def ref(self) -> str:
        return f"APR-{self.number}"

    @property
    def packet(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.packet_text)
        return value

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN

    def age_fraction(self, now: datetime | None = None) -> float:
        """How much of the target is used up: 1.0 is due. Stands still once it is closed, and
        never runs backwards, whatever somebody did to the clock."""
        end = self.closed_at or now or clock.now()
        span = (self.due_at - self.requested_at).total_seconds()
        used = (end - self.requested_at).total_seconds()
        return max(used, 0.0) / span if span > 0 else 1.0

    def pace(self, now: datetime | None = None) -> str:
        """ "fresh", "ageing" (past the first reminder, or half of the time) or "late"."""
        used = self.age_fraction(now)
        if used >= 1:
            return "late"
        reminders = [percent for percent in self.policy_snapshot.get("remind_at", []) if percent]
        return "ageing" if used * 100 >= min(reminders, default=50) else "fresh"


class RequestSlot(models.Model):
    """A step of one request: whose signatures it waits for, and how many."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="slots")
    position = models.PositiveSmallIntegerField()
    slug = models.CharField(max_length=50)
    title = models.CharField(max_length=120)
    roles = ArrayField(models.CharField(max_length=40))
    needed = models.PositiveSmallIntegerField(default=1)
    signed = models.PositiveSmallIntegerField(default=0)
    requester_may = models.BooleanField(default=False)
    # Its turn: not full, and nothing before it is waited for.
    waiting = models.BooleanField(default=True)
    objects = querysets.RequestSlotQuerySet.as_manager()

    class Meta:
        verbose_name = "approval slot"
        ordering = ["request", "position"]
        constraints = [
            models.UniqueConstraint(fields=["request", "slug"], name="approval_slot_once"),
            models.CheckConstraint(
                condition=Q(needed__gte=1, signed__lte=F("needed")), name="approval_slot_quorum"
            ),
            models.CheckConstraint(
                condition=Q(waiting=False) | Q(signed__lt=F("needed")),
                name="approval_full_slot_waits_not",
            ),
        ]
        indexes = [GinIndex(fields=["roles"], name="approval_slot_roles")]

    def __str__(self) -> str:
        return self.title

    @property
    def is_full(self) -> bool:
        return self.signed >= self.needed


class Delegation(models.Model):
    """Somebody signs for somebody: one request, or whatever comes while they are away."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    from_user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    to_user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    request = models.ForeignKey(
        Request, null=True, blank=True, on_delete=models.PROTECT, related_name="delegations"
    )
    role = models.CharField(max_length=40, blank=True)  # of the giver's; empty: all
    reason = models.CharField(max_length=500)
    starts = models.DateTimeField(default=clock.now)
    until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by_ref = models.CharField(max_length=80, blank=True)
    objects = querysets.DelegationQuerySet.as_manager()

    class Meta:
        verbose_name = "approval delegation"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(from_user=F("to_user")), name="approval_delegated_to_another"
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gt=F("starts")), name="approval_delegation_lasts"
            ),
            models.CheckConstraint(
                condition=Q(request__isnull=False) | Q(until__isnull=False),
                name="approval_absence_ends",
            ),
        ]
        indexes = [
            models.Index(
                fields=["to_user", "workspace"],
                condition=Q(ended_at=None),
                name="approval_delegated_to",
            ),
            models.Index(fields=["request"], name="approval_delegations_of"),
        ]

    def __str__(self) -> str:
        return f"{self.from_user_id} to {self.to_user_id}"


class Decision(models.Model):
    """What one person answered to one packet. Written once."""

    class Verdict(models.TextChoices):
        APPROVED = "approved", "Approve"
        REJECTED = "rejected", "Reject"
        CHANGES_REQUESTED = "changes_requested", "Ask for changes"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="decisions")
    slot = models.ForeignKey(RequestSlot, on_delete=models.PROTECT, related_name="decisions")
    instance = models.PositiveSmallIntegerField()  # 1 … slot.needed
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    as_role = models.CharField(max_length=40, blank=True)  # empty: by break-glass
    verdict = models.CharField(max_length=20, choices=Verdict.choices)
    comment = models.TextField(blank=True)
    sha256 = models.CharField(max_length=64)
    decided_at = models.DateTimeField()
    factor_age_s = models.PositiveIntegerField(null=True, blank=True)
    delegation = models.ForeignKey(
        Delegation, null=True, blank=True, on_delete=models.PROTECT, related_name="decisions"
    )
    delegated_from = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    break_glass = models.BooleanField(default=False)
    objects = querysets.DecisionQuerySet.as_manager()

    class Meta:
        verbose_name = "approval decision"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["request", "person"], name="approval_one_per_person"),
            models.UniqueConstraint(fields=["slot", "instance"], name="approval_one_per_place"),
            models.UniqueConstraint(
                fields=["request", "delegated_from"],
                condition=Q(delegated_from__isnull=False),
                name="approval_one_per_giver",
            ),
            models.CheckConstraint(
                condition=Q(verdict="approved") | ~Q(comment=""), name="approval_refusal_says_why"
            ),
            models.CheckConstraint(
                condition=Q(delegation=None, delegated_from=None)
                | Q(delegation__isnull=False, delegated_from__isnull=False),
                name="approval_delegated_by_row",
            ),
        ]
        indexes = [models.Index(fields=["person", "-id"], name="approvals_signed_by")]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.person_id}"


class RequestComment(models.Model):
    """Said once, never changed, about a request without a work item; what is said about one with
    an item is said of the item. It belongs to the question: later revisions show it too."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="comments")
    question = models.UUIDField(editable=False)
    # A person by key, so that the row names nobody; an agent or job by what it is called.
    author = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    author_ref = models.CharField(max_length=80)
    author_name = models.CharField(max_length=200, blank=True)
    text = models.TextField()
    source = models.CharField(max_length=20, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    objects = querysets.RequestCommentQuerySet.as_manager()

    class Meta:
        verbose_name = "approval comment"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="approval_comment_says_something")
        ]
        indexes = [models.Index(fields=["question", "id"], name="approval_comments_of")]

    def __str__(self) -> str:
        return self.text[:80]
