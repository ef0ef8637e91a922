"""Missions shown to people of other houses."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controlplane.access.models import User
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from missions import querysets
from missions.models.missions import Mission


class MissionShare(models.Model):
    """One mission, shown to one person of another house until somebody ends it. They read it on
    the desk; of its evidence, what may leave the house."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="shares")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500)
    shared_by = models.CharField(max_length=80)  # an opaque ref
    shared_at = models.DateTimeField(default=clock.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_by = models.CharField(max_length=80, blank=True, editable=False)  # an opaque ref
    end_reason = models.CharField(max_length=500, blank=True)
    objects = querysets.ShareQuerySet.as_manager()

    class Meta:
        ordering = ["mission", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["mission", "person"],
                condition=Q(ended_at=None),
                name="mission_shared_once",
            ),
            models.CheckConstraint(condition=Q(reason__gt=""), name="mission_share_says_why"),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by="")
                | Q(ended_at__isnull=False, end_reason__gt="") & ~Q(ended_by=""),
                name="mission_share_ended_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["person"], condition=Q(ended_at=None), name="mission_shared_with"),
        ]

    def __str__(self) -> str:
        return f"{self.mission.ref}, shown to {self.person}"

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id
