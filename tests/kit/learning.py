"""Feedback, a retrospective, assets, training and meetings in every state, with what can be said
of them said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from missions.models import Mission
from missions.services import (
    asset_use,
    cadence,
    feedback,
    followups,
    library,
    retrospectives,
    training,
)
from tests import make
from tests.kit.missions import World
from tests.kit.stateful import NEEDS, builds


def inhabit(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    world = World(workspace, root)
    actor: Any = {"actor": world.actor}
    row = world.imported(stage="feedback", title="Reflected upon", external_ref="reflected")
    _said(world, row, hostile)
    retrospectives.write_retrospective(
        row, **actor, summary=f"{hostile}\n{long}", went_well=hostile, to_improve=hostile,
        kpi_actual="12.5", kpi_note=hostile,
    )  # fmt: skip
    retrospectives.classify_reuse(row, "adapt", actor=world.kc, reason=hostile)
    _trained(world, row, hostile, long)
    retrospectives.settle_training(row, actor=world.kc, note_=hostile)
    due = (clock.now() + timedelta(days=3)).date()
    given: Any = {**actor, "owner": root, "due_on": due}
    followups.add_followup(row, title=hostile, **given)
    followups.drop_followup(
        followups.add_followup(row, title="Dropped", **given), **actor, reason=hostile
    )
    _library(world, row, hostile, long)
    _meetings(world, hostile, long, given)


def _said(world: World, row: Mission, hostile: str) -> None:
    asked = make.person(world.workspace, "viewer")
    feedback.ask_feedback(row, [asked], actor=world.actor)
    feedback.give_feedback(
        row, actor=world.actor, rating=4, satisfaction=3, effort_saved_minutes=90,
        blockers=hostile, text=hostile,
    )  # fmt: skip
    feedback.decline_feedback(row, actor=world.gv, reason=hostile)


def _trained(world: World, row: Mission, hostile: str, long: str) -> None:
    given: Any = {"actor": world.actor, "role": "planner"}
    add = training.add_training
    add(world.workspace, title=hostile, detail=long, mission=row, **given)
    for to in ("in_progress", "done", "dropped"):
        made = add(
            world.workspace, title=f"To be {to}", owner=world.owner,
            due_on=clock.now().date() - timedelta(days=2), **given,
        )  # fmt: skip
        training.move_training(made, to, actor=world.actor, reason=hostile)


def _library(world: World, row: Mission, hostile: str, long: str) -> None:
    actor: Any = {"actor": world.actor}
    asset = library.create_asset(
        world.workspace, **actor, title=hostile, summary=hostile, body=f"{hostile}\n\n{long}",
        tags=["ops"], source=row, note_=hostile, playbook={"steps": [hostile]},
    )  # fmt: skip
    library.publish_asset(asset, actor=world.kc)
    asset_use.use_asset(world.started(title="Planned from it"), asset, **actor, note_=hostile)
    library.write_draft(asset, **actor, body=hostile)
    library.create_asset(world.workspace, **actor, title=long[:190])
    gone = library.create_asset(world.workspace, **actor, title="Retired", body="Old.")
    library.retire_asset(gone, actor=world.kc, reason=hostile)


def _meetings(world: World, hostile: str, long: str, given: dict[str, Any]) -> None:
    actor: Any = {"actor": world.oc}
    made = cadence.plan_usual(world.workspace, **actor)
    cadence.end_meetings(
        cadence.plan_meetings(world.workspace, **actor, cadence="standup", time_zone="Asia/Tokyo"),
        **actor,
        reason=hostile,
    )
    closed = cadence.begin_meeting(made[1], **actor)
    followups.add_meeting_followup(closed, title=hostile, **given)
    cadence.close_meeting(
        closed, **actor, notes=f"{hostile}\n{long}", decisions=hostile, attendees=hostile,
        stages=["define"],
    )  # fmt: skip
    cadence.begin_meeting(made[0], **actor)


# --- For the walk over tables of steps ----------------------------------------------------------


@builds("missions.feedback")
def _feedback() -> models.Model:
    world = World()
    [asked] = feedback.ask_feedback(
        world.imported(stage="feedback"), [world.owner], actor=world.actor
    )
    return asked


def _answer(row: models.Model, to: str) -> dict[str, Any]:
    needs: dict[str, dict[str, Any]] = {
        "given": {"rating": 3, "answered_at": clock.now()},
        "declined": {"declined_reason": "walk", "answered_at": clock.now()},
    }
    return needs.get(to, {})


NEEDS["missions.feedback"] = _answer


@builds("missions.trainingitem")
def _training() -> models.Model:
    world = World()
    return training.add_training(
        world.workspace, actor=world.actor, title="Walk", role="planner", owner=world.owner,
        due_on=clock.now().date(),
    )  # fmt: skip


def _learn(row: models.Model, to: str) -> dict[str, Any]:
    ended = to in {"done", "dropped"}
    return {"closed_at": clock.now() if ended else None, "reason": "walk" if ended else ""}


NEEDS["missions.trainingitem"] = _learn


@builds("missions.asset")
def _asset() -> models.Model:
    world = World()
    return library.create_asset(world.workspace, actor=world.actor, title="Walk", body="Walk.")


def _publish(row: models.Model, to: str) -> dict[str, Any]:
    needs: dict[str, dict[str, Any]] = {
        "published": {"number": 1, "published_at": clock.now(), "reason": ""},
        "retired": {"reason": "walk"},
    }
    return needs.get(to, {"reason": ""})


NEEDS["missions.asset"] = _publish
