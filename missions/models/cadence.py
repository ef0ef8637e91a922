"""When people meet about missions, what they had before them, what they noted, what follows."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from controlplane.access.models import User, Workspace
from controlplane.access.models.people import known_time_zone
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models import Item
from missions import querysets_learning as querysets
from missions import stages
from missions.models.feedback import Retrospective


class Cadence(models.TextChoices):
    STANDUP = "standup", "Daily stand-up"
    OPS_SYNC = "ops_sync", "Weekly ops sync"
    SUPPORT = "support", "Weekly support sync"
    COUNCIL = "council", "Governance council"
    RETRO = "retro", "Monthly retrospective"
    PLANNING = "planning", "Quarterly planning"


class MeetingSeries(models.Model):
    """One rhythm in one time zone: nine o'clock there, on both sides of a change of clocks."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    cadence = models.CharField(max_length=8, choices=Cadence.choices)
    time_zone = models.CharField(max_length=64, validators=[known_time_zone])
    at = models.TimeField()  # there
    weekday = models.PositiveSmallIntegerField(default=0)  # 0 is Monday; a stand-up has none
    created_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    # None that was planned before is missed: it was to be at another time, or not at all.
    since = models.DateTimeField(default=clock.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_by = models.CharField(max_length=80, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.SeriesQuerySet.as_manager()

    class Meta:
        verbose_name = "meeting series"
        verbose_name_plural = "meeting series"
        ordering = ["workspace", "cadence", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "cadence", "time_zone"],
                condition=Q(ended_at=None),
                name="meeting_series_once",
                violation_error_message="There is one for this time zone already.",
            ),
            models.CheckConstraint(
                condition=Q(cadence__in=Cadence.values), name="meeting_cadence_known"
            ),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="meeting_weekday"),
        ]

    def __str__(self) -> str:
        return f"{self.get_cadence_display()}, {self.time_zone}"


class Meeting(models.Model):
    """One that was held: its agenda as it was when it began, and what was noted. Closed, it stays
    as it is. Or one that was not held though it was planned."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    series = models.ForeignKey(MeetingSeries, on_delete=models.PROTECT, related_name="meetings")
    planned_at = models.DateTimeField()
    began_at = models.DateTimeField(default=clock.now, editable=False)
    began_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    # [{"slug", "title", "lines": [{"text", "url", "note", "tone"}], "broken"}] as of `began_at`.
    agenda: Any = models.JSONField(default=list, blank=True)
    notes = models.TextField(blank=True)
    decisions = models.TextField(blank=True)
    attendees = models.CharField(max_length=1_000, blank=True)
    stages = ArrayField(
        models.CharField(max_length=15, choices=stages.CHOICES), default=list, blank=True
    )
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    closed_by = models.CharField(max_length=80, blank=True, editable=False)
    missed_at = models.DateTimeField(null=True, blank=True, editable=False)  # nobody held it
    # What was said of one that was not held: why, or what was agreed all the same. Said once.
    afterwards = models.TextField(blank=True, editable=False)
    afterwards_by = models.CharField(max_length=80, blank=True, editable=False)
    afterwards_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.MeetingQuerySet.as_manager()

    class Meta:
        ordering = ["-planned_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["series", "planned_at"], name="meeting_held_once"),
            models.CheckConstraint(
                condition=Q(closed_at=None, closed_by="")
                | Q(closed_at__isnull=False, closed_by__gt="", notes__gt=""),
                name="meeting_closed_with_notes",
            ),
            models.CheckConstraint(
                condition=Q(missed_at=None) | Q(closed_at__isnull=False),
                name="meeting_missed_is_over",
            ),
            models.CheckConstraint(
                condition=Q(afterwards="", afterwards_at=None, afterwards_by="")
                | Q(
                    afterwards__gt="",
                    afterwards_at__isnull=False,
                    afterwards_by__gt="",
                    missed_at__isnull=False,
                ),
                name="meeting_afterwards_of_missed",
            ),
        ]
        indexes = [models.Index(fields=["series", "-planned_at"], name="meetings_newest")]

    def __str__(self) -> str:
        return f"{self.series.get_cadence_display()} of {self.planned_at:%Y-%m-%d}"

    @property
    def workspace_id(self) -> int:
        return self.series.workspace_id


class FollowUp(models.Model):
    """What is to be done after a retrospective or a meeting: by whom, until when. The work itself
    is its item."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    retrospective = models.ForeignKey(
        Retrospective, null=True, blank=True, on_delete=models.PROTECT, related_name="followups"
    )
    meeting = models.ForeignKey(
        Meeting, null=True, blank=True, on_delete=models.PROTECT, related_name="followups"
    )
    title = models.CharField(max_length=200)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    due_on = models.DateField()
    item = models.OneToOneField(Item, null=True, on_delete=models.SET_NULL, related_name="followup")
    created_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    dropped_at = models.DateTimeField(null=True, blank=True, editable=False)
    dropped_by = models.CharField(max_length=80, blank=True, editable=False)
    dropped_reason = models.CharField(max_length=500, blank=True, editable=False)
    objects = querysets.FollowUpQuerySet.as_manager()

    class Meta:
        verbose_name = "follow-up"
        ordering = ["due_on", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(title__regex=r"^\s*$"), name="followup_has_title"),
            models.CheckConstraint(
                condition=Q(retrospective__isnull=False, meeting=None)
                | Q(retrospective=None, meeting__isnull=False),
                name="followup_of_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(dropped_at=None, dropped_by="")
                | Q(dropped_at__isnull=False, dropped_by__gt="", dropped_reason__gt=""),
                name="followup_dropped_says_why",
            ),
        ]
        indexes = [models.Index(fields=["workspace", "due_on"], name="followups_due")]

    def __str__(self) -> str:
        return self.title
