"""Runbooks, their versions, what was run of them, who proved them, who read them when.

A runbook without a workspace is shipped and follows the release; a workspace's own of the same
slug takes its place there.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Left

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models import Item
from incidents import querysets
from incidents.models.alerts import Alert
from incidents.models.drills import Drill
from incidents.models.records import Incident
from incidents.models.response import Action
from incidents.models.support import Ticket

_SEARCHED = 100_000


class Runbook(models.Model):
    """What to do when something breaks. What it says is its version in force."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    slug = models.CharField(max_length=60)
    aliases = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    title = models.CharField(max_length=120)
    severity = models.CharField(max_length=8)  # of the incidents it is usually taken for
    owner_role = models.CharField(max_length=40)
    category = models.CharField(max_length=40, blank=True)
    services = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    labels = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    symptoms = models.TextField(max_length=48_000)
    text = models.TextField(max_length=48_000)  # the version in force, as it is searched
    current = models.ForeignKey(
        "RunbookVersion", null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    # Of a workspace's own: the shipped text that it was last compared with.
    base_mark = models.CharField(max_length=64, blank=True, editable=False)
    shipped_mark = models.CharField(max_length=64, blank=True, editable=False)
    source_item = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )  # the item it was discovered from
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    replaced_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaces"
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    search = models.GeneratedField(
        expression=SearchVector("title", "slug", weight="A", config="english")
        + SearchVector(Left("symptoms", _SEARCHED), weight="B", config="english")
        + SearchVector(Left("text", _SEARCHED), weight="D", config="english"),
        output_field=SearchVectorField(),
        db_persist=True,
    )
    objects = querysets.ShippedQuerySet.as_manager()

    class Meta:
        ordering = ["slug", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "slug"], nulls_distinct=False, name="runbook_once"
            ),
            models.CheckConstraint(
                condition=Q(replaced_by=None) | Q(archived_at__isnull=False),
                name="runbook_replaced_is_archived",
            ),
            models.CheckConstraint(
                condition=Q(replaced_by=None) | ~Q(replaced_by=F("id")),
                name="runbook_replaced_by_another",
            ),
        ]
        indexes = [GinIndex(fields=["search"], name="runbook_search")]

    def __str__(self) -> str:
        return self.title


class RunbookVersion(models.Model):
    """One text of a runbook. It never changes."""

    runbook = models.ForeignKey(Runbook, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField(max_length=48_000)
    steps = models.JSONField(default=list)
    mark = models.CharField(max_length=64)
    made_by_ref = models.CharField(max_length=80)
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    objects = querysets.RunbookPartQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["runbook", "number"], name="runbookversion_once")
        ]

    def __str__(self) -> str:
        return f"{self.runbook}, version {self.number}"


class RunbookRun(models.Model):
    """A runbook that is being worked through, by one person or several."""

    class Purpose(models.TextChoices):
        REAL = "real", "For real"
        DRILL = "drill", "A drill"
        VALIDATION = "validation", "A validation"

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        ABANDONED = "abandoned", "Abandoned"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    runbook = models.ForeignKey(Runbook, on_delete=models.PROTECT, related_name="runs")
    text = models.ForeignKey(RunbookVersion, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.REAL)
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.RUNNING, editable=False
    )
    incident = models.ForeignKey(
        Incident, null=True, blank=True, on_delete=models.PROTECT, related_name="runbook_runs"
    )
    drill = models.OneToOneField(
        Drill, null=True, blank=True, on_delete=models.PROTECT, related_name="runbook_run"
    )
    started_by = models.CharField(max_length=80, editable=False)
    started_at = models.DateTimeField(default=clock.now, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    ended_why = models.CharField(max_length=500, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="running", ended_at=None)
                | ~Q(status="running") & Q(ended_at__isnull=False),
                name="runbookrun_ended_since",
            )
        ]
        indexes = [models.Index(fields=["workspace", "-id"], name="runbookrun_workspace")]

    def __str__(self) -> str:
        return f"{self.runbook}, begun {self.started_at:%Y-%m-%d %H:%M}"


class RunbookStep(models.Model):
    """One try of one step: who, what with, what came out, how long it took."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        TIMED_OUT = "timed_out", "Ended by its limit"
        REFUSED = "refused", "Refused"
        SKIPPED = "skipped", "Left out"

    run = models.ForeignKey(RunbookRun, on_delete=models.PROTECT, related_name="steps")
    # What asked for it on an incident: whoever makes this row does it, and nobody else does.
    action = models.OneToOneField(
        Action, null=True, on_delete=models.PROTECT, related_name="step", editable=False
    )
    number = models.PositiveSmallIntegerField()
    attempt = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=10)
    title = models.CharField(max_length=120)
    state = models.CharField(max_length=9, choices=State.choices, default=State.RUNNING)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    actor_ref = models.CharField(max_length=80)
    given = models.JSONField(default=dict)  # what was filled in
    output = models.TextField(max_length=20_000, blank=True)
    note = models.TextField(max_length=2_000, blank=True)
    started_at = models.DateTimeField(default=clock.now)
    ends_by = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    duration_ms = models.PositiveIntegerField(null=True)
    objects = querysets.RunbookStepQuerySet.as_manager()

    class Meta:
        ordering = ["run", "number", "attempt"]
        constraints = [
            models.UniqueConstraint(fields=["run", "number", "attempt"], name="runbookstep_once"),
            models.UniqueConstraint(
                fields=["run", "number"], condition=Q(state="running"),
                name="runbookstep_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(state="running", ended_at=None)
                | ~Q(state="running") & Q(ended_at__isnull=False),
                name="runbookstep_ended_since",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.number}. {self.title}"


class RunbookValidation(models.Model):
    """Somebody tried a version, somewhere, and says what came of it."""

    class Result(models.TextChoices):
        WORKS = "works", "It works"
        MENDED = "mended", "It works, once mended"
        FAILED = "failed", "It does not work"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    slug = models.CharField(max_length=60)
    text = models.ForeignKey(RunbookVersion, on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey(
        RunbookRun, null=True, blank=True, on_delete=models.PROTECT, related_name="validations"
    )
    environment = models.CharField(max_length=60)
    result = models.CharField(max_length=6, choices=Result.choices)
    note = models.TextField(max_length=2_000, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    actor_ref = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["workspace", "slug", "-id"], name="runbookvalidation_slug")]

    def __str__(self) -> str:
        return f"{self.slug}, {self.at:%Y-%m-%d}"


class RunbookUse(models.Model):
    """A runbook was looked into for something that is wrong."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    runbook = models.ForeignKey(Runbook, on_delete=models.PROTECT, related_name="uses")
    incident = models.ForeignKey(
        Incident, null=True, on_delete=models.PROTECT, related_name="runbook_uses"
    )
    alert = models.ForeignKey(Alert, null=True, on_delete=models.CASCADE, related_name="+")
    ticket = models.ForeignKey(
        Ticket, null=True, on_delete=models.PROTECT, related_name="runbook_uses"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    actor_ref = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["runbook", "incident", "alert", "ticket", "actor_ref"],
                nulls_distinct=False,
                name="runbookuse_once",
            ),
            models.CheckConstraint(
                condition=Q(incident__isnull=False)
                | Q(alert__isnull=False)
                | Q(ticket__isnull=False),
                name="runbookuse_for_something",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.runbook}, {self.at:%Y-%m-%d %H:%M}"
