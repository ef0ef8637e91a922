"""Who takes part: awake or asleep, how far they have read, on what they run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from controlplane.access.models import Agent
from controlplane.lib import clock
from missions.threads import numbers
from missions.threads.models import AgentPulse, Participant, RuntimeSession, Thread
from missions.threads.services.pausing import NEVER

_PER_AGENT = 3


@dataclass(frozen=True, slots=True)
class Member:
    """One who takes part. `state` is live, asleep or never seen; `behind` counts what stands after
    the cursor."""

    row: Participant
    agent: Agent
    state: str
    tone: str
    seen_at: datetime | None
    behind: int
    paused: bool
    sessions: Sequence[RuntimeSession] = ()

    @property
    def is_live(self) -> bool:
        return self.state == "live"


def is_fresh(seen_at: datetime | None) -> bool:
    since = clock.now() - timedelta(seconds=numbers.FRESH_SECONDS.value)
    return seen_at is not None and seen_at > since


def pulses(agent_ids: Iterable[int]) -> dict[int, AgentPulse]:
    return {row.pk: row for row in AgentPulse.objects.filter(pk__in=set(agent_ids))}


def member(
    row: Participant, thread: Thread, pulse: AgentPulse | None,
    sessions: Sequence[RuntimeSession] = (),
) -> Member:  # fmt: skip
    seen = pulse.seen_at if pulse is not None else None
    # A pause of one never seen made the row; it is no sign of life.
    seen = None if seen is not None and seen <= NEVER else seen
    state = "live" if is_fresh(seen) else "asleep" if seen else "never seen"
    tone = "good" if state == "live" else "neutral"
    behind = max(0, thread.last_seq - row.last_read_seq)
    paused = bool(pulse and pulse.wakes_paused) or not row.wakes
    return Member(row, row.agent, state, tone, seen, behind, paused, sessions)


def members(thread: Thread, rows: Sequence[Participant]) -> list[Member]:
    """Those who are there, whoever is furthest behind last."""
    known = pulses(row.agent_id for row in rows)
    ran = _sessions([row.agent_id for row in rows])
    found = [
        member(row, thread, known.get(row.agent_id), ran.get(row.agent_id, ()))
        for row in rows
        if row.left_at is None
    ]
    return sorted(found, key=lambda one: (not one.is_live, one.agent.name.lower()))


def _sessions(agent_ids: Sequence[int]) -> Mapping[int, Sequence[RuntimeSession]]:
    """The latest few of each, those that may answer first."""
    found: dict[int, list[RuntimeSession]] = {}
    rows = RuntimeSession.objects.filter(agent_id__in=agent_ids).exclude(status="offline")
    for row in rows.order_by("-beat_at")[: numbers.PARTICIPANTS_MAX.value * 2]:
        mine = found.setdefault(row.agent_id, [])
        if len(mine) < _PER_AGENT:
            mine.append(row)
    return found


def parts(thread: Thread) -> list[Any]:
    return list(Participant.objects.filter(thread=thread).select_related("agent"))


def waits_for(members: Sequence[Member], thread: Thread, last_agent: int | None) -> list[Member]:
    """Who has not read to the end; not whoever wrote the end."""
    if thread.status != Thread.Status.ACTIVE:
        return []
    return [one for one in members if one.behind and one.row.agent_id != last_agent]
