"""What happens when time passes. The database's clock says when; whether it still matters is
read from the request under its lock, never from a clock of ours: a clock that was set back or
forward can make a reminder early or late, and nothing more."""

from __future__ import annotations

from controlplane.approvals.models import Request
from controlplane.approvals.services import closing, moving, promises, telling
from controlplane.jobs import timers
from controlplane.jobs.models import Timer


def _open(timer: Timer) -> Request | None:
    found = Request.objects.filter(pk=timer.payload.get("request")).first()
    if found is None:
        return None
    row = moving.hold(found)
    return row if row.is_open else None


@timers.on(promises.REMIND)
def remind(timer: Timer) -> None:
    request = _open(timer)
    if request is not None:
        percent = timer.payload.get("percent", 50)
        key = f"{request.question}:remind:{percent}"
        telling.ask_signers(request, "approval.reminder", key)


@timers.on(promises.ESCALATE)
def escalate(timer: Timer) -> None:
    """Once for a question: a revision of what is late already is no new reason to wake them."""
    request = _open(timer)
    if request is None:
        return
    roles = request.policy_snapshot["escalate_to"] or ["workspace_admin"]
    telling.send(
        request,
        "approval.escalated",
        f"{request.question}:escalate",
        roles=roles,
        urgency="critical",
    )
    telling.note(
        request,
        "approval.escalate",
        actor=telling.PORTAL,
        said=f"{request.ref} is late; told {', '.join(roles)}",
        after={"roles": roles},
    )


@timers.on(promises.EXPIRE)
def expire(timer: Timer) -> None:
    request = _open(timer)
    if request is None:
        return
    if request.expires_at > timer.due_at:  # a promise of an earlier time
        promises.again(request, promises.EXPIRE, "expire")
        return
    closing.expire(request)
