"""What there is to run: environments, services, components, integrations, and how they fare.

One table each, read by deployments, alert routing, the status page and dispatch.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from controlplane.access.models import Workspace, slug_form
from controlplane.catalog import querysets
from controlplane.lib import clock
from controlplane.lib.ids import uuid7


class Environment(models.Model):
    """One of the playbook's three: what it is for, how often it changes, whose data it holds."""

    class DataClass(models.TextChoices):
        SEEDED = "seeded", "Seeded test data"
        SANITISED = "sanitised", "Sanitised snapshot of production"
        REAL = "real", "Real user data"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="environments")
    slug = models.CharField(max_length=50, validators=[slug_form])
    name = models.CharField(max_length=60)
    order = models.PositiveSmallIntegerField(default=0)
    purpose = models.CharField(max_length=200)
    update_frequency = models.CharField(max_length=200)
    data_class = models.CharField(max_length=10, choices=DataClass.choices)
    # The rules that deployments ask.
    needs_approval = models.BooleanField(default=False)
    releases_per_week = models.PositiveSmallIntegerField(null=True, blank=True)
    data_refresh_days = models.PositiveSmallIntegerField(null=True, blank=True)
    debug_allowed = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.EntryQuerySet.as_manager()

    class Meta:
        ordering = ["order", "slug"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="environment_slug_unique"),
            models.CheckConstraint(
                condition=~Q(data_class="real") | Q(needs_approval=True, debug_allowed=False),
                name="environment_real_data_guarded",
                violation_error_message=(
                    "Where real user data is, releases need approval and debugging stays off."
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Service(models.Model):
    """Something that runs and is looked after by a role."""

    class Kind(models.TextChoices):
        FRONTEND = "frontend", "Front end"
        AGENT = "agent", "Agent service"
        DATABASE = "database", "Database"
        STORAGE = "storage", "Storage"
        PORTAL = "portal", "This portal"
        OTHER = "other", "Other"

    class Tier(models.IntegerChoices):
        ONE = 1, "1: users feel it at once"
        TWO = 2, "2: users feel it soon"
        THREE = 3, "3: users do not feel it"

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        RETIRED = "retired", "Retired"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="services")
    ref = models.CharField(max_length=16, editable=False)  # SRV-3
    slug = models.CharField(max_length=50, validators=[slug_form])
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.OTHER)
    description = models.CharField(max_length=500, blank=True)
    host = models.CharField(max_length=200, blank=True)  # where it runs, in words
    runtime = models.CharField(max_length=120, blank=True)  # for people; constrains nothing
    owner_role = models.CharField(max_length=40, blank=True)
    tier = models.PositiveSmallIntegerField(choices=Tier.choices, default=Tier.TWO)
    uptime_target = models.DecimalField(
        max_digits=6,
        decimal_places=3,
        default=Decimal("99.9"),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.ACTIVE, editable=False
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ServiceQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint("workspace", Lower("slug"), name="service_slug_unique"),
            models.UniqueConstraint(fields=["workspace", "ref"], name="service_ref_unique"),
            models.CheckConstraint(
                condition=Q(tier__gte=1, tier__lte=3), name="service_tier_one_to_three"
            ),
            models.CheckConstraint(
                condition=Q(uptime_target__gte=0, uptime_target__lte=100),
                name="service_target_is_percent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.name}"


class Component(models.Model):
    """A part that is deployed, or shown on the status page, on its own."""

    class Kind(models.TextChoices):
        FRONTEND = "frontend", "Front end"
        AGENT = "agent", "Agent service"
        DATABASE = "database", "Database"
        SCHEMA = "schema", "Database schema"
        PORTAL = "portal", "This portal"
        OTHER = "other", "Other"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="components")
    service = models.ForeignKey(
        Service, null=True, blank=True, on_delete=models.PROTECT, related_name="components"
    )
    slug = models.CharField(max_length=50, validators=[slug_form])
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.OTHER)
    description = models.CharField(max_length=500, blank=True)
    is_public = models.BooleanField(default=False)
    order = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.EntryQuerySet.as_manager()

    class Meta:
        ordering = ["order", "name", "id"]
        constraints = [
            models.UniqueConstraint("workspace", Lower("slug"), name="component_slug_unique"),
        ]

    def __str__(self) -> str:
        return self.name


_LEAST, _WEEK_S = 1, 7 * 86_400
_OWN: dict[str, Any] = {
    "null": True, "blank": True,
    "validators": [MinValueValidator(_LEAST), MaxValueValidator(_WEEK_S)],
}  # fmt: skip


