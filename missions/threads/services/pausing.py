"""Wakes held back and let go on: of one thread, of one agent, of one session; and closed threads
put away. What is held back is not lost: messages wait, whoever is awake reads on."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from controlplane.access import policy
from controlplane.access.models import Agent
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import line
from missions.threads import fanout, numbers
from missions.threads.models import AgentPulse, Participant, RuntimeSession, Thread
from missions.threads.services.common import hold, note
from missions.threads.services.walking import say

NEVER = datetime(2000, 1, 1, tzinfo=UTC)  # before any agent of this portal


def _why(reason: str, *, required: bool) -> str:
    return line("reason", reason, numbers.REASON_MAX, required=required)


def _suffix(paused: bool) -> str:
    return "" if paused else ":off"


@transaction.atomic
def pause_thread(thread: Thread, *, actor: Actor, paused: bool, reason: str = "") -> Thread:
    """Nobody is woken for what is said there until it is let go on."""
    policy.require(actor, "thread.pause", thread)
    why = _why(reason, required=paused)
    row = hold(thread)
    if row.wakes_paused == paused:
        return row
    if not row.is_open:
        raise Conflict("The thread is closed.", details={"status": row.status})
    Thread.objects.filter(pk=row.pk).update(wakes_paused=paused, version=F("version") + 1)
    note(row, f"thread.pause{_suffix(paused)}", actor=actor, reason=why,
         before={"wakes_paused": row.wakes_paused}, after={"wakes_paused": paused})  # fmt: skip
    told = f"Nobody is woken for this thread until it goes on. {why}" if paused else (
        f"Whoever sleeps is woken again. {why}"
    )  # fmt: skip
    say(row, told.strip(), actor=actor, wakes_paused=paused)
    row.refresh_from_db()
    return row


@transaction.atomic
def pause_agent(agent: Agent, *, actor: Actor, paused: bool, reason: str = "") -> AgentPulse:
    """The agent is not woken, in whatever thread, until it is let go on."""
    policy.require(actor, "thread.pause", agent)
    why = _why(reason, required=paused)
    AgentPulse.objects.bulk_create(
        # A pause is no sign of life.
        [AgentPulse(agent=agent, seen_at=NEVER, paced_until=Now())],
        ignore_conflicts=True,
    )
    row: AgentPulse = AgentPulse.objects.select_for_update().get(pk=agent.pk)
    if row.wakes_paused != paused:
        AgentPulse.objects.filter(pk=row.pk).update(wakes_paused=paused)
        before, after = {"wakes_paused": row.wakes_paused}, {"wakes_paused": paused}
        action = f"thread.pause{_suffix(paused)}"
        record(actor, action, agent, reason=why, before=before, after=after)
        row.wakes_paused = paused
    return row


@transaction.atomic
def mute_participant(
    thread: Thread, agent: Agent, *, actor: Actor, muted: bool, reason: str = ""
) -> Participant:
    """The agent is not woken for what is said in this thread, until somebody asks for it or it is
    let go on. It reads as before whenever it is awake."""
    policy.require(actor, "thread.pause", thread)
    why = _why(reason, required=muted)
    row = hold(thread)
    rows = Participant.objects.present().select_for_update(of=("self",))
    part: Participant | None = rows.filter(thread=row, agent=agent).first()
    if part is None:
        raise Conflict(f"{agent.name} takes no part in it.")
    if part.wakes == muted:
        Participant.objects.filter(pk=part.pk).update(wakes=not muted)
        note(row, f"thread.pause{_suffix(muted)}", actor=actor, reason=why,
             before={"wakes": part.wakes}, after={"wakes": not muted},
             details={"agent": str(agent)})  # fmt: skip
        fanout.after_commit(row.uid, row.last_seq, "thread")
        part.wakes = not muted
    return part


@transaction.atomic
def pause_session(
    session: RuntimeSession, *, actor: Actor, paused: bool, reason: str = ""
) -> RuntimeSession:
    """Nothing is typed or sent there; the agent's other sessions are woken in its place."""
    policy.require(actor, "thread.pause", session)
    why = _why(reason, required=paused)
    row: RuntimeSession = RuntimeSession.objects.select_for_update(of=("self",)).get(pk=session.pk)
    if row.paused != paused:
        RuntimeSession.objects.filter(pk=row.pk).update(paused=paused, version=F("version") + 1)
        record(actor, f"thread.pause{_suffix(paused)}", row, reason=why,
               before={"paused": row.paused}, after={"paused": paused})  # fmt: skip
        row.refresh_from_db()
    return row


@transaction.atomic
def archive_thread(thread: Thread, *, actor: Actor, reason: str = "") -> Thread:
    """Out of sight: what was said there stays readable by whoever looks for it."""
    policy.require(actor, "thread.archive", thread)
    row = hold(thread)
    if row.status != Thread.Status.CLOSED:
        raise Conflict("Only closed threads are put away.", details={"status": row.status})
    if row.archived_at is not None:
        return row
    Thread.objects.filter(pk=row.pk).update(archived_at=clock.now(), version=F("version") + 1)
    row.refresh_from_db()
    note(row, "thread.archive", actor=actor, reason=_why(reason, required=False),
         after={"archived_at": row.archived_at})  # fmt: skip
    fanout.after_commit(row.uid, row.last_seq, "thread")
    return row
