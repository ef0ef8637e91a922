"""Who may sign what, and the sentence that refuses. Reads only; the service asks again under the
request's lock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from controlplane.access import policy
from controlplane.access.models import Grant, User
from controlplane.access.policy import role_label
from controlplane.access.step_up import has_recent_factor
from controlplane.approvals.models import Decision, Delegation, Request, RequestSlot
from controlplane.approvals.querysets import RequestQuerySet
from controlplane.lib import clock, kept
from controlplane.lib.actors import Actor
from controlplane.lib.kept import Question


@dataclass(frozen=True, slots=True)
class Way:
    """Roles somebody may sign by in one workspace: their own, or lent by a delegation."""

    workspace_id: int
    roles: frozenset[str]
    delegation: Delegation | None = None


@dataclass(frozen=True, slots=True)
class SlotView:
    """One slot as somebody sees it: theirs to sign, or refused with the reason."""

    slot: RequestSlot
    may: bool
    refusal: str = ""
    rule: str = ""  # what refuses, in a word
    as_role: str = ""
    delegation: Delegation | None = None
    break_glass: bool = False

    @property
    def roles(self) -> list[str]:
        return [role_label(role) for role in self.slot.roles]

    @property
    def missing(self) -> int:
        return self.slot.needed - self.slot.signed

    @property
    def on_behalf_of(self) -> User | None:
        return self.delegation.from_user if self.delegation is not None else None


# Rules that say "not you", where the others say "not now".
DENIALS = frozenset({"people_only", "policy", "producer", "requester", "role"})
_Refusal = tuple[str, str]  # (rule, sentence)


@dataclass(frozen=True, slots=True)
class _Signed:
    people: frozenset[int]
    given_for: frozenset[int]

    def holds(self, user_id: int | None) -> bool:
        return user_id in self.people or user_id in self.given_for


def ways_of(actor: Actor, *, at: datetime | None = None) -> list[Way]:
    """Every way this person may sign by now, own roles first."""
    return own_ways_of(actor) + _lent(actor, at=at)


def own_ways_of(actor: Actor) -> list[Way]:
    return [Way(place, roles) for place, roles in actor.roles.items() if roles]


def _lent_to(
    user_id: int | None, places: Sequence[int], at: datetime | None = None
) -> QuerySet[Delegation]:
    rows = Delegation.objects.in_force(at).filter(to_user_id=user_id, workspace_id__in=places)
    found: QuerySet[Delegation] = rows.select_related("from_user")
    return found.order_by("request_id", "id")


def _lent_for(
    user_id: int | None, places: Sequence[int], request: int, workspace_id: int
) -> QuerySet[Delegation]:
    here = Q(request=None) | Q(request=request)
    return _lent_to(user_id, places).filter(here, workspace_id=workspace_id)


_LENT: Question[Delegation] = Question(_lent_to)


def _lent(actor: Actor, *, request: Request | None = None, at: datetime | None = None) -> list[Way]:
    """What others lent: as much as they hold themselves now, where the receiver works too."""
    places = sorted(actor.roles)
    if at is not None:
        delegations = list(_lent_to(actor.user_id, places, at))
    elif request is None:
        delegations = _LENT.rows(actor.user_id, places)
    else:
        delegations = kept.ask(_lent_for, actor.user_id, places, request.pk, request.workspace_id)
    held = _roles_held({(row.workspace_id, row.from_user_id) for row in delegations})
    ways = []
    for row in delegations:
        roles = held[row.workspace_id, row.from_user_id]
        roles &= {row.role} if row.role else roles
        if roles:
            ways.append(Way(row.workspace_id, frozenset(roles), row))
    return ways


def _roles_held(pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], set[str]]:
    found: dict[tuple[int, int], set[str]] = defaultdict(set)
    wanted = set(pairs)
    if not wanted:
        return found
    rows = (
        Grant.objects.held()
        .of_active_people()
        .filter(
            membership__workspace_id__in={place for place, _ in wanted},
            membership__user_id__in={person for _, person in wanted},
        )
    )
    for place, person, role in rows.values_list(
        "membership__workspace_id", "membership__user_id", "role"
    ):
        found[place, person].add(role)
    return found


def slots_for(actor: Actor, request: Request) -> list[SlotView]:
    """Each slot of the request as this actor sees it, in order."""
    slots = list(request.slots.order_by("position"))
    signed = _signatures(request)
    general = _person_refusal(actor, request, signed) or _state_refusal(request)
    if general:
        return [_no(slot, *general) for slot in slots]
    lent = _lent(actor, request=request)
    return [_slot(actor, request, slot, slots, signed, lent) for slot in slots]


def _signatures(request: Request) -> _Signed:
    rows = kept.ask(
        lambda request: Decision.objects.filter(request=request).values_list(
            "person_id", "delegated_from_id"
        ),
        request.pk,
    )
    return _Signed(
        frozenset(person for person, _ in rows),
        frozenset(giver for _, giver in rows if giver is not None),
    )


def _no(slot: RequestSlot, rule: str, refusal: str) -> SlotView:
    return SlotView(slot, may=False, refusal=refusal, rule=rule)


def _person_refusal(actor: Actor, request: Request, signed: _Signed) -> _Refusal | None:
    if actor.kind != "person" or actor.user_id is None:
        return "people_only", "only people sign"
    decision = policy.can(actor, "approval.sign", request)
    if not decision:
        return "policy", decision.reason
    if actor.ref in request.producers:
        return "producer", "you produced what is to be signed"
    if actor.user_id in signed.people:
        return "signed", "you have signed already"
    if actor.user_id in signed.given_for:
        return "signed", "somebody has signed for you already"
    return None


def _state_refusal(request: Request) -> _Refusal | None:
    if not request.is_open:
        return "state", f"it is {request.get_status_display().lower()}"
    if request.expires_at <= clock.now():
        return "state", "it has expired"
    return None


def _slot(
    actor: Actor,
    request: Request,
    slot: RequestSlot,
    slots: list[RequestSlot],
    signed: _Signed,
    lent: list[Way],
) -> SlotView:
    if slot.is_full:
        return _no(slot, "full", "it has all its signatures")
    if not slot.waiting:
        first = next((other.title for other in slots if other.waiting), "another slot")
        return _no(slot, "turn", f"{first} comes first")
    if not slot.requester_may and asked_by(actor.user_id, request):
        own = request.requested_by_id == actor.user_id
        return _no(slot, "requester", "you asked for it" if own else "your agent asked for it")
    matching = actor.roles_in(request.workspace_id) & set(slot.roles)
    if matching:
        return SlotView(slot, may=True, as_role=min(matching))
    for way in lent:
        view = _by_delegation(way, request, slot, signed)
        if view is not None:
            return view
    if request.workspace_id in actor.break_glass:
        return SlotView(slot, may=True, break_glass=True)
    wanted = ", ".join(role_label(role) for role in slot.roles)
    return _no(slot, "role", f"needs {wanted}")


def _by_delegation(
    way: Way, request: Request, slot: RequestSlot, signed: _Signed
) -> SlotView | None:
    """Nobody gives away a right they haven't got, and a right is used once."""
    assert way.delegation is not None
    giver = way.delegation.from_user_id
    matching = way.roles & set(slot.roles)
    if not matching or signed.holds(giver) or f"user:{giver}" in request.producers:
        return None
    if not slot.requester_may and asked_by(giver, request):
        return None
    return SlotView(slot, may=True, as_role=min(matching), delegation=way.delegation)


