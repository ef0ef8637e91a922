"""A thread on its way: resolved, blocked, opened again, closed."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.lib.given import line, refuse
from missions.threads import fanout, numbers, rules
from missions.threads.drafts import Draft
from missions.threads.errors import InsufficientAuthority
from missions.threads.models import Thread
from missions.threads.services.common import PORTAL, hold
from missions.threads.services.raising import settle
from missions.threads.services.reporting import escalated

OVERRIDES = ("human_override:", "coordinator_override:")
_DONE = {
    "active": "The thread is active again.",
    "blocked": "The thread is blocked.",
    "resolved": "The thread is resolved.",
    "closed": "The thread is closed.",
}


def say(thread: Thread, text: str, *, actor: Actor, **metadata: Any) -> None:
    """A system message: what happened to the thread, in the thread."""
    from missions.threads.services.posting import post_message  # it asks this module's neighbours

    told = {**metadata, "by": actor.label[:200]}
    post_message(thread.uid, Draft(body=text, kind="system", metadata=told), actor=PORTAL)


@transaction.atomic
def update_status(
    thread: Thread, to: str, *, actor: Actor, reason: str = "", version: int | None = None
) -> Thread:
    """The one way to move a thread. The state it is in already is no error. Of two who move it at
    once the first wins and the second is told."""
    if to not in Thread.Status.values:
        raise refuse("status", f"One of {', '.join(Thread.Status.values)}.")
    why = line("reason", reason, numbers.REASON_MAX, required=to in {"blocked"})
    row = hold(thread)
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version, "status": row.status},
        )
    if row.status == to:
        return row
    _require_reason(row, to, why)
    if to == "closed":
        _require_authority(row, why, actor)
    before, what = row.status, row.blocked_by or "blocked"
    if to == "closed":
        # Told of before it ends: nothing is written in a closed thread.
        say(row, _sentence(to, why), actor=actor, status=to, was=before)
        row = hold(row)
    try:
        advance(
            row,
            to,
            actor=actor,
            reason=why,
            changes={
                "status_reason": why,
                "status_at": clock.now(),
                "blocked_by": "",
                "idle_turns": 0,
                **({"findings": {}} if to == "active" and before == "blocked" else {}),
            },
        )
    except InvalidTransition as error:
        raise Conflict(error.message, details=error.details) from None
    if to != "closed":
        say(row, _sentence(to, why), actor=actor, status=to, was=before)
    fanout.after_commit(row.uid, row.last_seq, "status")
    row.refresh_from_db()
    if to == "blocked":
        escalated(row, actor.kind, row.status_at.isoformat())
    if before == "blocked":
        settle(row, what)
    return row


def _sentence(to: str, why: str) -> str:
    return f"{_DONE[to]} {why}".strip()


def _require_reason(row: Thread, to: str, why: str) -> None:
    if row.status == "resolved" and to == "active" and not why:
        raise refuse("reason", "Say why it is opened again.")
    if row.status == "blocked" and to == "active" and not why:
        raise refuse("reason", "Say why it may go on.")


def _require_authority(row: Thread, why: str, actor: Actor) -> None:
    """A resolved thread may be closed by who takes part. From any other state, and where findings
    are open, a person or a coordinator closes it, and says so in so many words."""
    disputed = row.status != "resolved" or bool(row.findings)
    if not disputed or actor.kind == "job":
        return
    if not rules.leads(actor, row.workspace_id):
        raise InsufficientAuthority(
            "What is disputed, a person or a coordinator closes.",
            details={"status": row.status, "open_findings": len(row.findings)},
            denial={"actor": actor, "action": "thread.override", "subject": row,
                    "rule": "disputed", "reason": "a worker agent doesn't close what is disputed"},
        )  # fmt: skip
    if row.status == "resolved":
        return
    prefix = next((each for each in OVERRIDES if why.startswith(each)), "")
    if not prefix or not why[len(prefix) :].strip():
        raise refuse("reason", f"Begins with {OVERRIDES[0]} and says why.")
