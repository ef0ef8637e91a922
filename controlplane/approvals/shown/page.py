"""All that the page of a request says: packet, changes, who signed, who may, and why not."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.db import DatabaseError
from django.db.models import QuerySet
from django.urls import reverse

from controlplane.access import policy
from controlplane.access.models import Grant, User
from controlplane.approvals import owners, packets, signing
from controlplane.approvals.links import CONSOLE, Places
from controlplane.approvals.models import Decision, Request
from controlplane.approvals.shown import comparing, people, words
from controlplane.approvals.shown import packet as packet_read
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from controlplane.work.models import ItemLink
from controlplane.work.shown.words import item_url, state_of

logger = logging.getLogger(__name__)
NAMED = 6
MOST_REVISIONS = 50
MOST_EVIDENCE = 50


@dataclass(slots=True)
class Step:
    """A slot with what is in it: whose signatures, and whose it waits for."""

    view: signing.SlotView
    number: int
    signed: list[Decision] = field(default_factory=list)
    people: list[User] = field(default_factory=list)
    more_people: int = 0

    @property
    def slot(self) -> Any:
        return self.view.slot

    @property
    def roles(self) -> str:
        return words.roles_words(self.slot.roles)


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands now of what was asked for: `known` is False where its owner could not say."""

    known: bool
    gone: bool = False
    differs: bool = False
    packet: Mapping[str, Any] = field(default_factory=dict)


def of(
    request: Request,
    actor: Actor,
    places: Places = CONSOLE,
    views: Sequence[signing.SlotView] | None = None,
) -> dict[str, Any]:
    """Everything but the history. `views` are the slots as the actor sees them, where whoever asks
    knows them already."""
    owner = owners.get(request.owner)
    desk = places.is_desk
    previous = request.supersedes
    steps = steps_of(request, actor, views)
    return {
        "approval": request,
        "places": places,
        "packet": _packet(request, desk),
        "people": people.names_in(request),
        "signed_packet": request.packet,
        "steps": steps,
        "in_order": request.policy_snapshot.get("order") == "in_order",
        "revisions": revisions(request),
        "previous": previous,
        "previous_packet": previous.packet if previous is not None else None,
        "since": comparing.last_signed(request, actor),
        "standing": standing(request),
        "owner": owner,
        "subject_url": owners.link(request, desk=desk),
        "item": request.item,
        "item_url": item_url(request.item) if request.item is not None and not desk else "",
        "item_state": state_of(request.item) if request.item is not None else "",
        "item_evidence": evidence_of(request, actor),
        "producers": request.producers,
        "share": words.fresh_share(request),
        "delegations": _delegations(request),
        **form_of(request, actor, steps, places),
    }


def _packet(request: Request, desk: bool) -> packet_read.Packet:
    """As it is read, its evidence as it looks where the owner can show it. What can't be shown is
    named; the page stands."""
    terms = owners.terms(request, desk=desk)
    read = packet_read.read(request.packet, owners.sections(request), terms)
    show = owners.get(request.owner).previews
    if show is None or not read.evidence:
        return read
    try:
        looks = show(request, desk)
    except DatabaseError:
        raise
    except Exception:
        logger.exception("evidence of %s could not be shown", request.ref)
        return read
    files = [{**file, **looks.get(file["url"], {})} for file in read.evidence]
    return replace(read, evidence=files)


def form_of(
    request: Request, actor: Actor, steps: Sequence[Step], places: Places = CONSOLE
) -> dict[str, Any]:
    """What the form to decide needs, or the sentence that refuses it."""
    own = [step.view for step in steps if step.view.may]
    return {
        "signable": own,
        "why_not": "" if own else why_not(steps),
        "decide_url": places.url("decide", request),
        "fresh_minutes": signing.fresh_minutes(request),
        "stale": bool(own) and not signing.is_fresh(actor, request),
        "confirm_url": _confirm_url(places.url("decide", request)),
        "my_decision": next(
            (d for step in steps for d in step.signed if d.person_id == actor.user_id), None
        ),
        "may_delegate": bool(policy.can(actor, "approval.delegate", request)) and bool(own),
        "delegate_url": places.url("delegate", request),
        "export_urls": {kind: places.url("export", request, kind) for kind in ("html", "pdf")},
    }


