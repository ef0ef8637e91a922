"""Asking for erasure, holding it back, withdrawing it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.access.models import Membership, User, Workspace
from controlplane.access.services.authority import require_over_person
from controlplane.access.services.leaving import is_erased
from controlplane.audit.services import record
from controlplane.base import states
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, NotFound
from controlplane.privacy import numbers, telling
from controlplane.privacy.models import DeletionRequest

_LONGEST_HOLD = timedelta(days=366)


def themselves(actor: Actor, workspace_id: int) -> Actor:
    """Somebody about their own data: as any member there may, also when they have left."""
    if actor.scopes is not None or workspace_id in actor.roles:
        return actor
    return replace(actor, roles={**actor.roles, workspace_id: frozenset({"viewer"})})


@transaction.atomic
def ask_erasure(
    workspace: Workspace, person: User, *, actor: Actor, reason: str = ""
) -> DeletionRequest:
    """For oneself, or for somebody who wrote to the privacy officer. Nothing goes before the
    days of grace are over, everything has gone when the promise is due."""
    here = Membership.objects.filter(workspace=workspace, user=person)
    if not here.exists():
        raise NotFound("Not a member of this workspace.")
    if actor.user_id == person.pk:
        policy.require(themselves(actor, workspace.pk), "privacy.ask", workspace)
    else:
        policy.require(actor, "privacy.erase", workspace)
        if is_erased(person):
            raise Conflict("This account is erased already.")
        require_over_person(actor, "privacy.erase", person, former=True)
    now = clock.now()
    try:
        with transaction.atomic():
            row = DeletionRequest.objects.create(
                workspace=workspace,
                person=person,
                reason=reason.strip()[:400],
                # Never by name: this row outlives the account it is about.
                asked_by=actor.ref[:200],
                asked_at=now,
                not_before=now + timedelta(days=numbers.GRACE_DAYS.value),
                due_at=now + timedelta(days=numbers.DUE_DAYS.value),
            )
    except IntegrityError as error:
        raise Conflict("Their erasure is asked for already.") from error
    record(
        actor,
        "privacy.ask",
        row,
        after={"due_at": row.due_at.isoformat(), "not_before": row.not_before.isoformat()},
        reason=row.reason,
    )
    telling.asked(row)
    return row


@transaction.atomic
def withdraw(request: DeletionRequest, *, actor: Actor, reason: str = "") -> DeletionRequest:
    """By whoever it is about, also when they have left meanwhile; or by the officer at their
    word."""
    own = actor.user_id == request.person_id and actor.scopes is None
    done = states.advance(
        request, "cancelled", reason=reason,
        actor=themselves(actor, request.workspace_id) if own else actor,
        changes={"finished_at": clock.now(), "held_for": "", "held_until": None},
    )  # fmt: skip
    telling.settled(done)
    return done


@transaction.atomic
def hold(
    request: DeletionRequest, *, actor: Actor, reason: str, until: datetime | None = None
) -> DeletionRequest:
    """The law or a dispute wants it kept for now. Looked at again at a day that is named. It
    protects, so the right where it was asked suffices, wherever else they are."""
    reason = reason.strip()[:400]
    if not reason:
        raise Invalid("Say what it is held for.", details={"reason": ["This is empty."]})
    now = clock.now()
    until = until or now + timedelta(days=90)
    if not now < until <= now + _LONGEST_HOLD:
        raise Invalid("Name a day within a year.", details={"until": ["Within a year from now."]})
    done = states.advance(
        request, "held", actor=actor, reason=reason,
        changes={"held_for": reason, "held_until": until},
    )  # fmt: skip
    telling.settled(done)
    return done


@transaction.atomic
def release(request: DeletionRequest, *, actor: Actor, reason: str = "") -> DeletionRequest:
    """What it was held for is over: the clock it was asked by goes on as it stood."""
    return states.advance(
        request, "waiting", actor=actor, reason=reason, changes={"held_for": "", "held_until": None}
    )
