"""Asking that somebody be woken, and saying that one is awake."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from controlplane.access import policy
from controlplane.access.models import Agent
from controlplane.audit.services import record
from controlplane.jobs import leases
from controlplane.lib import clock, context
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, IdempotencyConflict, NotAllowed, NotFound
from controlplane.lib.given import line, refuse, text
from missions.threads import numbers
from missions.threads.models import (
    AgentPulse,
    Message,
    Participant,
    Thread,
    WakeRun,
    WakeTrigger,
)
from missions.threads.waking import due

_KEY_MOST = 200


def ask_wake(
    thread: Thread,
    agent: Agent,
    *,
    actor: Actor,
    reason: str,
    prompt: str = "",
    force: bool = False,
    request_key: str | None = None,
) -> WakeTrigger:
    """Wake one who takes part. The same key and content again is the same wake again; while one is
    open, asking joins it. Whoever is awake, with nothing to read and nothing to be told, is let be.
    """
    why = line("reason", reason, numbers.REASON_MAX, required=True)
    told = _prompt(prompt)
    key = line("request_key", request_key, _KEY_MOST, required=True) if request_key else None
    try:
        return _ask(thread, agent, actor, why, told, force, key)
    except IntegrityError as error:
        if "wake_one_open" not in str(error) and "wake_request_once" not in str(error):
            raise
        # Two asked at once: the second finds what the first made.
        return _ask(thread, agent, actor, why, told, force, key)


def _prompt(given: str) -> str:
    told = text("prompt", given, numbers.PROMPT_MAX.value)
    if len(told.encode()) > numbers.PROMPT_MAX.value:
        raise refuse("prompt", f"At most {numbers.PROMPT_MAX.value:,} bytes: write a message.")
    return told


@transaction.atomic
def _ask(
    thread: Thread, agent: Agent, actor: Actor, why: str, prompt: str, force: bool, key: str | None
) -> WakeTrigger:
    policy.require(actor, "thread.wake", thread)
    if force:
        policy.require(actor, "thread.force", thread)
    part = _participant(thread, agent)
    before = _asked_before(thread, key)
    if before is not None:
        return _same(before, part, why, prompt, force)
    row: Thread = Thread.objects.get(pk=thread.pk)
    if not row.is_open:
        raise Conflict("The thread is closed.", details={"status": row.status})
    values: dict[str, Any] = {
        "reason": WakeTrigger.Reason.ASKED, "why": why, "prompt": prompt, "forced": force,
        "asked_by": actor.ref[:80], "request_key": key,
    }  # fmt: skip
    made = _joined(part, values) or _made(row, part, values)
    action = "thread.force" if force else "thread.wake"
    record(
        actor, action, row, reason=why,
        details={"agent": str(agent), "wake": str(made.uid), "result": made.result},
    )  # fmt: skip
    due.notify()
    return made


def _participant(thread: Thread, agent: Agent) -> Participant:
    part: Participant | None = (
        Participant.objects.present().select_related("agent").filter(thread=thread, agent=agent)
    ).first()
    if part is None:
        raise refuse("agent", "Takes no part in this thread.")
    return part


def _asked_before(thread: Thread, key: str | None) -> WakeTrigger | None:
    if key is None:
        return None
    rows = WakeTrigger.objects.filter(workspace_id=thread.workspace_id, request_key=key)
    found: WakeTrigger | None = rows.first()
    return found


def _same(row: WakeTrigger, part: Participant, why: str, prompt: str, force: bool) -> WakeTrigger:
    if (row.participant_id, row.why, row.prompt, row.forced) == (part.pk, why, prompt, force):
        return row
    raise IdempotencyConflict("The key was used for another wake.", details={"wake": str(row.uid)})


def _joined(part: Participant, values: dict[str, Any]) -> WakeTrigger | None:
    """The one that is open. What somebody asked already isn't asked over."""
    rows = WakeTrigger.objects.select_for_update().filter(participant=part, state__in=leases.OPEN)
    row: WakeTrigger | None = rows.first()
    if row is None:
        return None
    told = row.sent_at is not None
    if row.reason == WakeTrigger.Reason.ASKED:
        _refuse_other(row, values)
        if not values["forced"] or row.forced:
            return row
        values = {"forced": True}
    elif told and values["prompt"]:
        _refuse_at_work(row)
        # What it was told lacks the prompt: it is to be told anew, and an answer to what it was
        # told is none to this.
        values |= {"sent_at": None, "status": WakeTrigger.Status.QUEUED}
        told = False
    elif told and not values["forced"]:
        return row  # told just now, and nothing to add
    rows = WakeTrigger.objects.filter(pk=row.pk)
    if not told:  # else its answer is waited for, and may come any moment
        rows.filter(state=leases.WAITING).update(ready_at=Now())
    rows.update(**values, version=F("version") + 1)
    row.refresh_from_db()
    return row


