"""A mission's plan as its page and its card show it: plays side by side, the way back of the chosen
one, the risk matrix, notes, hooks, who watches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from controlplane.access.models import Grant, User
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from missions import links, reads, stages
from missions.execution.coverage import coverage, share
from missions.execution.watching import on_watch
from missions.models import Mission, PlanNote, Play, PlayStep, RiskEntry, UndoPlan, UndoStep
from missions.services.outstanding import standing_steps
from missions.services.plan_notes import latest_check, plan_digest
from missions.shown import plan_undo
from missions.shown.deciding import Act, Ask, Tried, refusal_of, said_once, with_trial

PLANNED_IN = ("prepare", "plan_approve")
_LEVELS = {"low": ("Low", "good"), "medium": ("Medium", "neutral"), "high": ("High", "warn")}
_REVERSIBLE = dict(RiskEntry.Reversibility.choices)
LIKELY = ("Rare", "Unlikely", "Possible", "Likely", "Expected")
GRAVE = ("Negligible", "Minor", "Moderate", "Major", "Severe")


def page(mission: Mission, actor: Actor, tried: Tried | None = None) -> dict[str, Any]:
    plays = _plays(mission)
    chosen = next((play for play in plays if play.status == "selected"), None)
    closed = not_now(mission)
    found = {
        "plays": [_play(play, mission, actor, tried, closed) for play in plays],
        "chosen": chosen,
        "closed": closed,
        "undo": plan_undo.shown(chosen, mission, actor, tried, closed) if chosen else None,
        **_risks(mission, actor, tried, closed),
        "note": PlanNote.objects.filter(mission=mission).first(),
        "note_act": _note_act(mission, actor, tried, closed),
        "hooks": _hooks(mission, actor, tried),
        **_duty(mission, actor, tried),
        "api": f"POST /api/v1/missions/{mission.ref}/plays",
    }
    _one_primary(found)
    undo = [found["undo"]] if found["undo"] else []
    for each in (*found["plays"], *undo, *found["risks"], found["hooks"], *found["windows"]):
        each["no"] = said_once(each["acts"])
    return found


def not_now(mission: Mission) -> str:
    """Why the plan cannot be changed; empty while it can."""
    if not mission.is_under_way:
        return f"the mission is {mission.get_status_display().lower()}"
    if mission.stage in PLANNED_IN:
        return ""
    return f"the mission is in {stages.get(mission.stage).label}: it is planned in Plan & Approve"


def refused(actor: Actor, action: str, mission: Mission, closed: str) -> str:
    return closed or refusal_of(actor, action, mission)


# --- Plays --------------------------------------------------------------------------------------


def _plays(mission: Mission) -> list[Play]:
    rows = mission.plays.live().prefetch_related("steps").order_by("rank")
    found = list(rows[:10])
    for play in found:
        play.mission = mission
    return found


def undo_steps(plays: list[Play]) -> dict[int, list[UndoStep]]:
    rows = UndoStep.objects.standing().filter(plan__play__in=plays).select_related("plan")
    found: dict[int, list[UndoStep]] = {}
    for step in rows.order_by("position"):
        found.setdefault(step.plan.play_id, []).append(step)
    return found


def _play(
    play: Play, mission: Mission, actor: Actor, tried: Tried | None, closed: str
) -> dict[str, Any]:
    plan = UndoPlan.objects.filter(play=play).first()
    undo = standing_steps(plan) if plan is not None else []
    steps = sorted(play.steps.all(), key=lambda step: step.position)
    mutating, covered, proven = coverage(steps, undo)
    back = {step.play_step_id for step in undo if not step.alternate}
    return {
        "play": play,
        "at": str(play.uid),
        "confidence": round(float(play.confidence) * 100) if play.confidence is not None else None,
        "effort": _LEVELS[play.effort],
        "risk": _LEVELS[play.risk],
        "steps": [_step(step, back) for step in steps],
        "mutating": mutating,
        "covered": covered,
        "proven": proven,
        "coverage": share(covered, mutating),
        "plan": plan,
        "acts": with_trial(_select(play, mission, actor, closed), tried),
    }


def _step(step: PlayStep, back: set[int | None]) -> dict[str, Any]:
    return {"step": step, "covered": step.pk in back}


def _select(play: Play, mission: Mission, actor: Actor, closed: str) -> list[Act]:
    if play.status == Play.Status.SELECTED:
        return []
    why = refused(actor, "mission.select", mission, closed)
    asks = (Ask("reason", "Because", help="It is part of what is signed."),)
    return [Act("select", str(play.uid), "Choose this play", "Choose it", asks, why,
                about=play.title)]  # fmt: skip


# --- Risks --------------------------------------------------------------------------------------


def _risks(mission: Mission, actor: Actor, tried: Tried | None, closed: str) -> dict[str, Any]:
    rows = list(mission.risks.standing().select_related("owner").order_by("pk"))
    numbers = {row.pk: place for place, row in enumerate(rows, 1)}
    people = _people(mission)
    why = refused(actor, "mission.plan", mission, closed)
    return {
        "matrix": _matrix(rows, numbers),
        "likely": LIKELY,
        "risks": [
            {
                "risk": row,
                "number": numbers[row.pk],
                "at": str(row.uid),
                "tone": tone_of(row.likelihood, row.impact),
                "reversible": _REVERSIBLE[row.reversibility],
                "acts": with_trial(_risk_acts(row, people, why), tried),
            }
            for row in sorted(rows, key=lambda each: (-each.score, each.pk))
        ],
        "risk_act": with_trial([_add_risk(people, why)], tried)[0],
    }


def tone_of(likelihood: int, impact: int) -> str:
    score = likelihood * impact
    return "high" if score >= 15 else "medium" if score >= 6 else "low"


def _matrix(rows: list[RiskEntry], numbers: dict[int, int]) -> list[dict[str, Any]]:
    """Five rows, the gravest first, each of five cells."""
    return [
        {
            "impact": impact,
            "label": GRAVE[impact - 1],
            "cells": [
                {
                    "label": LIKELY[likelihood - 1],
                    "score": likelihood * impact,
                    "tone": tone_of(likelihood, impact),
                    "risks": [
                        {"number": numbers[row.pk], "risk": row}
                        for row in rows
                        if (row.likelihood, row.impact) == (likelihood, impact)
                    ],
                }
                for likelihood in range(1, 6)
            ],
        }
        for impact in range(5, 0, -1)
    ]


def _people(mission: Mission) -> list[tuple[str, str]]:
    held = Grant.objects.held().of_active_people()
    members = held.filter(membership__workspace_id=mission.workspace_id)
    rows = User.objects.filter(pk__in=members.values("membership__user_id")).order_by("name")
    return [("", "Nobody yet"), *((str(row.uid), row.name or row.email) for row in rows[:300])]


def _risk_asks(people: list[tuple[str, str]], row: RiskEntry | None = None) -> tuple[Ask, ...]:
    def scale(words: tuple[str, ...]) -> list[tuple[str, str]]:
        return [(str(n), f"{n} {word}") for n, word in enumerate(words, 1)]

    owner = str(row.owner.uid) if row is not None and row.owner is not None else ""
    return (
        Ask("title", "What can go wrong", value=row.title if row else "", most=200, required=True),
        Ask("likelihood", "How likely", "choice", str(row.likelihood) if row else "3",
            choices=scale(LIKELY)),
        Ask("impact", "How grave", "choice", str(row.impact) if row else "3",
            choices=scale(GRAVE)),
        Ask("reversibility", "Can it be taken back", "choice",
            row.reversibility if row else "full", choices=RiskEntry.Reversibility.choices),
        Ask("mitigation", "What is done about it", "text", row.mitigation if row else "", 1_000),
        Ask("owner", "Who sees to it", "choice", owner, choices=people),
    )  # fmt: skip


def _add_risk(people: list[tuple[str, str]], why: str) -> Act:
    return Act("risk", "", "Add a risk", "Add it", _risk_asks(people), why)


def _risk_acts(row: RiskEntry, people: list[tuple[str, str]], why: str) -> list[Act]:
    if why:  # said once, where one is added
        return []
    version = Ask("version", kind="hidden", value=row.version)
    return [
        Act("change", str(row.uid), "Change", "Change it", (*_risk_asks(people, row), version),
            about=row.title),
        Act("remove", str(row.uid), "Remove", "Remove it",
            (Ask("reason", "Because"), version), about=row.title),
    ]  # fmt: skip


# --- Notes, hooks, duty -------------------------------------------------------------------------


def _note_act(mission: Mission, actor: Actor, tried: Tried | None, closed: str) -> Act:
    note = PlanNote.objects.filter(mission=mission).first()
    asks = (
        Ask("risk_notes", "Risk notes", "text", note.risk_notes if note else "", 16_000),
        Ask("sla_impact", "SLA impact", "text", note.sla_impact if note else "", 16_000,
            help="What it means for promises made to others."),
        *((Ask("version", kind="hidden", value=note.version),) if note else ()),
    )  # fmt: skip
    act = Act("notes", "", "Write the notes", "Keep them", asks,
              refused(actor, "mission.plan", mission, closed))  # fmt: skip
    return with_trial([act], tried)[0]


def _hooks(mission: Mission, actor: Actor, tried: Tried | None) -> dict[str, Any]:
    visit = mission.visits.filter(stage="plan_approve").order_by("-pk").first()
    check = latest_check(visit) if visit is not None else None
    digest = ""
    if visit is not None and visit.is_open:
        visit.mission = mission
        digest = plan_digest(visit)
    elsewhere = "" if digest else "hooks are checked while the mission is in Plan & Approve"
    why = elsewhere or refusal_of(actor, "mission.hooks", mission)
    sha = Ask("sha256", kind="hidden", value=digest)
    acts = [
        Act("hooks", "", "They are present", "They are present",
            (Ask("details", "What was seen", "text", most=2_000), sha), why),
        Act("unhooked", "", "Some are missing", "Some are missing",
            (Ask("details", "What is missing", "text", most=2_000, required=True), sha)),
    ]  # fmt: skip
    return {
        "check": check,
        "digest": digest,
        "stale": check is not None and bool(digest) and check.sha256 != digest,
        "acts": with_trial(acts[:1] if why else acts, tried),
    }


def _duty(mission: Mission, actor: Actor, tried: Tried | None) -> dict[str, Any]:
    rows = mission.duty_windows.standing().select_related("person").order_by("starts_at")
    why = refusal_of(actor, "mission.staff", mission)
    if not mission.is_open:
        why = f"the mission is {mission.get_status_display().lower()}"
    add = Act("duty", "", "Add a duty window", "Add it", (
        Ask("person", "Who watches", "choice", choices=_watchers(mission)),
        Ask("starts_at", "From (UTC)", "when"),
        Ask("ends_at", "Until (UTC)", "when"),
        Ask("note", "Note"),
    ), why)  # fmt: skip
    cancel = [] if why else [Act("unduty", "", "Cancel", "Cancel it", (Ask("reason", "Because"),))]
    return {
        "watch": on_watch(mission),
        "windows": [
            {"window": row, "at": str(row.uid),
             "acts": with_trial([_at(each, row) for each in cancel], tried)}
            for row in rows[:50]
        ],
        "duty_act": with_trial([add], tried)[0],
    }  # fmt: skip


def _at(act: Act, row: Any) -> Act:
    return replace(act, at=str(row.uid), about=str(row))


def _watchers(mission: Mission) -> list[tuple[str, str]]:
    held = Grant.objects.held().of_active_people()
    rows = held.filter(
        membership__workspace_id=mission.workspace_id, role=stages.kinds.OPERATIONS
    ).values_list("membership__user__uid", "membership__user__name")
    return [(str(uid), name) for uid, name in rows.order_by("membership__user__name")[:300]]


def _one_primary(found: dict[str, Any]) -> None:
    """The next thing this reader can do to the plan: choose, declare ready, check the hooks."""
    if found["chosen"] is None:
        for each in found["plays"]:
            if _mark(each, "acts"):
                return
    undo = found["undo"]
    if undo is not None and undo["wants_ready"] and _mark(undo, "acts"):
        return
    hooks = found["hooks"]
    if hooks["check"] is None or hooks["stale"]:
        _mark(hooks, "acts")


def _mark(holder: dict[str, Any], name: str) -> bool:
    acts = holder[name]
    for place, act in enumerate(acts):
        if not act.refusal:
            acts[place] = replace(act, primary=True)
            return True
    return False


# --- On the mission's page ----------------------------------------------------------------------


def card(mission: Mission, actor: Actor) -> dict[str, Any] | None:
    if mission.status == Mission.Status.DRAFT:
        return None
    plays = reads.PLAYS.of(mission)[:3]
    chosen = next((play for play in plays if play.status == "selected"), None)
    risks = kept.count(
        lambda mission: RiskEntry.objects.standing().filter(mission=mission), mission.pk
    )
    tones = {"proposed": "info", "selected": "good"}
    badge: Any = ("None", "neutral")
    if chosen is not None:
        badge = ("Chosen", "good")
    elif plays:
        badge = (f"{len(plays)} to choose from", "warn")
    return {
        "badge": badge,
        "lines": [
            {
                "text": f"{play.rank}. {play.title}",
                "note": play.impact,
                "state": play.get_status_display(),
                "tone": tones[play.status],
            }
            for play in plays
        ],
        "facts": [("Risks", risks)] if plays else [],
        "empty": "No play is proposed yet. The planner does: "
        f"POST /api/v1/missions/{mission.ref}/plays",
        "link": "Plan",
    }


def card_url(mission: Mission) -> str:
    return links.plan_page(mission)
