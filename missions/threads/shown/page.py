"""What a thread's page shows, worked out where it is drawn: a region that is asked for alone asks
for nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, QueryDict

from controlplane.access import policy
from controlplane.base.web import actor_of
from controlplane.jobs import heartbeats, leases
from controlplane.lib.actors import Actor
from controlplane.lib.ids import uuid7
from missions.threads import links
from missions.threads.models import Participant, Thread, WakeRun, WakeTrigger
from missions.threads.shown import people, talk

_WAKES = 6
_RUNS = 4


def zone_of(request: HttpRequest) -> tzinfo:
    name = getattr(request.user, "time_zone", "") or "UTC"
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


@dataclass
class Page:
    thread: Thread
    actor: Actor
    query: QueryDict
    zone: tzinfo

    @cached_property
    def parts(self) -> list[Participant]:
        return people.parts(self.thread)

    @cached_property
    def talk(self) -> talk.Talk:
        names = {row.agent_id: row.agent.name for row in self.parts}
        return talk.talk(self.thread, self.query, self.zone, names)

    @cached_property
    def members(self) -> list[people.Member]:
        return people.members(self.thread, self.parts)

    @cached_property
    def roles(self) -> list[str]:
        return sorted({one.row.role for one in self.members})

    @cached_property
    def left(self) -> list[Participant]:
        return [row for row in self.parts if row.left_at is not None]

    @cached_property
    def findings(self) -> list[tuple[str, int]]:
        """Open ones with how often each was reported, the most stubborn first."""
        rows = [(str(name), int(times)) for name, times in self.thread.findings.items()]
        named = [(_finding(name), times) for name, times in rows]
        return sorted(named, key=lambda pair: (-pair[1], pair[0]))

    @cached_property
    def wakes(self) -> Sequence[Any]:
        """The open ones and those given up, then the latest."""
        rows = WakeTrigger.objects.filter(thread=self.thread).select_related("agent")
        found = list(rows.prefetch_related("tries", "runs").order_by("-id")[: _WAKES * 3])
        found.sort(
            key=lambda row: (row.state not in leases.OPEN, row.state != leases.DEAD, -row.pk)
        )
        return found[:_WAKES]

    @cached_property
    def runs(self) -> Sequence[Any]:
        rows = WakeRun.objects.filter(trigger__thread=self.thread).select_related("agent")
        return list(rows.order_by("-id")[:_RUNS])

    # --- Who may do what ----------------------------------------------------------------------

    def _may(self, action: str) -> bool:
        return bool(policy.can(self.actor, action, self.thread))

    @cached_property
    def may_say(self) -> bool:
        return self.thread.is_open and self._may("thread.post")

    @cached_property
    def why_silent(self) -> str:
        if not self.thread.is_open:
            return "The thread is closed: nothing more is written in it."
        return policy.can(self.actor, "thread.post", self.thread).reason

    @cached_property
    def may_people(self) -> bool:
        return self.thread.is_open and self._may("thread.people")

    @cached_property
    def may_wake(self) -> bool:
        return self.thread.is_open and self._may("thread.wake")

    @cached_property
    def may_pause(self) -> bool:
        return self._may("thread.pause")

    @cached_property
    def may_kill(self) -> bool:
        return self._may("thread.kill")

    @cached_property
    def may_requeue(self) -> bool:
        return self.thread.is_open and self._may("thread.requeue")

    # --- The box --------------------------------------------------------------------------------

    @cached_property
    def stream(self) -> str:
        """Where the page hears of what is said; nothing where nobody streams, or nothing more is
        said. Then it asks."""
        if not self.thread.is_open or not heartbeats.living("stream"):
            return ""
        return links.stream_of(self.thread)

    @cached_property
    def say_url(self) -> str:
        return links.act(self.thread, "say")

    @cached_property
    def once(self) -> str:
        """Sent twice it is said once."""
        return f"form-{uuid7()}"

    @cached_property
    def answers(self) -> int:
        """The message that the box answers."""
        return talk.asked(self.query, "reply")

    @cached_property
    def asked(self) -> str:
        """Whom a blocked thread waits for, in words."""
        person = self.thread.escalation_owner or self.thread.owner
        return str(person.name or person.email) if person is not None else ""


def _finding(name: str) -> str:
    """A finding without a name of its own is known by what its words add up to."""
    return f"unnamed {name[5:11]}" if name.startswith("text:") else name


def page(thread: Thread, request: HttpRequest) -> Page:
    return Page(thread, actor_of(request), request.GET, zone_of(request))


def panel(thread: Thread, request: HttpRequest) -> Mapping[str, Any]:
    return {"th": page(thread, request)}
