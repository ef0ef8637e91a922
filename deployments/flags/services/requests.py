"""Change requests: settings that others consent to first.

The approvals kernel asks, counts and remembers; this says what was asked for, and does it once
the answer is yes. The packet holds the version of what it would change, and what stands behind
the names in it. When any of that has moved, the request is void with the difference, whoever
notices it: a signer, or the clock.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.approvals import packets
from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.base.states import advance
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import actors
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError
from controlplane.work.services.referring import refer
from deployments.flags import telling
from deployments.flags.diffs import differences
from deployments.flags.models import ChangeRequest, Flag, FlagState
from deployments.flags.services import gates
from deployments.flags.services.holding import hold_state
from deployments.flags.services.meaning import meaning
from deployments.flags.services.noting import short_reason
from deployments.flags.services.settings import put
from deployments.flags.services.waiting import checked, in_time, later

OWNER = "flags.change"
POLICY = "flag_change"
TIMER = "flags.apply"
PORTAL = actors.job("flag-requests")


@transaction.atomic
def propose(
    state: FlagState,
    settings: dict[str, Any],
    *,
    actor: Actor,
    version: int | None,
    reason: str,
    item: str = "",
    apply_at: datetime | None = None,
    instead_of: ChangeRequest | None = None,
) -> ChangeRequest:
    """Ask for consent to these settings. `instead_of` is an earlier request of the same question:
    what was sent back, or what has moved; its clock goes on."""
    policy.require(actor, "flag.change", state.flag)
    reason = short_reason(reason)
    row = _hold_for_asking(state, version, instead_of)
    document = checked(row, settings)
    if document == row.settings:
        raise Conflict("That is how it stands already.")
    asked = ChangeRequest(
        workspace_id=row.workspace_id,
        flag=row.flag,
        environment=row.environment,
        settings=document,
        base=row.settings,
        base_version=row.version,
        reason=reason,
        item=item[:120],
        author_ref=actor.ref[:80],
        apply_at=in_time("apply_at", apply_at) if apply_at else None,
    )
    packet = packet_of(asked, row)
    if instead_of is None:
        asked.approval = _ask(asked, row, packet, actor)
    else:
        asked.approval = _ask_again(instead_of, asked, packet, actor)
        if asked.approval.pk == instead_of.approval_id:
            return instead_of
    asked.save()
    return asked


def _hold_for_asking(
    state: FlagState, version: int | None, instead_of: ChangeRequest | None
) -> FlagState:
    """The state, held; and before it the item, which the approval's request will name."""
    item = Flag.objects.values_list("item_id", flat=True).get(pk=state.flag_id)
    earlier = instead_of.approval if instead_of is not None else None
    refer(item, earlier.item_id if earlier is not None else None)
    row = hold_state(state, version=version)
    if row.flag.item_id != item:
        raise Conflict("The flag's work item changed this moment. Ask again.")
    return row


def revisable(state: FlagState) -> ChangeRequest | None:
    """What is asked for there and not answered yet, or was sent back and not asked again: the next
    wish is that question once more, not a second one beside it."""
    rows = ChangeRequest.objects.filter(flag=state.flag_id, environment=state.environment_id)
    rows = rows.select_related("approval").order_by("-id")
    waiting: ChangeRequest | None = rows.filter(status=ChangeRequest.Status.WAITING).first()
    if waiting is not None:
        return waiting
    newest: ChangeRequest | None = rows.first()
    returned = newest is not None and newest.status == ChangeRequest.Status.RETURNED
    return newest if returned else None


def packet_of(asked: ChangeRequest, row: FlagState) -> dict[str, Any]:
    """What is signed: the whole of both sides, which version it would change, whom the
    segments mean that it names, which values it would serve, how the flags stand that it needs,
    and which others are on there by this one's being off."""
    return {
        "flag": row.flag.flag_name,
        "environment": row.environment.slug,
        "version": row.version,
        "changes": differences(row.settings, asked.settings),
        "before": row.settings,
        "after": asked.settings,
        **meaning(row, asked.settings),
        "reason": asked.reason,
        "item": asked.item,
        "apply_at": asked.apply_at.isoformat() if asked.apply_at else None,
    }


