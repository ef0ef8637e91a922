"""Questions that people of a workspace saved. The shipped ones are data of the release."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower

from controlplane.access.models import Workspace, slug_form
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from telemetry import querysets


class SavedQuery(models.Model):
    """A structured question over measures: never SQL. Its form stands in `queries.kinds`."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    slug = models.CharField(max_length=50, validators=[slug_form])
    title = models.CharField(max_length=120)
    about = models.CharField(max_length=400, blank=True)
    question = models.JSONField()
    made_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.TelemetryQuerySet.as_manager()

    class Meta:
        verbose_name = "saved query"
        verbose_name_plural = "saved queries"
        ordering = ["title", "id"]
        constraints = [
            models.UniqueConstraint("workspace", Lower("slug"), name="query_slug_once"),
        ]

    def __str__(self) -> str:
        return self.title
