"""What the portal calls outside, and how it fares there."""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from controlplane.access.models import Workspace, slug_form
from controlplane.catalog import querysets
from controlplane.lib import clock
from controlplane.lib.ids import uuid7

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
