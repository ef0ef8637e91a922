"""What the governance check asked, and what it found."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models.followed import Followed
from missions import querysets
from missions.models.missions import Mission


class GovernanceRun(models.Model):
    """One check of one workspace's missions: asked for, where it takes longer than somebody waits,
    then answered. What it answered never changes; only a signature is put to it."""

    class Scope(models.TextChoices):
        EXECUTING = "executing", "Missions that execute"
        ACTIVE = "active", "Missions under way"
        ALL = "all", "All missions"
        MISSION = "mission", "One mission"

    class Result(models.TextChoices):
        ASKED = "asked", "On its way"
        CLEAN = "clean", "Clean"
        FINDINGS = "findings", "Findings"
        FAILED = "failed", "Could not run"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    scope = models.CharField(max_length=9, choices=Scope.choices)
    mission = models.ForeignKey(
        Mission, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    result = models.CharField(max_length=8, choices=Result.choices)
    started_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField()
    started_by = models.CharField(max_length=80)  # an opaque ref
    missions = models.PositiveIntegerField(default=0)  # looked at
    found = models.PositiveIntegerField(default=0)
    rules: Any = models.JSONField(default=list)  # a line each: rule, title, status, text, found
    # A line each: ref, title, stage, marks by rule; the first of them where they are very many.
    marks: Any = models.JSONField(default=list)
    error = models.CharField(max_length=300, blank=True)
    signed_by = models.CharField(max_length=80, blank=True)  # an opaque ref
    signed_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True)
    objects = querysets.EntryQuerySet.as_manager()

    class Meta:
        verbose_name = "governance check"
        ordering = ["-started_at", "-id"]
        indexes = [models.Index(fields=["workspace", "-started_at"], name="governance_run_newest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(scope="mission", mission__isnull=False)
                | Q(scope__in=["executing", "active", "all"], mission=None),
                name="governance_run_scope",
            ),
            models.CheckConstraint(
                condition=Q(result__in=["asked", "clean", "findings", "failed"]),
                name="governance_run_result",
            ),
            models.UniqueConstraint(
                fields=["workspace", "scope"],
                condition=Q(result="asked"),
                name="governance_run_asked_once",
            ),
            models.CheckConstraint(
                condition=~Q(result="asked") | Q(signed_at=None), name="governance_run_read_first"
            ),
            models.CheckConstraint(
                condition=Q(signed_at=None, signed_by="")
                | Q(signed_at__isnull=False) & ~Q(signed_by=""),
                name="governance_run_signed_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()}, {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def exit_code(self) -> int:
        return {"clean": 0, "findings": 1}.get(self.result, 2)


class GovernanceFinding(Followed):
    """Something a rule found wrong with a mission, or with the workspace, for as long as it finds
    it. `about` is the mission's ref."""

    run = models.ForeignKey(GovernanceRun, on_delete=models.PROTECT, related_name="findings")
    objects = querysets.EntryQuerySet.as_manager()

    class Meta:
        verbose_name = "governance finding"
        ordering = ["-last_seen", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "rule", "about"], name="governance_finding_once"
            ),
            models.CheckConstraint(
                condition=Q(status="open", closed_at=None)
                | Q(status="closed", closed_at__isnull=False),
                name="governance_finding_closed_some_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "about"],
                condition=Q(status="open"),
                name="governance_open_of",
            ),
        ]
