"""Signing. Everything is asked again under the request's lock: of two people in the same moment
the second sees what the first did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.urls import reverse

from controlplane.access import policy as access
from controlplane.access import step_up
from controlplane.approvals import owners, packets, signing
from controlplane.approvals.diffing import diff
from controlplane.approvals.errors import PACKET_CHANGED
from controlplane.approvals.models import Decision, Policy, Request, RequestSlot
from controlplane.approvals.services import closing, moving, reading, telling
from controlplane.approvals.signing import SlotView
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError, NotAllowed

_SIGN = "approval.sign"
_PAST = {"approved": "approved", "rejected": "rejected", "changes_requested": "sent back"}


@dataclass(frozen=True, slots=True)
class _Refused:
    """A refusal that changes something: what it found out is kept, then it is raised."""

    error: ControlPlaneError


def decide(
    request: Request,
    verdict: str,
    *,
    actor: Actor,
    sha256: str,
    slot: str = "",
    comment: str = "",
) -> Request:
    """Answer for oneself, or for whoever delegated. `sha256` is the hash of the packet that was
    read: an answer to anything but what stands now is refused with the difference.

    Two refusals leave something behind: a request whose subject moved on is void, one whose time
    is over has expired. They are committed before the refusal is raised, unless the caller holds
    a transaction of its own, in which case the next to look finds the same.
    """
    if verdict not in Decision.Verdict.values:
        raise reading.refuse("verdict", f"One of {', '.join(Decision.Verdict.values)}.")
    comment = reading.text(
        "comment", comment, reading.COMMENT, required=verdict != Decision.Verdict.APPROVED
    )
    sha256 = reading.text("sha256", sha256, 64, required=True).lower()
    with transaction.atomic():
        outcome = _decide(request, verdict, actor, sha256, slot, comment)
    if isinstance(outcome, _Refused):
        raise outcome.error
    return outcome


def _decide(
    request: Request, verdict: str, actor: Actor, sha256: str, slot: str, comment: str
) -> Request | _Refused:
    access.require(actor, _SIGN, request)
    row = moving.hold(request)
    _still_asked(row, sha256)
    if row.is_open and row.expires_at <= clock.now():
        closing.expire(row)
        return _Refused(Conflict("It expired before you decided.", details={"status": "expired"}))
    view = _choose(row, actor, slot)
    _fresh(row, actor)
    if verdict == Decision.Verdict.APPROVED:
        moved = _moved_on(row)
        if moved is not None:
            return moved
    _sign(row, view, verdict, actor, comment)
    if verdict != Decision.Verdict.APPROVED:
        moving.close(row, verdict, actor=actor, action=_SIGN)
    elif not row.slots.filter(signed__lt=F("needed")).exists():
        moving.close(row, "approved", actor=actor, action=_SIGN)
    else:
        Request.objects.filter(pk=row.pk).update(version=F("version") + 1)
        row.version += 1
    _tell(row, view, verdict, actor, comment)
    return row


# --- What may stand in the way ------------------------------------------------------------------


def _still_asked(row: Request, sha256: str) -> None:
    """What was read must be what is asked, and nothing newer may be."""
    newest = Request.objects.filter(question=row.question).order_by("-revision").first() or row
    if sha256 == row.sha256 and newest.pk == row.pk:
        return
    seen = Request.objects.filter(question=row.question, sha256=sha256).first()
    before = seen.packet if seen is not None else {}
    raise changed(before, newest.packet, sha256, newest)


def changed(before: Any, after: Any, seen: str, current: Request | None) -> Conflict:
    """The refusal that shows what the signer could not know."""
    return Conflict(
        "It changed after you opened it. Read the difference and decide on what stands now.",
        code=PACKET_CHANGED,
        details={
            "seen": seen,
            "current": None
            if current is None
            else {
                "ref": current.ref,
                "uid": str(current.uid),
                "revision": current.revision,
                "sha256": current.sha256,
                "status": current.status,
            },
            "diff": diff(before, after),
        },
    )


def _moved_on(row: Request) -> _Refused | None:
    """Ask the subject itself. The request is void if it is no longer what was asked about; a new
    revision is for whoever changed it, for only they know who made it."""
    owner = owners.get(row.owner)
    if owner.current_packet is None:
        return None
    stands = owner.current_packet(row)
    text = "{}" if stands is None else packets.clean(stands)
    if packets.digest(text) == row.sha256:
        return None
    before = row.packet
    why = "What was asked about is gone." if stands is None else "Its subject changed meanwhile."
    closing.void(row, actor=telling.PORTAL, reason=why)
    return _Refused(changed(before, {} if stands is None else stands, row.sha256, None))


def _choose(row: Request, actor: Actor, slot: str) -> SlotView:
    views = signing.slots_for(actor, row)
    if slot:
        views = [view for view in views if view.slot.slug == slot]
        if not views:
            raise reading.refuse("slot", "The request has no such slot.")
    usable = [view for view in views if view.may]
    for view in usable:
        if signing.holds_still(row, view, actor.user_id or 0):
            return view
    if usable:
        raise _denied(row, actor, "the role is no longer held", "role")
    # A denial says more than "it is full": whoever has no business here learns that first.
    worst = next((view for view in views if view.rule in signing.DENIALS), views[0])
    if worst.rule in signing.DENIALS:
        raise _denied(row, actor, worst.refusal, worst.rule)
    raise Conflict(
        f"{worst.refusal[:1].upper()}{worst.refusal[1:]}.",
        details={"rule": worst.rule, "status": row.status},
    )


def _fresh(row: Request, actor: Actor) -> None:
    """A session that stands open is nobody's signature, where the policy says so. Any answer is a
    signature: whoever finds the browser must not send things back in somebody's name either."""
    if signing.is_fresh(actor, row):
        return
    reason = signing.stale_words(row)
    raise NotAllowed(
        f"{reason[:1].upper()}{reason[1:]}. Confirm with a code at {reverse('access:confirm')},"
        " then send it again.",
        code=step_up.CODE,
        details={"rule": "fresh_factor", "confirm": reverse("access:confirm")},
        denial={
            "actor": actor,
            "action": _SIGN,
            "subject": row,
            "rule": "fresh_factor",
            "reason": reason,
        },
    )


