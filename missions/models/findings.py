"""What validators find, what stops a mission, and what people let pass nevertheless."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q

from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models import Item
from missions import querysets_guarding as querysets
from missions.models.missions import Mission
from missions.models.safeguards import Safeguard, Severity


class Violation(models.Model):
    """A time in which safeguards hold a mission: from the first finding that nobody handled until
    each of its findings is decided. One at a time; its signal and its item are its own, so they
    are there once, however many report at the same moment."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        SETTLED = "settled", "Settled"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="violations")
    status = models.CharField(
        max_length=7, choices=Status.choices, default=Status.OPEN, editable=False
    )
    severity = models.CharField(max_length=8, choices=Severity.choices)
    paused = models.BooleanField()  # whether it was this that paused the mission
    item = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    opened_at = models.DateTimeField(default=clock.now)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.CharField(max_length=80, blank=True)  # an opaque ref
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ViolationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["mission"], condition=Q(status="open"), name="violation_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(status="open", settled_at=None, settled_by="")
                | Q(status="settled", settled_at__isnull=False) & ~Q(settled_by=""),
                name="violation_settled_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(severity__in=Severity.values), name="violation_severity"
            ),
        ]

    def __str__(self) -> str:
        return f"Violation of {self.mission.ref}"

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id


class Finding(models.Model):
    """What one look at one safeguard found. What failed and was not mended is open until somebody
    says that it is resolved, or lets it pass for a time."""

    class Phase(models.TextChoices):
        PREFLIGHT = "preflight", "Before a step"
        RUN = "run", "While it runs"
        POSTFLIGHT = "postflight", "After a step"

    class Result(models.TextChoices):
        PASSED = "passed", "Passed"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"
        AUTO_FIXED = "auto_fixed", "Fixed by the agent"

    class Status(models.TextChoices):
        NOTED = "noted", "Noted"
        OPEN = "open", "Open"
        EXCEPTED = "excepted", "Let pass"
        RESOLVED = "resolved", "Resolved"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="findings")
    external_id = models.CharField(max_length=120)
    # Which time: what is found again after it was resolved is told and decided anew.
    episode = models.PositiveSmallIntegerField(default=1, editable=False)
    safeguard = models.ForeignKey(
        Safeguard, null=True, blank=True, on_delete=models.PROTECT, related_name="findings"
    )
    violation = models.ForeignKey(
        Violation, null=True, blank=True, on_delete=models.PROTECT, related_name="findings"
    )
    phase = models.CharField(max_length=10, choices=Phase.choices)
    stage = models.CharField(max_length=15)  # where the mission was
    result = models.CharField(max_length=10, choices=Result.choices)
    severity = models.CharField(max_length=8, choices=Severity.choices)
    message = models.TextField(blank=True)
    step = models.CharField(max_length=120, blank=True)  # of a run, by its outside name
    toolkit = models.CharField(max_length=60, blank=True)
    details: Any = models.JSONField(default=dict, blank=True)
    auto_fix_attempted = models.BooleanField(default=False)
    auto_fix_success = models.BooleanField(null=True, blank=True)
    unhandled = models.BooleanField(default=False, editable=False)  # it stopped the mission
    status = models.CharField(
        max_length=8, choices=Status.choices, default=Status.NOTED, editable=False
    )
    resolution = models.CharField(max_length=500, blank=True, editable=False)
    decided_by = models.CharField(max_length=80, blank=True, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)
    found_at = models.DateTimeField()
    reported_by = models.CharField(max_length=80)  # an opaque ref
    reported_at = models.DateTimeField(default=clock.now)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.MissionFindingQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["mission", "external_id", "episode"], name="finding_once"
            ),
            models.UniqueConstraint(
                fields=["mission", "external_id"],
                condition=~Q(status="resolved"),
                name="finding_again_when_resolved",
            ),
            models.CheckConstraint(condition=Q(episode__gte=1), name="finding_episode"),
            models.CheckConstraint(
                condition=Q(result="failed", status__in=["open", "excepted", "resolved"])
                | ~Q(result="failed") & Q(status="noted"),
                name="finding_failed_is_decided",
            ),
            models.CheckConstraint(
                condition=~Q(result="auto_fixed")
                | Q(auto_fix_attempted=True, auto_fix_success=True),
                name="finding_fixed_was_tried",
            ),
            models.CheckConstraint(
                condition=Q(auto_fix_attempted=True) | Q(auto_fix_success=None),
                name="finding_fix_has_outcome",
            ),
            models.CheckConstraint(
                condition=Q(unhandled=False, violation=None)
                | Q(unhandled=True, violation__isnull=False, result="failed"),
                name="finding_unhandled_stops",
            ),
            models.CheckConstraint(
                condition=~Q(status="resolved")
                | Q(resolution__gt="", decided_at__isnull=False) & ~Q(decided_by=""),
                name="finding_resolved_says_how",
            ),
            models.CheckConstraint(
                condition=Q(severity__in=Severity.values), name="finding_severity"
            ),
            models.CheckConstraint(
                condition=Q(phase__in=["preflight", "run", "postflight"]), name="finding_phase"
            ),
        ]
        indexes = [
            models.Index(fields=["mission", "-id"], name="findings_newest"),
            models.Index(fields=["mission"], condition=Q(status="open"), name="findings_open"),
            models.Index(
                fields=["safeguard"],
                condition=Q(safeguard__isnull=False),
                name="findings_of_safeguard",
            ),
            models.Index(
                fields=["violation"],
                condition=Q(violation__isnull=False),
                name="findings_of_violation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.called}: {self.get_result_display()}"

    @property
    def called(self) -> str:
        name = self.safeguard.title if self.safeguard is not None else self.external_id
        return name if self.episode == 1 else f"{name} (found again, {self.episode})"

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id


class Override(models.Model):
    """Somebody asks to let something pass, somebody else of the right role grants it for a time.
    `subject` is the toolkit, the finding or the gate that is meant."""

    class Kind(models.TextChoices):
        COVERAGE = "coverage", "Data coverage"
        FINDING = "finding", "Finding"
        GATE = "gate", "Gate"

    class Status(models.TextChoices):
        REQUESTED = "requested", "Requested"
        GRANTED = "granted", "Granted"
        DENIED = "denied", "Denied"
        REVOKED = "revoked", "Revoked"
        EXPIRED = "expired", "Expired"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="overrides")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    subject = models.CharField(max_length=60)  # a uid, or the gate's name
    finding = models.ForeignKey(
        Finding, null=True, blank=True, on_delete=models.PROTECT, related_name="overrides"
    )
    reason = models.CharField(max_length=500)
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.REQUESTED, editable=False
    )
    requested_by = models.CharField(max_length=80)  # an opaque ref
    requested_at = models.DateTimeField(default=clock.now)
    decided_by = models.CharField(max_length=80, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    role = models.CharField(max_length=40, blank=True)  # in which it was decided
    decision = models.CharField(max_length=500, blank=True)  # what was said
    expires_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=80, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=500, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.MissionOverrideQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["mission", "kind", "subject"],
                condition=Q(status__in=["requested", "granted"]),
                name="override_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(kind="finding", finding__isnull=False)
                | Q(kind__in=["coverage", "gate"], finding=None),
                name="override_of_a_finding",
            ),
            models.CheckConstraint(condition=Q(reason__gt=""), name="override_says_why"),
            models.CheckConstraint(
                condition=Q(status="requested", decided_at=None, decided_by="", role="")
                | ~Q(status="requested") & Q(decided_at__isnull=False) & ~Q(decided_by=""),
                name="override_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(decided_by="") | ~Q(decided_by=F("requested_by")),
                name="override_not_ones_own",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["granted", "revoked", "expired"])
                | Q(expires_at__isnull=False, expires_at__gt=F("decided_at"))
                & Q(role__in=["governance_validator", "operations_command"]),
                name="override_ends_and_has_a_role",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["coverage", "finding"])
                | Q(role__in=["", "governance_validator"]),
                name="override_of_the_validator",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["revoked", "expired"])
                | Q(ended_at__isnull=False) & ~Q(ended_by=""),
                name="override_ended_by_somebody",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(status="granted"), name="override_to_expire"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.mission.ref}"

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id

    def stands(self, now: datetime | None = None) -> bool:
        at = now or clock.now()
        return (
            self.status == self.Status.GRANTED
            and self.expires_at is not None
            and self.expires_at > at
        )
