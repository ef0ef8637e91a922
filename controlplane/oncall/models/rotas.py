"""Schedules, their rotations, swaps, gaps, and calendars fed from them.

A rotation is never changed: another one takes its place from an instant on, and the old one stays
for what lies before. Triggers (migration `guards`) hold to that.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from controlplane.access.models import User, Workspace
from controlplane.access.models.people import known_time_zone
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.oncall import querysets

slug_form = RegexValidator(r"\A[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?\Z", "Use a-z, 0-9 and dashes.")
EVERY_DAY = [0, 1, 2, 3, 4, 5, 6]
_HOURS_WHOLE = "Give both hours, or neither."


def every_day() -> list[int]:
    return list(EVERY_DAY)


def _weekday() -> models.PositiveSmallIntegerField[int, int]:
    return models.PositiveSmallIntegerField(validators=[MaxValueValidator(6)])


class Schedule(models.Model):
    """Who is on duty for what: the roles it fills, and when somebody should be there."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    slug = models.CharField(max_length=50, validators=[slug_form])
    title = models.CharField(max_length=120)
    about = models.CharField(max_length=400, blank=True)
    roles = ArrayField(models.CharField(max_length=40))
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])
    # When somebody should be on duty. Without hours: all day long.
    cover_days = ArrayField(_weekday(), default=every_day)  # Monday is 0
    cover_from = models.TimeField(null=True, blank=True)
    cover_until = models.TimeField(null=True, blank=True)
    # At a hand-over: whether it is told in writing, and how long both are there.
    notes_wanted = models.BooleanField(default=True)
    overlap_minutes = models.PositiveSmallIntegerField(
        default=30, validators=[MaxValueValidator(480)]
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ScheduleQuerySet.as_manager()

    class Meta:
        verbose_name = "on-call schedule"
        ordering = ["title", "id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="oncall_schedule_once"),
            models.CheckConstraint(
                condition=Q(cover_from=None, cover_until=None)
                | Q(cover_from__isnull=False, cover_until__isnull=False),
                name="oncall_cover_hours_whole",
                violation_error_message=_HOURS_WHOLE,
            ),
            models.CheckConstraint(condition=Q(cover_days__len__gte=1), name="oncall_covers_a_day"),
            models.CheckConstraint(condition=Q(roles__len__gte=1), name="oncall_fills_a_role"),
            models.CheckConstraint(
                condition=Q(overlap_minutes__lte=480), name="oncall_overlaps_within_a_shift"
            ),
        ]
        indexes = [GinIndex(fields=["roles"], name="oncall_schedule_roles")]

    def __str__(self) -> str:
        return self.title

    @property
    def is_active(self) -> bool:
        return self.retired_at is None


class Layer(models.Model):
    """One rotation of a schedule, in effect from an instant on. Higher positions come before
    lower ones."""

    class Turn(models.TextChoices):
        DAILY = "daily", "Days"
        WEEKLY = "weekly", "Weeks"
        HOURS = "hours", "Hours"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="layers")
    position = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=120, blank=True)
    turn = models.CharField(max_length=10, choices=Turn.choices, default=Turn.WEEKLY)
    every = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1)])
    handoff_time = models.TimeField(default=time(9))
    handoff_weekday = _weekday()
    time_zone = models.CharField(max_length=64, validators=[known_time_zone])
    starts_on = models.DateField()  # the first of its people has the turn this day lies in
    days = ArrayField(_weekday(), default=every_day)  # Monday is 0
    hours_from = models.TimeField(null=True, blank=True)
    hours_until = models.TimeField(null=True, blank=True)
    from_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)  # before it began
    created_at = models.DateTimeField(default=clock.now, editable=False)
    made_by_ref = models.CharField(max_length=80)
    objects = querysets.LayerQuerySet.as_manager()

    class Meta:
        verbose_name = "on-call rotation"
        ordering = ["schedule", "position", "from_at"]
        constraints = [
            models.CheckConstraint(condition=Q(every__gte=1), name="oncall_turn_lasts"),
            models.CheckConstraint(
                condition=Q(handoff_weekday__lte=6), name="oncall_handoff_is_a_weekday"
            ),
            models.CheckConstraint(
                condition=Q(until_at=None) | Q(until_at__gt=F("from_at")),
                name="oncall_layer_lasts",
            ),
            models.CheckConstraint(
                condition=Q(hours_from=None, hours_until=None)
                | Q(hours_from__isnull=False, hours_until__isnull=False),
                name="oncall_layer_hours_whole",
                violation_error_message=_HOURS_WHOLE,
            ),
            models.CheckConstraint(condition=Q(days__len__gte=1), name="oncall_layer_has_a_day"),
        ]

    def __str__(self) -> str:
        return self.title or f"Layer {self.position}"

    @property
    def workspace_id(self) -> int:
        return self.schedule.workspace_id

    @property
    def period(self) -> timedelta:
        unit = {"daily": timedelta(days=1), "weekly": timedelta(days=7)}
        return self.every * unit.get(self.turn, timedelta(hours=1))

    @property
    def anchor(self) -> datetime:
        """When, on the wall, the first person's turn began: at or before `starts_on`, so that who
        is named first begins."""
        day = self.starts_on
        if self.turn == self.Turn.WEEKLY:
            day -= timedelta(days=(day.weekday() - self.handoff_weekday) % 7)
        return datetime.combine(day, self.handoff_time)

    @property
    def is_restricted(self) -> bool:
        return self.hours_from is not None or set(self.days) != set(EVERY_DAY)


