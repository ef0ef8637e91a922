"""What a mission works with: toolkits, the scopes they may hold, what was looked at before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from controlplane.access.models import User
from controlplane.catalog.models import Integration
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from missions import querysets_guarding as querysets
from missions.models.missions import Mission


def _scopes() -> Any:
    return ArrayField(models.CharField(max_length=120), default=list, blank=True)


class MissionToolkit(models.Model):
    """A toolkit that a mission asks for. Operations Command approves its scopes or drops it; a
    person attests to what was approved. What is asked for anew is decided anew."""

    class Status(models.TextChoices):
        UNDECIDED = "undecided", "Undecided"
        APPROVED = "approved", "Approved"
        DROPPED = "dropped", "Dropped"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="toolkits")
    integration = models.ForeignKey(Integration, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=500)
    mutating = models.BooleanField(default=False)  # it will change something there
    minimum_scopes = _scopes()  # without which it is of no use
    requested_scopes = _scopes()
    approved_scopes = _scopes()
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.UNDECIDED, editable=False
    )
    decided_by = models.CharField(max_length=80, blank=True, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)
    decision = models.CharField(max_length=500, blank=True, editable=False)
    attested_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    attested_at = models.DateTimeField(null=True, blank=True, editable=False)
    attestation = models.CharField(max_length=500, blank=True, editable=False)
    proposed_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    proposed_at = models.DateTimeField(default=clock.now, editable=False)
    # Whoever asked for what is asked now, or was before: opaque refs. They sign nothing of it.
    authors = ArrayField(models.CharField(max_length=80), default=list, blank=True, editable=False)
    # When more was asked for than before: what was looked at earlier does not count.
    widened_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ToolkitQuerySet.as_manager()

    class Meta:
        verbose_name = "mission toolkit"
        ordering = ["mission", "id"]
        constraints = [
            models.UniqueConstraint(fields=["mission", "integration"], name="mission_toolkit_once"),
            models.CheckConstraint(
                condition=Q(status__in=["undecided", "approved", "dropped"]),
                name="mission_toolkit_status",
            ),
            models.CheckConstraint(
                condition=Q(status="undecided", decided_at=None, decided_by="")
                | ~Q(status="undecided") & Q(decided_at__isnull=False) & ~Q(decided_by=""),
                name="mission_toolkit_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(status="approved")
                & ~Q(approved_scopes=[])
                & Q(approved_scopes__contained_by=F("requested_scopes"))
                & Q(approved_scopes__contains=F("minimum_scopes"))
                | ~Q(status="approved") & Q(approved_scopes=[]),
                name="mission_toolkit_scopes",
            ),
            models.CheckConstraint(
                condition=~Q(status="dropped") | Q(decision__gt=""),
                name="mission_toolkit_dropped_says_why",
            ),
            models.CheckConstraint(
                condition=Q(attested_by=None, attested_at=None, attestation="")
                | Q(
                    status="approved",
                    attested_by__isnull=False,
                    attested_at__isnull=False,
                    attestation__gt="",
                ),
                name="mission_toolkit_attested",
            ),
        ]

    def __str__(self) -> str:
        return self.integration.name

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id


class ToolkitConnection(models.Model):
    """One authorization, from its beginning to its end: what was granted, and when it was last
    looked at. One at a time. It holds no token."""

    class Status(models.TextChoices):
        INITIATED = "initiated", "Initiated"
        APPROVED = "approved", "Connected"
        EXPIRED = "expired", "Expired"
        REVOKED = "revoked", "Revoked"
        FAILED = "failed", "Failed"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    toolkit = models.ForeignKey(
        MissionToolkit, on_delete=models.PROTECT, related_name="connections"
    )
    link_id = models.CharField(max_length=120)  # of the provider's flow
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.INITIATED, editable=False
    )
    requested_scopes = _scopes()
    granted_scopes = _scopes()
    initiated_by = models.CharField(max_length=80)  # an opaque ref
    initiated_at = models.DateTimeField(default=clock.now)
    connected_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_by = models.CharField(max_length=80, blank=True)
    # Held beyond what was approved, when it was last looked at.
    drift = _scopes()
    drift_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=80, blank=True)
    end_reason = models.CharField(max_length=500, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ConnectionQuerySet.as_manager()

    class Meta:
        verbose_name = "toolkit connection"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["toolkit"],
                condition=Q(status__in=querysets.CONNECTION_LIVE),
                name="toolkit_connection_one_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["toolkit", "link_id"], name="toolkit_connection_link_once"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["initiated", "approved", "expired", "revoked", "failed"]),
                name="toolkit_connection_status",
            ),
            models.CheckConstraint(
                condition=~Q(status="approved")
                | Q(connected_at__isnull=False, verified_at__isnull=False) & ~Q(granted_scopes=[]),
                name="toolkit_connection_granted",
            ),
            models.CheckConstraint(
                condition=Q(status__in=querysets.CONNECTION_LIVE, ended_at=None, ended_by="")
                | ~Q(status__in=querysets.CONNECTION_LIVE)
                & Q(ended_at__isnull=False)
                & ~Q(ended_by=""),
                name="toolkit_connection_ended_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(drift=[], drift_at=None) | ~Q(drift=[]) & Q(drift_at__isnull=False),
                name="toolkit_connection_drift",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(status="approved"), name="connection_to_expire"
            ),
            models.Index(
                fields=["initiated_at"],
                condition=Q(status="initiated"),
                name="connection_not_answered",
            ),
        ]

    def __str__(self) -> str:
        return f"Connection of {self.toolkit}"

    @property
    def workspace_id(self) -> int:
        return self.toolkit.mission.workspace_id

    def is_over(self, now: datetime | None = None) -> bool:
        return self.expires_at is not None and self.expires_at <= (now or clock.now())


class DataInspection(models.Model):
    """A look at the data behind a toolkit that changed nothing there. It comes before anything
    may be connected, and is never written again."""

    class Result(models.TextChoices):
        PASS = "pass", "Pass"
        WARN = "warn", "Warning"
        FAIL = "fail", "Fail"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    toolkit = models.ForeignKey(
        MissionToolkit, on_delete=models.PROTECT, related_name="inspections"
    )
    external_id = models.CharField(max_length=120)
    source = models.CharField(max_length=200)
    read_only = models.BooleanField()
    proof = models.CharField(max_length=500, blank=True)  # what shows that it changed nothing
    coverage_percent = models.DecimalField(max_digits=5, decimal_places=2)
    sample_count = models.PositiveBigIntegerField()
    freshness_at = models.DateTimeField(null=True, blank=True)  # the newest of the sample
    pii_flags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    duplicates = models.PositiveBigIntegerField(default=0)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    result = models.CharField(max_length=4, choices=Result.choices)
    note = models.TextField(blank=True)
    inspected_at = models.DateTimeField()
    by = models.CharField(max_length=80)  # an opaque ref
    at = models.DateTimeField(default=clock.now)
    objects = querysets.InspectionQuerySet.as_manager()

    class Meta:
        verbose_name = "data inspection"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["toolkit", "external_id"], name="inspection_once"),
            models.CheckConstraint(
                condition=Q(coverage_percent__gte=0, coverage_percent__lte=100),
                name="inspection_coverage",
            ),
            models.CheckConstraint(
                condition=Q(result__in=["pass", "warn", "fail"]), name="inspection_result"
            ),
            models.CheckConstraint(
                condition=Q(read_only=False) | Q(proof__gt=""), name="inspection_read_only_proven"
            ),
            models.CheckConstraint(
                condition=Q(inspected_at__lte=F("at")), name="inspection_is_past"
            ),
        ]
        indexes = [models.Index(fields=["toolkit", "-inspected_at"], name="inspections_newest")]

    def __str__(self) -> str:
        return f"{self.toolkit} on {self.inspected_at:%Y-%m-%d}"

    @property
    def workspace_id(self) -> int:
        return self.toolkit.mission.workspace_id
