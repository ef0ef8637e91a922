"""Reads, named. `visible_to` scopes each of them: people see threads of workspaces in which they
may, agents those they take part in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from controlplane.jobs import leases
from controlplane.lib.actors import Actor
from missions.threads import numbers
from missions.threads.places import VIEW, where


class _Scoped(models.QuerySet[Any]):
    path = "workspace_id"

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(**{f"{self.path}__in": where(actor, VIEW)})


class ThreadQuerySet(_Scoped):
    def visible_to(self, actor: Actor) -> Self:
        rows = super().visible_to(actor)
        if actor.kind == "agent":
            return rows.filter(participants__agent_id=actor.agent_id, participants__left_at=None)
        return rows

    def open(self) -> Self:
        return self.exclude(status="closed")

    def of_item(self, item_id: int) -> Self:
        return self.filter(item_id=item_id)


class ThreadPartQuerySet(models.QuerySet[Any]):
    """Participants and messages of a thread."""

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        rows = self.filter(thread__workspace_id__in=where(actor, VIEW))
        if actor.kind == "agent":
            taking_part = {
                "thread__participants__agent_id": actor.agent_id,
                "thread__participants__left_at": None,
            }
            return rows.filter(**taking_part)
        return rows

    def present(self) -> Self:
        return self.filter(left_at=None)


class PulseQuerySet(models.QuerySet[Any]):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(agent__workspace_id__in=where(actor, VIEW))


class RuntimeQuerySet(_Scoped):
    def visible_to(self, actor: Actor) -> Self:
        rows = super().visible_to(actor)
        return rows.filter(agent_id=actor.agent_id) if actor.kind == "agent" else rows

    def live(self) -> Self:
        """Those that can be woken where they run."""
        return self.exclude(status="offline").filter(paused=False, disabled_reason="")

    def fresh(self) -> Self:
        return self.exclude(pk__in=self.stale().values("pk"))

    def stale(self) -> Self:
        """Silent for longer than a session is trusted to be there."""
        silent = Q(beat_at__lt=Now() - timedelta(hours=numbers.STALE_HOURS.value))
        gone = Q(connected_until=None) | Q(connected_until__lt=Now())
        return self.filter(silent & gone)


class WakeQuerySet(_Scoped):
    def open(self) -> Self:
        return self.filter(state__in=leases.OPEN)

    def told_within_minute(self, agent_id: int) -> Self:
        """Whatever came of it: what fails at once would be tried over and over otherwise."""
        tries = self.model._meta.get_field("tries").related_model.objects
        told = tries.filter(trigger=OuterRef("pk"), created_at__gt=Now() - timedelta(minutes=1))
        claimed = self.filter(agent_id=agent_id, claimed_at__gt=Now() - timedelta(minutes=3))
        return claimed.filter(Exists(told))


class WakeAttemptQuerySet(models.QuerySet[Any]):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(trigger__workspace_id__in=where(actor, VIEW))

    def to_push(self) -> Self:
        """Those that a stream is to take, and none has."""
        under_way = {"trigger__state__in": leases.OPEN, "trigger__sent_at__isnull": False}
        pushed = {"result": "sent", "pushed_at": None, "adapter__in": ["mcp", "sse"]}
        return self.filter(**pushed, **under_way)


class WakeRunQuerySet(_Scoped):
    def running(self) -> Self:
        return self.filter(status="running")

    def overdue(self) -> Self:
        return self.running().filter(Q(deadline_at__lt=Now()))


class EscalationQuerySet(_Scoped):
    def kept(self) -> Self:
        return self.filter(removed_at=None)
