"""What is said and done while an incident lasts: updates, and those that were promised and did not
come."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models import Comment
from incidents import querysets
from incidents.models.records import Incident


class Update(models.Model):
    """How an incident goes on, said to the people of the house or to customers, with the time of
    the next one. What customers read is a draft until somebody publishes it who may."""

    class Audience(models.TextChoices):
        INTERNAL = "internal", "The house"
        CUSTOMERS = "customers", "Customers"

    class Kind(models.TextChoices):
        INITIAL = "initial", "First"
        UPDATE = "update", "Update"
        RECOVERY = "recovery", "It works again"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        POSTED = "posted", "Posted"
        DROPPED = "dropped", "Dropped"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="updates")
    audience = models.CharField(max_length=9, choices=Audience.choices)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    status = models.CharField(
        max_length=7, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    subject = models.CharField(max_length=200)
    text = models.TextField(max_length=8000)
    written_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    posted_by = models.CharField(max_length=80, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    posted_at = models.DateTimeField(null=True, editable=False)
    due_at = models.DateTimeField(null=True, editable=False)  # what it had been promised for
    next_at = models.DateTimeField(null=True, blank=True)  # what it promises
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.UpdateQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="posted", posted_at__isnull=False) & ~Q(posted_by="")
                | ~Q(status="posted") & Q(posted_at=None, posted_by=""),
                name="update_posted_by_somebody",
            ),
            models.CheckConstraint(condition=~Q(text=""), name="update_says_something"),
        ]
        indexes = [models.Index(fields=["workspace", "posted_at"], name="update_posted")]

    def __str__(self) -> str:
        return self.subject


class MissedUpdate(models.Model):
    """An update that was promised and did not come. `times`: so many in a row, where nobody looked
    for so long."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="missed_updates")
    due_at = models.DateTimeField()
    noticed_at = models.DateTimeField(default=clock.now)
    severity = models.CharField(max_length=8)
    times = models.PositiveIntegerField(default=1)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "due_at"], name="missedupdate_once"),
            models.CheckConstraint(condition=Q(times__gte=1), name="missedupdate_counts"),
        ]
        indexes = [models.Index(fields=["workspace", "due_at"], name="missedupdate_due")]

    def __str__(self) -> str:
        return f"{self.due_at:%Y-%m-%d %H:%M}"


class Action(models.Model):
    """Something that was done against an incident: once, by whom, why, and what came of it. What
    takes it back is another one, which names it. A target that is gone or refuses is kept as
    refused, with the code."""

    class Kind(models.TextChoices):
        FLAG_OFF = "flag_off", "Switch a flag off"
        PAUSE_MISSIONS = "pause_missions", "Pause missions"
        TRIP_BREAKER = "trip_breaker", "Open a circuit breaker"
        RATE_LIMIT = "rate_limit", "Limit a rate for a while"
        ROLLBACK = "rollback", "Roll a deployment back"
        WAKE_AGENT = "wake_agent", "Open a thread and wake an agent"
        BLOCK_ITEM = "block_item", "Block a work item"
        RUNBOOK_STEP = "runbook_step", "Run a step of a runbook"
        SCALE = "scale", "Capacity was added"
        FIX = "fix", "A fix was brought out"

    class Status(models.TextChoices):
        PLANNED = "planned", "Planned"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        REFUSED = "refused", "Refused"
        FAILED = "failed", "Failed"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="actions")
    kind = models.CharField(max_length=14, choices=Kind.choices)
    target = models.CharField(max_length=200, blank=True)  # its name, as people say it
    given = models.JSONField(default=dict, blank=True)  # how: minutes, limits, words
    key = models.CharField(max_length=80, editable=False)  # the same thing done to the same target
    reason = models.CharField(max_length=500)
    status = models.CharField(
        max_length=7, choices=Status.choices, default=Status.PLANNED, editable=False
    )
    code = models.CharField(max_length=40, blank=True, editable=False)  # of the refusal
    result = models.CharField(max_length=500, blank=True, editable=False)
    made = models.JSONField(default=dict, editable=False)  # what taking it back needs
    undoes = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="undone_by", editable=False
    )
    asked_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    asked_at = models.DateTimeField(default=clock.now, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ActionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "key"],
                condition=Q(status__in=["planned", "running"]),
                name="action_under_way_once",
            ),
            models.UniqueConstraint(
                fields=["undoes"],
                condition=Q(status__in=["planned", "running", "done"]),
                name="action_undone_once",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["planned", "running"], ended_at=None)
                | Q(status__in=["done", "refused", "failed"], ended_at__isnull=False),
                name="action_ended_when_over",
            ),
            models.CheckConstraint(
                condition=~Q(status="refused") | ~Q(code=""), name="action_refused_with_code"
            ),
        ]
        indexes = [
            models.Index(
                fields=["asked_at"],
                condition=Q(status__in=["planned", "running"]),
                name="action_under_way",
            )
        ]

    def __str__(self) -> str:
        words = self.get_kind_display()
        return f"{words}: {self.target}" if self.target else str(words)


class Decision(models.Model):
    """What was decided while it burned, why, and by whom."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="decisions")
    text = models.CharField(max_length=500)
    why = models.CharField(max_length=1000, blank=True)
    decided_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    at = models.DateTimeField(default=clock.now, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="decision_says")]

    def __str__(self) -> str:
        return self.text


class Check(models.Model):
    """Somebody looked whether it works again. The newest of each kind counts, if it is younger
    than the mitigation it speaks of."""

    class Outcome(models.TextChoices):
        OK = "ok", "Works"
        FAILED = "failed", "Does not work"
        WAIVED = "waived", "Not looked at"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="checks")
    slug = models.CharField(max_length=20)
    outcome = models.CharField(max_length=6, choices=Outcome.choices)
    note = models.CharField(max_length=500, blank=True)
    figures = models.JSONField(default=dict, blank=True, editable=False)  # as they stood then
    by = models.CharField(max_length=80, editable=False)  # an opaque ref
    at = models.DateTimeField(default=clock.now, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "validation"
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="ok") | ~Q(note=""), name="check_failed_or_waived_says_why"
            )
        ]
        indexes = [models.Index(fields=["incident", "slug", "-id"], name="check_newest")]

    def __str__(self) -> str:
        return f"{self.slug}: {self.get_outcome_display()}"


class Correction(models.Model):
    """A word of the timeline said better. What was said first stays where it was said."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="corrections")
    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveSmallIntegerField()
    text = models.TextField(max_length=20_000)
    by = models.CharField(max_length=80, editable=False)  # an opaque ref
    at = models.DateTimeField(default=clock.now, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["comment", "number"]
        constraints = [
            models.UniqueConstraint(fields=["comment", "number"], name="correction_once"),
            models.CheckConstraint(condition=~Q(text=""), name="correction_says"),
        ]

    def __str__(self) -> str:
        return f"{self.number}. {self.text[:60]}"
