"""What people were told and agreed to, what they asked to have erased, and copies without them.

Nothing here holds what is handed out or erased: the tables themselves say where that is
(`base.data_rules.personal_data`).
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.privacy.querysets import (
    ConsentQuerySet,
    DeletionQuerySet,
    PrivacyPolicyQuerySet,
    RefreshQuerySet,
)


class PrivacyPolicy(models.Model):
    """One version of what a workspace tells people about their data. Published is published: what
    somebody agreed to stays as they read it."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    version = models.PositiveIntegerField(editable=False)
    text = models.TextField(max_length=60_000)
    # What is new in it, in a sentence or two: nobody reads it whole a second time.
    changes = models.CharField(max_length=400, blank=True)
    asks_consent = models.BooleanField(default=True)
    published_at = models.DateTimeField(default=clock.now, editable=False)
    published_by = models.CharField(max_length=200, editable=False)
    objects = PrivacyPolicyQuerySet.as_manager()

    class Meta:
        verbose_name = "privacy policy"
        verbose_name_plural = "privacy policies"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "version"], name="policy_version_once"),
            models.CheckConstraint(condition=~Q(text=""), name="policy_says_something"),
        ]

    def __str__(self) -> str:
        return f"Privacy policy, version {self.version}"


class Consent(models.Model):
    """What one person said to one version: when, by which door. Saying otherwise is a row more."""

    class Answer(models.TextChoices):
        GIVEN = "given", "Agreed"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"

    class Door(models.TextChoices):
        CONSOLE = "console", "Own page"
        API = "api", "API"
        OFFICER = "officer", "Recorded by the privacy officer"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    policy = models.ForeignKey(PrivacyPolicy, on_delete=models.PROTECT, related_name="consents")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    answer = models.CharField(max_length=10, choices=Answer.choices)
    said_at = models.DateTimeField(default=clock.now)
    door = models.CharField(max_length=8, choices=Door.choices)
    # When they said otherwise: what was said before stays, for whoever asks in ten years.
    replaced_at = models.DateTimeField(null=True, blank=True)
    # What the officer holds: "letter of 3 May". Empty where the person said so themselves.
    evidence = models.CharField(max_length=300, blank=True)
    objects = ConsentQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "user"],
                condition=Q(replaced_at=None),
                name="consent_one_in_force",
            ),
            models.CheckConstraint(
                condition=~Q(door="officer") | ~Q(evidence=""), name="consent_officer_shows"
            ),
        ]

    def __str__(self) -> str:
        return f"answer to {self.policy}"

    @property
    def workspace_id(self) -> int:
        return self.policy.workspace_id


class DeletionRequest(models.Model):
    """Somebody asked that what the portal holds about them goes."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        HELD = "held", "Held"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Withdrawn"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    # Where it was asked: whose privacy officer looks after it. People are shared by workspaces.
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.WAITING, editable=False
    )
    version = models.PositiveIntegerField(default=0, editable=False)
    reason = models.CharField(max_length=400, blank=True)
    asked_by = models.CharField(max_length=200, editable=False)
    asked_at = models.DateTimeField(default=clock.now, editable=False)
    # Long enough to take it back, and for what runs to be handed over.
    not_before = models.DateTimeField(editable=False)
    due_at = models.DateTimeField(editable=False)
    # Why it may not go yet (a dispute, an order of a court), and until when that is looked at.
    held_for = models.CharField(max_length=400, blank=True, editable=False)
    held_until = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    # One line for each place: what went, or what is kept and why. No content.
    report: Any = models.JSONField(default=list, editable=False)
    tries = models.PositiveIntegerField(default=0, editable=False)
    last_error = models.CharField(max_length=400, blank=True, editable=False)
    objects = DeletionQuerySet.as_manager()

    class Meta:
        verbose_name = "request for erasure"
        verbose_name_plural = "requests for erasure"
        ordering = ["-id"]
        indexes = [models.Index(fields=["status", "not_before"], name="deletion_ripe")]
        constraints = [
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(status__in=("waiting", "held")),
                name="deletion_open_once",
            ),
            models.CheckConstraint(
                condition=Q(status="held") | Q(held_until=None), name="deletion_held_until"
            ),
            models.CheckConstraint(
                condition=~Q(status="held") | ~Q(held_for=""), name="deletion_held_why"
            ),
            models.CheckConstraint(
                condition=Q(status__in=("waiting", "held"), finished_at=None)
                | Q(status__in=("done", "cancelled"), finished_at__isnull=False),
                name="deletion_finished_when",
            ),
            models.CheckConstraint(
                condition=Q(due_at__gte=F("not_before")), name="deletion_due_after_grace"
            ),
        ]

    def __str__(self) -> str:
        # Without a name: what the log says of it outlives the account.
        return f"request for erasure of {self.asked_at:%Y-%m-%d}"


class DataRefresh(models.Model):
    """A copy of production for testing, without people in it, and who vouches for that."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    # None: of the portal's own database, which all workspaces share.
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    system = models.CharField(max_length=80)  # "control plane", or what the reporter copies
    target = models.CharField(max_length=120)  # "staging"
    taken_at = models.DateTimeField()
    rules = models.CharField(max_length=400)  # how people were taken out
    sanitised_by = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(null=True)
    # Columns changed, rows by table, what was searched for and not found.
    proof: Any = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    objects = RefreshQuerySet.as_manager()

    class Meta:
        verbose_name = "sanitised copy"
        verbose_name_plural = "sanitised copies"
        ordering = ["-id"]
        indexes = [models.Index(fields=["workspace", "-taken_at"], name="refresh_newest")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(sanitised_by="") & ~Q(rules=""), name="refresh_somebody_vouches"
            )
        ]

    def __str__(self) -> str:
        return f"copy of {self.taken_at:%Y-%m-%d %H:%M} for {self.target}"
