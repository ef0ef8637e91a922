"""Letting somebody sign for one: a single request, or all of a time one is away."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from controlplane.access import policy as access
from controlplane.access.models import User, Workspace
from controlplane.approvals import numbers, owners, signing
from controlplane.approvals.models import Delegation, Request
from controlplane.approvals.services import moving, reading, telling
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotAllowed
from controlplane.notify import services as notify

_ACTION = "approval.delegate"


@transaction.atomic
def delegate(
    request: Request | None,
    to: User | str,
    *,
    actor: Actor,
    reason: str,
    until: datetime | None = None,
    starts: datetime | None = None,
    role: str = "",
    workspace: Workspace | None = None,
) -> Delegation:
    """Let somebody sign this request for one; without a request, everything from `starts` to
    `until`. The clock of a request goes on. What one may not sign oneself nobody signs for one,
    and what was lent is not lent on."""
    scope: Any = request if request is not None else workspace
    if scope is None:
        raise reading.refuse("workspace", "Say where one is away.")
    access.require(actor, _ACTION, scope)
    receiver = reading.person("to", to, scope.workspace_id)
    reason = reading.text("reason", reason, 500, required=True)
    begin, end = _times(request, starts, until)
    if receiver.pk == actor.user_id:
        raise reading.refuse("to", "Somebody else.")
    if request is not None:
        request = moving.hold(request)
        _may_give(request, actor, role, receiver)
    else:
        _holds_roles(scope.workspace_id, actor, role)
    there = _same(scope.workspace_id, request, actor, receiver, role, reason, starts, until)
    if there is not None:
        return there
    made = Delegation.objects.create(
        workspace_id=scope.workspace_id,
        from_user_id=actor.user_id or 0,
        to_user=receiver,
        request=request,
        role=role,
        reason=reason,
        starts=begin,
        until=end,
    )
    _note(made, actor, reason)
    heard = owners.get(request.owner).on_lent if request is not None else None
    if heard is not None:
        heard(made, actor)
    return made


def _same(
    workspace_id: int,
    request: Request | None,
    actor: Actor,
    receiver: User,
    role: str,
    reason: str,
    starts: datetime | None,
    until: datetime | None,
) -> Delegation | None:
    """The same again, word for word: a form that was sent twice. Two at once are told apart by
    the lock on whoever lends."""
    User.objects.select_for_update(of=("self",), no_key=True).filter(pk=actor.user_id or 0).first()
    rows = Delegation.objects.filter(
        workspace_id=workspace_id,
        from_user_id=actor.user_id,
        to_user=receiver,
        request=request,
        role=role,
        reason=reason,
        until=until,
        ended_at=None,
    )
    if starts is not None:
        rows = rows.filter(starts=starts)
    found: Delegation | None = rows.filter(Q(until=None) | Q(until__gt=clock.now())).first()
    return found


def _times(
    request: Request | None, starts: datetime | None, until: datetime | None
) -> tuple[datetime, datetime | None]:
    now = clock.now()
    begin = starts or now
    if until is None and request is None:
        raise reading.refuse("until", "Say when one is back.")
    if until is not None and until <= max(begin, now):
        raise reading.refuse("until", "It must end after it began, and not before now.")
    longest = timedelta(days=numbers.ABSENCE_DAYS.value)
    if until is not None and until - begin > longest:
        raise reading.refuse("until", f"At most {longest.days} days.")
    if begin - now > timedelta(days=366):
        raise reading.refuse("starts", "At most a year ahead.")
    return begin, until


def _may_give(request: Request, actor: Actor, role: str, receiver: User) -> None:
    if not request.is_open:
        raise Conflict(f"It is {request.get_status_display().lower()}.")
    views = [
        view
        for view in signing.slots_for(actor, request)
        if view.delegation is None and not view.break_glass
    ]
    mine = actor.roles_in(request.workspace_id)
    wanted = {role} & mine if role else mine
    if role and not wanted:
        raise reading.refuse("role", "Not a role of yours.")
    own = any((view.may or view.rule == "turn") and wanted & set(view.slot.roles) for view in views)
    if not own:
        refusal = next((view.refusal for view in views if view.refusal), "it is not yours to sign")
        raise NotAllowed(
            f"You can't lend what you may not sign: {refusal}.",
            denial={
                "actor": actor,
                "action": _ACTION,
                "subject": request,
                "rule": "own_right",
                "reason": refusal,
            },
        )
    if f"user:{receiver.pk}" in request.producers:
        raise reading.refuse("to", "They produced what is to be signed.")


def _holds_roles(workspace_id: int, actor: Actor, role: str) -> None:
    mine = actor.roles_in(workspace_id)
    if not mine or (role and role not in mine):
        raise reading.refuse("role" if role else "workspace", "You hold no such role here.")


def _note(made: Delegation, actor: Actor, reason: str) -> None:
    after = {
        "to": f"user:{made.to_user_id}",
        "role": made.role,
        "starts": made.starts.isoformat(),
        "until": made.until.isoformat() if made.until else None,
    }
    name = actor.label
    if made.request is not None:
        to = made.to_user.name or made.to_user.email
        telling.note(
            made.request,
            _ACTION,
            actor=actor,
            said=f"let {to} sign {made.request.ref} for them",
            after=after,
            reason=reason,
        )
        telling.send(
            made.request,
            "approval.delegated",
            f"delegation:{made.uid}",
            people=[made.to_user_id],
            what=name,
            why=reason,
        )
        return
    record(actor, _ACTION, made, after=after, reason=reason)
    notify.notify(
        workspace_id=made.workspace_id,
        kind="approval.absence",
        to=notify.To(users=(made.to_user_id,)),
        key=f"approval:delegation:{made.uid}",
        values={"what": name, "until": f"{made.until:%Y-%m-%d %H:%M} UTC", "why": reason},
    )


@transaction.atomic
def end_delegation(delegation: Delegation, *, actor: Actor, reason: str = "") -> Delegation:
    """Take it back, or give it back: the two people of it, or who manages approvals. What was
    signed by it stays signed."""
    mine = actor.user_id in {delegation.from_user_id, delegation.to_user_id}
    access.require(actor, _ACTION if mine else "approval.manage", delegation)
    now = clock.now()
    rows = Delegation.objects.filter(pk=delegation.pk, ended_at=None)
    if rows.update(ended_at=now, ended_by_ref=actor.ref[:80]):
        record(
            actor,
            "approval.delegate",
            delegation,
            before={"is_active": True},
            after={"is_active": False},
            reason=reading.text("reason", reason, 500),
        )
    delegation.refresh_from_db()
    return delegation
