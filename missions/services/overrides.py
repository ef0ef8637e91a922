"""What is let pass: asked for by one, granted by another of the right role, for a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.access.policy import role_label
from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition, NotAllowed
from missions import guarding, packets, stages
from missions.models import Finding, Mission, MissionToolkit, Override
from missions.services import findings, given, reading, violations
from missions.services.checkpoints import go_on_if_signed, packet_moved
from missions.services.holding import hold, require_status
from missions.services.moving import going_back
from missions.services.noting import PORTAL, note, tell

OPEN = ("requested", "granted")


def role_for(override: Override) -> str:
    """Whoever may let it pass."""
    if override.kind == Override.Kind.GATE:
        return guarding.GATES.get(override.subject, guarding.VALIDATOR)
    return guarding.VALIDATOR


def label_of(override: Override) -> str:
    """What it lets pass, in words."""
    if override.kind == Override.Kind.GATE:
        return stages.gate_of(override.subject).title
    if override.kind == Override.Kind.FINDING:
        return str(override.finding)
    row = MissionToolkit.objects.filter(uid=override.subject).select_related("integration").first()
    return f"Coverage of {row}" if row is not None else "Coverage"


# --- Asking -------------------------------------------------------------------------------------


@transaction.atomic
def ask_override(
    mission: Mission, *, actor: Actor, kind: str, subject: str, reason: str
) -> Override:
    """Ask that something be let pass. Asked for already, or granted, it answers that one."""
    policy.require(actor, "mission.except", mission)
    wanted = reading.choice("kind", kind, Override.Kind.values)
    why = reading.reason(reason)
    row = hold(mission)
    require_status(row, "active", "paused", "completed", "failed", "cancelled")
    name, finding = _subject(row, wanted, subject)
    rows = Override.objects.filter(mission=row, kind=wanted, subject=name, status__in=OPEN)
    there: Override | None = rows.first()
    if there is not None and (there.status == "requested" or there.stands()):
        return there
    if there is not None:
        _end(there, row, "expired", PORTAL, "Its time is over.")
    try:
        with transaction.atomic():
            made = Override.objects.create(
                mission=row, kind=wanted, subject=name, finding=finding, reason=why,
                requested_by=actor.ref[:80],
            )  # fmt: skip
    except IntegrityError as error:
        if "override_one_at_a_time" not in str(error):
            raise
        raise Conflict("Somebody asked for it at the same moment. Look again.") from None
    note(
        row, "mission.except", actor=actor,
        after={"override": made.get_kind_display(), "of": label_of(made)[:200]}, reason=why,
    )  # fmt: skip
    _tell_asked(row, made, actor)
    return made


def _subject(mission: Mission, kind: str, subject: Any) -> tuple[str, Finding | None]:
    if kind == Override.Kind.GATE:
        name = reading.choice("subject", subject, guarding.GATES)
        return name, None
    uid = given.uid("subject", subject)
    if kind == Override.Kind.COVERAGE:
        if not mission.toolkits.filter(uid=uid).exists():
            raise reading.refuse("subject", "The mission has no such toolkit.")
        return str(uid), None
    finding = mission.findings.filter(uid=uid).first()
    if finding is None:
        raise reading.refuse("subject", "The mission has no such finding.")
    if finding.status not in {Finding.Status.OPEN, Finding.Status.EXCEPTED}:
        raise InvalidTransition(f"It is {finding.get_status_display().lower()}: nothing to ask.")
    return str(uid), finding


def _tell_asked(mission: Mission, made: Override, actor: Actor) -> None:
    if made.finding is not None:
        guard = made.finding.safeguard
        said = {
            "safeguard_id": str(guard.uid) if guard is not None else made.finding.external_id,
            "override_reason": made.reason,
            "approver_role": role_for(made),
        }
        tell(mission, "validator_override_requested", said, actor=actor)
        return
    said = {"override_type": made.kind, "requested_by": actor.ref, "rationale": made.reason}
    tell(mission, "governance_override_requested", said, actor=actor)


# --- Deciding -----------------------------------------------------------------------------------


def refusal(actor: Actor, override: Override) -> str:
    """Why somebody may not decide it; empty when they may."""
    decision = policy.can(actor, "mission.override", override)
    if not decision:
        return decision.reason
    if override.requested_by == actor.ref:
        return "nobody lets their own request pass"
    if actor.ref in packets.theirs(override.mission):
        return "whose mission it is lets nothing of it pass"
    role = role_for(override)
    here = override.workspace_id
    if role in actor.roles_in(here) or here in actor.break_glass:
        return ""
    return f"this is for {role_label(role)}"


def _allow(actor: Actor, override: Override) -> None:
    policy.require(actor, "mission.override", override)
    why = refusal(actor, override)
    if why:
        raise NotAllowed(
            f"{why[:1].upper()}{why[1:]}.",
            denial={"actor": actor, "action": "mission.override", "subject": override,
                    "rule": "override_role", "reason": why},
        )  # fmt: skip


def _until(expires_at: Any) -> datetime:
    now = clock.now()
    asked = given.ahead("expires_at", expires_at)
    most = now + timedelta(days=guarding.OVERRIDE_DAYS_MOST.value)
    if asked is None:
        return now + timedelta(days=guarding.OVERRIDE_DAYS.value)
    if asked > most:
        raise reading.refuse(
            "expires_at", f"At most {guarding.OVERRIDE_DAYS_MOST.value:g} days from now."
        )
    return asked


@transaction.atomic
def decide_override(
    override: Override,
    to: str,
    *,
    actor: Actor,
    reason: str = "",
    expires_at: datetime | None = None,
    version: int | None = None,
) -> Override:
    """Grant it until a time, or deny it and say why. Decided so already, nothing changes."""
    policy.require(actor, "mission.override", override)
    verdict = reading.choice("to", to, ("granted", "denied"))
    why = (
        reading.reason(reason)
        if verdict == "denied"
        else reading.kept_line("reason", reason, reading.REASON)
    )
    until = _until(expires_at) if verdict == "granted" else None
    mission = hold(override.mission)
    row = _again(override, mission, version)
    _allow(actor, row)
    if row.status == verdict:
        return row
    now = clock.now()
    changes = {
        "decided_by": actor.ref[:80], "decided_at": now, "role": role_for(row), "decision": why,
        "expires_at": until,
    }  # fmt: skip
    advance(row, verdict, actor=actor, reason=why, changes=changes)
    _note(mission, row, actor, verdict, why)
    if verdict == "granted":
        if row.finding is not None:
            _let_pass(row, mission, actor)
        packet_moved(mission, actor=actor, why=f"An exception was granted: {label_of(row)}.")
        go_on_if_signed(mission)
    return row


def _let_pass(row: Override, mission: Mission, actor: Actor) -> None:
    assert row.finding is not None
    finding = findings.again(row.finding, mission)
    if finding.status != Finding.Status.OPEN:
        return
    changes: Any = {"decided_by": actor.ref[:80], "decided_at": row.decided_at}
    advance(finding, "excepted", actor=actor, reason=row.reason, changes=changes)
    violations.settle_if_decided(finding.violation, actor=actor)


def _again(override: Override, mission: Mission, version: int | None) -> Override:
    row: Override = Override.objects.select_related("finding__safeguard").get(pk=override.pk)
    row.mission = mission
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody decided it since you looked. Look again.",
            details={"seen_version": version, "version": row.version, "status": row.status},
        )
    return row


def _note(mission: Mission, row: Override, actor: Actor, to: str, why: str) -> None:
    note(
        mission, "mission.override", actor=actor, reason=why,
        after={"override": row.get_kind_display(), "of": label_of(row)[:200], "decision": to},
        details={"transition": f"-> {to}"},
    )  # fmt: skip


# --- Ending -------------------------------------------------------------------------------------


@transaction.atomic
def revoke_override(override: Override, *, actor: Actor, reason: str) -> Override:
    """Nothing is let pass by it from here on; a finding it let pass is open again."""
    policy.require(actor, "mission.override", override)
    why = reading.reason(reason)
    mission = hold(override.mission)
    row = _again(override, mission, None)
    _allow(actor, row)
    if row.status == Override.Status.REVOKED:
        return row
    _end(row, mission, "revoked", actor, why)
    return row


def _end(row: Override, mission: Mission, to: str, actor: Actor, why: str) -> None:
    ended = {"ended_at": clock.now(), "ended_by": actor.ref[:80], "end_reason": why}
    advance(row, to, actor=actor, reason=why, changes=ended)
    _note(mission, row, actor, to, why)
    if row.finding is not None:
        finding = findings.again(row.finding, mission)
        if finding.status == Finding.Status.EXCEPTED:
            words = "The exception was taken back" if to == "revoked" else "The exception is over"
            findings.reopen(finding, actor=actor, why=f"{words}: {why}"[:500])
    if to == "revoked":
        packet_moved(mission, actor=actor, why=f"An exception was revoked: {label_of(row)}.")


@transaction.atomic
def expire_override(override: Override) -> bool:
    """By the portal, when its time is over."""
    mission = hold(override.mission)
    row = _again(override, mission, None)
    if row.status != Override.Status.GRANTED or row.stands():
        return False
    _end(row, mission, "expired", PORTAL, "Its time is over.")
    return True


@going_back
def fall(mission: Mission, stage: str, actor: Actor, reason: str) -> None:
    """What was let pass at the doors of the stage it goes back to, and of the later ones, was let
    pass for that time. Findings have their own: they hold the mission wherever it is."""
    later = [stages.get(each) for each in stages.SLUGS[stages.SLUGS.index(stage) :]]
    doors = {gate.slug for each in later for gate in (*each.entry, *each.exit_gates)}
    why = f"{mission.ref} went back to {stages.get(stage).label}: {reason}"[:500]
    rows = Override.objects.filter(mission=mission, status=Override.Status.GRANTED, finding=None)
    for row in rows.order_by("pk"):
        row.mission = mission
        if (row.subject if row.kind == Override.Kind.GATE else "data_coverage") in doors:
            _end(row, mission, "revoked", actor, why)
