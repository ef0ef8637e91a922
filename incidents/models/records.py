"""Incidents: what is wrong, how grave, who leads, and the clocks.

The timeline is no table of its own: the log and the comments of its work item tell it.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q

from controlplane.access.models import Workspace
from controlplane.catalog.models import Environment, Service
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models import Item
from incidents import querysets

ENDED = ("closed", "merged", "cancelled")


def _person() -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )


class Incident(models.Model):
    class Status(models.TextChoices):
        DETECTED = "detected", "Detected"
        TRIAGED = "triaged", "Triaged"
        MITIGATING = "mitigating", "Mitigating"
        MITIGATED = "mitigated", "Mitigated"
        MONITORING = "monitoring", "Monitoring"
        RESOLVED = "resolved", "Resolved"
        REVIEW_PENDING = "review_pending", "Review pending"
        CLOSED = "closed", "Closed"
        MERGED = "merged", "Merged: a duplicate"
        CANCELLED = "cancelled", "Cancelled: a false alarm"

    class Category(models.TextChoices):
        SERVICE = "service", "Service"
        SECURITY = "security", "Security"
        DATABASE = "database", "Database"
        DATA = "data", "Data"
        PARTNER = "partner", "Partner"
        LEGAL = "legal", "Legal"
        GOVERNANCE = "governance", "Governance"

    class Origin(models.TextChoices):
        ALERT = "alert", "An alert"
        PERSON = "person", "A person"
        AGENT = "agent", "An agent"
        TICKET = "ticket", "A support ticket"
        DRILL = "drill", "A drill"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    ref = models.CharField(max_length=16, editable=False)  # INC-12
    title = models.CharField(max_length=200)
    status = models.CharField(
        max_length=14, choices=Status.choices, default=Status.DETECTED, editable=False
    )
    severity = models.CharField(max_length=8)  # the code of a level: sev1 … sev4
    category = models.CharField(max_length=12, choices=Category.choices, default=Category.SERVICE)
    origin = models.CharField(max_length=6, choices=Origin.choices, editable=False)
    group_key = models.CharField(max_length=300, blank=True, default="", editable=False)
    service = models.ForeignKey(
        Service, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    environment = models.ForeignKey(
        Environment, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    item = models.OneToOneField(
        Item, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="duplicates"
    )
    split_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="parts",
        editable=False,
    )  # fmt: skip
    summary = models.TextField(max_length=8000, blank=True)
    symptoms = models.TextField(max_length=4000, blank=True)
    root_cause = models.TextField(max_length=4000, blank=True)
    impact_percent = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(100)]
    )
    tenants = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    customer_facing = models.BooleanField(default=False)
    data_at_risk = models.BooleanField(default=False)
    legal_matter = models.BooleanField(default=False)
    runbook = models.CharField(max_length=60, blank=True)
    # Who leads, who speaks, who works, who writes.
    commander = _person()
    communications = _person()
    operations = _person()
    scribe = _person()
    # The clocks.
    started_at = models.DateTimeField(null=True, blank=True)  # when it began, as far as is known
    detected_at = models.DateTimeField(default=clock.now, editable=False)
    opened_at = models.DateTimeField(default=clock.now, editable=False)
    acknowledged_at = models.DateTimeField(null=True, editable=False)
    acknowledged_by = _person()
    first_acknowledged_at = models.DateTimeField(null=True, editable=False)
    triaged_at = models.DateTimeField(null=True, editable=False)
    mitigation_started_at = models.DateTimeField(null=True, editable=False)
    mitigated_at = models.DateTimeField(null=True, editable=False)
    restored_at = models.DateTimeField(null=True, editable=False)
    resolved_at = models.DateTimeField(null=True, editable=False)
    monitor_until = models.DateTimeField(null=True, editable=False)
    review_due_at = models.DateTimeField(null=True, editable=False)
    next_update_at = models.DateTimeField(null=True, editable=False)
    last_update_at = models.DateTimeField(null=True, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    # Counted with every alert that joins; these raise no version.
    alert_count = models.PositiveIntegerField(default=0, editable=False)
    firing_count = models.PositiveIntegerField(default=0, editable=False)
    unseen_count = models.PositiveIntegerField(default=0, editable=False)  # cut off by the sender
    last_alert_at = models.DateTimeField(null=True, editable=False)
    created_by = models.CharField(max_length=80, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.IncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "ref"], name="incident_ref_once"),
            # One open incident for what belongs together, whoever else opens one meanwhile.
            models.UniqueConstraint(
                fields=["workspace", "group_key"],
                condition=~Q(group_key="") & ~Q(status__in=["resolved", "review_pending", *ENDED]),
                name="incident_open_once",
            ),
            models.CheckConstraint(
                condition=Q(status="merged", merged_into__isnull=False)
                | ~Q(status="merged") & Q(merged_into=None),
                name="incident_merged_into_one",
            ),
            models.CheckConstraint(
                condition=Q(impact_percent=None) | Q(impact_percent__lte=100),
                name="incident_impact_is_percent",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at=None, acknowledged_by=None)
                | Q(acknowledged_at__isnull=False),
                name="incident_acknowledged_since",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="incident_workspace"),
            models.Index(
                fields=["workspace", "severity", "-id"],
                condition=~Q(status__in=ENDED),
                name="incident_open",
            ),
            # As the list is read: what burns first, the gravest of it, then the newest.
            models.Index(
                F("workspace"),
                querysets.burning_first().asc(),
                F("severity"),
                F("id").desc(),
                name="incident_as_listed",
            ),
            models.Index(fields=["service", "-id"], name="incident_service"),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    @property
    def is_open(self) -> bool:
        return self.status not in ENDED
