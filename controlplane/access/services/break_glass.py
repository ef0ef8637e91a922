"""A superuser's way into a workspace: a reason, an end, and an audit row the workspace sees."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from controlplane.access import numbers, policy
from controlplane.access.models import BreakGlass, User, Workspace
from controlplane.access.services.saving import invalid, required_reason
from controlplane.access.step_up import require_recent_factor
from controlplane.audit import services as audit
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotAllowed


@transaction.atomic
def open_break_glass(
    workspace: Workspace, *, actor: Actor, reason: str, ends_at: datetime | None = None
) -> BreakGlass:
    reason = required_reason(reason, least=10)
    user = _person(actor)
    policy.require(actor, "break_glass.open", user)
    require_recent_factor(actor)
    now = clock.now()
    latest = now + timedelta(hours=numbers.BREAK_GLASS_HOURS.value)
    ends_at = ends_at or latest
    if not now < ends_at <= latest:
        raise invalid("ends_at", f"At most {numbers.BREAK_GLASS_HOURS.value} hours from now.")
    if BreakGlass.objects.in_force().filter(user=user, workspace=workspace).exists():
        raise Conflict("You have opened this workspace already.")
    glass = BreakGlass.objects.create(
        user=user, workspace=workspace, reason=reason, started_at=now, ends_at=ends_at
    )
    audit.record(actor, "break_glass.open", glass, after={"ends_at": ends_at}, reason=reason)
    return glass


@transaction.atomic
def close_break_glass(glass: BreakGlass, *, actor: Actor) -> BreakGlass:
    """End it early: by whoever opened it, or by the workspace's admin or security lead."""
    glass = BreakGlass.objects.select_for_update(of=("self",)).get(pk=glass.pk)
    if actor.user_id != glass.user_id or actor.scopes is not None:
        policy.require(actor, "break_glass.close", glass)
    if glass.ended_at is None:
        glass.ended_at = clock.now()
        glass.save(update_fields=["ended_at"])
        audit.record(actor, "break_glass.close", glass, after={"ended_at": glass.ended_at})
    return glass


def _person(actor: Actor) -> User:
    user = User.objects.select_for_update().filter(pk=actor.user_id or 0, is_active=True).first()
    if user is None or actor.scopes is not None:
        raise NotAllowed(
            "A break-glass is opened by a person, signed in.",
            denial={
                "actor": actor,
                "action": "break_glass.open",
                "subject": actor.ref,
                "rule": "person",
                "reason": "opened by a person, signed in",
            },
        )
    return user
