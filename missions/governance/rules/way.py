"""G1 to G8: what has to hold since a stage was left, and while a mission executes.

Rules ask the gates of the stage table where these know the answer: a gate passed once does not
say that it would pass today.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from controlplane.approvals.models import Request
from missions import packets, reads, stages
from missions.gates.looking import Look, evidence_of
from missions.governance.kinds import begun, each, gates, since, within
from missions.models import Mission, StageVisit

_PLAN = "plan_approve"
_SIGNERS = ("gv", "oc")


@each("G1", "Stages were passed in order, each signed and with its evidence", begun)
def way(look: Look) -> Iterator[str]:
    began = look.mission.created_at  # what was signed elsewhere, before, is not known here
    visits = [each for each in look.visits if each.left_at is None or each.left_at > began]
    for earlier, later in pairwise(visits):
        if not _may_follow(earlier, later):
            yield f"{later} came after {earlier}, which is no step."
    last = visits[-1] if visits else None
    if last is not None and look.mission.is_under_way and not (
        last.is_open and last.stage == look.mission.stage
    ):  # fmt: skip
        yield "No visit is open where it stands."
    for visit in visits:
        if visit.outcome == StageVisit.Outcome.COMPLETED:
            yield from _left(visit)


def _may_follow(earlier: StageVisit, later: StageVisit) -> bool:
    here, there = (stages.SLUGS.index(each.stage) for each in (earlier, later))
    if earlier.outcome == StageVisit.Outcome.COMPLETED:
        return there == here + 1
    return earlier.outcome == StageVisit.Outcome.SENT_BACK and there <= here


def _left(visit: StageVisit) -> Iterator[str]:
    request = visit.approval
    # What it was sent back for later is superseded: it was signed when the stage was left.
    if request is None or request.status not in {"approved", "superseded"}:
        yield f"{visit} was left without its signatures."
    if not evidence_of(visit):
        yield f"{visit} was left without {visit.definition.evidence.slug}."


@each("G2", "The KPI can be measured; safeguards are justified and acknowledged", since("define"))
def defined(look: Look) -> Iterable[str]:
    names = ("kpi_measurable", "safeguards_justified", "safeguards_acknowledged")
    return gates(look, "define", *names)


@each("G3", "Connections were inspected first, hold the scopes approved and are in force",
      since("prepare"))  # fmt: skip
def connected(look: Look) -> Iterable[str]:
    return gates(look, "prepare", "toolkits_decided", "inspected_first", "scopes_granted")


@each("G4", "The data covers enough, or a gap was accepted", since("prepare"))
def covered(look: Look) -> Iterable[str]:
    return gates(look, "prepare", "data_coverage")


@each("G5", "The packet is signed by two people and is what stands now", since(_PLAN))
def packet(look: Look) -> Iterator[str]:
    visit, request = _packet(look)
    if visit is None:
        if look.mission.source != Mission.Source.IMPORT:
            yield "Its plan was never approved."
        return
    if request is None or request.status != Request.Status.APPROVED:
        yield "The packet of its plan is not approved."
        return
    signed = {
        (each.slot.slug, each.person_id)
        for each in reads.APPROVED.of(look.mission)
        if each.request_id == request.pk and each.slot.slug in _SIGNERS
    }
    missing = [slot for slot in _SIGNERS if not any(each == slot for each, _ in signed)]
    if missing:
        yield f"{request.ref} lacks the signature of {' and '.join(missing).upper()}."
    elif len({person for _, person in signed}) < len(_SIGNERS):
        yield f"{request.ref} is signed twice by one person."
    if not packets.stands(visit, request):
        yield f"What stands is not what {request.ref} was signed for."


def _packet(look: Look) -> tuple[StageVisit | None, Request | None]:
    visit = look.last_visit(_PLAN)
    return visit, visit.approval if visit is not None else None


@each("G6", "The undo plan covers every change, within the time of the approval", since(_PLAN))
def undo(look: Look) -> Iterator[str]:
    plan = reads.undo_plan(look.mission)
    if plan is not None and plan.closed_at is not None:
        return  # taken back, or its time is over: there is nothing left to cover
    yield from gates(look, _PLAN, "undo_ready")
    _, request = _packet(look)
    if plan is None or request is None or plan.deadline_at is None:
        return
    if plan.deadline_at > request.expires_at:
        yield f"It may be undone for longer than {request.ref} holds."


@each("G7", "Telemetry hooks were checked on the plan that stands", since(_PLAN))
def hooks(look: Look) -> Iterable[str]:
    return gates(look, _PLAN, "hook_check")


@each("G8", "Somebody of Operations Command is on duty while it executes",
      within("execute_observe"))  # fmt: skip
def staffed(look: Look) -> Iterable[str]:
    if look.mission.status == Mission.Status.PAUSED:
        return ()
    return gates(look, "execute_observe", "duty_window")
