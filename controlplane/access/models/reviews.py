"""The quarterly access review and its lines."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controlplane.access.models.agents import ApiKey
from controlplane.access.models.people import Grant, User, Workspace
from controlplane.access.querysets import AccessReviewLineQuerySet, AccessReviewQuerySet
from controlplane.lib import clock
from controlplane.lib.ids import uuid7


class AccessReview(models.Model):
    """A quarter's list of who holds what, each line confirmed or revoked, then signed."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        SIGNED = "signed", "Signed"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="reviews")
    period = models.CharField(max_length=7)  # "2026-Q4"
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField()
    signed_at = models.DateTimeField(null=True)
    signed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    statement = models.TextField(blank=True)
    objects = AccessReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "period"], name="review_once_a_period"),
            models.CheckConstraint(
                condition=Q(status="open") | Q(signed_at__isnull=False),
                name="review_signed_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"Access review {self.period}, {self.workspace}"


class AccessReviewLine(models.Model):
    """One thing somebody holds, as it stood when the review was made."""

    class Decision(models.TextChoices):
        PENDING = "", "Open"
        CONFIRMED = "confirmed", "Confirmed"
        REVOKED = "revoked", "Revoked"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    review = models.ForeignKey(AccessReview, on_delete=models.CASCADE, related_name="lines")
    grant = models.ForeignKey(Grant, null=True, on_delete=models.SET_NULL, related_name="+")
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, related_name="+")
    # The person it concerns: nobody decides about themselves, also when grant or key are gone.
    holder_user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    holder = models.CharField(max_length=200)
    holds = models.CharField(max_length=200)
    last_used_at = models.DateTimeField(null=True)
    decision = models.CharField(
        max_length=10, choices=Decision.choices, default=Decision.PENDING, blank=True
    )
    decided_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)
    objects = AccessReviewLineQuerySet.as_manager()

    class Meta:
        ordering = ["holder", "holds", "id"]

    def __str__(self) -> str:
        return f"{self.holder}: {self.holds}"

    @property
    def workspace_id(self) -> int:
        return self.review.workspace_id