def _ask(asked: ChangeRequest, row: FlagState, packet: dict[str, Any], actor: Actor) -> Request:
    return approvals.ask(
        row.flag.workspace,
        policy=POLICY,
        owner=OWNER,
        subject=f"feature_flags.changerequest:{asked.uid}",
        title=_title(row),
        packet=packet,
        actor=actor,
        producers=[actor],  # whatever a policy lets requesters do: these settings are theirs
        item=row.flag.item,
    )


def _ask_again(
    earlier: ChangeRequest, asked: ChangeRequest, packet: dict[str, Any], actor: Actor
) -> Request:
    if (earlier.flag_id, earlier.environment_id) != (asked.flag_id, asked.environment_id):
        raise Conflict("The earlier request is about another flag or environment.")
    if earlier.approval is None:
        raise Conflict("The earlier request was never asked.")
    made = approvals.revise(
        earlier.approval,
        packet,
        actor=actor,
        producers=[actor],
        reason=asked.reason,
        vouched=True,
    )
    if made.pk == earlier.approval_id:
        return made  # word for word what it asks already
    earlier.refresh_from_db()
    if earlier.status == ChangeRequest.Status.WAITING:
        # Its approval became a revision of another packet: nobody will answer this one.
        advance(earlier, "void", actor=PORTAL, changes={"outcome": f"{made.ref} took its place."})
    return made


def _title(row: FlagState) -> str:
    return f"Change {row.flag.flag_name} in {row.environment}"[:200]


def withdraw_request(asked: ChangeRequest, *, actor: Actor, reason: str = "") -> ChangeRequest:
    """Take it back, also when it was consented to and waits for its time."""
    reason = short_reason(reason, required=False)
    with transaction.atomic():
        policy.require(actor, "flag.change", asked.flag)
        if asked.approval is not None:
            if asked.status == ChangeRequest.Status.APPROVED:
                _withdraw_approved(asked, actor, reason)
            else:
                approvals.withdraw(asked.approval, actor=actor, reason=reason, vouched=True)
    asked.refresh_from_db()
    return asked


def _withdraw_approved(asked: ChangeRequest, actor: Actor, reason: str) -> None:
    assert asked.approval is not None
    hold_for(asked.approval)
    why = reason or "Withdrawn after consent."
    timers.cancel_timer(_key(asked))
    _end(asked, "withdrawn", why)  # first: the approval's end would make it void
    approvals.void(asked.approval, actor=actor, reason=why)


# --- What the approvals kernel calls ------------------------------------------------------------


def hold_for(request: Request) -> None:
    """The subject's rows before the request's: edits take them in the same order."""
    asked = _asked(request)
    if asked is not None:
        hold_state(_state(asked), archived=True)


def current_packet(request: Request) -> dict[str, Any] | None:
    """What it would change, as it stands now. None when the flag is gone."""
    asked = _asked(request)
    if asked is None or asked.flag.is_archived:
        return None
    return packet_of(asked, _state(asked))


def on_decided(request: Request, actor: Actor) -> None:
    asked = _asked(request)
    if asked is None or asked.status != ChangeRequest.Status.WAITING:
        return
    if request.status == Request.Status.APPROVED:
        _approved(asked)
    elif request.status == Request.Status.REJECTED:
        _end(asked, "rejected", "Refused.")
    else:
        _end(asked, "returned", "Sent back for changes.")


def on_closed(request: Request, actor: Actor) -> None:
    asked = _asked(request)
    if asked is None or asked.status not in ("waiting", "approved"):
        return
    to = {"withdrawn": "withdrawn", "expired": "expired"}.get(request.status, "void")
    timers.cancel_timer(_key(asked))
    _end(asked, to, request.reason[:500])


def link_for(request: Request) -> str:
    asked = _asked(request)
    return telling.link_of(asked.flag) if asked is not None else ""


