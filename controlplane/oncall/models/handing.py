"""What one shift tells the next, and how people wish to hear of theirs."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.oncall import querysets
from controlplane.oncall.models.rotas import Schedule


class HandoffNote(models.Model):
    """A draft while the shift lasts; due when it has ended without one; then it is written, late
    or not, and read by whoever came after. `open_items` is what was open at the hand-over."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        DUE = "due", "Due"
        MISSED = "missed", "Missed"
        WRITTEN = "written", "Written"
        READ = "read", "Read"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="notes")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    next_person = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    text = models.TextField(max_length=8000, blank=True)
    open_items = models.JSONField(default=list, blank=True)
    status = models.CharField(
        max_length=8, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    handed_at = models.DateTimeField(null=True, blank=True, editable=False)
    due_at = models.DateTimeField(null=True, blank=True, editable=False)
    written_at = models.DateTimeField(null=True, blank=True, editable=False)
    reminded_at = models.DateTimeField(null=True, blank=True, editable=False)
    read_at = models.DateTimeField(null=True, blank=True, editable=False)
    read_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.HandoffNoteQuerySet.as_manager()

    class Meta:
        verbose_name = "hand-off note"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["schedule", "person"],
                condition=Q(handed_at=None),
                name="oncall_note_one_draft",
            ),
            models.CheckConstraint(
                condition=Q(status="draft", handed_at=None)
                | (~Q(status="draft") & Q(handed_at__isnull=False, due_at__isnull=False)),
                name="oncall_note_handed",
            ),
            models.CheckConstraint(
                condition=~Q(status="read") | Q(read_at__isnull=False, read_by__isnull=False),
                name="oncall_note_read_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["written", "read"])
                | (Q(written_at__isnull=False) & ~Q(text="")),
                name="oncall_note_says_something",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="oncall_note_newest"),
            models.Index(
                fields=["schedule", "-handed_at"],
                name="oncall_note_shifts",
            ),
        ]

    def __str__(self) -> str:
        return f"hand-off of {self.person_id}"


class Wish(models.Model):
    """How long before a shift somebody wants to hear of it; 0 is not at all. How it reaches them
    is a preference like that of any other news."""

    person = models.OneToOneField(User, on_delete=models.CASCADE, related_name="+")
    hours_before = models.PositiveSmallIntegerField()
    objects = models.Manager()

    class Meta:
        verbose_name = "wish about shifts"
        constraints = [
            models.CheckConstraint(
                condition=Q(hours_before__lte=168), name="oncall_wish_within_a_week"
            )
        ]

    def __str__(self) -> str:
        return f"{self.hours_before} h before"
