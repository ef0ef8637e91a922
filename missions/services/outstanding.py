"""What runs of a play may have changed, and what of it nobody took back yet.

A step that was let go and of which nothing was heard may have changed something: silence says
nothing. And a step to undo is done with when it was done, when somebody said that there is nothing
to do, or when the other way was gone in its place; never because another one was.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest, Least

from controlplane.lib import clock, kept
from missions.models import Run, RunStep, UndoAttempt, UndoPlan, UndoRun, UndoStep
from missions.querysets_plans import MAY_HAVE_CHANGED, UNHEARD


def standing_steps(plan: UndoPlan) -> list[UndoStep]:
    return kept.ask(
        lambda plan: (
            UndoStep.objects.standing()
            .filter(plan=plan)
            .select_related("play_step")
            .order_by("position")
        ),
        plan.pk,
    )


def first_ways(plan: UndoPlan) -> list[UndoStep]:
    """In the order they are gone: what was done last is taken back first."""
    return [step for step in reversed(standing_steps(plan)) if not step.alternate]


# --- What may have changed ----------------------------------------------------------------------


def touched(plan: UndoPlan) -> dict[int | None, datetime]:
    """Steps of the play that may have changed something, by key, and when they last may have;
    None for one outside of it."""
    return dict(kept.ask(_touched, plan.play_id))


def _touched(play_id: int) -> QuerySet[Any]:
    rows = RunStep.objects.filter(MAY_HAVE_CHANGED, run__play=play_id).order_by()
    # When the portal knew of it, or when it ended: clocks of agents are believed up to then.
    at = Greatest(
        "first_at",
        Coalesce("dispatched_at", "first_at"),
        Least(Coalesce("ended_at", "reported_at"), "reported_at"),
    )
    found: QuerySet[Any] = rows.values("play_step_id").annotate(last=Max(at))
    return found.values_list("play_step_id", "last")


def unheard(plan: UndoPlan) -> int:
    """Changes under way, or of which nobody said how they ended."""
    return kept.count(lambda play: RunStep.objects.filter(UNHEARD, run__play=play), plan.play_id)


def unheard_in(run: Run) -> int:
    return RunStep.objects.filter(UNHEARD, run=run).count()


def is_over(plan: UndoPlan) -> bool:
    """Not while something still changes, or may."""
    if plan.status in {"executed", "expired"}:
        return True
    over = plan.deadline_at is not None and plan.deadline_at <= clock.now()
    return over and not unheard(plan)


def extend(plan: UndoPlan, after: datetime) -> None:
    """The time to take it back counts from the last change. It only ever grows."""
    until = after + timedelta(minutes=plan.window_minutes)
    UndoPlan.objects.filter(
        Q(deadline_at=None) | Q(deadline_at__lt=until), pk=plan.pk, status="ready"
    ).update(deadline_at=until)


# --- What is left -------------------------------------------------------------------------------


def outstanding(plan: UndoPlan) -> list[UndoStep]:
    """What is to be taken back: of what may have changed, what was not taken back since. A step
    nobody can place is no reason to leave something out: then all are taken."""
    when = touched(plan)
    if not when:
        return []
    steps = first_ways(plan)
    if None in when:
        last = max(when.values())
        since = {step.pk: last for step in steps}
    else:
        found = [s for s in steps if s.play_step_id is None or s.play_step_id in when] or steps
        last = max(when.values())
        since = {step.pk: when.get(step.play_step_id, last) for step in found}
        steps = found
    settled = _settled(plan)
    return [step for step in steps if not _is_settled(settled.get(step.pk), since[step.pk])]


def _is_settled(at: datetime | None, since: datetime) -> bool:
    return at is not None and at >= since


def _settled(plan: UndoPlan) -> dict[int, datetime]:
    """When each step was last done with, by itself or by the other way gone in its place."""
    tries = UndoAttempt.objects.filter(run__plan=plan, run__drill=False).exclude(result="failed")
    in_run: dict[int, dict[int, datetime]] = {}
    found: dict[int, datetime] = {}
    for run, step, at in tries.values_list("run_id", "step_id", "at"):
        in_run.setdefault(run, {})[step] = at
        found[step] = max(at, found.get(step, at))
    runs: Any = UndoRun.objects.filter(plan=plan, drill=False).exclude(followed_by=None)
    known = UndoStep.objects.filter(plan=plan).in_bulk()
    for takes, later, went in runs.values_list("takes", "followed_by_id", "followed_by__takes"):
        done = in_run.get(later, {})
        for pk in set(takes) - set(went):
            others = [each.pk for each in _others(known[pk], [known[one] for one in went])]
            if others and all(other in done for other in others):
                at = min(done[other] for other in others)
                found[pk] = max(at, found.get(pk, at))
    return found


def _others(step: UndoStep, among: Collection[UndoStep]) -> list[UndoStep]:
    """Other ways for it: those for the same change, and those for any."""
    return [
        each
        for each in among
        if each.alternate
        and each.pk != step.pk
        and (each.play_step_id is None or each.play_step_id == step.play_step_id)
    ]


def following(
    run: UndoRun, left: list[UndoStep], failed: Collection[int]
) -> tuple[list[UndoStep], list[UndoStep]]:
    """After a run that failed: what is to be gone now, and what nothing is left to try for. Where
    a step failed, its other ways take its place; what was not tried stays to be done as it was
    planned. Given up before anything was tried, all of it goes by the other ways."""
    ways = list(reversed(standing_steps(run.plan)))
    tried, given_up = _taken(run), set(failed) or {step.pk for step in left}
    going: list[UndoStep] = []
    hopeless: list[UndoStep] = []
    for step in left:
        others = [step]
        if step.pk in given_up:
            others = [each for each in _others(step, ways) if each.pk not in tried]
        if not others:
            hopeless.append(step)
        going += [each for each in others if each not in going]
    return going, hopeless


def _taken(run: UndoRun) -> set[int]:
    """Steps of this run and of those it follows."""
    found: set[int] = set()
    here: UndoRun | None = run
    while here is not None:
        found |= set(here.takes)
        here = UndoRun.objects.filter(followed_by=here).only("takes").first()
    return found
