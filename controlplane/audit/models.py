"""The audit log: what happened, in rows that can only be added.

No foreign keys: a row must outlive whatever it is about, and the log stands below everything.
`at`, `leaf` and `form` are set by a trigger, whatever the writer says; see migration 0002.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models

from controlplane.audit import words
from controlplane.audit.querysets import EventQuerySet, ReviewQuerySet, SealQuerySet
from controlplane.lib import clock
from controlplane.lib.ids import uuid7

TOLD_OF = "told_of"  # in the details of a row that tells of another time than its own


class Outcome(models.TextChoices):
    DONE = "done", "Done"
    DENIED = "denied", "Denied"
    FAILED = "failed", "Failed"


class ActorKind(models.TextChoices):
    PERSON = "person", "Person"
    AGENT = "agent", "Agent"
    SERVICE = "service", "Service account"
    CONTACT = "contact", "Contact"
    JOB = "job", "Job"
    ANONYMOUS = "anonymous", "Not signed in"


if TYPE_CHECKING:
    _Field = models.Field[Any, Any]
else:  # generic for the type checker only
    _Field = models.Field


class IdRanges(_Field):
    """A set of ids as an `int8multirange`; in Python a list of (first, last), both included."""

    def db_type(self, connection: Any) -> str:
        return "int8multirange"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if value is None:
            return None
        return [(part.lower, part.upper - 1) for part in value]

    def get_prep_value(self, value: Any) -> str | None:
        if value is None:
            return None
        return "{" + ",".join(f"[{first},{last}]" for first, last in value) + "}"


class AuditEvent(models.Model):
    """One thing somebody did, tried or was refused."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    at = models.DateTimeField(editable=False)
    workspace_id = models.BigIntegerField(null=True, editable=False)
    actor_kind = models.CharField(max_length=12, choices=ActorKind.choices, editable=False)
    actor_ref = models.CharField(max_length=80, editable=False)
    actor_label = models.CharField(max_length=200, editable=False)
    action = models.CharField(max_length=80, editable=False)
    subject_type = models.CharField(max_length=80, editable=False)
    subject_ref = models.CharField(max_length=160, editable=False)
    subject_label = models.CharField(max_length=200, editable=False)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, editable=False)
    reason = models.CharField(max_length=1000, editable=False)
    rule = models.CharField(max_length=80, editable=False)
    before = models.JSONField(null=True, editable=False)
    after = models.JSONField(null=True, editable=False)
    details = models.JSONField(null=True, editable=False)
    source = models.CharField(max_length=20, editable=False)
    request_id = models.CharField(max_length=128, editable=False)
    correlation_id = models.CharField(max_length=128, editable=False)
    address = models.CharField(max_length=45, editable=False)
    # Which list of columns the leaf covers, so that a later release may add one.
    form = models.SmallIntegerField(editable=False)
    leaf = models.BinaryField(max_length=32, editable=False)
    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["workspace_id", "id"], name="audit_workspace"),
            models.Index(fields=["subject_ref", "id"], name="audit_subject"),
            models.Index(fields=["actor_ref", "id"], name="audit_actor"),
            models.Index(fields=["action", "id"], name="audit_action"),
            # "Everything that this request did", from an error page or an answer of the API.
            models.Index(
                fields=["request_id", "id"],
                name="audit_request",
                condition=~models.Q(request_id=""),
            ),
            # Few rows, read every minute by the watch over refusals.
            models.Index(
                fields=["at"], name="audit_denied", condition=models.Q(outcome=Outcome.DENIED)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(outcome__in=Outcome.values), name="audit_outcome_known"
            ),
            models.CheckConstraint(condition=~models.Q(action=""), name="audit_action_named"),
        ]

    def __str__(self) -> str:
        about = self.subject_label or self.subject_ref
        return f"{words.sentence(self)}: {about}" if about else words.sentence(self)

    @property
    def happened_at(self) -> datetime:
        """When it was, as far as the row knows: `at`, unless it tells of another time."""
        told = self.details.get(TOLD_OF) if isinstance(self.details, dict) else None
        return datetime.fromisoformat(told) if isinstance(told, str) else self.at


class AuditPending(models.Model):
    """Events that no seal covers yet. A trigger adds the id, the sealer takes it away.

    A table, not a watermark on ids or transaction ids: ids commit out of order, and transaction
    ids do not survive a dump and restore.
    """

    event_id = models.BigIntegerField(primary_key=True)

    def __str__(self) -> str:
        return str(self.event_id)


class AuditSeal(models.Model):
    """A link of the chain: the Merkle root over a batch of leaves, signed.

    The leaves are kept beside the root so that verification can name the very row, even when
    a forger computed its leaf anew. A `prune` link says which ids were removed after their year.
    """

    class Kind(models.TextChoices):
        BATCH = "batch", "Batch"
        PRUNE = "prune", "Prune"

    n = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=6, choices=Kind.choices, default=Kind.BATCH)
    at = models.DateTimeField()
    ids = IdRanges()
    count = models.PositiveIntegerField()
    leaves = models.BinaryField()
    root = models.BinaryField(max_length=32)
    prev = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32, unique=True)
    key_id = models.CharField(max_length=16)
    sig = models.BinaryField(max_length=32)
    objects = SealQuerySet.as_manager()

    class Meta:
        verbose_name = "seal"
        ordering = ["-n"]

    def __str__(self) -> str:
        return f"seal {self.n}"


class AuditReview(models.Model):
    """A week's reading of the log by the security lead: the prepared extract and a signature.

    When it is due, and who is reminded, is the business of the recurring obligation.
    """

    workspace_id = models.BigIntegerField(editable=False)
    week = models.CharField(max_length=8)  # "2026-W48"
    since = models.DateTimeField()
    until = models.DateTimeField()
    extract = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now)
    signed_at = models.DateTimeField(null=True)
    signed_by = models.CharField(max_length=200, blank=True)
    statement = models.TextField(blank=True)
    objects = ReviewQuerySet.as_manager()

    class Meta:
        verbose_name = "weekly review"
        ordering = ["-since"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "week"], name="audit_review_once_a_week"
            ),
            models.CheckConstraint(
                condition=models.Q(signed_at=None) | ~models.Q(statement=""),
                name="audit_review_signed_with_words",
            ),
        ]

    def __str__(self) -> str:
        return f"Audit review {self.week}"