def asked_by(user_id: int | None, request: Request) -> bool:
    """Who asked, themselves or by an agent of theirs: a machine's wish is its owner's, or anybody
    could have their own agent ask and sign it."""
    return user_id is not None and (request.requested_by_id == user_id or user_id in request.behind)


def waiting_for(actor: Actor) -> RequestQuerySet:
    """Requests this person may sign now, longest waiting first."""
    rows: RequestQuerySet = Request.objects.visible_to(actor)
    return rows.waiting_for(actor).oldest_first()


def holds_still(request: Request, view: SlotView, user_id: int) -> bool:
    """Whether the role they sign by is still theirs, as the database says now: what the actor
    carries was read when the request for it began."""
    if view.break_glass:
        return True
    holder = view.delegation.from_user_id if view.delegation is not None else user_id
    held = Grant.objects.held().of_active_people()
    wanted: Any = {"membership__workspace_id": request.workspace_id, "role": view.as_role}
    return bool(held.filter(membership__user_id=holder, **wanted).exists())


def fresh_minutes(request: Request) -> int:
    """How old a signer's second factor may be; 0: as old as the session lets it."""
    return int(request.policy_snapshot.get("fresh_factor_minutes") or 0)


def is_fresh(actor: Actor, request: Request) -> bool:
    """No part of `slots_for`: whose signature it waits for does not change by the minute."""
    wanted = fresh_minutes(request)
    return not wanted or has_recent_factor(actor, minutes=wanted)


def stale_words(request: Request) -> str:
    minutes = fresh_minutes(request)
    return f"it is signed with a second factor of the last {minutes} minute{'s'[: minutes != 1]}"


def people_asked(request: Request) -> list[int]:
    """Who could sign a slot whose turn it is, and those who sign for them: whom to tell."""
    found: set[int] = set().union(*(people for _, people in _able(request)))
    lent = Delegation.objects.in_force().filter(
        Q(request=None) | Q(request=request),
        workspace_id=request.workspace_id,
        from_user_id__in=found,
    )
    return sorted(found | set(lent.values_list("to_user_id", flat=True)))


def without_anybody(request: Request) -> list[str]:
    """The slots whose turn it is and that nobody here could sign, by their titles."""
    return [slot.title for slot, people in _able(request) if not people]


def _able(request: Request) -> Iterator[tuple[RequestSlot, set[int]]]:
    """Of each slot whose turn it is, who could sign it in their own name."""
    signed = _signatures(request)
    for slot in request.slots.filter(waiting=True):
        holders = _holders(request, slot.roles)
        if not slot.requester_may:
            holders -= {request.requested_by_id, *request.behind}
        yield (
            slot,
            {
                person
                for person in holders
                if f"user:{person}" not in request.producers and not signed.holds(person)
            },
        )


def _holders(request: Request, roles: Iterable[str]) -> set[int]:
    rows = (
        Grant.objects.held()
        .of_active_people()
        .filter(membership__workspace_id=request.workspace_id, role__in=list(roles))
    )
    return set(rows.values_list("membership__user_id", flat=True))
