"""Reads, named. `visible_to` scopes each of them to the actor's workspaces, and of a workspace that
they look into from outside to what they are asked to sign, asked, or signed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from controlplane.access.outside import inside_of, outside_of
from controlplane.lib import clock
from controlplane.lib.actors import Actor

if TYPE_CHECKING:
    from controlplane.approvals.signing import Way


class EntryQuerySet(models.QuerySet[Any]):
    """Rows with a `workspace` of their own."""

    path = "workspace_id"
    # Leads to the request whose part a row is. Empty: nobody sees it from outside.
    request_path = ""

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        seen = Q(**{f"{self.path}__in": inside_of(actor)})
        outside = outside_of(actor)
        if outside:
            seen |= Q(**{f"{self.path}__in": outside}) & self._from_outside(actor)
        return self.filter(seen)

    def _from_outside(self, actor: Actor) -> Q:
        """What of a workspace of another house somebody reads."""
        from controlplane.approvals.models import Request

        if not self.request_path:
            return Q(pk__in=[])
        signs = Request.objects.of_signer(actor)
        return Q(**{f"{self.request_path}__in": signs.values("pk")})

    def of(self, workspace: Any) -> Self:
        return self.filter(workspace=workspace)


class PolicyQuerySet(EntryQuerySet):
    def active(self) -> Self:
        return self.filter(is_active=True)


class RequestQuerySet(EntryQuerySet):
    request_path = "pk"

    def of_signer(self, actor: Actor) -> Self:
        """What is asked of a role this person holds, or was lent; what they asked or signed. Of a
        question asked anew they read every revision of theirs."""
        from controlplane.approvals import signing
        from controlplane.approvals.models import RequestSlot

        if actor.kind != "person" or actor.user_id is None:
            return self.none()
        mine = Q(requested_by_id=actor.user_id) | Q(Exists(_signed_by(actor.user_id)))
        slots = RequestSlot.objects.filter(request=OuterRef("pk"))
        for way in signing.ways_of(actor):
            asked = Q(Exists(slots.filter(roles__overlap=sorted(way.roles))))
            asked &= Q(workspace_id=way.workspace_id)
            if way.delegation is not None:
                # What is lent is to sign, not to read what was signed before.
                asked &= Q(status="open")
                if way.delegation.request_id is not None:
                    asked &= Q(pk=way.delegation.request_id)
            mine |= asked
        return self.filter(mine)

    def open(self) -> Self:
        return self.filter(status="open")

    def late(self, at: datetime | None = None) -> Self:
        return self.open().filter(due_at__lte=at or clock.now())

    def oldest_first(self) -> Self:
        return self.order_by("requested_at", "id")

    def about(self, subject: str) -> Self:
        return self.filter(subject=subject)

    def decided(self) -> Self:
        return self.filter(decided_at__isnull=False)

    def waiting_for(self, actor: Actor, ways: Sequence[Way] | None = None) -> Self:
        """Open requests that this person may sign now, for themselves or for somebody. What
        `signing.slots_for` answers row by row, as one question; a test holds them together."""
        from controlplane.approvals import signing

        if actor.kind != "person" or actor.user_id is None or actor.scopes is not None:
            return self.none()
        if ways is None:
            ways = signing.ways_of(actor)
        if not ways:
            return self.none()
        asked: Q = Q(pk__in=[])
        for way in ways:
            asked |= self._by(way, actor.user_id)
        return (
            self.open()
            .filter(asked, expires_at__gt=clock.now())
            .exclude(producers__contains=[actor.ref])
            .exclude(Exists(_signed_by(actor.user_id)))
        )

    def _by(self, way: Any, user_id: int) -> Q:
        """Requests this way in leads to. The rules that hold for the signer hold for whom they
        sign for: nobody gives away a right they haven't got."""
        from controlplane.approvals.models import RequestSlot

        slots = RequestSlot.objects.filter(
            request=OuterRef("pk"), waiting=True, roles__overlap=sorted(way.roles)
        )
        slots = slots.filter(_asked_by_another(user_id))
        asked = Q(workspace_id=way.workspace_id)
        if way.delegation is not None:
            giver = way.delegation.from_user_id
            slots = slots.filter(_asked_by_another(giver))
            asked &= ~Q(producers__contains=[f"user:{giver}"]) & Q(~Exists(_signed_by(giver)))
            if way.delegation.request_id is not None:
                asked &= Q(pk=way.delegation.request_id)
        return asked & Q(Exists(slots))


def _asked_by_another(user_id: int) -> Q:
    """Slots that don't mind who asked, or that somebody else's question waits in."""
    theirs = Q(request__requested_by_id=user_id) | Q(request__behind__contains=[user_id])
    return Q(requester_may=True) | ~theirs


def _signed_by(user_id: int) -> Any:
    """Signatures somebody gave, or that were given for them."""
    from controlplane.approvals.models import Decision

    theirs = Q(person_id=user_id) | Q(delegated_from_id=user_id)
    return Decision.objects.filter(theirs, request=OuterRef("pk"))


class RequestSlotQuerySet(EntryQuerySet):
    path = "request__workspace_id"
    request_path = "request"


class DecisionQuerySet(EntryQuerySet):
    request_path = "request"

    def by(self, user_id: int | None) -> Self:
        return self.filter(person_id=user_id)


class RequestCommentQuerySet(EntryQuerySet):
    request_path = "request"

    def about(self, request: Any) -> Self:
        """Over all revisions: to the reader they are one thing."""
        return self.filter(question=request.question)


class DelegationQuerySet(EntryQuerySet):
    def _from_outside(self, actor: Actor) -> Q:
        return Q(from_user_id=actor.user_id) | Q(to_user_id=actor.user_id)

    def in_force(self, at: datetime | None = None) -> Self:
        at = at or clock.now()
        return self.filter(Q(until=None) | Q(until__gt=at), ended_at=None, starts__lte=at).filter(
            Q(request=None) | Q(request__status="open")
        )

    def current_or_to_come(self, at: datetime | None = None) -> Self:
        at = at or clock.now()
        return self.filter(Q(until=None) | Q(until__gt=at), ended_at=None)
