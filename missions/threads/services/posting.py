"""Posting: what the one statement answers, in the words of the API."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from controlplane.access import policy
from controlplane.access.models import Agent
from controlplane.base import signals
from controlplane.lib import clock, context
from controlplane.lib.actors import Actor
from controlplane.lib.errors import (
    Conflict,
    ControlPlaneError,
    IdempotencyConflict,
    Invalid,
    NotAllowed,
    NotFound,
    RateLimited,
)
from controlplane.lib.given import refuse
from controlplane.lib.ids import uuid7
from controlplane.lib.prepared import one
from missions.threads import fanout, measured, numbers, rules, told
from missions.threads.drafts import Draft
from missions.threads.models import Message, RuntimeSession, Thread
from missions.threads.places import where
from missions.threads.services.common import GUARD, PORTAL, array
from missions.threads.statements.post import POST, Answer, document

WAKE_ATTEMPTS = 100  # claims, most of which only look whether somebody still types
_LOOP_TEXT = "The same finding was reported again and again and never settled."
_IDLE_TEXT = "Nothing moved for many turns."


@dataclass(frozen=True, slots=True)
class Posted:
    message_id: UUID
    seq: int
    thread_status: str
    created_at: datetime
    replayed: bool = False
    woken: int = 0


def post_message(thread: UUID, draft: Draft, *, actor: Actor) -> Posted:
    """Say something. The same key and content again is the first answer again."""
    began = perf_counter()
    if numbers.FILTER_CONTENT.value:
        draft = draft.filtered()
    try:
        _may_post(actor, draft)
        posted, place = _post(thread, draft, actor)
    except Exception as error:
        if isinstance(error, ControlPlaneError):
            measured.REFUSED.labels(error.error_code).inc()
        told.fault(actor, "message_posted", error)
        raise
    took = perf_counter() - began
    measured.POSTED.labels(draft.kind).inc()
    measured.POST_SECONDS.observe(took)
    told.tell(place, "message_posted", "success", ms=took * 1_000, thread=str(thread))
    return posted


def _post(thread: UUID, draft: Draft, actor: Actor) -> tuple[Posted, int]:
    """What was posted, and in which workspace."""
    values = _values(thread, draft, actor)
    try:
        answer = _run(values)
    except IntegrityError as error:
        if "message_key_once" not in str(error):
            raise
        # Said by two at once, or under a key of yesterday: what stands now decides.
        _let_old_key_go(thread, draft, actor)
        answer = _run(values | {"uid": uuid7()})
    return _answered(thread, draft, actor, answer), answer.workspace or 0


def _may_post(actor: Actor, draft: Draft) -> None:
    policy.require(actor, "thread.post")
    if draft.kind == "system" and actor.kind != "job":
        raise NotAllowed(
            "Only the portal writes system messages.",
            denial={"actor": actor, "action": "thread.post", "rule": "system_is_the_portal",
                    "reason": "only the portal writes system messages"},
        )  # fmt: skip


def _run(values: dict[str, Any]) -> Answer:
    # A refusal by a constraint must not end the transaction of whoever has one open.
    guard: Any = transaction.atomic() if connection.in_atomic_block else nullcontext()
    with guard:
        return Answer(*one(POST, document(values)))


def _values(thread: UUID, draft: Draft, actor: Actor) -> dict[str, Any]:
    now = context.current()
    return {
        "thread": thread,
        "agent": actor.agent_id if actor.kind == "agent" else None,
        "user": actor.user_id if actor.kind == "person" else None,
        "workspaces": array(_workspaces(thread, actor)),
        "leads": _leads(actor),
        "sender_ref": actor.ref[:80],
        "sender_label": actor.label[:200],
        "actor_kind": actor.kind,
        "session": _session(draft, actor),
        "uid": uuid7(),
        "system_uid": uuid7(),
        "audit_uid": uuid7(),
        "guard_uid": uuid7(),
        "key": draft.key,
        "hash": draft.hash().hex(),
        "schema_version": draft.schema_version,
        "kind": draft.kind,
        "event": draft.event,
        "body": draft.body,
        "metadata": dict(draft.metadata),
        "reply": draft.in_reply_to,
        "to": draft.to,
        "to_role": draft.to_role,
        "to_agents": array(_ids(draft)),
        "opens": draft.opens,
        "settles": draft.settles,
        "moves": actor.kind == "person" or draft.is_progress,
        "turn": actor.kind in {"agent", "service"} and draft.kind != "system",
        "cycles": numbers.FINDING_CYCLES.value,
        "idle_most": numbers.IDLE_TURNS.value,
        "findings_open": numbers.FINDINGS_OPEN.value,
        "loop_text": _LOOP_TEXT,
        "idle_text": _IDLE_TEXT,
        "portal_ref": PORTAL.ref,
        "portal_label": PORTAL.label,
        "signal": GUARD,
        "signal_attempts": signals.ATTEMPTS.value,
        "wake_attempts": WAKE_ATTEMPTS,
        "agent_gap": 1.0 / numbers.AGENT_RATE.value,
        "agent_ahead": (numbers.AGENT_BURST.value - 1) / numbers.AGENT_RATE.value,
        "thread_gap": 1.0 / numbers.THREAD_RATE.value,
        "thread_ahead": (numbers.THREAD_BURST.value - 1) / numbers.THREAD_RATE.value,
        "auto_most": numbers.AUTO_MOST.value,
        "auto_window": numbers.AUTO_WINDOW_SECONDS.value,
        "auto_gap": numbers.AUTO_GAP_SECONDS.value,
        "fresh": numbers.FRESH_SECONDS.value,
        "source": now.source,
        "request_id": now.request_id[:128],
        "correlation_id": now.correlation_id[:128],
        "address": now.address[:45],
    }


def _workspaces(thread: UUID, actor: Actor) -> list[int]:
    if actor.sees_all:
        return list(Thread.objects.filter(uid=thread).values_list("workspace_id", flat=True))
    return where(actor, "thread.post")


def _leads(actor: Actor) -> bool:
    return actor.sees_all or any(rules.leads(actor, pk) for pk in actor.workspace_ids)


def _session(draft: Draft, actor: Actor) -> str:
    """From the credentials where they say it. A key says none: then it must be a session that the
    agent has registered."""
    proven = actor.session_id[:128] if actor.kind == "agent" else ""
    if not draft.session or actor.kind != "agent" or draft.session == proven:
        return proven
    known = RuntimeSession.objects.filter(agent=actor.agent_id, session_id=draft.session)
    if proven or not known.exists():
        raise NotAllowed(
            "sender_session_id: not a session of this agent.",
            code="CLAIM_MISMATCH",
            details={"sender_session_id": "Register it, or leave it out."},
            denial={"actor": actor, "action": "thread.post", "rule": "claims",
                    "reason": "names a session that is not its own"},
        )  # fmt: skip
    return draft.session


def _ids(draft: Draft) -> list[int]:
    if not draft.to_agents:
        return []
    known = list(Agent.objects.filter(uid__in=draft.to_agents).values_list("pk", flat=True))
    # An id of nobody is one that takes no part: the statement finds too few.
    return [*known, *([-1] * (len(draft.to_agents) - len(known)))]


def _let_old_key_go(thread: UUID, draft: Draft, actor: Actor) -> None:
    before = clock.now() - timedelta(hours=numbers.IDEMPOTENCY_HOURS.value)
    Message.objects.filter(
        thread__uid=thread,
        sender_ref=actor.ref,
        idempotency_key=draft.key,
        created_at__lt=before,
    ).update(idempotency_key=None)


# --- What it answers -----------------------------------------------------------------------------


def _answered(thread: UUID, draft: Draft, actor: Actor, answer: Answer) -> Posted:
    if answer.seq is not None and answer.last_seq is not None:
        fanout.after_commit(thread, answer.last_seq)
        return Posted(
            _present(answer.posted_uid), answer.seq, str(answer.now), answer.created_at, False,
            answer.woken,
        )  # fmt: skip
    require_inside(answer.thread, answer.ours, answer.takes_part, actor, "thread.post", thread)
    if answer.said_uid is not None:
        return _again(thread, draft, actor, answer)
    raise _refusal(thread, draft, answer)


def _present(uid: UUID | None) -> UUID:
    assert uid is not None
    return uid


def require_inside(
    pk: int | None, ours: bool | None, takes_part: bool, actor: Actor, action: str, thread: UUID
) -> None:
    """The thread is there, in the actor's workspace, and the actor takes part."""
    if pk is None:
        raise NotFound("There is no such thread.")
    if ours and takes_part:
        return
    if ours:
        code, sentence = "FORBIDDEN", "The agent does not take part in this thread."
    elif action == "thread.post":
        code, sentence = "WORKSPACE_MISMATCH", "The thread belongs to another workspace."
    else:  # whoever reads learns of other workspaces nothing, not even that it is there
        code, sentence = "NOT_FOUND", "There is no such thread."
    raise NotAllowed(
        sentence,
        code=code,
        denial={
            "actor": actor,
            "action": action,
            "subject": f"threads.thread:{pk}",
            "rule": "takes_part" if ours else "workspace",
            "reason": sentence if ours else "the thread belongs to another workspace",
        },
    )