def _confirm_url(back: str) -> str:
    """To the code, and back to the answers."""
    return f"{reverse('access:confirm')}?{urlencode({'next': back})}"


def why_not(steps: Sequence[Step]) -> str:
    """One sentence for all slots: the same reason is said once."""
    reasons = list(dict.fromkeys(step.view.refusal for step in steps if step.view.refusal))
    return "; ".join(reasons)


def steps_of(
    request: Request, actor: Actor, views: Sequence[signing.SlotView] | None = None
) -> list[Step]:
    if views is None:
        views = signing.slots_for(actor, request)
    steps = [Step(view, number) for number, view in enumerate(views, start=1)]
    by_slot = {step.slot.pk: step for step in steps}
    decisions = kept.of(
        request,
        "decisions",
        lambda rows: rows.select_related("person", "delegated_from").order_by("id"),
    )
    taken = set()
    for decision in decisions:
        by_slot[decision.slot_id].signed.append(decision)
        taken |= {decision.person_id, decision.delegated_from_id}
    if request.is_open:
        _name_signers(request, steps, taken)
    return steps


def _name_signers(request: Request, steps: Sequence[Step], taken: set[Any]) -> None:
    """Who may sign what waits now, by name: whoever looks knows whom to ask."""
    wanted = {role for step in steps if step.slot.waiting for role in step.slot.roles}
    if not wanted:
        return
    rows = kept.ask(_holders, request.workspace_id, kept.padded(sorted(wanted)))
    holders: dict[str, dict[int, User]] = defaultdict(dict)
    for grant in rows:
        user = grant.membership.user
        if user.pk not in taken and f"user:{user.pk}" not in request.producers:
            holders[grant.role][user.pk] = user
    for step in steps:
        if not step.slot.waiting:
            continue
        found = {key: user for role in step.slot.roles for key, user in holders[role].items()}
        if not step.slot.requester_may:
            for asker in (request.requested_by_id or 0, *request.behind):
                found.pop(asker, None)
        people = list(found.values())
        step.people, step.more_people = people[:NAMED], max(len(people) - NAMED, 0)


def _holders(workspace_id: int, roles: Sequence[str]) -> QuerySet[Grant]:
    held = Grant.objects.held().of_active_people()
    rows = held.filter(membership__workspace_id=workspace_id, role__in=roles)
    people = rows.select_related("membership__user")
    return people.order_by("membership__user__name", "id")[:500]


def standing(request: Request) -> Standing | None:
    """Asked while it is open only: what was decided was decided about what stood then."""
    owner = owners.get(request.owner)
    if not request.is_open or owner.current_packet is None:
        return None
    try:
        current = owner.current_packet(request)
        if current is None:
            return Standing(known=True, gone=True, differs=True)
        differs = packets.digest(packets.clean(current)) != request.sha256
    except Exception:
        logger.exception("what stands now of %s could not be read", request.ref)
        return Standing(known=False)
    return Standing(known=True, differs=differs, packet=current)


def revisions(request: Request) -> list[Request]:
    """Of the same question, the newest first; only where there is more than this one."""
    if request.revision == 1 and request.status not in {"void", "superseded"}:
        return []
    rows = Request.objects.filter(question=request.question).order_by("-revision")
    found = list(rows[:MOST_REVISIONS])
    return found if len(found) > 1 else []


def evidence_of(request: Request, actor: Actor) -> list[ItemLink]:
    """What hangs on the work item, beside what the packet itself names."""
    if request.item_id is None:
        return []
    return kept.seen(
        actor,
        lambda actor, item: (
            ItemLink.objects.visible_to(actor)
            .filter(item_id=item)
            .order_by("-created_at", "-id")[:MOST_EVIDENCE]
        ),
        request.item_id,
    )


def _delegations(request: Request) -> list[Any]:
    if not request.is_open:
        return []
    return kept.of(
        request,
        "delegations",
        lambda rows: (
            rows.filter(ended_at=None).select_related("from_user", "to_user").order_by("id")[:20]
        ),
    )


def next_for(actor: Actor, request: Request | None = None) -> Request | None:
    """What waits for this person after this one, the oldest first."""
    rows = Request.objects.visible_to(actor).waiting_for(actor).oldest_first()
    if request is not None:
        rows = rows.exclude(pk=request.pk)
    found: Request | None = rows.first()
    return found
