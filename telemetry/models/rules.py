"""Alert rules, how each stands, and what came of them.

A rule without a workspace is shipped: it holds for every workspace, or for the installation as a
whole. A workspace's own rule of the same slug takes its place there.
"""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace, slug_form
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from telemetry import rule_reads

DAY = 86_400


class Severity(models.TextChoices):
    CRITICAL = "critical", "Critical"
    WARNING = "warning", "Warning"
    INFO = "info", "Info"


class AlertRule(models.Model):
    """One question that is asked again and again: is this measure beyond its limit?"""

    class Scope(models.TextChoices):
        WORKSPACE = "workspace", "Each workspace"
        INSTALLATION = "installation", "The installation"

    class Comparison(models.TextChoices):
        ABOVE = "gt", "above"
        AT_LEAST = "ge", "at or above"
        BELOW = "lt", "below"
        AT_MOST = "le", "at or below"

    class Against(models.TextChoices):
        VALUE = "value", "a fixed value"
        WEEKDAY_HOUR = "weekday_hour", "the same hour of the week, over four weeks"
        MEDIAN = "median", "the median of four weeks"
        HOUR_BEFORE = "hour_before", "an hour before"

    class NoData(models.TextChoices):
        KEEP = "keep", "stay as it was"
        OK = "ok", "count as well"
        FIRE = "fire", "count as breached"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    scope = models.CharField(max_length=12, choices=Scope.choices, default=Scope.WORKSPACE)
    slug = models.CharField(max_length=50, validators=[slug_form])
    title = models.CharField(max_length=120)
    about = models.CharField(max_length=400, blank=True)
    severity = models.CharField(max_length=8, choices=Severity.choices, default=Severity.WARNING)
    is_active = models.BooleanField(default=True)

    measure = models.CharField(max_length=60)
    group_by = models.CharField(max_length=20, blank=True)  # a dimension: a state per series
    filters = models.JSONField(default=dict, blank=True)  # dimension -> allowed values
    comparison = models.CharField(
        max_length=2, choices=Comparison.choices, default=Comparison.ABOVE
    )
    against = models.CharField(max_length=12, choices=Against.choices, default=Against.VALUE)
    threshold = models.FloatField(null=True, blank=True)
    multiple = models.FloatField(null=True, blank=True)  # of what it is compared with
    floor = models.FloatField(null=True, blank=True)  # a relative limit is never stricter
    window_s = models.PositiveIntegerField(
        default=300, validators=[MinValueValidator(60), MaxValueValidator(31 * DAY)]
    )
    for_s = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(7 * DAY)])
    resolve_for_s = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(7 * DAY)])
    min_sample = models.PositiveIntegerField(default=0)
    no_data = models.CharField(max_length=4, choices=NoData.choices, default=NoData.OK)

    # Whom apps above call, and what they do. Here it is data.
    notify_roles = models.JSONField(default=list, blank=True)  # beside whoever is on call
    ack_within_s = models.PositiveIntegerField(null=True, blank=True)
    escalate_after_s = models.PositiveIntegerField(null=True, blank=True)
    escalate_to = models.CharField(max_length=40, blank=True)
    hooks = models.JSONField(default=dict, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    runbook = models.CharField(max_length=60, blank=True)

    # What the release shipped last: a row that still says so follows the next release.
    shipped_mark = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = rule_reads.RuleQuerySet.as_manager()

    class Meta:
        verbose_name = "alert rule"
        ordering = ["title", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "slug"],
                nulls_distinct=False,
                name="rule_slug_once",
                violation_error_message="There is a rule of this slug already.",
            ),
            models.CheckConstraint(
                condition=Q(scope="workspace") | Q(workspace=None),
                name="rule_of_installation_is_shared",
                violation_error_message="A workspace's rule can't be about the installation.",
            ),
            models.CheckConstraint(
                condition=Q(against="value", threshold__isnull=False)
                | (~Q(against="value") & Q(multiple__isnull=False, multiple__gt=0)),
                name="rule_has_a_limit",
                violation_error_message=(
                    "Give a threshold, or a multiple above 0 of what it is compared with."
                ),
            ),
            models.CheckConstraint(
                condition=Q(window_s__gte=60), name="rule_window_is_a_minute_at_least"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_relative(self) -> bool:
        return self.against != self.Against.VALUE

    @property
    def is_upper(self) -> bool:
        """Whether too much is what it looks for."""
        return self.comparison in {self.Comparison.ABOVE, self.Comparison.AT_LEAST}


class RuleState(models.Model):
    """How one series of a rule stands in one workspace. A series that was never out of order has
    no row; the series "" is the rule itself. Rows are moved by the evaluation alone."""

    class Status(models.TextChoices):
        OK = "ok", "Ok"
        PENDING = "pending", "Pending"
        FIRING = "firing", "Firing"
        NO_DATA = "no_data", "No data"
        ERROR = "error", "Error"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="states")
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    series = models.CharField(max_length=120, blank=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OK)
    since = models.DateTimeField(default=clock.now)  # of this status
    seen_at = models.DateTimeField(default=clock.now)  # judged last
    clear_since = models.DateTimeField(null=True, blank=True)  # while it fires: well since then
    value = models.FloatField(null=True, blank=True)
    sample = models.PositiveBigIntegerField(default=0)
    threshold = models.FloatField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)  # why it can't be told
    breached_at = models.DateTimeField(null=True, blank=True)  # before `for` had passed
    fired_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    episode = models.PositiveIntegerField(default=0)  # how often it has fired
    # While it fires and nobody is told of it: who keeps it quiet, and where that is told.
    quiet_by = models.CharField(max_length=200, blank=True)
    quiet_link = models.CharField(max_length=200, blank=True)
    fingerprint = models.CharField(max_length=64)  # the same for each episode
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = rule_reads.RuleStateQuerySet.as_manager()

    class Meta:
        verbose_name = "alert"
        ordering = ["-since", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "workspace", "series"],
                nulls_distinct=False,
                name="rule_state_once",
            ),
            # Whichever row of a rule it is: two evaluations, or a rule and the one that takes
            # its place, never both hold an open alert of one thing.
            models.UniqueConstraint(
                fields=["fingerprint"], condition=Q(status="firing"), name="rule_fires_once"
            ),
            models.CheckConstraint(
                condition=~Q(status="firing") | Q(fired_at__isnull=False),
                name="rule_firing_since_when",
            ),
            models.CheckConstraint(
                condition=Q(quiet_by="") | Q(status="firing"),
                name="rule_quiet_while_firing",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "status"],
                condition=~Q(status="ok"),
                name="rule_state_not_ok",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule.title}: {self.series}" if self.series else self.rule.title


