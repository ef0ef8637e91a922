from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from controlplane.jobs.models.querysets import InstallationQuerySet
from controlplane.lib.ids import uuid7


class Heartbeat(models.Model):
    """That a process of a component lived at a time, by the database's clock."""

    component = models.CharField(max_length=30)
    instance = models.CharField(max_length=120)
    at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(db_default=Now())
    version = models.CharField(max_length=40, blank=True)
    objects = InstallationQuerySet["Heartbeat"].as_manager()

    class Meta:
        verbose_name = "process"
        verbose_name_plural = "processes"
        ordering = ["component", "-at"]
        constraints = [
            models.UniqueConstraint(fields=["component", "instance"], name="heartbeat_one_each")
        ]
        indexes = [models.Index(fields=["component", "-at"], name="heartbeat_newest")]

    def __str__(self) -> str:
        return f"{self.component} {self.instance}"


class EngineCycle(models.Model):
    """One module of the engine: when it last went well, how long it took, what it did."""

    module = models.CharField(max_length=60, unique=True)
    started_at = models.DateTimeField(null=True)
    ok_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(db_default=Now())
    duration_ms = models.PositiveIntegerField(default=0)
    done = models.PositiveBigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True, default="")
    instance = models.CharField(max_length=120, blank=True)
    objects = InstallationQuerySet["EngineCycle"].as_manager()

    class Meta:
        verbose_name = "engine module"
        ordering = ["module"]

    def __str__(self) -> str:
        return self.module


class WatchAlarmQuerySet(InstallationQuerySet["WatchAlarm"]):
    def open(self) -> Self:
        return self.filter(closed_at=None)


class WatchAlarm(models.Model):
    """Something of the portal itself is silent or stuck. Opened, told and closed by
    compare-and-set, since every process watches and only one may speak."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=120)
    message = models.TextField()
    critical = models.BooleanField(default=True)
    opened_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)
    teller_until = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    told_directly_at = models.DateTimeField(null=True)
    tellings = models.PositiveSmallIntegerField(default=0)

    objects: ClassVar[models.Manager[WatchAlarm]] = models.Manager.from_queryset(
        WatchAlarmQuerySet
    )()

    class Meta:
        verbose_name = "alarm"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=Q(closed_at=None),
                name="watchalarm_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
