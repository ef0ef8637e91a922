"""Alerts, what happened to them, and silences."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from controlplane.access.models import Workspace
from controlplane.catalog.models import Service
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models import Item
from incidents import querysets
from incidents.models.records import Incident
from incidents.models.routing import RoutingRule
from incidents.models.sources import AlertSource, InboundEvent, Severity


class Silence(models.Model):
    """Who is not to be called for alerts like these, until when and why. The alerts are kept."""

    class Origin(models.TextChoices):
        HAND = "hand", "By hand"
        CLIENT = "client", "By an Alertmanager client"
        MAINTENANCE = "maintenance", "A maintenance window"
        INCIDENT = "incident", "An incident"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    # [{"name", "value", "isRegex", "isEqual"}]: all of them hold.
    matchers = models.JSONField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    comment = models.CharField(max_length=1000)
    origin = models.CharField(max_length=11, choices=Origin.choices, default=Origin.HAND)
    origin_key = models.CharField(max_length=80, blank=True, editable=False)
    made_by_ref = models.CharField(max_length=80, editable=False)
    made_by_name = models.CharField(max_length=200, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    ended_by_ref = models.CharField(max_length=80, blank=True, editable=False)
    # Once its time was over: what was held back and still fires is told.
    settled_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.SilenceQuerySet.as_manager()

    class Meta:
        ordering = ["-ends_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gte=F("starts_at")), name="silence_lasts"),
            models.UniqueConstraint(
                fields=["workspace", "origin", "origin_key"],
                condition=~Q(origin_key=""),
                name="silence_once_each_cause",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "ends_at"],
                condition=Q(settled_at=None),
                name="silence_in_force",
            ),
        ]

    def __str__(self) -> str:
        return self.comment[:80]


_SAID = frozenset({"alertname", "severity"})


class Alert(models.Model):
    """Something fires. One row for each sender and key while it does; the next firing after it
    was resolved is another row. Rows are moved set by set, by `intake`."""

    class Status(models.TextChoices):
        FIRING = "firing", "Firing"
        RESOLVED = "resolved", "Resolved"

    class Over(models.TextChoices):
        SENDER = "sender", "The sender said so"
        EXPIRED = "expired", "It was not said again"
        HAND = "hand", "By hand"
        LATE = "late", "It was over when it came"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    # Where an index begins with a reference, the one that Django adds would only cost: with each
    # row, and a planner that takes it for the better one reads all of a source for one key.
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    source = models.ForeignKey(
        AlertSource, on_delete=models.PROTECT, related_name="alerts", db_index=False
    )
    dedup_key = models.CharField(max_length=255)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.FIRING)
    severity = models.CharField(max_length=8, choices=Severity.choices)
    title = models.CharField(max_length=300)
    description = models.TextField(blank=True)
    labels = models.JSONField(default=dict)
    annotations = models.JSONField(default=dict)
    links = models.JSONField(default=list)  # [{"href", "text"}]
    asks = models.JSONField(default=dict)  # what a rule of the portal's own asks for itself
    service = models.ForeignKey(Service, null=True, on_delete=models.SET_NULL, related_name="+")
    starts_at = models.DateTimeField()  # the sender's
    ends_at = models.DateTimeField(null=True)  # the sender's; ahead of now: fires until then
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    repeats = models.PositiveIntegerField(default=0)
    resolved_at = models.DateTimeField(null=True)
    over_by = models.CharField(max_length=8, choices=Over.choices, blank=True, default="")
    # What was made of it.
    rule = models.ForeignKey(RoutingRule, null=True, on_delete=models.SET_NULL, related_name="+")
    group_key = models.CharField(max_length=300, blank=True, default="")
    incident = models.ForeignKey(
        Incident, null=True, on_delete=models.SET_NULL, related_name="alerts", db_index=False
    )
    item = models.ForeignKey(Item, null=True, on_delete=models.SET_NULL, related_name="+")
    silence = models.ForeignKey(
        Silence, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    inhibited_by = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    flips = models.PositiveSmallIntegerField(default=0)  # fired again within the rule's window
    flaps_until = models.DateTimeField(null=True)  # told once, and quiet until then
    resolve_due_at = models.DateTimeField(null=True)  # when it is over unless said again
    # When that is looked at: then or earlier. Senders move the end with each repeat, and an index
    # over what each repeat changes would be written with each repeat, and all others with it.
    look_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.AlertQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "dedup_key"],
                condition=Q(status="firing"),
                name="alert_fires_once",
            ),
            models.CheckConstraint(
                condition=Q(status="firing", resolved_at=None, over_by="")
                | Q(status="resolved", resolved_at__isnull=False) & ~Q(over_by=""),
                name="alert_over_since",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="alert_workspace"),
            models.Index(fields=["source", "dedup_key", "-id"], name="alert_history"),
            models.Index(fields=["first_at"], name="alert_first_heard"),
            models.Index(fields=["incident", "-id"], name="alert_of_incident"),
            models.Index(
                fields=["workspace", "severity", "-id"],
                condition=Q(status="firing"),
                name="alert_firing",
            ),
            models.Index(
                fields=["look_at"],
                condition=Q(status="firing", look_at__isnull=False),
                name="alert_looked_at",
            ),
            models.Index(
                fields=["silence"], condition=Q(silence__isnull=False), name="alert_silenced"
            ),
            GinIndex(fields=["labels"], opclasses=["jsonb_path_ops"], name="alert_labels"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def apart(self) -> str:
        """The labels beside its name: alerts of one rule are told apart by nothing else."""
        said = (
            f"{name}={value}" for name, value in sorted(self.labels.items()) if name not in _SAID
        )
        return ", ".join(said)[:160]


class AlertEvent(models.Model):
    """What happened to an alert: rows are added, by the thousand, and never changed."""

    class Kind(models.TextChoices):
        FIRED = "fired", "Fired"
        REPEATED = "repeated", "Said again"
        RAISED = "raised", "Came to another severity"
        RESOLVED = "resolved", "Resolved"
        LATE = "late", "Came late"
        SILENCED = "silenced", "Silenced"
        INHIBITED = "inhibited", "Held back by a graver one"
        FLAPPING = "flapping", "Flaps: told once"
        RELEASED = "released", "No longer held back"
        JOINED = "joined", "Joined an incident"
        ROUTED = "routed", "Routed"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=clock.now)
    kind = models.CharField(max_length=9, choices=Kind.choices)
    inbound = models.ForeignKey(
        InboundEvent, null=True, on_delete=models.SET_NULL, related_name="events", db_index=False
    )
    note = models.CharField(max_length=300, blank=True, default="")
    objects = querysets.AlertPartQuerySet.as_manager()

    class Meta:
        verbose_name = "event of an alert"
        verbose_name_plural = "events of alerts"
        ordering = ["-id"]
        indexes = [models.Index(fields=["inbound"], name="alertevent_inbound")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M:%S}"