def _asked(request: Request) -> ChangeRequest | None:
    rows = ChangeRequest.objects.select_related("flag", "environment", "approval")
    found: ChangeRequest | None = rows.filter(approval=request).first()
    return found


def _state(asked: ChangeRequest) -> FlagState:
    found: FlagState = FlagState.objects.select_related("flag", "environment").get(
        flag_id=asked.flag_id, environment_id=asked.environment_id
    )
    return found


# --- Doing it -----------------------------------------------------------------------------------


def _approved(asked: ChangeRequest) -> None:
    """At once, or at its time. Runs in the transaction of the last signature."""
    row = hold_state(_state(asked))
    sentence = _frozen(asked, row)
    if asked.apply_at is None and sentence is None:
        _apply(asked, row)
        return
    advance(
        asked,
        "approved",
        actor=PORTAL,
        changes={"outcome": f"Waits: {sentence}"[:500] if sentence else "Waits for its time."},
    )
    _set_timer(asked, asked.apply_at or later())


@timers.on(TIMER)
def apply_due(timer: Timer) -> None:
    asked = ChangeRequest.objects.select_related("flag", "environment", "approval").get(
        uid=timer.payload["request"]
    )
    try:
        with transaction.atomic():
            row = hold_state(_state(asked))
            asked.refresh_from_db(fields=["status", "version"])
            if asked.status != ChangeRequest.Status.APPROVED:
                return
            sentence = _frozen(asked, row)
            if sentence:
                ChangeRequest.objects.filter(pk=asked.pk).update(outcome=f"Waits: {sentence}"[:500])
                _set_timer(asked, later())
                return
            _refuse_moved(asked, row)
            _apply(asked, row)
    except ControlPlaneError as error:
        _give_up(asked, error)


def _frozen(asked: ChangeRequest, row: FlagState) -> str | None:
    return gates.held_by_freeze(row, asked.settings)


def _refuse_moved(asked: ChangeRequest, row: FlagState) -> None:
    """The same comparison as at each signature, for what moved between the last one and now."""
    assert asked.approval is not None
    stands = packets.clean(packet_of(asked, row))
    if packets.digest(stands) == asked.approval.sha256:
        return
    found = differences(asked.base, row.settings)
    found = found or differences(asked.approval.packet, json.loads(stands))
    places = ", ".join(each["path"] for each in found[:5])
    raise Conflict(
        f"What it would change has moved{': ' + places if places else ''}.",
        details={"differences": found[:100]},
    )


def _apply(asked: ChangeRequest, row: FlagState) -> None:
    document = checked(row, asked.settings)
    approval = asked.approval
    change = put(
        row,
        document,
        "approved",
        actor=PORTAL,
        reason=asked.reason,
        item=asked.item,
        details={
            "request": str(asked.uid),
            "author": asked.author_ref,
            "approval": approval.ref if approval else "",
        },
    )
    advance(asked, "applied", actor=PORTAL, changes={"change": change, "outcome": "Applied."})


def _give_up(asked: ChangeRequest, error: ControlPlaneError) -> None:
    with transaction.atomic():
        asked.refresh_from_db(fields=["status", "version", "outcome"])
        if asked.status != ChangeRequest.Status.APPROVED:
            return
        _end(asked, "void", error.message[:500])
        if asked.approval is not None:
            asked.approval.refresh_from_db()
            approvals.void(asked.approval, actor=PORTAL, reason=error.message[:500])
        telling.given_up(asked)


def _end(asked: ChangeRequest, to: str, outcome: str) -> None:
    advance(asked, to, actor=PORTAL, changes={"outcome": outcome[:500]})


def _set_timer(asked: ChangeRequest, at: datetime) -> None:
    timers.set_timer(
        TIMER,
        key=_key(asked),
        due_at=at,
        subject=f"feature_flags.flag:{asked.flag_id}",
        workspace_id=asked.workspace_id,
        payload={"request": str(asked.uid)},
    )


def _key(asked: ChangeRequest) -> str:
    return f"flag-request:{asked.uid}"
