"""What a plan says beside its plays: notes, risks, the analyst's look at its hooks, who watches."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.access.models import Grant, User
from controlplane.approvals import packets as canonical
from controlplane.base.states import plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotFound
from missions import numbers_plans as numbers
from missions import packets, stages
from missions.models import DutyWindow, HookCheck, Mission, PlanNote, RiskEntry, StageVisit
from missions.services import reading, reading_plans
from missions.services.checkpoints import go_on_if_signed, packet_moved
from missions.services.holding import hold, require_status, visit_of
from missions.services.noting import emit, note
from missions.services.undo_plans import require_writable

_UNHOOKED = frozenset({"checklist", "evidence", "signatures", "confirms", "checkpoint", "attempt"})
_LONGEST_DUTY = timedelta(days=14)


# --- Notes --------------------------------------------------------------------------------------


@transaction.atomic
def put_plan_note(
    mission: Mission,
    *,
    actor: Actor,
    risk_notes: str | None = None,
    sla_impact: str | None = None,
    version: int | None = None,
) -> PlanNote:
    """What is left out stays. `version` is the note's own."""
    policy.require(actor, "mission.plan", mission)
    given = {"risk_notes": risk_notes, "sla_impact": sla_impact}
    values: dict[str, Any] = {
        name: reading.kept(name, text) for name, text in given.items() if text is not None
    }
    row = hold(mission)
    require_writable(row)
    found, _ = PlanNote.objects.get_or_create(mission=row)
    if version is not None and found.version != version:
        raise Conflict(
            "Somebody wrote in it since you looked. Look again.",
            details={"seen_version": version, "version": found.version},
        )
    before = {name: getattr(found, name) for name in values}
    if before == values:
        return found
    authors = list(dict.fromkeys([*found.authors, actor.ref[:80]]))
    values |= {"changed_by": actor.ref[:80], "authors": authors}
    PlanNote.objects.filter(pk=found.pk).update(
        **values, changed_at=clock.now(), version=F("version") + 1
    )
    found.refresh_from_db()
    after = {name: values[name] for name in before}
    note(row, "mission.plan", actor=actor, before=before, after=after,
         details={"transition": "-> notes"})  # fmt: skip
    packet_moved(row, actor=actor, why="The plan's notes were changed.")
    return found


# --- Risks --------------------------------------------------------------------------------------


def _risk(given: dict[str, Any], mission: Mission) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if "title" in given:
        values["title"] = reading.kept_line("title", given["title"], 200, required=True)
    for name in ("likelihood", "impact"):
        if name in given:
            values[name] = reading_plans.whole(name, given[name], 1, 5)
    if "reversibility" in given:
        known = RiskEntry.Reversibility.values
        values["reversibility"] = reading.choice("reversibility", given["reversibility"], known)
    if "mitigation" in given:
        values["mitigation"] = reading.kept_line("mitigation", given["mitigation"], 1_000)
    if "owner" in given:
        owner = given["owner"]
        values["owner"] = None if owner is None else reading.owner(mission.workspace_id, owner)
    return values


@transaction.atomic
def add_risk(mission: Mission, *, actor: Actor, **given: Any) -> RiskEntry:
    """One more thing that can go wrong. The same title and place twice is one."""
    policy.require(actor, "mission.plan", mission)
    for name in ("title", "likelihood", "impact", "reversibility"):
        if given.get(name) is None:
            raise reading.refuse(name, "Missing.")
    row = hold(mission)
    require_writable(row)
    values = _risk(given, row)
    same: RiskEntry | None = row.risks.standing().filter(**values).first()
    if same is not None:
        return same
    if row.risks.standing().count() >= numbers.MOST_RISKS:
        raise Conflict(f"A plan has at most {numbers.MOST_RISKS} risks.")
    by = actor.ref[:80]
    risk = RiskEntry.objects.create(mission=row, created_by=by, authors=[by], **values)
    _note_risk(row, risk, actor, None)
    return risk


@transaction.atomic
def change_risk(
    risk: RiskEntry, *, actor: Actor, version: int | None = None, **given: Any
) -> RiskEntry:
    policy.require(actor, "mission.plan", risk.mission)
    row, found = _hold_risk(risk, version)
    values = _risk(given, row)
    before = {name: plain(getattr(found, name)) for name in values}
    changed = {name: value for name, value in values.items() if getattr(found, name) != value}
    if not changed:
        return found
    changed["authors"] = list(dict.fromkeys([*found.authors, actor.ref[:80]]))
    RiskEntry.objects.filter(pk=found.pk).update(**changed, version=F("version") + 1)
    found.refresh_from_db()
    found.mission = row
    _note_risk(row, found, actor, before)
    return found


@transaction.atomic
def remove_risk(
    risk: RiskEntry, *, actor: Actor, reason: str = "", version: int | None = None
) -> RiskEntry:
    """It is none any more. It stays to be read."""
    policy.require(actor, "mission.plan", risk.mission)
    why = reading.kept_line("reason", reason, reading.REASON)
    row, found = _hold_risk(risk, version, gone=True)
    if found.removed_at is not None:
        return found
    found.removed_at, found.removed_by = clock.now(), actor.ref[:80]
    found.version += 1
    found.save(update_fields=["removed_at", "removed_by", "version"])
    note(row, "mission.plan", actor=actor, before={"risk": found.title}, after={"risk": None},
         reason=why, details={"transition": "-> risk"})  # fmt: skip
    packet_moved(row, actor=actor, why="A risk was removed.")
    return found


