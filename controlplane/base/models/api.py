"""Tables of the API base: remembered answers and temporary rate limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from controlplane.lib import clock
from controlplane.lib.ids import uuid7

if TYPE_CHECKING:
    from controlplane.lib.actors import Actor


class IdempotencyRecord(models.Model):
    """The answer once given under an `Idempotency-Key`, committed with the change it answers.

    No foreign keys: the row is written in the hot path of every keyed write and lives a day.
    """

    workspace_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=80)
    route = models.CharField(max_length=200)  # method and route pattern
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(default=0)  # 0: written by a change still running
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(default=clock.now, db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key", "actor", "route", "workspace_id"],
                name="idempotency_unique",
                nulls_distinct=False,
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_age")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"


class ThrottleRuleQuerySet(models.QuerySet["ThrottleRule"]):
    def visible_to(self, actor: Actor) -> ThrottleRuleQuerySet:
        if actor.sees_all:
            return self
        return self.filter(workspace_id__in=actor.workspace_ids)

    def in_force(self) -> ThrottleRuleQuerySet:
        """By the database's clock, which all web processes share."""
        return self.filter(lifted_at=None, expires_at__gt=Now())


class ThrottleRule(models.Model):
    """A temporary rate limit set by a person, for an actor or a path of one workspace. It ends by
    itself: a limit nobody remembers is an outage waiting."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(
        "access.Workspace", on_delete=models.CASCADE, related_name="throttle_rules"
    )
    actor_ref = models.CharField(max_length=80, blank=True)  # "agent:7"; empty: everybody
    actor_label = models.CharField(max_length=200, blank=True)
    shared = models.BooleanField(default=False)  # everybody counted together, not each
    path = models.CharField(max_length=200, blank=True)  # "/api/v1/threads*"; empty: every path
    limit = models.PositiveIntegerField()  # 0 stops them altogether
    period_s = models.PositiveIntegerField(default=60)
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=200, blank=True)
    objects = ThrottleRuleQuerySet.as_manager()

    class Meta:
        verbose_name = "rate limit"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="throttlerule_ends_later"
            ),
            models.CheckConstraint(condition=Q(period_s__gte=1), name="throttlerule_has_period"),
            models.CheckConstraint(condition=~Q(reason=""), name="throttlerule_has_reason"),
        ]
        indexes = [
            # The one query of `throttles`, every two seconds in every web process.
            models.Index(
                fields=["expires_at"], name="throttlerule_open", condition=Q(lifted_at=None)
            ),
        ]

    def __str__(self) -> str:
        whom = self.actor_label or "everybody"
        return f"{self.limit} per {self.period_s} s for {whom} on {self.path or 'every path'}"
