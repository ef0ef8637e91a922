"""Times in which nothing goes out."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from controlplane.access.models import Workspace
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from deployments import querysets


class Freeze(models.Model):
    """No deployment starts and no flag goes up. What takes away (a rollback, a kill, a lower
    percentage) goes on, and a hotfix that was consented to."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=120)
    reason = models.CharField(max_length=500)
    environments = models.ManyToManyField(Environment, blank=True, related_name="+")  # none: all
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)  # by hand, early
    created_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.FreezeQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="freeze_span")
        ]
        indexes = [models.Index(fields=["workspace", "ends_at"], name="freeze_ends")]

    def __str__(self) -> str:
        return self.title
