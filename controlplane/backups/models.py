"""What was backed up and what came back: reports and drills, never the backups themselves."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.ids import uuid7


class Source(models.TextChoices):
    PORTAL = "portal", "The portal itself"
    OUTSIDE = "outside", "Reported from outside"


class ReportQuerySet(models.QuerySet["BackupReport"]):
    def visible_to(self, actor: Actor) -> Self:
        """Reports of one's workspaces, and of the portal's own backups, which hold them all."""
        if actor.sees_all:
            return self
        if not actor.workspace_ids and not actor.superuser:
            return self.none()
        return self.filter(Q(workspace_id__in=actor.workspace_ids) | Q(workspace=None))

    def good(self) -> Self:
        return self.filter(ok=True)


class BackupReport(models.Model):
    """One backup that was tried: by the portal, or elsewhere and reported here."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    # None: the portal's own database, which all workspaces share.
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    source = models.CharField(max_length=8, choices=Source.choices)
    kind = models.CharField(max_length=40)  # "database", "files", whatever the reporter names
    tool = models.CharField(max_length=120, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    ok = models.BooleanField()
    error = models.CharField(max_length=1000, blank=True)
    size = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    location = models.CharField(max_length=300, blank=True)  # a label for people, never a secret
    reported_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    objects: ClassVar[models.Manager[BackupReport]] = models.Manager.from_queryset(ReportQuerySet)()

    class Meta:
        verbose_name = "backup"
        ordering = ["-id"]
        indexes = [models.Index(fields=["workspace", "-finished_at"], name="backup_newest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(finished_at__gte=F("started_at")), name="backup_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(ok=True) | ~Q(error=""), name="backup_failure_has_words"
            ),
            models.CheckConstraint(
                condition=Q(source="outside") | Q(workspace=None), name="backup_own_is_of_all"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} backup of {self.finished_at:%Y-%m-%d %H:%M}"


class DrillQuerySet(models.QuerySet["RestoreDrill"]):
    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all or actor.workspace_ids or actor.superuser else self.none()


class RestoreDrill(models.Model):
    """A backup restored into a scratch database, and what was found there."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    report = models.ForeignKey(
        BackupReport, null=True, on_delete=models.SET_NULL, related_name="drills"
    )
    started_at = models.DateTimeField()
    # Checksum, restore, counts and proof of the audit log: what a real restore would take.
    seconds = models.FloatField()
    ok = models.BooleanField()
    error = models.CharField(max_length=1000, blank=True)
    tables = models.PositiveIntegerField(default=0)
    rows = models.BigIntegerField(default=0)
    # table -> [rows when dumped, rows restored], only where they differ
    differences = models.JSONField(default=dict)
    # How much would have been lost by a disaster at the time of the drill.
    data_age_seconds = models.FloatField(null=True)
    objects: ClassVar[models.Manager[RestoreDrill]] = models.Manager.from_queryset(DrillQuerySet)()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ok=True) | ~Q(error=""), name="drill_failure_has_words"
            )
        ]

    def __str__(self) -> str:
        return f"restore drill of {self.started_at:%Y-%m-%d %H:%M}"
