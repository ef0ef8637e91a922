"""Looks at services, and what they found: single results, and the times when one was down."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from controlplane.access.models import Workspace
from controlplane.catalog import querysets
from controlplane.catalog.models.entries import Environment, Service
from controlplane.lib import clock
from controlplane.lib.ids import uuid7


class Probe(models.Model):
    """A regular look at one service in one environment: by us over HTTP, or reported to us."""

    class Health(models.TextChoices):
        UNKNOWN = "unknown", "Not known yet"
        UP = "up", "Up"
        DOWN = "down", "Down"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="probes")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="probes")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="probes")
    pushed = models.BooleanField(default=False)  # results are reported to us
    url = models.CharField(max_length=500, blank=True)
    expected_status = models.PositiveSmallIntegerField(
        default=200, validators=[MinValueValidator(100), MaxValueValidator(599)]
    )
    every_s = models.PositiveIntegerField(
        default=60, validators=[MinValueValidator(30), MaxValueValidator(86_400)]
    )
    timeout_s = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    down_after = models.PositiveSmallIntegerField(
        default=2, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    is_active = models.BooleanField(default=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    # Since when it is switched on and its service active: what was seen earlier is not believed.
    on_since = models.DateTimeField(default=clock.now, editable=False)
    # What the results add up to.
    health = models.CharField(
        max_length=8, choices=Health.choices, default=Health.UNKNOWN, editable=False
    )
    since = models.DateTimeField(null=True, blank=True, editable=False)
    failures_in_a_row = models.PositiveIntegerField(default=0, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    last_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_latency_ms = models.PositiveIntegerField(null=True, blank=True, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False)
    next_at = models.DateTimeField(default=clock.now, editable=False)
    objects = querysets.ProbeQuerySet.as_manager()

    class Meta:
        ordering = ["service__name", "environment__order", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "environment", "url"], name="probe_once_per_address"
            ),
            models.CheckConstraint(
                condition=Q(pushed=True, url="") | (Q(pushed=False) & ~Q(url="")),
                name="probe_pulled_has_address",
            ),
            models.CheckConstraint(
                condition=Q(every_s__gte=30, timeout_s__gte=1, timeout_s__lte=10),
                name="probe_is_gentle",
            ),
        ]
        indexes = [
            # catalog.services.probes.claim_due
            models.Index(
                fields=["next_at"], condition=Q(is_active=True, pushed=False), name="probe_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service.name} in {self.environment.name}"


class ProbeResult(models.Model):
    """What one look saw. Kept for a month; down intervals are what lasts."""

    probe = models.ForeignKey(Probe, on_delete=models.CASCADE, related_name="results")
    at = models.DateTimeField(default=clock.now)
    ok = models.BooleanField()
    status_code = models.PositiveSmallIntegerField(null=True)
    latency_ms = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True)
    objects = querysets.ResultQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["probe", "-at"], name="proberesult_probe_at"),
            models.Index(fields=["at"], name="proberesult_at"),
            # What went wrong is looked for among a month of what went well.
            models.Index(fields=["-id"], name="proberesult_failed", condition=Q(ok=False)),
        ]

    def __str__(self) -> str:
        return f"{'ok' if self.ok else 'failed'} at {self.at:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def workspace_id(self) -> int:
        return self.probe.workspace_id


class WatchPeriod(models.Model):
    """A time in which a probe was looking: from its first result to the last before it was
    switched off or fell silent. Uptime is measured over these and says nothing of the rest."""

    probe = models.ForeignKey(Probe, on_delete=models.CASCADE, related_name="watch_periods")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-starts_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["probe"], condition=Q(ends_at=None), name="watchperiod_one_open"
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gte=F("starts_at")),
                name="watchperiod_ends_later",
            ),
        ]

    def __str__(self) -> str:
        return f"watched since {self.starts_at:%Y-%m-%d %H:%M}"


class DownInterval(models.Model):
    """A time in which a service was down in one environment. May overlap another probe's: uptime
    is computed over their union."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="down_intervals")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    probe = models.ForeignKey(
        Probe, null=True, on_delete=models.SET_NULL, related_name="down_intervals"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    first_error = models.CharField(max_length=300, blank=True)
    told = models.BooleanField(default=False, editable=False)
    objects = querysets.DownQuerySet.as_manager()

    class Meta:
        verbose_name = "outage"
        ordering = ["-starts_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["probe"], condition=Q(ends_at=None), name="downinterval_one_open"
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gte=F("starts_at")),
                name="downinterval_ends_later",
            ),
        ]
        indexes = [
            models.Index(fields=["service", "environment", "starts_at"], name="downinterval_where"),
        ]

    def __str__(self) -> str:
        end = f"{self.ends_at:%Y-%m-%d %H:%M} UTC" if self.ends_at else "now"
        return f"{self.service.name} down {self.starts_at:%Y-%m-%d %H:%M} UTC to {end}"