def _denied(row: Request, actor: Actor, reason: str, rule: str) -> NotAllowed:
    return NotAllowed(
        f"{reason[:1].upper()}{reason[1:]}.",
        details={"rule": rule},
        denial={
            "actor": actor,
            "action": _SIGN,
            "subject": row,
            "rule": rule,
            "reason": reason,
        },
    )


# --- The signature ------------------------------------------------------------------------------


def _sign(row: Request, view: SlotView, verdict: str, actor: Actor, comment: str) -> Decision:
    slot = view.slot
    now = max(clock.now(), row.asked_at)
    age = None
    if actor.second_factor_at is not None:
        age = max(int(now.timestamp() - actor.second_factor_at), 0)
    delegation = view.delegation
    made = Decision.objects.create(
        workspace_id=row.workspace_id,
        request=row,
        slot=slot,
        instance=slot.signed + 1,
        person_id=actor.user_id or 0,
        as_role=view.as_role,
        verdict=verdict,
        comment=comment,
        sha256=row.sha256,
        decided_at=now,
        factor_age_s=age,
        delegation=delegation,
        delegated_from=delegation.from_user if delegation is not None else None,
        break_glass=view.break_glass,
    )
    if verdict == Decision.Verdict.APPROVED:
        _count(row, slot)
    return made


def _count(row: Request, slot: RequestSlot) -> None:
    """One more signature; the next slot's turn, where they come one after the other."""
    slot.signed += 1
    slot.waiting = not slot.is_full
    RequestSlot.objects.filter(pk=slot.pk).update(signed=slot.signed, waiting=slot.waiting)
    if slot.waiting or row.policy_snapshot["order"] != Policy.Order.IN_ORDER:
        return
    following = row.slots.filter(signed__lt=F("needed")).order_by("position").first()
    if following is not None:
        RequestSlot.objects.filter(pk=following.pk).update(waiting=True)
        telling.ask_signers(row, "approval.asked", f"{row.uid}:asked:{following.slug}")


def _tell(row: Request, view: SlotView, verdict: str, actor: Actor, comment: str) -> None:
    giver = view.on_behalf_of
    telling.note(
        row,
        _SIGN,
        actor=actor,
        said=f"{_PAST[verdict]} {row.ref} ({view.slot.title})",
        reason=comment,
        before={"status": "open", "decision": ""},
        after={
            "decision": verdict,
            "slot": view.slot.slug,
            "as_role": view.as_role,
            "sha256": row.sha256,
            "status": row.status,
        },
        details={
            **({"signed_for": f"user:{giver.pk}"} if giver is not None else {}),
            **({"break_glass": True} if view.break_glass else {}),
        }
        or None,
    )
    if row.is_open:
        return
    moving.tell_owner(row, actor)
    telling.tell_requester(
        row, "approval.decided", f"{row.uid}:decided", what=_PAST[verdict], why=comment
    )
    telling.emit(row)
