"""What must be green before a deployment goes, and after it went."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from deployments import querysets
from deployments.models.releases import Deployment


class Gate(models.Model):
    """One condition of one deployment. What it asks stands in `deployments.gates.table`; here is
    what was found, and by whom."""

    class Phase(models.TextChoices):
        BEFORE = "before", "Before"
        AFTER = "after", "After"

    class Group(models.TextChoices):
        RELEASE = "release", "Release"
        DEPENDENCY = "dependency", "Dependency health"
        ENVIRONMENT = "environment", "Environment hygiene"
        SCHEMA = "schema", "Schema and data"
        TELEMETRY = "telemetry", "Telemetry sanity"
        PEOPLE = "people", "People and time"
        SMOKE = "smoke", "Verification"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        PASSED = "passed", "Passed"
        FAILED = "failed", "Failed"
        WAIVED = "waived", "Waived"
        NOT_APPLICABLE = "not_applicable", "Does not apply"

    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="gates")
    phase = models.CharField(max_length=6, choices=Phase.choices)
    group = models.CharField(max_length=11, choices=Group.choices)
    slug = models.CharField(max_length=50)
    position = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=14, choices=State.choices, default=State.WAITING)
    computed = models.BooleanField()  # by the portal; otherwise a person says so
    detail = models.CharField(max_length=500, blank=True)
    evidence = models.JSONField(default=list, blank=True)  # [{"label", "link"}]
    at = models.DateTimeField(null=True, blank=True)  # when it was found so
    by = models.CharField(max_length=80, blank=True)  # an opaque ref
    waived_by = models.CharField(max_length=80, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.GateQuerySet.as_manager()

    class Meta:
        ordering = ["deployment", "position"]
        constraints = [
            models.UniqueConstraint(fields=["deployment", "slug"], name="gate_once"),
            models.CheckConstraint(
                condition=Q(state="waived", waived_by__gt="", reason__gt="")
                | (~Q(state="waived") & Q(waived_by="")),
                name="gate_waived_says_why",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["passed", "failed", "waived"]) | Q(at__isnull=False),
                name="gate_found_has_time",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def workspace_id(self) -> int:
        return self.deployment.workspace_id

    @property
    def is_settled(self) -> bool:
        return self.state in {"passed", "waived", "not_applicable"}
