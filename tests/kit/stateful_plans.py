"""Rows of plans and runs for the walk over every transition table."""

from __future__ import annotations

from typing import Any

from django.db import models

from controlplane.lib import clock
from missions.models import Play, RunStep, UndoPlan, UndoRun, UndoStep
from missions.models import Run as MissionRun
from missions.services import undoing
from tests.kit.missions_plans import World
from tests.kit.stateful import NEEDS, builds


@builds("missions.play")
def play() -> models.Model:
    world = World()
    return world.proposed(world.imported(stage="Plan"))[0]


def _play(row: models.Model, to: str) -> dict[str, Any]:
    if to == "selected":
        return {"selected_at": clock.now(), "selected_by": "user:1"}
    return {"selected_at": None, "selected_by": ""}


NEEDS["missions.play"] = _play


@builds("missions.undoplan")
def undo_plan() -> models.Model:
    world = World()
    proposed = world.proposed(world.imported(stage="Plan"))[0]
    return world.undo_of_play(proposed)


def _undo_plan(row: models.Model, to: str) -> dict[str, Any]:
    assert isinstance(row, UndoPlan)
    now = clock.now()
    if to == "ready":
        return {"ready_at": now, "ready_by": "user:1"}
    if to == "draft":
        return {"closed_at": None, "closed_reason": ""}
    if to == "executed" and row.status != "draft":  # somebody took it back
        step = UndoStep.objects.filter(plan=row).first()
        assert step is not None
        UndoRun.objects.create(
            plan=row, takes=[step.pk], status="completed", reason="walk", requested_by="user:1",
            started_at=now, finished_at=now,
        )  # fmt: skip
    return {"closed_at": now, "closed_reason": "walk"}


NEEDS["missions.undoplan"] = _undo_plan


@builds("missions.undorun")
def undo_run() -> models.Model:
    """A drill: what fails in earnest is followed by something, which the walk knows nothing of."""
    world = World()
    plan = world.undo_of_play(world.planned())
    return undoing.request_undo(plan, actor=world.oc, reason="walk", drill=True)


def _undo_run(row: models.Model, to: str) -> dict[str, Any]:
    assert isinstance(row, UndoRun)
    now = clock.now()
    return {"started_at": now} if to == "running" else {"finished_at": now}


NEEDS["missions.undorun"] = _undo_run


@builds("missions.run")
def run() -> models.Model:
    world = World()
    row = world.executing()
    return MissionRun.objects.create(
        mission=row,
        visit=row.visits.get(left_at=None),
        play=Play.objects.get(mission=row, status="selected"),
        external_id="walk",
        agent="agent:1",
    )


def _run(row: models.Model, to: str) -> dict[str, Any]:
    now = clock.now()
    return {"started_at": now} if to == "running" else {"ended_at": now, "ended_by": "user:1"}


NEEDS["missions.run"] = _run


@builds("missions.runstep")
def run_step() -> models.Model:
    world = World()
    made = world.run()
    return RunStep.objects.create(
        mission=made.mission, run=made, external_id="walk", reported_by="agent:1"
    )
