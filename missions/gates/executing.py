"""Answers to the gates of what runs: who watches, whether it may, whether it is over."""

from __future__ import annotations

from controlplane.lib import kept, moments
from missions import links, reads
from missions.execution.types import type_allowed
from missions.execution.watching import on_watch
from missions.gates.kinds import Found, failed, not_applicable, passed, waiting
from missions.gates.looking import Look
from missions.gates.registry import provide
from missions.models import Run, RunStep
from missions.querysets_plans import STEP_ENDED
from missions.services.outstanding import outstanding, touched, unheard


@provide("duty_window")
def duty_window(look: Look) -> Found:
    watch = on_watch(look.mission, look.now)
    page = ("Who watches", links.plan_page(look.mission) + "#duty")
    return passed(watch.words, page) if watch else failed(watch.words, page)


@provide("type_enabled")
def type_enabled(look: Look) -> Found:
    if not look.mission.mission_type:
        return not_applicable("It has no type that could be switched off.")
    answer = type_allowed(look.mission)
    return passed(answer.words) if answer.allowed else failed(answer.words)


@provide("actions_ended")
def actions_ended(look: Look) -> Found:
    """Of what was approved: those of every visit since the plan was. That it comes here once more,
    sent back or refused, is no reason to run something again; a plan that is new is."""
    page = ("Runs", links.runs_page(look.mission))
    planned = look.last_visit("plan_approve")
    since = planned.pk if planned is not None else 0
    runs = kept.ask(
        lambda mission, since: Run.objects.filter(mission=mission, visit__gt=since).order_by("pk"),
        *(look.mission.pk, since),
    )
    if not runs:
        return failed("Nothing was run.", page, mend="The executor runs the play")
    under_way = [run for run in runs if run.is_open]
    if under_way:
        return waiting(f"{under_way[0]} is under way.", page)
    keys = [run.pk for run in runs]
    left = kept.count(
        lambda runs: RunStep.objects.filter(run__in=runs).exclude(status__in=STEP_ENDED), keys
    )
    if left:
        return waiting(f"Of {left} steps the end was not reported.", page)
    failures = kept.count(lambda runs: RunStep.objects.filter(run__in=runs, status="failed"), keys)
    more = f", {failures} steps failed" if failures else ""
    return passed(f"{len(runs)} runs ended{more}.", page)


@provide("undo_closed")
def undo_closed(look: Look) -> Found:
    page = ("Undo plan", links.plan_page(look.mission) + "#undo")
    plan = reads.undo_plan(look.mission)
    if plan is None:
        return not_applicable("There is nothing to take back.")
    if kept.of(plan, "runs", lambda rows: rows.open().filter(drill=False).values_list("pk")[:1]):
        return waiting("It is being taken back.", page)
    changed = touched(plan)
    if plan.status == "executed" and (left := outstanding(plan)):
        named = ", ".join(str(step) for step in left)
        return failed(f"It changed something after it was taken back: {named}.", page)
    if plan.status in {"executed", "expired"}:
        return passed(f"{plan.get_status_display()}: {plan.closed_reason}".rstrip(": "), page)
    if plan.deadline_at is None or not changed:
        return passed("Nothing was changed: there is nothing to take back.", page)
    if number := unheard(plan):
        runs = ("Runs", links.runs_page(look.mission))
        return waiting(f"Of {number} of its changes nobody said how they ended.", runs)
    if plan.deadline_at <= look.now:
        return passed(f"It was over at {moments.utc(plan.deadline_at)}.", page)
    return waiting(f"It can be taken back until {plan.deadline_at:%Y-%m-%d %H:%M} UTC.", page)


@provide("execution_ended")
def execution_ended(look: Look) -> Found:
    """Of the stage before: its runs are over, or it came from elsewhere."""
    last = look.last_visit("execute_observe")
    if last is None:
        return failed("Nothing was executed.")
    open_ = kept.of(look.mission, "runs", lambda rows: rows.open().order_by("pk")[:1])
    under_way = next(iter(open_), None)
    page = ("Runs", links.runs_page(look.mission))
    if under_way is not None:
        return failed(f"{under_way} is under way.", page)
    left = kept.count(
        lambda mission: RunStep.objects.filter(mission=mission).exclude(status__in=STEP_ENDED),
        look.mission.pk,
    )
    if left:
        return failed(f"Of {left} steps the end was not reported.", page)
    if kept.of(look.mission, "runs", lambda rows: rows.order_by().values_list("pk")[:1]):
        return passed("All runs ended.", page)
    return not_applicable("It was executed in another system.")
