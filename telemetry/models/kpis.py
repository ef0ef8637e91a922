"""Key figures as they were: a row for each period."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from controlplane.access.models import Workspace
from controlplane.lib import clock
from telemetry import querysets


class KpiValue(models.Model):
    """One key figure of one period. While the period runs it is computed again and again; once it
    is over it stays, and is computed anew only if late events came."""

    class State(models.TextChoices):
        MET = "met", "Met"
        MISSED = "missed", "Missed"
        NO_DATA = "no_data", "No data"
        LOW_SAMPLE = "low_sample", "Too few to judge"
        UNTARGETED = "untargeted", "No target"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    kpi = models.CharField(max_length=60)
    start = models.DateTimeField()
    end = models.DateTimeField()
    numerator = models.FloatField(null=True)
    denominator = models.FloatField(null=True)
    value = models.FloatField(null=True)
    target = models.FloatField(null=True)
    state = models.CharField(max_length=10, choices=State.choices)
    note = models.CharField(max_length=300, blank=True)
    told_at = models.DateTimeField(null=True)  # when a miss was made known
    item = models.CharField(max_length=64, blank=True)  # the work item of a miss
    version = models.PositiveSmallIntegerField(default=1)
    computed_at = models.DateTimeField(default=clock.now)
    objects = querysets.TelemetryQuerySet.as_manager()

    class Meta:
        ordering = ["-start", "kpi"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "kpi", "start"], name="kpi_value_once"),
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="kpi_value_has_length"),
            models.CheckConstraint(
                condition=~Q(value=None) | Q(state="no_data"), name="kpi_value_none_is_no_data"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kpi} {self.start:%Y-%m-%d}"