class Integration(models.Model):
    """Somebody else's service that agents call, with the breaker they ask before calling.

    `status` is the breaker's. The counters beside it change with every report and raise no
    version: only a change of state does.
    """

    class Kind(models.TextChoices):
        TOOL_ROUTER = "tool_router", "Tool router"
        TOOLKIT = "toolkit", "Toolkit"
        CHAT = "chat", "Chat and streaming"
        AGENT_FRAMEWORK = "agents", "Agent framework"
        MODEL = "model", "Model provider"
        DATABASE = "database", "Database and storage"
        OTHER = "other", "Other"

    class Status(models.TextChoices):
        CLOSED = "closed", "Closed: calls go through"
        OPEN = "open", "Open: do not call"
        HALF_OPEN = "half_open", "Half open: one may try"

    class Cause(models.TextChoices):
        NONE = "", "–"
        FAILURES = "failures", "Failures in a row"
        HAND = "hand", "By hand"
        INCIDENT = "incident", "By an incident"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="integrations")
    ref = models.CharField(max_length=16, editable=False)  # INT-2
    slug = models.CharField(max_length=50, validators=[slug_form])
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.OTHER)
    description = models.CharField(max_length=500, blank=True)
    owner_role = models.CharField(max_length=40, blank=True)
    is_active = models.BooleanField(default=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    # The breaker.
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.CLOSED, editable=False
    )
    cause = models.CharField(
        max_length=10, choices=Cause.choices, default=Cause.NONE, blank=True, editable=False
    )
    opened_by = models.CharField(max_length=200, blank=True, editable=False)
    opened_at = models.DateTimeField(null=True, blank=True, editable=False)
    reason = models.CharField(max_length=300, blank=True, editable=False)
    # When the next trial is due; none while somebody holds it open by hand.
    retry_at = models.DateTimeField(null=True, blank=True, editable=False)
    trials = models.PositiveSmallIntegerField(default=0, editable=False)
    # The one trial call of a half open breaker: whoever holds the token decides, until then.
    trial_token = models.UUIDField(null=True, blank=True, editable=False)
    trial_until = models.DateTimeField(null=True, blank=True, editable=False)
    half_open_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Its own thresholds; empty: as of every breaker.
    break_after = models.PositiveSmallIntegerField("opens after failures in a row", **_OWN)
    cool_down_s = models.PositiveIntegerField("first pause, seconds", **_OWN)
    cool_down_most_s = models.PositiveIntegerField("longest pause, seconds", **_OWN)
    trial_lasts_s = models.PositiveIntegerField("a trial lasts, seconds", **_OWN)
    # What was reported.
    failures_in_a_row = models.PositiveIntegerField(default=0, editable=False)
    last_success_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_failure_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False)
    objects = querysets.EntryQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint("workspace", Lower("slug"), name="integration_slug_unique"),
            models.UniqueConstraint(fields=["workspace", "ref"], name="integration_ref_unique"),
            models.CheckConstraint(
                condition=Q(status="closed") | Q(opened_at__isnull=False, cause__gt=""),
                name="integration_open_has_cause",
            ),
            models.CheckConstraint(
                condition=~Q(status="closed") | Q(retry_at=None), name="integration_closed_is_calm"
            ),
            models.CheckConstraint(
                condition=Q(trial_token=None, trial_until=None)
                | Q(status="half_open", trial_token__isnull=False, trial_until__isnull=False),
                name="integration_trial_is_half_open",
            ),
            models.CheckConstraint(
                condition=(Q(break_after=None) | Q(break_after__range=(_LEAST, 1_000)))
                & (Q(cool_down_s=None) | Q(cool_down_s__range=(_LEAST, _WEEK_S)))
                & (Q(cool_down_most_s=None) | Q(cool_down_most_s__range=(_LEAST, _WEEK_S)))
                & (Q(trial_lasts_s=None) | Q(trial_lasts_s__range=(_LEAST, 3_600))),
                name="integration_thresholds_in_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.name}"

    @property
    def may_call(self) -> bool:
        """Without asking for the trial."""
        return self.is_active and self.status == self.Status.CLOSED


class CallReport(models.Model):
    """What one batch of telemetry told of the calls of a toolkit, until its breaker heard it.

    Written in the transaction that stores the events, so that each is heard once, whatever is
    killed in between. Rows that were heard stay for some minutes where a second event may tell of
    the same failed call.
    """

    id = models.BigAutoField(primary_key=True)  # the order in which events came in
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    toolkit = models.CharField(max_length=64)
    succeeded = models.BooleanField()  # a call did, before the failures
    # Those after the last success: [key, weight], see `services.reports`.
    failures = models.JSONField(default=list)
    error = models.CharField(max_length=300, blank=True)
    occurred_at = models.DateTimeField()  # the last of the calls
    heard_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index("workspace", "toolkit", "id", name="call_report_in_order"),
            models.Index("id", name="call_report_waits", condition=Q(heard_at=None)),
        ]

    def __str__(self) -> str:
        return self.toolkit


