"""What is done, one thing after the other, with what came of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controlplane.catalog.models import Component
from controlplane.lib.ids import uuid7
from deployments import querysets
from deployments.models.adapters import Adapter
from deployments.models.releases import Deployment


class Step(models.Model):
    """One step, by hand or by an adapter.

    `state` is moved by `deployments.steps`, each time by a compare-and-set on state, version and
    token. A worker that runs it holds `token` until `lease_until`; when that passes, nobody knows
    whether the command ended, so the step fails and says so: it is never run again by itself.
    """

    class Kind(models.TextChoices):
        MANUAL = "manual", "By hand"
        COMMAND = "command", "Command"
        HOOK = "hook", "Pipeline"
        HEALTH_CHECK = "health_check", "Health check"

    class State(models.TextChoices):
        PENDING = "pending", "To do"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="steps")
    component = models.ForeignKey(
        Component, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    position = models.PositiveSmallIntegerField()
    slug = models.CharField(max_length=50)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.MANUAL)
    title = models.CharField(max_length=200)
    command = models.TextField(blank=True)  # as shown; what runs is the adapter's
    url = models.CharField(max_length=500, blank=True)  # of a health check
    adapter = models.ForeignKey(
        Adapter, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    needs_backup = models.BooleanField(default=False)
    optional = models.BooleanField(default=False)
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    attempt = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    by = models.CharField(max_length=80, blank=True)  # an opaque ref
    exit_code = models.IntegerField(null=True, blank=True)
    output = models.TextField(blank=True)  # redacted and bounded
    outcome = models.CharField(max_length=500, blank=True)  # in words
    token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.PartQuerySet.as_manager()

    class Meta:
        verbose_name = "deployment step"
        ordering = ["deployment", "position"]
        constraints = [
            models.UniqueConstraint(fields=["deployment", "position"], name="step_place_once"),
            models.CheckConstraint(
                condition=Q(state="running", finished_at=None)
                | (~Q(state="running") & Q(token=None, lease_until=None)),
                name="step_only_running_is_held",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["done", "failed", "skipped"])
                | Q(finished_at__isnull=False),
                name="step_ended_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="skipped") | Q(outcome__gt=""), name="step_skipped_says_why"
            ),
        ]
        indexes = [
            models.Index(fields=["lease_until"], condition=Q(state="running"), name="step_running"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def workspace_id(self) -> int:
        return self.deployment.workspace_id

    @property
    def is_over(self) -> bool:
        return self.state in {"done", "skipped"}


class StepAttempt(models.Model):
    """How a try ended. Rows are only added: a trigger refuses the rest."""

    step = models.ForeignKey(Step, on_delete=models.PROTECT, related_name="attempts")
    attempt = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=7, choices=Step.State.choices)
    adapter_slug = models.CharField(max_length=50, blank=True)
    command = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField()
    by = models.CharField(max_length=80, blank=True)
    exit_code = models.IntegerField(null=True)
    output = models.TextField(blank=True)
    outcome = models.CharField(max_length=500, blank=True)
    objects = querysets.AttemptQuerySet.as_manager()

    class Meta:
        verbose_name = "attempt at a step"
        ordering = ["step", "attempt"]
        constraints = [
            models.UniqueConstraint(fields=["step", "attempt"], name="step_attempt_once")
        ]

    def __str__(self) -> str:
        return f"{self.step} ({self.attempt})"
