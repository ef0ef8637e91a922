"""Sums per minute, hour and day. Never added to: a bucket that something happened to is dirty and
is computed anew, so that late, repeated and erased events come out right by construction."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from controlplane.access.models import Workspace
from controlplane.lib import clock
from telemetry import querysets

# What a bucket is split by. Mission, user and correlation have no end of values and are not here.
DIMENSIONS = (
    "event_type",
    "env",
    "service",
    "stage",
    "agent",
    "toolkit",
    "operation",
    "code",
)


class Rollup(models.Model):
    # Every index that is asked begins with it or needs it not.
    workspace = models.ForeignKey(
        Workspace,
        null=True,
        db_constraint=False,
        db_index=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
    )
    bucket = models.DateTimeField()
    event_type = models.CharField(max_length=80)
    env = models.CharField(max_length=20)
    service = models.CharField(max_length=64)
    stage = models.CharField(max_length=20)
    agent = models.CharField(max_length=64)
    toolkit = models.CharField(max_length=64)
    operation = models.CharField(max_length=64)
    code = models.CharField(max_length=64)
    # Sums of weights.
    total = models.PositiveBigIntegerField()
    errors = models.PositiveBigIntegerField()
    warnings = models.PositiveBigIntegerField()
    successes = models.PositiveBigIntegerField()
    flagged = models.PositiveBigIntegerField()
    # Of `amount`, where it was given.
    amounts = models.PositiveBigIntegerField()
    amount_sum = models.FloatField()
    amount_min = models.FloatField(null=True)
    amount_max = models.FloatField(null=True)
    amount_last = models.FloatField(null=True)
    last_at = models.DateTimeField()
    # Of `duration_ms`: how many in which logarithmic bin, mergeable by adding.
    durations = models.PositiveBigIntegerField()
    duration_sum = models.FloatField()
    bins = ArrayField(models.SmallIntegerField())
    counts = ArrayField(models.BigIntegerField())
    objects = querysets.RollupQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["-bucket", "event_type"]

    def __str__(self) -> str:
        return f"{self.event_type} {self.bucket:%Y-%m-%d %H:%M}"


class RollupMinute(Rollup):
    class Meta(Rollup.Meta):
        indexes = [
            models.Index(fields=["workspace", "event_type", "bucket"], name="minute_by_type"),
            models.Index(fields=["bucket"], name="minute_by_time"),
        ]


class RollupHour(Rollup):
    class Meta(Rollup.Meta):
        indexes = [
            models.Index(fields=["workspace", "event_type", "bucket"], name="hour_by_type"),
            models.Index(fields=["bucket"], name="hour_by_time"),
        ]


class RollupDay(Rollup):
    class Meta(Rollup.Meta):
        indexes = [
            models.Index(fields=["workspace", "event_type", "bucket"], name="day_by_type"),
            models.Index(fields=["bucket"], name="day_by_time"),
        ]


class MissionDay(models.Model):
    """What one mission reported on one day, by event. Funnels, shares of missions and the rules
    of the audit count missions, which no sum over events can."""

    workspace = models.ForeignKey(
        Workspace,
        null=True,
        db_constraint=False,
        db_index=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
    )
    day = models.DateField()
    mission = models.CharField(max_length=64)
    event_type = models.CharField(max_length=80)
    total = models.PositiveBigIntegerField()
    errors = models.PositiveBigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    objects = querysets.RollupQuerySet.as_manager()

    class Meta:
        ordering = ["-day", "mission", "event_type"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "day", "mission", "event_type"],
                nulls_distinct=False,
                name="mission_day_once",
            )
        ]
        indexes = [
            models.Index(fields=["workspace", "event_type", "day"], name="mission_day_by_type"),
            models.Index(fields=["workspace", "mission"], name="mission_day_by_mission"),
        ]

    def __str__(self) -> str:
        return f"{self.mission} {self.event_type} {self.day}"


class Dirty(models.Model):
    """A bucket that must be computed anew. Appended in the transaction that stores the events and
    never merged there: two batches that meet at one unique row would wait for each other."""

    class Grain(models.TextChoices):
        MINUTE = "minute", "Minute"
        HOUR = "hour", "Hour"
        DAY = "day", "Day"

    workspace = models.ForeignKey(
        Workspace, null=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    grain = models.CharField(max_length=6, choices=Grain.choices, default=Grain.MINUTE)
    bucket = models.DateTimeField()
    at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [models.Index(fields=["grain", "id"], name="dirty_by_grain")]

    def __str__(self) -> str:
        return f"{self.grain} {self.bucket:%Y-%m-%d %H:%M}"
