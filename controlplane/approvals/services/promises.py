"""The clock of a request as timers: reminders, escalation, expiry."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from controlplane.approvals.models import Request
from controlplane.audit.refs import subject_ref
from controlplane.jobs import timers

REMIND, ESCALATE, EXPIRE = "approval.remind", "approval.escalate", "approval.expire"


def make(request: Request) -> None:
    """Reminders at parts of the target, escalation at its end, expiry. They count from the
    question's first asking: a revision made late is reminded of and escalated at once."""
    span = request.due_at - request.requested_at
    for percent in request.policy_snapshot["remind_at"]:
        at = request.requested_at + span * percent / 100
        if at > request.asked_at or request.revision == 1:
            _set(request, REMIND, at, f"remind:{percent}", {"percent": percent})
    _set(request, ESCALATE, request.due_at, "escalate", {})
    _set(request, EXPIRE, request.expires_at, "expire", {})


def _set(request: Request, kind: str, at: datetime, name: str, payload: dict[str, Any]) -> None:
    timers.set_timer(
        kind,
        key=f"approval:{request.uid}:{name}",
        due_at=at,
        subject=subject_ref(request),
        workspace_id=request.workspace_id,
        payload={"request": request.pk, **payload},
    )


def again(request: Request, kind: str, name: str) -> None:
    """The same promise at the time the row says: it came before its time."""
    at = request.expires_at if kind == EXPIRE else request.due_at
    _set(request, kind, at, name, {})