def _again(thread: UUID, draft: Draft, actor: Actor, answer: Answer) -> Posted:
    assert answer.said_uid is not None
    assert answer.said_seq is not None
    if answer.said_at < clock.now() - timedelta(hours=numbers.IDEMPOTENCY_HOURS.value):
        _let_old_key_go(thread, draft, actor)
        return _answered(thread, draft, actor, _run(_values(thread, draft, actor)))
    if bytes(answer.said_hash or b"") != draft.hash():
        raise IdempotencyConflict(
            "The key was used for another message.",
            details={"message_id": str(answer.said_uid), "seq": answer.said_seq},
        )
    return Posted(
        answer.said_uid, answer.said_seq, str(answer.status), answer.said_at, replayed=True
    )


def _refusal(thread: UUID, draft: Draft, answer: Answer) -> Exception:
    wanted = max(1, len(draft.to_agents))
    if draft.to != "all" and answer.addressed < wanted:
        return refuse("to", "Nobody of that name takes part in this thread.")
    if not answer.paced:
        return _too_fast(numbers.AGENT_RATE.value, "The agent writes faster than it may.")
    now = Thread.objects.filter(uid=thread).values_list("status", "last_seq", "paced_until").get()
    status, last_seq, paced_until = now
    if draft.in_reply_to is not None and draft.in_reply_to > last_seq:
        return refuse("in_reply_to", "There is no such message in this thread yet.")
    if status == Thread.Status.CLOSED:
        return Conflict("The thread is closed.", details={"status": status})
    if status == Thread.Status.BLOCKED:
        return Conflict(
            "The thread is blocked: people and coordinators write in it.",
            details={"status": status},
        )
    if paced_until is not None:
        return _too_fast(numbers.THREAD_RATE.value, "More is written in this thread than it takes.")
    return Invalid("The message was not taken.")


def _too_fast(rate: float, sentence: str) -> RateLimited:
    return RateLimited(sentence, details={"limit": rate}, retry_after=max(1.0, 1.0 / rate))
