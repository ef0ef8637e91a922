"""What was reported, one row an event, in one partition a day."""

from __future__ import annotations

from uuid import UUID

from django.db import models

from controlplane.access.models import Workspace
from controlplane.lib import clock
from telemetry import querysets


class Flag(models.IntegerChoices):
    """What the ingest noticed about an event it nevertheless stored. Bits of `Event.flags`."""

    UNKNOWN = 1, "the catalogue does not know this event"
    ALIAS = 2, "sent under an old name"
    SKEW = 4, "the sender's clock is off"
    INCOMPLETE = 8, "a field is missing that the catalogue requires"
    STAGE = 16, "an unknown stage"
    OPERATION = 32, "an unknown operation of the Tool Router"


class Event(models.Model):
    """One fact. Its table is partitioned by `occurred_at` and made by a migration in SQL: Django
    knows neither partitions nor COPY, which is how rows come in.

    `id` is the client's `event_id` or a time-ordered one made here. In the database the key is
    (id, occurred_at, workspace), so that nobody's ids stand in the way of another workspace's.
    A workspace of None: about the installation itself.
    """

    id = models.UUIDField(primary_key=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    workspace = models.ForeignKey(
        Workspace, null=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    event_type = models.CharField(max_length=80)  # canonical
    received_name = models.CharField(max_length=80, null=True)  # where it differs
    status = models.CharField(max_length=8)  # info, success, warning, error
    level = models.PositiveSmallIntegerField()  # 10 debug … 50 critical
    stage = models.CharField(max_length=20)  # canonical, or empty
    env = models.CharField(max_length=20)
    service = models.CharField(max_length=64)
    agent = models.CharField(max_length=64)  # the role it plays: executor, planner, …
    toolkit = models.CharField(max_length=64)
    operation = models.CharField(max_length=64)
    code = models.CharField(max_length=64)  # error code or outcome
    source = models.CharField(max_length=80)  # who sent it: "agent:12", "portal"
    mission = models.CharField(max_length=64, null=True)
    work_item = models.CharField(max_length=64, null=True)
    correlation_id = models.CharField(max_length=128, null=True)
    session = models.CharField(max_length=64, null=True)  # tool session, conversation, thread
    trace_id = models.CharField(max_length=32, null=True)
    span_id = models.CharField(max_length=16, null=True)
    parent_span_id = models.CharField(max_length=16, null=True)
    user_ref = models.CharField(max_length=80, null=True)  # pseudonym
    weight = models.PositiveIntegerField()  # how many such things it stands for
    duration_ms = models.FloatField(null=True)
    amount = models.FloatField(null=True)  # the catalogue says of what
    flags = models.PositiveSmallIntegerField()
    message = models.TextField(null=True)
    context = models.JSONField()
    redactions = models.JSONField(null=True)  # kind -> how many values were replaced
    objects = querysets.TelemetryEventQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "telemetry_events"
        ordering = ["-occurred_at", "-id"]

    def __str__(self) -> str:
        return self.event_type

    @property
    def uid(self) -> UUID:
        return self.id


class Partition(models.Model):
    """A day's table and what became of it. A day that was sealed takes no event any more, and
    its rollups are never recomputed: they are all that is left of it."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        SEALED = "sealed", "Sealed"
        DETACHED = "detached", "Detached"
        DROPPED = "dropped", "Dropped"

    day = models.DateField(unique=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    rows = models.PositiveBigIntegerField(default=0)  # counted when it was sealed
    bytes = models.PositiveBigIntegerField(default=0)
    made_at = models.DateTimeField(default=clock.now)
    # Its minutes were thrown away: an hour of it is computed from events.
    trimmed_at = models.DateTimeField(null=True, blank=True)
    # Set when nothing that waited was left: from then on its rollups are what they are.
    sealed_at = models.DateTimeField(null=True, blank=True)
    dropped_at = models.DateTimeField(null=True, blank=True)
    # Where its events are kept as a file, if that was wished for.
    archive = models.CharField(max_length=200, blank=True, default="")
    archive_sha256 = models.CharField(max_length=64, blank=True, default="")
    objects = querysets.InstallationQuerySet.as_manager()

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"


class Refusal(models.Model):
    """Events that were not taken, counted by hour, sender and reason."""

    workspace = models.ForeignKey(
        Workspace, null=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    hour = models.DateTimeField()
    source = models.CharField(max_length=80)
    code = models.CharField(max_length=20)
    event_name = models.CharField(max_length=80, blank=True)
    total = models.PositiveBigIntegerField()
    reason = models.CharField(max_length=200)  # the last one's
    last_at = models.DateTimeField()
    objects = querysets.TelemetryQuerySet.as_manager()

    class Meta:
        ordering = ["-last_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "hour", "source", "code", "event_name"],
                nulls_distinct=False,
                name="refusal_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.event_name}".strip()