def _hold_risk(
    risk: RiskEntry, version: int | None, *, gone: bool = False
) -> tuple[Mission, RiskEntry]:
    row = hold(risk.mission)
    require_writable(row)
    found: RiskEntry = RiskEntry.objects.get(pk=risk.pk)
    found.mission = row
    if found.removed_at is not None and not gone:
        raise NotFound("The risk was removed.")
    if version is not None and found.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": found.version},
        )
    return row, found


def _note_risk(mission: Mission, risk: RiskEntry, actor: Actor, before: Any) -> None:
    after = {
        "risk": risk.title, "likelihood": risk.likelihood, "impact": risk.impact,
        "reversibility": risk.reversibility, "mitigation": risk.mitigation,
        "owner": f"user:{risk.owner_id}" if risk.owner_id else "",
    }  # fmt: skip
    note(mission, "mission.plan", actor=actor, before=before, after=after,
         details={"transition": "-> risk"})  # fmt: skip
    packet_moved(mission, actor=actor, why=f"A risk was changed: {risk.title}"[:500])


# --- Hooks --------------------------------------------------------------------------------------


def plan_digest(visit: StageVisit) -> str:
    """Of what will run: the packet without who ticked, linked and signs."""
    packet = packets.packet_of(visit)
    kept = {name: value for name, value in packet.items() if name not in _UNHOOKED}
    return canonical.digest(canonical.clean(kept))


@transaction.atomic
def check_hooks(
    mission: Mission, *, actor: Actor, passed: bool, details: str = "", sha256: str = ""
) -> HookCheck:
    """The telemetry analyst looked at this very plan. With the `sha256` that was read it is refused
    if the plan changed since. The same finding again is the one that stands."""
    policy.require(actor, "mission.hooks", mission)
    good = reading_plans.truth("passed", passed)
    words = reading.kept_line("details", details, 2_000, required=not good)
    row = hold(mission)
    require_status(row, "active", "paused")
    visit = visit_of(row)
    if visit.stage != "plan_approve":
        raise Conflict(
            f"{row.ref} is in {row.get_stage_display()}: hooks are checked in Plan & Approve.",
            details={"stage": row.stage, "legal": "plan_approve"},
        )
    digest = plan_digest(visit)
    seen = reading.line("sha256", sha256, 64).lower()
    if seen and seen != digest:
        raise Conflict("The plan changed since you looked. Look again.",
                       details={"sha256": "Another plan."})  # fmt: skip
    last = latest_check(visit)
    if last is not None and (last.sha256, last.passed, last.details) == (digest, good, words):
        return last
    made = HookCheck.objects.create(
        visit=visit, sha256=digest, passed=good, details=words, by=actor.ref[:80]
    )
    to = "passed" if good else "missing"
    note(row, "mission.hooks", actor=actor, after={"passed": good, "plan": digest[:12]},
         reason=words[:500], details={"transition": f"-> {to}"})  # fmt: skip
    emit(row, "hooks_checked", request=str(made.uid))
    go_on_if_signed(row)
    return made


def latest_check(visit: StageVisit) -> HookCheck | None:
    return HookCheck.objects.filter(visit=visit).order_by("-pk").first()


# --- Who watches --------------------------------------------------------------------------------


@transaction.atomic
def add_duty(
    mission: Mission,
    *,
    actor: Actor,
    person: User,
    starts_at: datetime,
    ends_at: datetime,
    note_: str = "",
) -> DutyWindow:
    """Somebody who holds the role watches from then till then. The same once more is one."""
    policy.require(actor, "mission.staff", mission)
    row = hold(mission)
    require_status(row, "draft", "active", "paused")
    begin, end = reading.moment("starts_at", starts_at), reading.moment("ends_at", ends_at)
    if begin is None or end is None:
        raise reading.refuse("starts_at" if begin is None else "ends_at", "A time.")
    if not begin < end <= begin + _LONGEST_DUTY:
        raise reading.refuse("ends_at", "After it starts, and at most 14 days later.")
    if end <= clock.now():
        raise reading.refuse("ends_at", "It is over.")
    who = reading.owner(row.workspace_id, person)
    if not _holds_role(row.workspace_id, who):
        raise reading.refuse("person", "Somebody who holds the role of Operations Command.")
    standing = row.duty_windows.standing()
    known: DutyWindow | None = standing.filter(person=who, starts_at=begin, ends_at=end).first()
    if known is not None:
        return known
    made = DutyWindow.objects.create(
        mission=row, person=who, starts_at=begin, ends_at=end,
        note=reading.kept_line("note", note_, 500), by=actor.ref[:80],
    )  # fmt: skip
    note(row, "mission.staff", actor=actor,
         after={"person": f"user:{who.pk}", "starts_at": plain(begin), "ends_at": plain(end)},
         details={"transition": "-> on"})  # fmt: skip
    go_on_if_signed(row)
    return made


def _holds_role(workspace_id: int, person: User) -> bool:
    rows = Grant.objects.held().of_active_people()
    found: bool = rows.filter(
        membership__workspace_id=workspace_id,
        membership__user=person,
        role=stages.kinds.OPERATIONS,
    ).exists()
    return found


@transaction.atomic
def cancel_duty(window: DutyWindow, *, actor: Actor, reason: str = "") -> DutyWindow:
    policy.require(actor, "mission.staff", window.mission)
    why = reading.kept_line("reason", reason, reading.REASON)
    row = hold(window.mission)
    found: DutyWindow = DutyWindow.objects.get(pk=window.pk)
    found.mission = row
    if found.cancelled_at is not None:
        return found
    found.cancelled_at, found.cancelled_by = clock.now(), actor.ref[:80]
    found.save(update_fields=["cancelled_at", "cancelled_by"])
    note(row, "mission.staff", actor=actor, before={"person": f"user:{found.person_id}"},
         after={}, reason=why, details={"transition": "-> off"})  # fmt: skip
    return found
