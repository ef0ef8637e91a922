"""Where alerts come from, and what was sent, as it was sent."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from controlplane.access.models import Workspace
from controlplane.catalog.models import Environment, Service
from controlplane.jobs import leases
from controlplane.lib import clock, sealed
from controlplane.lib.ids import uuid7
from incidents import querysets

SEALED_FOR = "alert-source-secret"


class Severity(models.TextChoices):
    CRITICAL = "critical", "Critical"
    WARNING = "warning", "Warning"
    INFO = "info", "Info"


class AlertSource(models.Model):
    """One sender with one key, answered in the form it speaks."""

    class Format(models.TextChoices):
        ALERTMANAGER = "alertmanager", "Alertmanager or Prometheus"
        PAGERDUTY = "pagerduty", "PagerDuty Events v2"
        GRAFANA = "grafana", "Grafana alerting"
        CLOUDEVENTS = "cloudevents", "CloudEvents"
        GENERIC = "generic", "JSON with a mapping"
        EMAIL = "email", "E-mail"
        PORTAL = "portal", "This portal"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    format = models.CharField(max_length=12, choices=Format.choices)
    about = models.CharField(max_length=400, blank=True)
    # The key itself is shown once. What it ends with is kept to tell keys apart.
    key_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)
    key_tail = models.CharField(max_length=4, blank=True, editable=False)
    keyed_at = models.DateTimeField(null=True, editable=False)
    secret_sealed = models.TextField(blank=True, editable=False)  # signs bodies, where asked for
    mapping = models.JSONField(default=dict, blank=True)  # of plain JSON: our field -> their path
    severity = models.CharField(max_length=8, choices=Severity.choices, default=Severity.WARNING)
    service = models.ForeignKey(
        Service, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    environment = models.ForeignKey(
        Environment, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    labels = models.JSONField(default=dict, blank=True)  # given to every alert that lacks them
    group_by = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    # Its key also looks at every alert of the workspace and silences them, as a terminal does.
    operates = models.BooleanField(default=False)
    per_minute = models.PositiveIntegerField(null=True, blank=True)  # set by hand, else unlimited
    is_active = models.BooleanField(default=True, editable=False)
    created_by = models.CharField(max_length=80, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    # What came: these move with every call and raise no version.
    last_at = models.DateTimeField(null=True, blank=True, editable=False)
    calls = models.BigIntegerField(default=0, editable=False)
    refused = models.BigIntegerField(default=0, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False)
    last_error_at = models.DateTimeField(null=True, blank=True, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "alert source"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint("workspace", Lower("name"), name="alertsource_name_once"),
            models.UniqueConstraint(
                fields=["workspace"], condition=Q(format="portal"), name="alertsource_one_portal"
            ),
            models.CheckConstraint(
                condition=Q(format="portal", key_hash=None) | ~Q(format="portal"),
                name="alertsource_portal_has_no_key",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def secret(self) -> str:
        return sealed.unseal(self.secret_sealed, SEALED_FOR)


class InboundEvent(leases.Leased):
    """One call of a sender, kept before anything is made of it. What could not be made sense of
    stays here, with the reason, until somebody has looked."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    source = models.ForeignKey(
        AlertSource, on_delete=models.PROTECT, related_name="inbound", db_index=False
    )
    form = models.CharField(max_length=20, editable=False)  # the door's: "webhook", "api", "change"
    content_type = models.CharField(max_length=200, blank=True, editable=False)
    headers = models.JSONField(default=dict, editable=False)  # only those a format reads
    body = models.BinaryField(editable=False)  # packed with zlib
    size = models.PositiveIntegerField(editable=False)  # unpacked
    digest = models.BinaryField(max_length=32, editable=False)
    correlation_id = models.CharField(max_length=128, blank=True, editable=False)
    counts = models.JSONField(default=dict, editable=False)
    errors = models.JSONField(default=list, editable=False)  # of single alerts that were refused
    # A person saw that it was given up.
    seen_at = models.DateTimeField(null=True, editable=False)
    seen_by = models.CharField(max_length=80, blank=True, editable=False)
    objects = querysets.InboundQuerySet.as_manager()

    class Meta:
        verbose_name = "received message"
        ordering = ["-id"]
        indexes = [
            leases.ready_index("inbound_ready"),
            leases.dead_index("inbound_dead"),
            models.Index(fields=["workspace", "-id"], name="inbound_workspace"),
            models.Index(fields=["source", "-id"], name="inbound_source"),
            models.Index(fields=["created_at"], name="inbound_old"),
        ]

    def __str__(self) -> str:
        return f"{self.size} bytes at {self.created_at:%Y-%m-%d %H:%M:%S}"
