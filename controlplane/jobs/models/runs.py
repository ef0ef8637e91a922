from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from controlplane.jobs import leases
from controlplane.jobs.models.querysets import InstallationQuerySet
from controlplane.lib import clock
from controlplane.lib.ids import uuid7


class ScheduledJob(models.Model):
    """When a registered job is due next. The row, not the beat, decides: two beats that look at
    the same moment lock the same row, and the second finds it moved."""

    name = models.CharField(max_length=100, unique=True)
    schedule = models.CharField(max_length=100)
    next_run_at = models.DateTimeField()
    enabled = models.BooleanField(default=True)
    last_ok_at = models.DateTimeField(null=True)
    last_failed_at = models.DateTimeField(null=True)
    first_seen_at = models.DateTimeField(default=clock.now)

    objects: ClassVar[models.Manager[ScheduledJob]] = InstallationQuerySet.as_manager()

    class Meta:
        verbose_name = "job"
        ordering = ["name"]
        indexes = [
            models.Index(fields=["next_run_at"], name="schedjob_due", condition=Q(enabled=True))
        ]

    def __str__(self) -> str:
        return self.name


class JobRun(leases.Leased):
    """One run of a job for one due time. Unique together, so a due time runs once; one open run
    of a name at a time, so a slow job is not joined by its own successor."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    name = models.CharField(max_length=100)
    due_at = models.DateTimeField()
    asked_by = models.CharField(max_length=200, default="schedule")
    sent_at = models.DateTimeField(null=True)
    instance = models.CharField(max_length=120, blank=True)
    duration_ms = models.PositiveIntegerField(null=True)
    counts = models.JSONField(default=dict)
    # How far it says it is: see `jobs.progress`.
    progress_done = models.PositiveBigIntegerField(default=0, editable=False)
    progress_total = models.PositiveBigIntegerField(null=True, editable=False)
    progress_note = models.CharField(max_length=200, blank=True, editable=False)
    progress_at = models.DateTimeField(null=True, editable=False)
    cancel_requested_at = models.DateTimeField(null=True, editable=False)
    cancel_requested_by = models.CharField(max_length=200, blank=True, editable=False)

    objects: ClassVar[models.Manager[JobRun]] = InstallationQuerySet.as_manager()

    class Meta:
        verbose_name = "job run"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["name", "due_at"], name="jobrun_once_a_due_time"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(state__in=leases.OPEN), name="jobrun_one_open"
            ),
        ]
        indexes = [
            leases.ready_index("jobrun_ready"),
            models.Index(fields=["name", "-id"], name="jobrun_history"),
            models.Index(fields=["finished_at"], name="jobrun_finished"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.due_at:%Y-%m-%d %H:%M:%S}"
