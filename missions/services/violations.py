"""When nobody handled what a safeguard found: the mission stops, people are told, and the news
goes up, once.

Callers hold the graph of work, then the mission. Of several that report in the same moment the
second finds the first's violation; two that would not hold the mission fail on its constraint.
"""

from __future__ import annotations

from typing import Any

from controlplane.audit.refs import subject_ref
from controlplane.base import signals
from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.notify import wording
from controlplane.notify.services import To, notify
from controlplane.work import services as work
from controlplane.work.models import Item
from missions import guarding, links
from missions.models import Finding, Mission, UndoPlan, Violation
from missions.services.noting import PORTAL, note
from missions.services.outstanding import is_over, outstanding
from missions.services.pausing import SHOWN, pause_mission

SIGNAL = "mission.safeguard"
_PRIORITY = {"critical": 0, "high": 1, "medium": 2, "low": 3}
wording.register(
    "mission.safeguard",
    "A safeguard stopped a mission",
    subject="{ref}: a safeguard was violated ({severity}): {title}",
    body="{found}\n\nDecide: resolve the finding, or let it pass for a time. Then it can go on.",
)


def violation_for(
    mission: Mission, *, actor: Actor, title: str, severity: str, found: str
) -> tuple[Violation, bool]:
    """The open one of this mission, or a new one: paused, with its item, its signal and news."""
    there = Violation.objects.open().filter(mission=mission).first()
    if there is not None:
        return there, False
    stops = mission.status == Mission.Status.ACTIVE
    made = Violation.objects.create(mission=mission, severity=severity, paused=stops)
    made.item = _item(made, title, found)
    made.save(update_fields=["item"])
    note(
        mission, "mission.violation", actor=actor,
        after={"violation": str(made.uid), "severity": severity, "item": made.item.key},
        reason=found[:500],
    )  # fmt: skip
    if mission.is_under_way:
        stop(mission, f"{title}: {found}" if found else title)
    _signal(made, title, found, actor)
    return made, True


def stop(mission: Mission, why: str) -> None:
    """By the portal itself, whoever reported."""
    held = pause_mission(mission, actor=PORTAL, reason=why[:500], cause=Mission.Cause.SAFEGUARD)
    for name in SHOWN:
        setattr(mission, name, getattr(held, name))


def _item(violation: Violation, title: str, found: str) -> Item:
    mission = violation.mission
    said = f"{found}\n\nIt holds {mission.ref} until each finding is decided. {way_back(mission)}"
    project = work.ensure_operations_project(mission.workspace, actor=PORTAL)
    ensured = work.ensure(
        project,
        f"mission-violation:{violation.uid}",
        actor=PORTAL,
        title=f"{mission.ref}: safeguard violated: {title}"[:200],
        item_type="incident",
        priority=_PRIORITY[violation.severity],
        labels=["incident", "mission", "safeguard"],
        description=said.strip(),
    )
    return ensured.item


def way_back(mission: Mission) -> str:
    """What Operations Command decides besides, where something was changed that can still be taken
    back; empty where there is nothing."""
    plan = UndoPlan.objects.filter(play__mission=mission, play__status="selected").first()
    if plan is None or plan.status != UndoPlan.Status.READY:
        return ""
    left = outstanding(plan)
    if not left or plan.deadline_at is None or is_over(plan):
        return ""
    steps = f"{len(left)} step{'' if len(left) == 1 else 's'}"
    return (
        f"What it changed can be taken back in {steps} until"
        f" {plan.deadline_at:%Y-%m-%d %H:%M} UTC: Operations Command decides whether,"
        f" at {links.plan_page(mission)}#undo"
    )


def _signal(violation: Violation, title: str, found: str, actor: Actor) -> None:
    mission = violation.mission
    payload: dict[str, Any] = {
        "violation": str(violation.uid),
        "mission": str(mission.uid),
        "ref": mission.ref,
        "title": mission.title,
        "safeguard": title,
        "severity": violation.severity,
        "stage": mission.stage,
        "paused": violation.paused,
        "item": violation.item.key if violation.item is not None else "",
        "found": found[:2_000],
        "way_back": way_back(mission),
        "reported_by": actor.ref,
        "link": links.page_of(mission),
    }
    signals.emit(SIGNAL, key=str(violation.uid), payload=payload, workspace_id=mission.workspace_id)


def tell_validators(finding: Finding, *, again: str = "") -> None:
    """Whoever has to decide it, now; one finding is told once, and once more when it is open
    again."""
    mission = finding.mission
    title = finding.called
    notify(
        workspace_id=mission.workspace_id,
        kind="mission.safeguard",
        to=To(roles=[guarding.VALIDATOR, guarding.OPERATIONS]),
        key=f"finding:{finding.uid}{again}",
        values={
            "ref": mission.ref,
            "title": title,
            "severity": finding.get_severity_display().lower(),
            "found": f"{finding.message or 'Nothing more was said.'} {way_back(mission)}".strip(),
        },
        urgency="critical" if finding.severity == "critical" else "normal",
        link=links.findings_of(mission),
        about=subject_ref(mission),
    )


def joined(violation: Violation, finding: Finding, *, actor: Actor) -> None:
    """One more finding of a mission that is held already."""
    _say(violation, f"One more: {finding}. {finding.message}"[:2_000], actor)


def settle_if_decided(violation: Violation | None, *, actor: Actor) -> bool:
    """When its last open finding was decided. The mission goes on when somebody lets it."""
    if violation is None or violation.status != Violation.Status.OPEN:
        return False
    if violation.findings.filter(status="open").exists():
        return False
    ended: Any = {"settled_at": clock.now(), "settled_by": actor.ref[:80]}
    advance(violation, "settled", actor=PORTAL, changes=ended)
    mission = violation.mission
    note(
        mission, "mission.violation", actor=actor,
        after={"violation": str(violation.uid), "status": "settled"},
        details={"transition": "-> settled"},
    )  # fmt: skip
    _say(violation, f"Each finding of {mission.ref} is decided; it can go on.", actor)
    return True


def _say(violation: Violation, text: str, actor: Actor) -> None:
    """On the item of the violation."""
    work.say_later(violation, text, actor=actor, portal=PORTAL)
