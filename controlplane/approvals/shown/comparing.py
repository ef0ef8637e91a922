"""Against what a packet is read: what somebody signed of the same thing before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from django.db.models import Case, IntegerField, Q, Value, When

from controlplane.approvals.models import Decision, Request
from controlplane.approvals.shown import packet
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
    """The same two, where a whole table came or went told by what it is called: it stands on the
    page, and as a lump of JSON nobody reads it."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = [*before, *(name for name in after if name not in before)]
        pairs = {name: _pair(before.get(name, _GAP), after.get(name, _GAP)) for name in names}
        return _side(pairs, 0), _side(pairs, 1)
    if isinstance(before, list) and isinstance(after, list):
        both = [_pair(*two) for two in zip_longest(before, after, fillvalue=_GAP)]
        return tuple([two[n] for two in both if two[n] is not _GAP] for n in (0, 1))  # type: ignore[return-value]
    return before, after


_GAP: Any = object()


def _pair(before: Any, after: Any) -> tuple[Any, Any]:
    if _is_none(before) and _is_full(after):
        return before, called(after)
    if _is_none(after) and _is_full(before):
        return called(before), after
    return aligned(before, after)


def _is_none(value: Any) -> bool:
    return value is _GAP or value is None or value in ([], {})


def _is_full(value: Any) -> bool:
    return isinstance(value, Mapping | list) and bool(value)


def _side(pairs: Mapping[str, tuple[Any, Any]], number: int) -> dict[str, Any]:
    return {name: two[number] for name, two in pairs.items() if two[number] is not _GAP}


def called(value: Any) -> str:
    """A table or a list in a line: what it is called, and how much there is of it."""
    if isinstance(value, list):
        names = "; ".join(called(one) for one in value[:_NAMED])
        more = f"; and {len(value) - _NAMED} more" if len(value) > _NAMED else ""
        return f"{names}{more}"
    if not isinstance(value, Mapping):
        return packet.plain(value)
    name = next((value[key] for key in packet.NAMES if isinstance(value.get(key), str)), "")
    fields = f"{len(value)} field{'s'[: len(value) != 1]}"
    return f"{name} ({fields})" if name else fields


_NAMED = 5
