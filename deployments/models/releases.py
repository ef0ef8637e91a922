"""The deployment: one release on its way into one environment."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from controlplane.access.models import User, Workspace
from controlplane.approvals.models import Request
from controlplane.catalog.models import Component, Environment
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models import Item
from deployments import querysets
from deployments.flags.models import Flag


class Deployment(models.Model):
    """Everything that is known of it stands here and in the rows that hang on it; the work item
    is where people talk about it."""

    class Kind(models.TextChoices):
        STANDARD = "standard", "Standard"
        CANARY = "canary", "Canary"
        HOTFIX = "hotfix", "Hotfix"
        ROLLBACK = "rollback", "Rollback"

    class Tier(models.IntegerChoices):
        ONE = 1, "Tier 1"
        TWO = 2, "Tier 2"
        THREE = 3, "Tier 3"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        PREPARING = "preparing", "Preparing"
        READY = "ready", "Ready"
        APPROVED = "approved", "Approved"
        DEPLOYING = "deploying", "Deploying"
        VERIFYING = "verifying", "Verifying"
        MONITORING = "monitoring", "Monitoring"
        COMPLETED = "completed", "Completed"
        BLOCKED = "blocked", "Blocked"
        ROLLED_BACK = "rolled_back", "Rolled back"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Trigger(models.TextChoices):
        NONE = "", "–"
        CRITICAL_BUG = "critical_bug", "Critical bug"
        VULNERABILITY = "vulnerability", "Vulnerability"
        OUTAGE = "outage", "Production outage"

    class Verdict(models.TextChoices):
        NONE = "", "Not yet"
        HEALTHY = "healthy", "Healthy"
        DEGRADED = "degraded", "Degraded"
        UNKNOWN = "unknown", "Not known: too little was measured"

    class Source(models.TextChoices):
        CONSOLE = "console", "Console"
        API = "api", "API"
        MERGE = "merge", "A merged pull request"
        HOOK = "hook", "A pipeline"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    ref = models.CharField(max_length=16, editable=False)  # DEP-7
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    release = models.CharField(max_length=100)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.STANDARD)
    tier = models.PositiveSmallIntegerField(choices=Tier.choices, default=Tier.ONE)
    title = models.CharField(max_length=200)
    status = models.CharField(
        max_length=11, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    # What it was before it was blocked, and goes back to; empty otherwise.
    blocked_from = models.CharField(max_length=11, blank=True, editable=False)
    # What is deployed.
    commit_sha = models.CharField(max_length=64, blank=True)
    ci_url = models.CharField(max_length=500, blank=True)
    image_tag = models.CharField(max_length=200, blank=True)
    image_digest = models.CharField(max_length=80, blank=True)  # sha256:…
    artifacts = models.JSONField(default=list, blank=True)  # [{"name", "sha256"}]
    release_notes = models.TextField(blank=True)
    rollback_plan = models.TextField(blank=True)
    backup_ref = models.CharField(max_length=200, blank=True)
    evidence_path = models.CharField(max_length=300, blank=True)
    flag = models.ForeignKey(
        Flag, null=True, blank=True, on_delete=models.PROTECT, related_name="deployments"
    )
    # Of a hotfix.
    branch = models.CharField(max_length=200, blank=True)
    base_sha = models.CharField(max_length=64, blank=True)
    hotfix_trigger = models.CharField(
        max_length=13, choices=Trigger.choices, default=Trigger.NONE, blank=True
    )
    scope_note = models.TextField(blank=True)
    watcher = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    docs_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    documented_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Its times.
    planned_at = models.DateTimeField(null=True, blank=True)
    planned_until = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    deployed_at = models.DateTimeField(null=True, blank=True, editable=False)
    monitor_until = models.DateTimeField(null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    close_reason = models.TextField(blank=True, editable=False)
    verdict = models.CharField(
        max_length=8, choices=Verdict.choices, default=Verdict.NONE, blank=True, editable=False
    )
    verdict_words = models.CharField(max_length=500, blank=True, editable=False)
    # Its neighbours.
    item = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.SET_NULL, related_name="deployments"
    )
    approval = models.ForeignKey(
        Request, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    previous = models.ForeignKey(  # what ran there before
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    reverses = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="rollbacks",
        editable=False,
    )
    source = models.CharField(
        max_length=7, choices=Source.choices, default=Source.CONSOLE, editable=False
    )
    created_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    components = models.ManyToManyField(Component, through="DeploymentComponent", related_name="+")
    objects = querysets.DeploymentQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "ref"], name="deployment_ref_once"),
            models.UniqueConstraint(
                fields=["workspace", "environment", "release"],
                condition=~Q(status="cancelled"),
                name="deployment_release_once",
                violation_error_message="This release has a deployment into this environment.",
            ),
            models.UniqueConstraint(
                fields=["reverses"],
                condition=~Q(status__in=["cancelled", "failed"]),
                name="deployment_reversed_once",
            ),
            models.CheckConstraint(condition=Q(tier__gte=1, tier__lte=3), name="deployment_tier"),
            models.CheckConstraint(
                condition=~Q(kind="hotfix") | ~Q(hotfix_trigger=""), name="deployment_hotfix_why"
            ),
            models.CheckConstraint(
                condition=Q(kind="rollback", reverses__isnull=False)
                | (~Q(kind="rollback") & Q(reverses=None)),
                name="deployment_rollback_of",
            ),
            models.CheckConstraint(
                condition=Q(planned_until=None) | Q(planned_until__gt=F("planned_at")),
                name="deployment_planned_span",
            ),
            models.CheckConstraint(
                condition=Q(status="blocked", blocked_from__gt="")
                | (~Q(status="blocked") & Q(blocked_from="")),
                name="deployment_blocked_from",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["verifying", "monitoring", "completed"])
                | Q(started_at__isnull=False, deployed_at__isnull=False),
                name="deployment_landed_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=querysets.ENDED) | Q(closed_at__isnull=False),
                name="deployment_ended_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(image_tag__in=["latest"]) & ~Q(image_tag__endswith=":latest"),
                name="deployment_tag_is_a_version",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="deployment_newest"),
            models.Index(fields=["environment", "-deployed_at"], name="deployment_landed"),
            models.Index(
                fields=["workspace", "-deployed_at", "-id"],
                condition=Q(deployed_at__isnull=False),
                name="deployment_landed_here",
            ),
            models.Index(
                fields=["workspace", "status"],
                condition=~Q(status__in=querysets.ENDED),
                name="deployment_open",
            ),
            models.Index(fields=["workspace", "commit_sha"], name="deployment_commit"),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    @property
    def is_open(self) -> bool:
        return self.status not in querysets.ENDED

    @property
    def phase(self) -> str:
        """Where it is on the main road: its status, or what it was when it was blocked."""
        return self.blocked_from or self.status

    @property
    def is_guarded(self) -> bool:
        """Its environment asks for consent: production."""
        return bool(self.environment.needs_approval)

    @property
    def brings(self) -> Deployment:
        """Whose release runs there once it is done: a rollback brings back what was before."""
        before = self.reverses.previous if self.reverses is not None else None
        return before.brings if before is not None else self

    @property
    def brings_back_nothing(self) -> bool:
        """It undoes the first of its kind: nothing is known that ran before."""
        return self.kind == self.Kind.ROLLBACK and self.brings.kind == self.Kind.ROLLBACK

    @property
    def running_release(self) -> str:
        return str(self.brings.release)


class DeploymentComponent(models.Model):
    """A part that this deployment brings."""

    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="parts")
    component = models.ForeignKey(Component, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Component.Kind.choices)  # as it was then
    position = models.PositiveSmallIntegerField()
    objects = querysets.PartQuerySet.as_manager()

    class Meta:
        verbose_name = "deployed component"
        ordering = ["deployment", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["deployment", "component"], name="deployment_component_once"
            )
        ]

    def __str__(self) -> str:
        return self.component.name
