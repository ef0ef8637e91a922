"""Reading after a number, and the cursor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any
from uuid import UUID

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotAllowed
from controlplane.lib.given import refuse
from controlplane.lib.prepared import one
from missions.threads import fanout, measured, numbers, told
from missions.threads.models import Thread
from missions.threads.places import VIEW, where
from missions.threads.services.common import array
from missions.threads.services.posting import require_inside
from missions.threads.statements.read import ACK, READ


@dataclass(frozen=True, slots=True)
class Page:
    """`messages` is JSON already: the database made it."""

    messages: str
    next_seq: int
    has_more: bool
    last_seq: int
    status: str
    last_read_seq: int | None

    @property
    def empty(self) -> bool:
        return self.messages == "[]"

    def as_json(self) -> bytes:
        flag = "true" if self.has_more else "false"
        cursor = "null" if self.last_read_seq is None else str(self.last_read_seq)
        return (
            f'{{"messages":{self.messages},"next_seq":{self.next_seq},"has_more":{flag},'
            f'"last_seq":{self.last_seq},"thread_status":"{self.status}",'
            f'"last_read_seq":{cursor}}}'
        ).encode()


def read_messages(
    thread: UUID,
    *,
    actor: Actor,
    since: int = 0,
    limit: int | None = None,
    mine: bool = False,
    held: str | None = None,
) -> Page:
    """Messages after a number, in order. `next_seq` is what to ask after next. `mine`: only those
    addressed to the reader. `held`: the session whose stream looks by itself, "" for one of none
    that is named."""
    agent = actor.agent_id if actor.kind == "agent" else None
    policy.require(actor, "thread.read" if agent is not None else "thread.view")
    values = {
        "thread": thread,
        "agent": agent,
        "workspaces": array(_workspaces(thread, actor)),
        "since": number("since_seq", since),
        "limit": page_size(limit),
        "mine": mine and agent is not None,
        "held": held,
    }
    began = perf_counter()
    try:
        found = one(READ, values)
    except Exception as error:
        told.fault(actor, "messages_read", error)
        raise
    pk, place, ours, status, last_seq, inside, cursor, messages, newest, more = found
    require_inside(pk, ours, inside, actor, "thread.read", thread)
    took = perf_counter() - began
    measured.READ_SECONDS.observe(took)
    told.tell(place, "messages_read", "success", ms=took * 1_000, thread=str(thread))
    # What is not for the reader is behind them too, once there is nothing more that is.
    reached = newest if newest is not None else max(since, 0)
    if mine and not more:
        reached = max(reached, last_seq)
    return Page(messages, reached, bool(more), last_seq, status, cursor)


def number(field: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise refuse(field, "A number, 0 or more.")
    return value


def page_size(value: Any) -> int:
    if value is None:
        return numbers.READ_DEFAULT.value
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= READ_MAX:
        raise refuse("limit", f"Between 1 and {READ_MAX}.")
    size: int = value
    return size


READ_MAX = numbers.READ_MAX.value


def _workspaces(thread: UUID, actor: Actor) -> list[int]:
    if actor.sees_all:
        return list(Thread.objects.filter(uid=thread).values_list("workspace_id", flat=True))
    return where(actor, VIEW)


@dataclass(frozen=True, slots=True)
class Acked:
    last_read_seq: int
    updated_at: datetime
    woke: int  # wakes that this answered


def ack_read(thread: UUID, seq: int, *, actor: Actor) -> Acked:
    """Say how far one has read. The cursor never goes back, nor past the thread's end."""
    policy.require(actor, "thread.read")
    if actor.kind != "agent":
        raise NotAllowed(
            "Only agents keep a cursor.",
            denial={"actor": actor, "action": "thread.read", "rule": "agents_read",
                    "reason": "only agents keep a cursor"},
        )  # fmt: skip
    values = {
        "thread": thread,
        "agent": actor.agent_id,
        "workspaces": array(_workspaces(thread, actor)),
        "seq": number("last_read_seq", seq),
    }
    pk, ours, last_seq, before, now, at, answered = one(ACK, values)
    require_inside(pk, ours, before is not None or not ours, actor, "thread.read", thread)
    if now is None:
        if seq > last_seq:
            raise refuse("last_read_seq", f"The thread ends with {last_seq}.")
        raise Conflict(
            "The cursor never goes back.", details={"last_read_seq": before, "last_seq": last_seq}
        )
    if answered:
        fanout.after_commit(thread, last_seq, "woken")
    return Acked(now, at, answered)
