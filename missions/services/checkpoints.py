"""Checkpoints: who is asked at the end of a stage, what they sign, what becomes of their answer.

The question belongs to a visit: its subject names it, so that no answer counts for another try.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.approvals import services as approvals
from controlplane.approvals.models import Delegation, Request
from controlplane.approvals.shipped import ship, slot
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet, InvalidTransition
from controlplane.work.services.referring import refer
from missions import links, packets, stages
from missions.gates.kinds import Check
from missions.gates.looking import Look, entry_checks, exit_checks
from missions.models import Mission, StageVisit
from missions.services.holding import hold, open_visit, require_status, visit_of
from missions.services.moving import move
from missions.services.noting import PORTAL, emit, tell

OWNER = "missions.checkpoint"
_KIND = {"plan_approve": "plan", "prepare": "toolkit"}

for _stage in stages.STAGES.values():
    _point = _stage.checkpoint
    ship(
        _point.policy,
        f"{_point.label} of a mission",
        about=_point.about,
        slots=[
            slot(each.slug, each.title, *each.roles, requester_may=each.owner_may)
            for each in _point.slots
        ],
        escalate_to=list(_point.escalate_to),
    )


def subject(visit: StageVisit) -> str:
    return f"missions.stagevisit:{visit.uid}"


# --- Asking -------------------------------------------------------------------------------------


@transaction.atomic
def ask_checkpoint(mission: Mission, *, actor: Actor, version: int | None = None) -> Request:
    """Ask the people of this stage's checkpoint. Everything else it asks must hold; asked again
    while nothing changed, it answers the same question."""
    policy.require(actor, "mission.ask", mission)
    refer(mission.item_id)  # the request names the item
    row = hold(mission, version=version)
    require_status(row, "active")
    visit = visit_of(row)
    before = visit.approval
    if before is not None and before.status in {"open", "approved"}:
        if packets.stands(visit, before):
            return before
        if before.status == "approved":
            approvals.void(before, actor=actor, reason="What was signed has changed.")
    require_gates(exit_checks(Look(row), signed=False))
    request = _ask(row, visit, before, actor)
    _point_to(visit, request)
    _tell_asked(row, visit, request, actor)
    emit(row, "asked", request=str(request.uid))
    return request


def _ask(mission: Mission, visit: StageVisit, before: Request | None, actor: Actor) -> Request:
    stage = visit.definition
    behind = packets.owner_refs(mission)
    makers = packets.makers(visit)
    if actor.ref not in behind and actor.kind != "job":
        makers.append(actor.ref)
    return approvals.ask_again(
        before,
        mission.workspace,
        policy=stage.checkpoint.policy,
        owner=OWNER,
        subject=subject(visit),
        title=f"{stage.checkpoint.label}: {mission.title}"[:200],
        packet=packets.packet_of(visit),
        actor=actor,
        producers=makers,
        behind=behind,
        item=mission.item,
    )


def _point_to(visit: StageVisit, request: Request) -> None:
    visit.approval = request
    visit.save(update_fields=["approval"])


def _tell_asked(mission: Mission, visit: StageVisit, request: Request, actor: Actor) -> None:
    kind = _KIND.get(visit.stage)
    if kind is None:
        return
    roles = [role for each in visit.definition.checkpoint.slots for role in each.roles]
    said = {
        "approval_type": kind,
        "approver_role": ",".join(roles),
        "due_at": request.due_at.isoformat(),
        "play_id": str(request.packet.get("mission_play") or ""),
    }
    tell(mission, "approval_requested", said, actor=actor)


@transaction.atomic
def withdraw_checkpoint(
    mission: Mission, *, actor: Actor, reason: str = "", version: int | None = None
) -> Request:
    """Take the question back, to change what it is about."""
    policy.require(actor, "mission.ask", mission)
    row = hold(mission, version=version)
    request = visit_of(row).approval
    if request is None or request.status != "open":
        raise InvalidTransition("Nothing is asked.", details={"status": row.status})
    return approvals.withdraw(request, actor=actor, reason=reason, vouched=True)


def require_gates(checks: Iterable[Check]) -> None:
    """Refuse with every open point, what it found and who can mend it."""
    unmet = [each for each in checks if not each.is_settled]
    if unmet:
        raise GateNotMet(
            "; ".join(each.sentence.rstrip(".") for each in unmet)[:2_000] + ".",
            details={
                "conditions": [each.sentence for each in unmet],
                "gates": [
                    {
                        "gate": each.slug,
                        "stage": each.stage,
                        "state": each.state,
                        "detail": each.detail,
                        "mend": each.mend,
                        "roles": list(each.gate.roles),
                    }
                    for each in unmet
                ],
            },
        )


# --- When what was asked about changes ----------------------------------------------------------


def packet_moved(mission: Mission, *, actor: Actor, why: str) -> None:
    """After a change of anything that is signed: a question that is open, or answered and not yet
    acted on, falls if it was about something else. Callers hold the mission."""
    visit = open_visit(mission)
    request = visit.approval if visit is not None else None
    if visit is None or request is None or request.status not in {"open", "approved"}:
        return
    if not packets.stands(visit, request):
        approvals.void(request, actor=actor, reason=why)


def supersede_from(mission: Mission, stage: str, *, actor: Actor, reason: str) -> int:
    """What was signed of this stage and the later ones counts for nothing any more; it stays to
    be read. How many there were."""
    place = stages.SLUGS.index(stage)
    visits = StageVisit.objects.filter(
        mission=mission,
        stage__in=stages.SLUGS[place:],
        approval__status__in=["open", "approved", "changes_requested"],
    )
    found = [visit.approval for visit in visits.select_related("approval").order_by("pk")]
    for request in found:
        assert request is not None
        approvals.supersede(request, actor=actor, reason=reason[:500])
    return len(found)


def close_open(mission: Mission, *, actor: Actor, reason: str) -> None:
    """The question falls with the mission."""
    visit = open_visit(mission)
    request = visit.approval if visit is not None else None
    if request is None:
        return
    if request.status == "open":
        approvals.withdraw(request, actor=actor, reason=reason, vouched=True)
    elif request.status == "approved":
        approvals.void(request, actor=actor, reason=reason)


# --- Going on -----------------------------------------------------------------------------------


@transaction.atomic
def advance_stage(
    mission: Mission, *, actor: Actor, to: str = "", version: int | None = None
) -> Mission:
    """Into the next stage, or to the end after the last, when everything holds. By itself it goes
    on with the last signature; this is for what had to wait for something else. Asked again for
    the stage it is in, it changes nothing."""
    policy.require(actor, "mission.move", mission)
    wanted = stages.normal(to, "to") if to else ""
    row = hold(mission, version=version)
    if wanted and wanted == row.stage and row.is_under_way:
        return row
    if not wanted and row.status == Mission.Status.COMPLETED:
        return row
    require_status(row, "active")
    following = stages.after(row.stage)
    if wanted and (following is None or wanted != following.slug):
        nearest = following.label if following is not None else "completed"
        raise InvalidTransition(
            f"{stages.get(row.stage).label} cannot become {stages.get(wanted).label}: "
            f"{nearest} comes next.",
            details={"from": row.stage, "to": wanted, "legal": following.slug if following else ""},
        )
    require_gates(_in_the_way(row))
    return _go_on(row, actor=actor, action="mission.move")


def _in_the_way(mission: Mission) -> list[Check]:
    look = Look(mission)
    following = stages.after(mission.stage)
    checks = exit_checks(look)
    if following is not None:
        checks += entry_checks(look, following.slug)
    return [each for each in checks if not each.is_settled]


def _go_on(
    mission: Mission, *, actor: Actor, action: str, reason: str = "", **said: Any
) -> Mission:
    following = stages.after(mission.stage)
    given: dict[str, Any] = {"actor": actor, "action": action, "reason": reason}
    if following is None:
        return move(mission, status="completed", **given)
    return move(mission, stage=following.slug, details=said, **given)


def go_on_if_signed(mission: Mission) -> bool:
    """After something that kept a signed mission where it is may have gone away. Callers hold
    it."""
    visit = open_visit(mission)
    request = visit.approval if visit is not None else None
    if mission.status != "active" or request is None or request.status != "approved":
        return False
    if _in_the_way(mission):
        return False
    _go_on(mission, actor=PORTAL, action="mission.move", reason=f"{request.ref} is approved.")
    return True


# --- What the approvals kernel calls ------------------------------------------------------------


def visit_about(request: Request) -> StageVisit | None:
    """Whichever revision it is: the subject names the visit."""
    _, _, uid = request.subject.partition(":")
    rows = StageVisit.objects.select_related("mission__workspace", "approval")
    found: StageVisit | None = rows.filter(uid=uid, mission__workspace=request.workspace_id).first()
    return found


def hold_for(request: Request) -> None:
    visit = visit_about(request)
    if visit is not None:
        hold(visit.mission)


def current_packet(request: Request) -> dict[str, Any] | None:
    visit = visit_about(request)
    if visit is None or not visit.is_open or visit.approval_id != request.pk:
        return None
    return packets.packet_of(visit)


def on_decided(request: Request, actor: Actor) -> None:
    """In the transaction of the last signature, or of the first refusal."""
    visit = visit_about(request)
    if visit is None or not visit.is_open or visit.approval_id != request.pk:
        return
    row = hold(visit.mission)
    _tell_decided(row, visit, request, actor)
    emit(row, f"checkpoint_{request.status}", request=str(request.uid))
    if request.status == Request.Status.APPROVED:
        if row.status == "active" and not _in_the_way(row):
            why = f"{request.ref} is approved."
            _go_on(row, actor=PORTAL, action="mission.move", reason=why, decided_by=actor.ref)
    elif request.status == Request.Status.REJECTED:
        why = f"{request.ref} is rejected: {_comment(request)}"[:500]
        given = {"actor": PORTAL, "action": "mission.send_back", "reason": why}
        move(row, stage=row.stage, details={"decided_by": actor.ref}, **given)  # type: ignore[arg-type]


def _comment(request: Request) -> str:
    last = request.decisions.order_by("-id").first()
    return last.comment if last is not None else ""


def _tell_decided(mission: Mission, visit: StageVisit, request: Request, actor: Actor) -> None:
    if visit.stage != "plan_approve":
        return
    play = str(request.packet.get("mission_play") or "")
    if request.status == Request.Status.APPROVED:
        last = request.decisions.order_by("-id").first()
        undo = request.packet.get("undo_plan")
        minutes = undo.get("window_minutes", 0) if isinstance(undo, dict) else 0
        said: dict[str, Any] = {
            "play_id": play,
            "approver_role": last.as_role if last is not None else "",
            "approval_timestamp": request.decided_at.isoformat() if request.decided_at else "",
            "undo_window_seconds": int(minutes or 0) * 60,
        }
        tell(mission, "approval_granted", said, actor=actor)
        kept = {
            "artifact_hash": request.sha256,
            "export_format": "json",
            "approver_role": said["approver_role"],
        }
        tell(mission, "audit_event_recorded", kept, actor=actor)
    elif request.status == Request.Status.REJECTED:
        why = _comment(request)
        said = {"play_id": play, "rejection_reason": "rejected", "feedback_note": why}
        tell(mission, "approval_rejected", said, actor=actor)


def on_closed(request: Request, actor: Actor) -> None:
    """It expired, was withdrawn, fell or was superseded: the mission stays where it is, and its
    gate says what became of the question."""
    visit = visit_about(request)
    if visit is not None and visit.is_open and visit.approval_id == request.pk:
        emit(visit.mission, f"checkpoint_{request.status}", request=str(request.uid))


def on_lent(delegation: Delegation, actor: Actor) -> None:
    """Telemetry hears of it where it heard that somebody was asked; the clock goes on."""
    request = delegation.request
    visit = visit_about(request) if request is not None else None
    if visit is None or request is None or visit.stage not in _KIND:
        return
    asked = {role for each in visit.definition.checkpoint.slots for role in each.roles}
    held = {delegation.role} if delegation.role else actor.roles_in(delegation.workspace_id) & asked
    said = {
        "from_role": ",".join(sorted(held)),
        "to_role": ",".join(sorted(held)),  # it is signed by what was lent
        "reason": delegation.reason,
        "delegated_by": actor.ref,
    }
    tell(visit.mission, "approval_delegated", said, actor=actor, stage=visit.stage)


def on_exported(request: Request, kind: str, actor: Actor) -> None:
    visit = visit_about(request)
    if visit is not None:
        said = {"format": kind, "requested_by": actor.ref}
        tell(visit.mission, "approval_exported", said, actor=actor)


def link_for(request: Request) -> str:
    visit = visit_about(request)
    return links.page_of(visit.mission) if visit is not None else ""


def request_of(mission: Mission) -> Request:
    request = visit_of(mission).approval
    if request is None:
        raise Conflict("Nobody was asked yet.", details={"status": mission.status})
    return request
