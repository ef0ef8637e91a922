"""What people and workspaces want told, and the contact book."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.notify import querysets
from controlplane.notify.models.news import Method


class Preference(models.Model):
    """How a person wants a kind of news. Critical news ignores a refusal."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preferences"
    )
    kind = models.CharField(max_length=60, default="*")  # a notification kind, or all
    method = models.CharField(
        max_length=10, choices=[(m.value, m.label) for m in (Method.INBOX, Method.EMAIL)]
    )
    wanted = models.BooleanField()

    class Meta:
        ordering = ["kind", "method"]
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "method"], name="preference_unique")
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.method}: {'yes' if self.wanted else 'no'}"


class QuietHours(models.Model):
    """When a person is not to be mailed but for critical news, in their own time zone."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="quiet_hours"
    )
    starts = models.TimeField()
    ends = models.TimeField()
    weekends = models.BooleanField(default=False)  # all of Saturday and Sunday too

    class Meta:
        verbose_name_plural = "quiet hours"
        constraints = [
            models.CheckConstraint(condition=~Q(starts=F("ends")), name="quiet_hours_have_length")
        ]

    def __str__(self) -> str:
        return f"{self.starts:%H:%M} to {self.ends:%H:%M}"


class MessageTemplate(models.Model):
    """A workspace's own wording of a kind of message."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    body = models.TextField(max_length=8000)
    version = models.PositiveIntegerField(default=1, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["kind"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "kind"], name="template_kind_unique")
        ]

    def __str__(self) -> str:
        return self.kind


class Contact(models.Model):
    """Somebody to call: a role's lead, a specialist, a partner, with or without an account."""

    class Family(models.TextChoices):
        ROLE = "role", "Role"
        SPECIALIST = "specialist", "Specialist"
        PARTNER = "partner", "Partner"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="contacts")
    family = models.CharField(max_length=12, choices=Family.choices, default=Family.ROLE)
    purpose = models.CharField(max_length=60)  # slug: "mission_owner_lead", "openai_support"
    name = models.CharField(max_length=120)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    handle = models.CharField(max_length=80, blank=True)  # "@ops-lead"
    coverage = models.CharField(max_length=120, blank=True)
    notes = models.TextField(max_length=2000, blank=True)
    order = models.PositiveSmallIntegerField(default=0)  # who is tried first
    is_active = models.BooleanField(default=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["family", "purpose", "order", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(user=None, email="", phone="", handle=""),
                name="contact_can_be_reached",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.purpose})"
