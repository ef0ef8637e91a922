"""What people and workspaces want told, when, and in which words."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from controlplane.access.models import Workspace
from controlplane.lib import clock
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
