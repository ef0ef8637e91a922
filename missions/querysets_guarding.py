"""Reads of what guards a mission: safeguards, findings, overrides, toolkits, sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from controlplane.lib import clock
from missions.querysets import EntryQuerySet, PartQuerySet

# Of a mission's safeguards those that hold.
SAFEGUARD_HOLDS = ("accepted", "edited")
CONNECTION_LIVE = ("initiated", "approved")
GRAVE = ("high", "critical")


class TemplateQuerySet(EntryQuerySet):
    def in_use(self) -> Self:
        return self.filter(retired_at=None)

    def defaults(self) -> Self:
        return self.in_use().filter(is_default=True)


class TemplateVersionQuerySet(EntryQuerySet):
    path = "template__workspace_id"


class AckQuerySet(PartQuerySet):
    pass


class ToolkitQuerySet(PartQuerySet):
    def undecided(self) -> Self:
        return self.filter(status="undecided")

    def kept(self) -> Self:
        """Not dropped."""
        return self.exclude(status="dropped")


class SafeguardQuerySet(PartQuerySet):
    def holding(self) -> Self:
        return self.filter(status__in=SAFEGUARD_HOLDS)

    def undecided(self) -> Self:
        return self.filter(status="suggested")


class ViolationQuerySet(PartQuerySet):
    def open(self) -> Self:
        return self.filter(status="open")


class MissionFindingQuerySet(PartQuerySet):
    def open(self) -> Self:
        return self.filter(status="open")

    def grave(self) -> Self:
        """What would stop a mission."""
        return self.filter(unhandled=True)


class MissionOverrideQuerySet(PartQuerySet):
    def asked(self) -> Self:
        return self.filter(status="requested")

    def standing(self, now: datetime | None = None) -> Self:
        return self.filter(status="granted", expires_at__gt=now or clock.now())

    def over(self, now: datetime | None = None) -> Self:
        """Granted for a time that has passed, and not said so yet."""
        return self.filter(status="granted", expires_at__lte=now or clock.now())


class ConnectionQuerySet(EntryQuerySet):
    path = "toolkit__mission__workspace_id"

    def live(self) -> Self:
        return self.filter(status__in=CONNECTION_LIVE)

    def connected(self) -> Self:
        return self.filter(status="approved")

    def drifting(self) -> Self:
        """Connected, and holding more than was approved."""
        return self.connected().exclude(drift=[])


class InspectionQuerySet(EntryQuerySet):
    path = "toolkit__mission__workspace_id"

    def read_only(self) -> Self:
        return self.filter(read_only=True)


class AgentSessionQuerySet(PartQuerySet):
    def refused(self) -> Self:
        return self.filter(conflicts__gt=0)

    def active(self) -> Self:
        return self.filter(status="active")