class Probe(models.Model):
    """A regular look at one service in one environment: by us over HTTP, or reported to us."""

    class Health(models.TextChoices):
        UNKNOWN = "unknown", "Not known yet"
        UP = "up", "Up"
        DOWN = "down", "Down"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="probes")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="probes")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="probes")
    pushed = models.BooleanField(default=False)  # results are reported to us
    url = models.CharField(max_length=500, blank=True)
    expected_status = models.PositiveSmallIntegerField(
        default=200, validators=[MinValueValidator(100), MaxValueValidator(599)]
    )
    every_s = models.PositiveIntegerField(
        default=60, validators=[MinValueValidator(30), MaxValueValidator(86_400)]
    )
    timeout_s = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    down_after = models.PositiveSmallIntegerField(
        default=2, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    is_active = models.BooleanField(default=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    # Since when it is switched on and its service active: what was seen earlier is not believed.
    on_since = models.DateTimeField(default=clock.now, editable=False)
    # What the results add up to.
    health = models.CharField(
        max_length=8, choices=Health.choices, default=Health.UNKNOWN, editable=False
    )
    since = models.DateTimeField(null=True, blank=True, editable=False)
    failures_in_a_row = models.PositiveIntegerField(default=0, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    last_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_latency_ms = models.PositiveIntegerField(null=True, blank=True, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False)
    next_at = models.DateTimeField(default=clock.now, editable=False)
    objects = querysets.ProbeQuerySet.as_manager()

    class Meta:
        ordering = ["service__name", "environment__order", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "environment", "url"], name="probe_once_per_address"
            ),
            models.CheckConstraint(
                condition=Q(pushed=True, url="") | (Q(pushed=False) & ~Q(url="")),
                name="probe_pulled_has_address",
            ),
            models.CheckConstraint(
                condition=Q(every_s__gte=30, timeout_s__gte=1, timeout_s__lte=10),
                name="probe_is_gentle",
            ),
        ]
        indexes = [
            # catalog.services.probes.claim_due
            models.Index(
                fields=["next_at"], condition=Q(is_active=True, pushed=False), name="probe_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service.name} in {self.environment.name}"


class ProbeResult(models.Model):
    """What one look saw. Kept for a month; down intervals are what lasts."""

    probe = models.ForeignKey(Probe, on_delete=models.CASCADE, related_name="results")
    at = models.DateTimeField(default=clock.now)
    ok = models.BooleanField()
    status_code = models.PositiveSmallIntegerField(null=True)
    latency_ms = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True)
    objects = querysets.ResultQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["probe", "-at"], name="proberesult_probe_at"),
            models.Index(fields=["at"], name="proberesult_at"),
            # What went wrong is looked for among a month of what went well.
            models.Index(fields=["-id"], name="proberesult_failed", condition=Q(ok=False)),
        ]

    def __str__(self) -> str:
        return f"{'ok' if self.ok else 'failed'} at {self.at:%Y-%m-%d %H:%M:%S}"

    @property
    def workspace_id(self) -> int:
        return self.probe.workspace_id


class WatchPeriod(models.Model):
    """A time in which a probe was looking: from its first result to the last before it was
    switched off or fell silent. Uptime is measured over these and says nothing of the rest."""

    probe = models.ForeignKey(Probe, on_delete=models.CASCADE, related_name="watch_periods")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-starts_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["probe"], condition=Q(ends_at=None), name="watchperiod_one_open"
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gte=F("starts_at")),
                name="watchperiod_ends_later",
            ),
        ]

    def __str__(self) -> str:
        return f"watched since {self.starts_at:%Y-%m-%d %H:%M}"


class DownInterval(models.Model):
    """A time in which a service was down in one environment. May overlap another probe's: uptime
    is computed over their union."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="down_intervals")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    probe = models.ForeignKey(
        Probe, null=True, on_delete=models.SET_NULL, related_name="down_intervals"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    first_error = models.CharField(max_length=300, blank=True)
    told = models.BooleanField(default=False, editable=False)
    objects = querysets.DownQuerySet.as_manager()

    class Meta:
        verbose_name = "outage"
        ordering = ["-starts_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["probe"], condition=Q(ends_at=None), name="downinterval_one_open"
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gte=F("starts_at")),
                name="downinterval_ends_later",
            ),
        ]
        indexes = [
            models.Index(fields=["service", "environment", "starts_at"], name="downinterval_where"),
        ]

    def __str__(self) -> str:
        end = f"{self.ends_at:%Y-%m-%d %H:%M}" if self.ends_at else "now"
        return f"{self.service.name} down {self.starts_at:%Y-%m-%d %H:%M} – {end}"