class LayerPerson(models.Model):
    """A place in the order of a rotation. Somebody may have several."""

    layer = models.ForeignKey(Layer, on_delete=models.PROTECT, related_name="places")
    position = models.PositiveSmallIntegerField()
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    objects = querysets.LayerPersonQuerySet.as_manager()

    class Meta:
        verbose_name = "place in a rotation"
        ordering = ["layer", "position"]
        constraints = [
            models.UniqueConstraint(fields=["layer", "position"], name="oncall_place_once")
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.person_id}"


class Override(models.Model):
    """Somebody stands in: whatever the rotations say, from one instant to another."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="overrides")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    starts = models.DateTimeField()
    ends = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)
    made_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    made_by_ref = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by_ref = models.CharField(max_length=80, blank=True)
    objects = querysets.OverrideQuerySet.as_manager()

    class Meta:
        verbose_name = "on-call swap"
        ordering = ["-starts", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(ends__gt=F("starts")), name="oncall_override_lasts")
        ]
        indexes = [
            models.Index(fields=["schedule", "ends"], name="oncall_override_ends"),
            models.Index(fields=["workspace", "-starts"], name="oncall_override_newest"),
            models.Index(fields=["person"], name="oncall_override_person"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} for {self.schedule_id}"


class Feed(models.Model):
    """A calendar somebody subscribed to: a schedule's, or without one all shifts of their own."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    schedule = models.ForeignKey(
        Schedule, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    read_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    objects = querysets.FeedQuerySet.as_manager()

    class Meta:
        verbose_name = "on-call calendar"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "person", "schedule"],
                condition=Q(revoked_at=None),
                nulls_distinct=False,
                name="oncall_feed_once",
            )
        ]

    def __str__(self) -> str:
        return f"calendar {self.uid}"


class Gap(models.Model):
    """A stretch that nobody has and somebody should, as it was found; what has been told of it,
    so that each is told once while it is far and once when it comes near."""

    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="gaps")
    since = models.DateTimeField()
    until = models.DateTimeField()
    found_at = models.DateTimeField(default=clock.now)
    near_told_at = models.DateTimeField(null=True, blank=True)
    begun_told_at = models.DateTimeField(null=True, blank=True)
    filled_at = models.DateTimeField(null=True, blank=True)  # before its time, or in it
    objects = querysets.UnmannedQuerySet.as_manager()

    class Meta:
        verbose_name = "gap"
        ordering = ["since", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["schedule", "since"],
                condition=Q(filled_at=None),
                name="oncall_gap_once",
            ),
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="oncall_gap_lasts"),
        ]
        indexes = [models.Index(fields=["until"], name="oncall_gap_until")]

    def __str__(self) -> str:
        return f"nobody from {self.since:%Y-%m-%d %H:%M}"