def _refuse_at_work(row: WakeTrigger) -> None:
    if WakeRun.objects.running().filter(trigger=row).exists():
        raise Conflict(
            "A command that was started to wake it is at work: write a message, it reads that.",
            details={"wake": str(row.uid), "status": row.status},
        )


def _refuse_other(row: WakeTrigger, values: dict[str, Any]) -> None:
    if values["prompt"] and values["prompt"] != row.prompt:
        raise Conflict(
            "Somebody asked for it with another prompt, and it is under way.",
            details={"wake": str(row.uid), "status": row.status},
        )


def _made(thread: Thread, part: Participant, values: dict[str, Any]) -> WakeTrigger:
    unread = _unread(thread, part)
    first = min(part.last_read_seq + 1, thread.last_seq)
    given = {
        **values, "workspace_id": thread.workspace_id, "thread": thread, "participant": part,
        "agent": part.agent, "from_seq": first, "to_seq": thread.last_seq,
        "message_at": clock.now(), "max_attempts": 100,
        "correlation_id": context.current().correlation_id[:128],
    }  # fmt: skip
    if not unread and not values["prompt"] and not values["forced"] and _awake(part):
        given |= {
            "state": leases.DONE, "status": WakeTrigger.Status.DELIVERED,
            "result": "already_active", "finished_at": clock.now(),
        }  # fmt: skip
    made: WakeTrigger = WakeTrigger.objects.create(**given)
    return made


def _unread(thread: Thread, part: Participant) -> bool:
    rows = Message.objects.filter(thread=thread, seq__gt=part.last_read_seq)
    return bool(rows.exclude(agent_id=part.agent_id).exists())


def _awake(part: Participant) -> bool:
    since = Now() - timedelta(seconds=numbers.FRESH_SECONDS.value)
    return AgentPulse.objects.filter(agent_id=part.agent_id, seen_at__gt=since).exists()


@transaction.atomic
def acknowledge_wake(uid: UUID, *, actor: Actor) -> WakeTrigger:
    """The agent says of this wake that it heard. Said twice it is heard once."""
    policy.require(actor, "thread.beat")
    row: WakeTrigger | None = (
        WakeTrigger.objects.select_for_update(of=("self",)).visible_to(actor).filter(uid=uid)
    ).first()
    if row is None:
        raise NotFound("There is no such wake.")
    if actor.kind != "agent" or row.agent_id != actor.agent_id:
        raise NotAllowed(
            "Who is woken acknowledges.",
            denial={"actor": actor, "action": "thread.beat", "subject": row.thread,
                    "rule": "own_wake", "reason": "acknowledges a wake of another agent"},
        )  # fmt: skip
    if row.state not in leases.OPEN:
        return row
    now = clock.now()
    tried = row.live_tries + row.resume_tries + row.spawn_tries
    result = "fallback_spawned" if row.spawn_tries else "triggered" if tried else "already_active"
    WakeTrigger.objects.filter(pk=row.pk).update(
        state=leases.DONE, lease_token=None, status=WakeTrigger.Status.DELIVERED, acked_at=now,
        acked_by="explicit", finished_at=now, result=result, version=F("version") + 1,
    )  # fmt: skip
    row.refresh_from_db()
    return row
