from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.ids import uuid7
from controlplane.lib.refs import Ref


class Cadence(models.TextChoices):
    DAILY = "daily", "Daily"
    WEEKLY = "weekly", "Weekly"
    BIWEEKLY = "biweekly", "Every two weeks"
    MONTHLY = "monthly", "Monthly"
    QUARTERLY = "quarterly", "Quarterly"
    YEARLY = "yearly", "Yearly"


class ObligationQuerySet(models.QuerySet["Obligation"]):
    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.filter(workspace_id__in=actor.workspace_ids)


class Obligation(models.Model):
    """What people of a role owe regularly: a review, a drill, a rotation, a check-list."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="obligations")
    slug = models.SlugField(max_length=80)
    title = models.CharField(max_length=200)
    owner_role = models.CharField(max_length=40)
    # The role that signs what the owner recorded. Empty: no second person is needed.
    sign_role = models.CharField(max_length=40, blank=True)
    cadence = models.CharField(max_length=10, choices=Cadence.choices)
    evidence = models.TextField(help_text="What the record must show.")
    active = models.BooleanField(default=True)
    since = models.DateField()
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects: ClassVar[models.Manager[Obligation]] = models.Manager.from_queryset(
        ObligationQuerySet
    )()

    class Meta:
        verbose_name = "standing obligation"
        ordering = ["workspace", "slug"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="obligation_once"),
            models.CheckConstraint(
                condition=Q(cadence__in=Cadence.values), name="obligation_known_cadence"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class ObligationRecordQuerySet(models.QuerySet["ObligationRecord"]):
    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.filter(workspace_id__in=actor.workspace_ids)

    def unfinished(self) -> Self:
        """Nothing recorded yet, or recorded and waiting for the second person."""
        return self.exclude(status=ObligationRecord.Status.COMPLETE)

    def overdue(self) -> Self:
        return self.unfinished().filter(due_at__lt=clock.now())


class ObligationRecord(models.Model):
    """One period of an obligation: due, then recorded, then (where asked) signed by another."""

    class Status(models.TextChoices):
        DUE = "due", "Due"
        RECORDED = "recorded", "Waiting for sign-off"
        COMPLETE = "complete", "Complete"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    obligation = models.ForeignKey(Obligation, on_delete=models.CASCADE, related_name="records")
    period = models.CharField(max_length=12)  # "2026-W45", "2026-11", "2026-Q4"
    starts_at = models.DateTimeField()
    due_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DUE)
    version = models.PositiveIntegerField(default=1)
    note = models.TextField(blank=True)
    evidence_url = models.URLField(max_length=500, blank=True)
    recorded_at = models.DateTimeField(null=True)
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(null=True)
    signed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    statement = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects: ClassVar[models.Manager[ObligationRecord]] = models.Manager.from_queryset(
        ObligationRecordQuerySet
    )()

    class Meta:
        verbose_name = "obligation"
        ordering = ["due_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["obligation", "period"], name="obligation_one_a_period"
            ),
            models.UniqueConstraint(fields=["workspace", "number"], name="obligation_number_once"),
            models.CheckConstraint(
                condition=Q(status="due") | Q(recorded_at__isnull=False),
                name="obligation_recorded_has_time",
            ),
            # Four eyes, whatever the services do.
            models.CheckConstraint(
                condition=Q(signed_by=None) | ~Q(signed_by=models.F("recorded_by")),
                name="obligation_signed_by_another",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "due_at"],
                name="obligation_unfinished",
                condition=~Q(status="complete"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.ref} of {self.period}"

    @property
    def ref(self) -> Ref:
        return Ref("OBL", self.number)
