"""What happens by itself when an incident opens: nothing, until somebody switches it on."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace
from controlplane.catalog.models import Service
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from incidents import querysets
from incidents.models.records import Incident


class ResponsePolicy(models.Model):
    """Of which incidents, and what is done then. Off; only said, as if it had been done; or
    done."""

    class Mode(models.TextChoices):
        OFF = "off", "Off"
        DRY = "dry", "Only says so"
        ON = "on", "Acts"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    title = models.CharField(max_length=120)
    severities = ArrayField(models.CharField(max_length=8), default=list, blank=True)  # []: every
    category = models.CharField(
        max_length=12, choices=Incident.Category.choices, blank=True
    )  # "": every
    service = models.ForeignKey(
        Service, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    only_alerts = models.BooleanField(default=True)  # what people open they answer themselves
    actions = models.JSONField(default=list)  # [{"kind", "target", "given"}]
    mode = models.CharField(max_length=3, choices=Mode.choices, default=Mode.OFF, editable=False)
    # Whoever wrote it or switched it on last: it acts by their rights. An opaque ref.
    made_by = models.CharField(max_length=80, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "response policy"
        verbose_name_plural = "response policies"
        ordering = ["title", "id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "title"], name="responsepolicy_once"),
            models.CheckConstraint(
                condition=Q(mode="off") | ~Q(actions=[]), name="responsepolicy_does_something"
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace"], condition=~Q(mode="off"), name="responsepolicy_awake"
            )
        ]

    def __str__(self) -> str:
        return self.title
