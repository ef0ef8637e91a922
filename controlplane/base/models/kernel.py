"""Tables of base: ref numbers, signals between apps, records of what retention deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.db.models import F, Q

from controlplane.jobs import leases
from controlplane.lib import clock

if TYPE_CHECKING:
    from controlplane.lib.actors import Actor


class RefCounterQuerySet(models.QuerySet["RefCounter"]):
    def visible_to(self, actor: Actor) -> Self:
        return self if actor.sees_all else self.filter(workspace_id__in=actor.workspace_ids)


class RefCounter(models.Model):
    """The last number handed out per workspace and prefix. A rolled back change leaves a gap,
    never a second row of the same name."""

    workspace = models.ForeignKey(
        "access.Workspace", on_delete=models.CASCADE, related_name="ref_counters"
    )
    prefix = models.CharField(max_length=3)
    last = models.BigIntegerField(default=0)

    objects: ClassVar[models.Manager[RefCounter]] = models.Manager.from_queryset(
        RefCounterQuerySet
    )()

    class Meta:
        verbose_name = "number series"
        verbose_name_plural = "number series"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "prefix"], name="refcounter_unique"),
            models.CheckConstraint(condition=Q(last__gte=0), name="refcounter_counts_up"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}-{self.last}"


class SignalQuerySet(models.QuerySet["Signal"]):
    def visible_to(self, actor: Actor) -> Self:
        """Rows of one's workspaces. Those of the installation name no workspace's things and
        are shown to everybody who may see signals at all."""
        if actor.sees_all:
            return self
        return self.filter(Q(workspace_id__in=actor.workspace_ids) | Q(workspace_id=None))


# As far as both PostgreSQL and Python's datetime go: a parked row is never due.
PARKED = datetime(9999, 1, 1, tzinfo=UTC)


class Signal(leases.Leased):
    """News from a lower app to a higher one: written in the sender's transaction, consumed
    exactly once. A kind nobody consumes yet waits for its consumer, until clean-up."""

    workspace = models.ForeignKey(
        "access.Workspace", null=True, blank=True, on_delete=models.CASCADE, related_name="signals"
    )
    kind = models.CharField(max_length=80)
    key = models.CharField(max_length=200)
    payload = models.JSONField(default=dict)
    correlation_id = models.CharField(max_length=128, blank=True)
    objects: ClassVar[models.Manager[Signal]] = models.Manager.from_queryset(SignalQuerySet)()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="signal_key_unique")]
        indexes = [
            leases.ready_index("signal_ready"),
            leases.dead_index("signal_dead"),
            # Looked for every few seconds by each process, and mostly there are none of its kinds.
            models.Index(
                fields=["kind", "id"],
                name="signal_parked",
                condition=Q(state=leases.WAITING, ready_at__gte=PARKED),
            ),
            models.Index(fields=["workspace", "-id"], name="signal_workspace"),
            # Retention's question, and the only one about finished rows.
            models.Index(
                fields=["finished_at"], name="signal_finished", condition=~Q(finished_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class RetentionRunQuerySet(models.QuerySet["RetentionRun"]):
    def visible_to(self, actor: Actor) -> Self:
        """One row per class of the whole installation, counts only: no workspace's data."""
        return self


class RetentionRun(models.Model):
    """What one run of clean-up deleted, or in a dry run would have."""

    slug = models.CharField(max_length=80)
    started_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)
    cutoff = models.DateTimeField()
    rows = models.BigIntegerField(default=0)
    # Past their time as well, and kept by a legal hold.
    held = models.BigIntegerField(default=0)
    dry_run = models.BooleanField(default=False)
    error = models.CharField(max_length=500, blank=True)
    objects: ClassVar[models.Manager[RetentionRun]] = models.Manager.from_queryset(
        RetentionRunQuerySet
    )()

    class Meta:
        verbose_name = "clean-up"
        ordering = ["-id"]
        indexes = [models.Index(fields=["slug", "-id"], name="retention_by_class")]
        constraints = [
            models.CheckConstraint(
                condition=Q(finished_at=None) | Q(finished_at__gte=F("started_at")),
                name="retention_ends_later",
            )
        ]

    def __str__(self) -> str:
        return f"{self.slug} before {self.cutoff:%Y-%m-%d}: {self.rows}"

    @property
    def seconds(self) -> float | None:
        if self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()
