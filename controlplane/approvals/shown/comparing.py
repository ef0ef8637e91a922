"""Against what a packet is read: what somebody signed of the same thing before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, IntegerField, Q, Value, When

from controlplane.approvals.models import Decision, Request
from controlplane.lib.actors import Actor


@dataclass(frozen=True, slots=True)
class Since:
    decision: Decision
    mine: bool

    @property
    def request(self) -> Request:
        return self.decision.request

    @property
    def packet(self) -> Mapping[str, Any]:
        return self.request.packet


def last_signed(request: Request, actor: Actor) -> Since | None:
    """What the reader approved last of this question or its subject, or of the same work item by
    the same policy (another try of it); else what anybody did. None where nobody has."""
    same = Q(request__question=request.question) | Q(
        request__owner=request.owner, request__subject=request.subject
    )
    if request.item_id is not None:
        same |= Q(request__item_id=request.item_id, request__policy_id=request.policy_id)
    mine_first = Case(
        When(person_id=actor.user_id or 0, then=Value(0)), default=Value(1),
        output_field=IntegerField(),
    )  # fmt: skip
    rows = Decision.objects.filter(
        same,
        workspace_id=request.workspace_id,
        request_id__lt=request.pk,
        verdict=Decision.Verdict.APPROVED,
    )
    found = rows.select_related("request", "person").order_by(mine_first, "-id").first()
    if found is None:
        return None
    return Since(found, mine=found.person_id == actor.user_id)
