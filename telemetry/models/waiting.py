"""Missions that something happened to and that were not counted anew yet."""

from __future__ import annotations

from django.db import models

from controlplane.access.models import Workspace
from controlplane.lib import clock


class DirtyMission(models.Model):
    """A mission's day that must be counted anew. Only the roller writes here, so unlike `Dirty`
    there is one row for each."""

    workspace = models.ForeignKey(
        Workspace, null=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    day = models.DateField()
    mission = models.CharField(max_length=64)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "day", "mission"],
                nulls_distinct=False,
                name="dirty_mission_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.mission} {self.day}"
