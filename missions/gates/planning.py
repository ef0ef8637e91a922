"""Answers to the gates of plans: a play, its way back, its risks, its hooks."""

from __future__ import annotations

from missions import links, reads
from missions.gates.kinds import Found, failed, not_applicable, passed, waiting
from missions.gates.looking import Look
from missions.gates.registry import provide
from missions.models import PlanNote, Play, UndoPlan
from missions.services.plan_notes import plan_digest
from missions.services.undo_plans import not_taken_back


def selected(look: Look) -> Play | None:
    return reads.selected_play(look.mission)


def _page(look: Look) -> tuple[str, str]:
    return ("Plan", links.plan_page(look.mission))


@provide("play_selected")
def play_selected(look: Look) -> Found:
    play = selected(look)
    if play is not None:
        return passed(f"{play.title} (rank {play.rank}).", _page(look))
    number = len(reads.PLAYS.of(look.mission))
    if not number:
        return failed("No play is proposed.", _page(look), mend="The planner proposes some")
    return failed(f"None of the {number} plays is selected.", _page(look))


@provide("undo_ready")
def undo_ready(look: Look) -> Found:
    play = selected(look)
    if play is None:
        return failed("No play is selected.", _page(look))
    plan, steps = reads.undo_plan(look.mission), reads.STEPS.of(look.mission)
    open_steps = not_taken_back(steps, reads.UNDO_STEPS.of(look.mission))
    if open_steps:
        named = ", ".join(str(step) for step in open_steps[:5])
        return failed(f"Nothing takes back: {named}.", _page(look))
    mutating = sum(step.mutating for step in steps)
    if plan is None:
        return not_applicable("The play changes nothing.")
    if plan.status != UndoPlan.Status.READY:
        return failed(f"{plan.label} is {plan.get_status_display().lower()}.", _page(look))
    tested = f", practised on {plan.tested_at:%Y-%m-%d}" if plan.tested_at else ", not practised"
    return passed(
        f"{plan.label}: each of {mutating} changes can be taken back within "
        f"{plan.window_minutes} minutes{tested}.",
        _page(look),
    )


@provide("risk_matrix")
def risk_matrix(look: Look) -> Found:
    risks = reads.RISKS.of(look.mission)
    if not risks:
        return failed("No risk is written down.", _page(look))
    bare = [risk for risk in risks if not risk.is_whole]
    if bare:
        named = ", ".join(risk.title for risk in bare[:3])
        return failed(f"Without mitigation or owner: {named}.", _page(look))
    worst = max(risk.score for risk in risks)
    return passed(f"{len(risks)} risks, the worst scores {worst} of 25.", _page(look))


def _note(look: Look) -> PlanNote | None:
    return next(iter(reads.NOTES.of(look.mission)), None)


@provide("risk_notes")
def risk_notes(look: Look) -> Found:
    note = _note(look)
    if note is None or not note.risk_notes.strip():
        return failed("They are not written.", _page(look))
    return passed("They are written.", _page(look))


@provide("sla_impact")
def sla_impact(look: Look) -> Found:
    note = _note(look)
    if note is None or not note.sla_impact.strip():
        return failed("It is not said.", _page(look))
    return passed("It is said.", _page(look))


@provide("hook_check")
def hook_check(look: Look) -> Found:
    """Of the plan as it stands, or it says nothing of it."""
    visit = look.visit if look.visit is not None and look.visit.stage == "plan_approve" else None
    visit = visit or look.last_visit("plan_approve")
    checks = {each.visit_id: each for each in reads.HOOKS.of(look.mission)}
    check = checks.get(visit.pk) if visit is not None else None
    if visit is None or check is None:
        return waiting("Nobody has looked.", _page(look))
    if not check.passed:
        return failed(f"Missing: {check.details}", _page(look))
    if visit.is_open and check.sha256 != plan_digest(visit):
        return waiting("The plan changed since they were checked.", _page(look))
    return passed(f"Checked on {check.at:%Y-%m-%d} for {check.sha256[:12]}.", _page(look))
