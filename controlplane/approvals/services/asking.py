"""Asking, and asking again with another packet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy as access
from controlplane.access.models import Agent, Workspace
from controlplane.approvals import owners, packets
from controlplane.approvals.models import Policy, Request, RequestSlot
from controlplane.approvals.services import moving, promises, reading, telling
from controlplane.approvals.services.policies import policy_of, snapshot
from controlplane.base import refs
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotAllowed
from controlplane.work.models import Item
from controlplane.work.services.referring import refer

# A packet that may still be changed: nobody said yes or no to the last one.
REVISABLE = frozenset({"open", "changes_requested", "void"})


@transaction.atomic
def ask(
    workspace: Workspace,
    *,
    policy: Policy | str,
    owner: str,
    subject: str,
    title: str,
    packet: Any,
    actor: Actor,
    producers: Iterable[Any] = (),
    item: Item | None = None,
    due_at: datetime | None = None,
    behind: Iterable[Any] = (),
) -> Request:
    """Ask for consent to exactly this packet. `producers` made it and will not sign it; whoever
    asks may only where a slot says so, and so may those `behind` it: whose it is, whoever asked.
    """
    access.require(actor, "approval.ask", workspace)
    chosen = policy if isinstance(policy, Policy) else policy_of(workspace, policy)
    _belongs(workspace, chosen, item)
    if not chosen.is_active:
        raise Conflict(f"The policy {chosen.slug} is out of use.", details={"policy": "Retired."})
    now = clock.now()
    due = due_at or now + timedelta(minutes=chosen.target_minutes)
    if due <= now:
        raise reading.refuse("due_at", "It lies in the past.")
    text = packets.clean(packet)
    made_by = reading.people("producers", producers)
    request = Request(
        workspace=workspace,
        policy=chosen,
        policy_snapshot=snapshot(chosen),
        owner=reading.line("owner", owner, 60, required=True),
        subject=reading.line("subject", subject, 160, required=True),
        title=reading.line("title", title, 200, required=True),
        item=item,
        packet_text=text,
        sha256=packets.digest(text),
        requested_by_id=actor.user_id if actor.kind == "person" else None,
        requested_by_ref=actor.ref[:80],
        requested_by_name="" if actor.kind == "person" else actor.label[:200],
        producers=made_by,
        behind=_behind([actor.ref, *made_by], reading.people("behind", behind), _since(item)),
        requested_at=now,
        asked_at=now,
        due_at=due,
        expires_at=now + timedelta(minutes=chosen.expires_minutes),
    )
    return _store(request, actor, said="asked for consent")


def _belongs(workspace: Workspace, policy: Policy, item: Item | None) -> None:
    for name, row in (("policy", policy), ("item", item)):
        if row is not None and row.workspace_id != workspace.pk:
            raise NotAllowed(f"The {name} belongs to another workspace.", code="WORKSPACE_MISMATCH")


def _behind(refs: Iterable[str], named: Iterable[str], since: datetime) -> list[int]:
    """The people named, and whoever answered for the agents among these since then: an agent that
    was handed on has still made it for who had it."""
    agents = Agent.objects.filter(pk__in=_numbers("agent:", [*refs, *named]))
    return sorted({*agents.answered_for_by(since), *_numbers("user:", named)})


def _since(item: Item | None) -> datetime:
    """What is asked about is made once its item is there; without one, as it is asked."""
    return item.created_at if item is not None else clock.now()


def _numbers(kind: str, refs: Iterable[str]) -> list[int]:
    found = [ref.removeprefix(kind) for ref in refs if ref.startswith(kind)]
    return [int(one) for one in found if one.isdigit()]


@transaction.atomic
def revise(
    request: Request,
    packet: Any,
    *,
    actor: Actor,
    producers: Iterable[Any] = (),
    title: str = "",
    reason: str = "",
    vouched: bool = False,
    behind: Iterable[Any] = (),
) -> Request:
    """Ask the same question with another packet. What was signed of the last one stays readable
    and counts for nothing; the clock goes on. `vouched`: the app that asks has made sure that
    this actor may change the subject; otherwise it is for whoever asked.

    Whoever revises what another asked for has made this packet, and won't sign it; those `behind`
    it count as who asked.
    """
    access.require(actor, "approval.ask", request)
    if not vouched:
        access.require(actor, "approval.withdraw", request)
    refer(request.item_id)  # the next revision names it too
    row = moving.hold(request)
    _revisable(row)
    if not (vouched or owners.get(row.owner).free_packets):
        raise Conflict("Change what it is about; its packet follows.", details={"owner": row.owner})
    text = packets.clean(packet)
    if row.is_open and text == row.packet_text:
        return row
    made, named = reading.people("producers", producers), reading.people("behind", behind)
    if actor.kind != "job" and actor.ref not in {row.requested_by_ref, *named}:
        made.append(actor.ref)
    revised = _revision_of(
        row, text,
        title=reading.line("title", title, 200) or row.title,
        producers=list(dict.fromkeys([*row.producers, *made])),
        behind=sorted({*row.behind, *_behind([actor.ref, *made], named, _since(row.item))}),
    )  # fmt: skip
    if row.is_open:
        why = f"Revision {revised.revision} took its place."
        moving.close(row, "void", actor=actor, reason=why)
        telling.note(row, "approval.void", actor=actor, said=f"voided {row.ref}", reason=why)
        telling.emit(row)
    stored = _store(revised, actor, said="asked again with another packet", reason=reason)
    _refresh(request, row)
    return stored


def _revision_of(row: Request, text: str, **changed: Any) -> Request:
    """The same question by the same policy, asked now, with another packet; not stored yet."""
    now = max(clock.now(), row.asked_at)
    return Request(
        workspace_id=row.workspace_id,
        policy_id=row.policy_id,
        policy_snapshot=row.policy_snapshot,
        owner=row.owner,
        subject=row.subject,
        item=row.item,
        packet_text=text,
        sha256=packets.digest(text),
        question=row.question,
        revision=row.revision + 1,
        supersedes=row,
        requested_by_id=row.requested_by_id,
        requested_by_ref=row.requested_by_ref,
        requested_by_name=row.requested_by_name,
        requested_at=row.requested_at,
        asked_at=now,
        due_at=row.due_at,
        expires_at=now + timedelta(minutes=row.policy_snapshot["expires_minutes"]),
        **changed,
    )


def _revisable(row: Request) -> None:
    if row.status not in REVISABLE or (row.status == "void" and row.decided_at is not None):
        raise Conflict(
            f"It is {row.get_status_display().lower()}. Ask anew.",
            details={"status": row.status},
        )
    later = Request.objects.filter(question=row.question, revision__gt=row.revision)
    newest = later.order_by("-revision").first()
    if newest is not None:
        raise Conflict(f"{newest.ref} is a later revision of it.", details={"current": newest.ref})


def _refresh(given: Request, row: Request) -> None:
    """What the caller holds tells what became of it."""
    for name in ("status", "version", "closed_at", "reason"):
        setattr(given, name, getattr(row, name))


def _store(request: Request, actor: Actor, *, said: str, reason: str = "") -> Request:
    request.number = refs.allocate(request.workspace_id, "APR").number
    request.save(force_insert=True)
    RequestSlot.objects.bulk_create(_slots(request))
    promises.make(request)
    telling.note(
        request,
        "approval.ask",
        actor=actor,
        said=f"{said}, {request.ref}",
        reason=reason,
        after={
            "owner": request.owner,
            "subject": request.subject,
            "policy": request.policy_snapshot["slug"],
            "sha256": request.sha256,
            "revision": request.revision,
            "producers": request.producers,
            "due_at": request.due_at.isoformat(),
            "expires_at": request.expires_at.isoformat(),
        },
    )
    telling.ask_signers(request, "approval.asked", f"{request.uid}:asked")
    telling.emit(request)
    return request


def _slots(request: Request) -> list[RequestSlot]:
    in_order = request.policy_snapshot["order"] == Policy.Order.IN_ORDER
    return [
        RequestSlot(
            request=request,
            position=place,
            slug=slot["slug"],
            title=slot["title"],
            roles=slot["roles"],
            needed=slot["count"],
            requester_may=slot["requester_may"],
            waiting=not in_order or place == 0,
        )
        for place, slot in enumerate(request.policy_snapshot["slots"])
    ]