class RuleChange(models.Model):
    """What a rule did: it fired, was resolved, could not be evaluated, was tried. Pending that
    came to nothing is no history: a measure that hovers at its limit would write all day."""

    class Kind(models.TextChoices):
        FIRED = "fired", "Fired"
        QUIET = "quiet", "Fired, kept quiet"
        RESOLVED = "resolved", "Resolved"
        FAILED = "failed", "Could not be evaluated"
        MENDED = "mended", "Evaluated again"
        TESTED = "tested", "Test alert sent"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    rule = models.ForeignKey(
        AlertRule, null=True, on_delete=models.SET_NULL, related_name="changes"
    )
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    slug = models.CharField(max_length=50)
    title = models.CharField(max_length=120)
    severity = models.CharField(max_length=8, choices=Severity.choices)
    series = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    at = models.DateTimeField()
    began_at = models.DateTimeField(null=True, blank=True)  # of what is resolved, or mended
    value = models.FloatField(null=True, blank=True)
    sample = models.PositiveBigIntegerField(default=0)
    threshold = models.FloatField(null=True, blank=True)
    episode = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=300, blank=True)
    objects = rule_reads.WorkspaceRows.as_manager()

    class Meta:
        verbose_name = "alert history entry"
        verbose_name_plural = "alert history"
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["rule", "at"], name="rule_change_by_rule"),
            models.Index(fields=["workspace", "at"], name="rule_change_by_workspace"),
        ]

    def __str__(self) -> str:
        return f"{self.title}: {self.get_kind_display().lower()}"


class RuleReadings(models.Model):
    """What the last evaluation saw, a row a workspace, replaced by the next: lists, the cockpit
    and `/metrics` read it, so that looking at rules costs no reading of measures.

    `seen` is rule id -> {"at": epoch seconds, "series": {name: [value, sample, threshold]}}.
    """

    workspace = models.OneToOneField(
        Workspace, null=True, on_delete=models.CASCADE, related_name="+"
    )
    at = models.DateTimeField()
    took_ms = models.PositiveIntegerField(default=0)
    seen = models.JSONField(default=dict)
    objects = rule_reads.WorkspaceRows.as_manager()

    class Meta:
        verbose_name = "rule readings"
        verbose_name_plural = "rule readings"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace"], nulls_distinct=False, name="rule_readings_once"
            )
        ]

    def __str__(self) -> str:
        return f"readings of {self.at:%Y-%m-%d %H:%M:%S}"
