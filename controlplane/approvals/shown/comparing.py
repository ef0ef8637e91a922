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


def aligned(before: Any, after: Any) -> tuple[Any, Any]:
    """The same two, with empty tables where one side has none: what was added is told field by
    field instead of as a lump of JSON. Nothing and an empty table stay two things: that may be
    all that differs."""
    if not before and not after:
        return before, after
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        if not all(one is None or isinstance(one, Mapping) for one in (before, after)):
            return before, after
        left, right = dict(before or {}), dict(after or {})
        for name in left.keys() | right.keys():
            left[name], right[name] = _pair(left, right, name)
        return _without_gaps(left), _without_gaps(right)
    if isinstance(before, list) or isinstance(after, list):
        if not all(one is None or isinstance(one, list) for one in (before, after)):
            return before, after
        first, second = list(before or []), list(after or [])
        longest = max(len(first), len(second))
        first += [_GAP] * (longest - len(first))
        second += [_GAP] * (longest - len(second))
        pairs = [
            aligned(_known(one), _known(other)) if _is_table(one, other) else (one, other)
            for one, other in zip(first, second, strict=True)
        ]
        return (
            [one for one, _ in pairs if one is not _GAP],
            [other for _, other in pairs if other is not _GAP],
        )
    return before, after


_GAP: Any = object()


def _known(value: Any) -> Any:
    return None if value is _GAP else value


def _is_table(one: Any, other: Any) -> bool:
    return any(isinstance(side, Mapping | list) for side in (one, other))


def _pair(left: dict[str, Any], right: dict[str, Any], name: str) -> tuple[Any, Any]:
    one, other = left.get(name, _GAP), right.get(name, _GAP)
    return aligned(_known(one), _known(other)) if _is_table(one, other) else (one, other)


def _without_gaps(table: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if value is not _GAP}
