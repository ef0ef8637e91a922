"""Threads in each state, with hostile words in every place where somebody's words stand."""

from __future__ import annotations

from typing import Any

from controlplane.access.models import User, Workspace
from missions.threads import services
from missions.threads.models import Thread, WakeAttempt, WakeRun
from missions.threads.services import escalating
from tests import make
from tests.kit.threads import Talk


def inhabit(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    """One lively, one blocked by a guard and one by a person, one resolved, one closed; wakes
    under way and given up."""
    talk, actor = Talk(workspace), make.actor(root)
    lively = _lively(talk, actor, hostile, long)
    for row, to in (("Stuck", "blocked"), ("Settled", "resolved"), ("Over", "resolved")):
        each = talk.begin(title=f"{row} {hostile}"[:200])
        talk.post("executioner", hostile, thread=each)
        done = services.update_status(each, to, actor=actor, reason=hostile)
        if row == "Over":
            services.update_status(done, "closed", actor=actor)
    looped = talk.begin(title="Round and round", kind="workflow")
    for _ in range(3):
        talk.event("reviewer", "finding_reported", hostile, thread=looped)
    _woken(talk, lively, hostile)
    kept = escalating.add_rule(workspace, actor=actor, what="blocked", whom="role",
                               role="operations_command", after_minutes=5)  # fmt: skip
    escalating.remove_rule(kept, actor=actor)
    escalating.add_rule(workspace, actor=actor, what="unread", whom="owner", after_minutes=90)


def _lively(talk: Talk, actor: Any, hostile: str, long: str) -> Thread:
    row = talk.begin(title=long[:200], kind="incident", owner=None)
    first = talk.post("executioner", f"{hostile}\n{long * 10}", thread=row)
    talk.event("reviewer", "finding_reported", hostile, thread=row,
               metadata={"finding_id": hostile[:80]})  # fmt: skip
    talk.event("reviewer", "<b>no.event"[3:], hostile, thread=row)
    talk.post(actor, hostile, thread=row, in_reply_to=first.seq, to={"role": "reviewer"})
    services.register_runtime(
        talk.reviewer, f"{hostile}"[:120], actor=actor, runtime=hostile[:60], adapter="command"
    )
    return row


def _woken(talk: Talk, row: Thread, hostile: str) -> None:
    """What only a supervisor would leave."""
    for wake in talk.wakes()[:3]:
        WakeAttempt.objects.create(
            trigger=wake, number=1, path="live", adapter="tmux", result="failed",
            error_code="TARGET_GONE", detail=hostile, supervisor="here:1",
        )  # fmt: skip
        WakeRun.objects.create(
            workspace=talk.workspace, trigger=wake, agent=wake.agent, path="spawn", host="here",
            supervisor="here:1", deadline_at=wake.created_at, output=hostile, argv=[hostile],
        )  # fmt: skip
