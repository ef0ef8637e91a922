"""The lock and the steps that every verb shares."""

from __future__ import annotations

from typing import Any

from controlplane.approvals import owners
from controlplane.approvals.models import Request
from controlplane.approvals.services import telling
from controlplane.approvals.transitions import REQUEST  # noqa: F401 - registered on import
from controlplane.audit.refs import subject_ref
from controlplane.base.states import advance
from controlplane.jobs import timers
from controlplane.lib import clock
from controlplane.lib.actors import Actor


def hold(request: Request) -> Request:
    """The request as it stands now, locked until the transaction ends. The subject's rows come
    first: whoever changes a subject holds them already when it comes for the request."""
    owner = owners.get(request.owner)
    if owner.hold is not None:
        owner.hold(request)
    rows = Request.objects.select_for_update(of=("self",)).select_related("item")
    held: Request = rows.get(pk=request.pk)
    return held


def close(
    request: Request, to: str, *, actor: Actor, action: str | None = None, **changes: Any
) -> Request:
    """Let it come to an end, with everything that hangs on it being open. A step without an
    action is the portal's own: the caller has asked whether `actor` may cause it."""
    now = max(clock.now(), request.asked_at)  # a clock set back must not make time negative
    if request.closed_at is None:
        changes["closed_at"] = now
    if to in {"approved", "rejected", "changes_requested"}:
        changes["decided_at"] = now
    by = actor if action is not None else telling.PORTAL
    advance(request, to, actor=by, action=action, changes=changes)
    timers.cancel_timers(subject=subject_ref(request))
    return request


def tell_owner(request: Request, actor: Actor) -> None:
    """The app that asked hears of it in this very transaction."""
    owner = owners.get(request.owner)
    decided = request.status in {"approved", "rejected", "changes_requested"}
    hook = owner.on_decided if decided else owner.on_closed
    if hook is not None:
        hook(request, actor)
