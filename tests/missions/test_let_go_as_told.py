"""A step does what it was let go for, and what nobody let go is held against what would have been
said. Reports are taken all the same: what they did against the rules is a finding."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.lib.errors import Conflict, NotAllowed
from missions.models import Finding, Run, RunStep
from missions.services import dispatching, reporting
from tests.kit import settled
from tests.kit.missions import again
from tests.kit.missions_plans import World

pytestmark = pytest.mark.django_db
SLOW = pytest.mark.slow
ASKED: dict[str, Any] = {"arguments": {"tag": "win-back", "to": "anna@example.org"}}


@settled.once
def world() -> World:
    made = World()
    made.planner, made.oc, made.executor  # noqa: B018
    return made


@settled.once
def run(world: World) -> Run:
    return world.run()


def told(world: World, run: Run, **more: Any) -> reporting.Receipt:
    report = {"external_id": "step-2", "status": "succeeded", **more}
    return world.report(run, report)


def found(run: Run) -> list[str]:
    return list(Finding.objects.filter(mission=run.mission).values_list("message", flat=True))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        pytest.param({"toolkit": "mail"}, "the toolkit mail instead of crm", marks=SLOW),
        ({"action": "delete_accounts"}, "the action delete_accounts instead of tag_accounts"),
        pytest.param({"play_step": 3}, "step 3 of the play instead of 2", marks=SLOW),
        ({"arguments": {"tag": "win-back", "to": "bert@example.org"}}, "other arguments"),
    ],
)
def test_something_else_than_it_was_let_go_for__is_a_violation(
    world: World, run: Run, more: dict[str, Any], words: str
) -> None:
    let = world.step(run, 2, **ASKED).step
    receipt = told(world, run, **more)
    assert (receipt.accepted, receipt.violations) == (1, 1)
    assert words in receipt.verdicts[0]["reason"]
    step = RunStep.objects.get(pk=let.pk)
    for name in ("toolkit", "action", "arguments", "play_step_id", "undo_step_id", "mutating"):
        assert getattr(step, name) == getattr(let, name), name
    assert step.status == "succeeded"  # it happened
    [message] = found(run)
    assert words in message
    mission = again(run.mission)
    assert (mission.status, mission.paused_cause) == ("paused", "safeguard")
    assert told(world, run, **more).violations == 0  # told twice, it is one finding
    assert len(found(run)) == 1


def test_look_that_changed_something__is_a_violation_and_a_change(world: World, run: Run) -> None:
    world.step(run, 1)
    receipt = world.report(run, {"external_id": "step-1", "status": "failed", "mutating": True})
    assert receipt.violations == 1
    assert run.steps.get().mutating
    assert "a change instead of a look" in found(run)[0]


def test_told_late_after_its_end__is_held_against_it_too(world: World, run: Run) -> None:
    world.step(run, 2, **ASKED)
    told(world, run)
    receipt = told(world, run, status="running", action="delete_accounts")
    assert (receipt.violations, len(found(run))) == (1, 1)


def test_the_same_as_it_was_let_go_for__is_fine(world: World, run: Run) -> None:
    world.step(run, 2, **ASKED)
    receipt = told(world, run, toolkit="CRM", action="tag_accounts", play_step=2, mutating=True,
                   **ASKED)  # fmt: skip
    assert (receipt.accepted, receipt.violations, found(run)) == (1, 0, [])
    bare = world.step(run, 3).step  # asked for without its arguments
    world.report(run, {"external_id": "step-3", "status": "running", **ASKED})
    bare.refresh_from_db()
    assert (bare.arguments["tag"], found(run)) == ("win-back", [])


@pytest.mark.parametrize(
    "other",
    [
        {"play_step": 3},
        {"play_step": 2, "action": "delete_accounts"},
        {"play_step": 2, "arguments": {"tag": "other"}},
        {"play_step": 1},
    ],
)
def test_asked_again_for_something_else__is_refused(
    world: World, run: Run, other: dict[str, Any]
) -> None:
    world.step(run, 2, **ASKED)
    with pytest.raises(Conflict, match="another"):
        dispatching.dispatch(run, actor=world.executor, external_id="step-2", **other)
    assert world.step(run, 2, **ASKED).step.external_id == "step-2"
    assert world.step(run, 2).step.external_id == "step-2"


def test_reported_before_it_was_asked_for__is_bound_to_what_it_is_let_go_for(
    world: World, run: Run
) -> None:
    world.report(
        run,
        {"external_id": "step-2", "status": "running"},
        {"external_id": "x", "status": "running", "toolkit": "mail"},
    )
    with pytest.raises(Conflict, match="reported with another toolkit"):
        world.step(run, 2, "x")
    step = world.step(run, 2, **ASKED).step
    assert (step.status, step.toolkit, step.mutating) == ("running", "crm", True)
    assert step.undo_step is not None
    assert told(world, run, toolkit="mail").violations == 1


def test_reported_before_it_was_asked_for__what_would_have_been_refused_is_a_finding(
    world: World,
    run: Run,
) -> None:
    dispatching.CHECKS["walk"] = lambda asked: "Not on Sundays." if asked.toolkit == "crm" else ""
    try:
        early = [{"external_id": f"e-{n}", "status": "running", "play_step": 2, "toolkit": "crm"}
                 for n in range(30)]  # fmt: skip
        queued = {"external_id": "q", "status": "queued", "toolkit": "crm"}
        receipt = world.report(run, queued, *early)
        assert receipt.violations == 30
        [message] = found(run)
        assert "Not on Sundays." in message
        assert "e-19 and 10 more" in message
        assert again(run.mission).status == "paused"
        # The end of it, once more and another one: only what is new is told.
        done = [{**each, "status": "succeeded"} for each in early]
        assert world.report(run, *done).violations == 0
        late = {"external_id": "late", "status": "failed", "toolkit": "crm"}
        assert world.report(run, late).violations == 1
        assert len(found(run)) == 2
    finally:
        del dispatching.CHECKS["walk"]


def test_change_that_nobody_let_go_and_nothing_takes_back__is_a_finding(
    world: World, run: Run
) -> None:
    receipt = world.report(run, {"external_id": "a", "status": "succeeded", "mutating": True})
    assert (receipt.uncovered, receipt.violations) == (1, 1)
    assert "that the play does not name" in found(run)[0]


def test_let_go_as_told__is_nothing_for_strangers(world: World, run: Run) -> None:
    world.step(run, 2)
    for actor in (World().executor, world.someone("viewer"), world.planner):
        with pytest.raises(NotAllowed):
            reporting.report_steps(
                run, [{"external_id": "step-2", "status": "failed", "toolkit": "mail"}], actor=actor
            )
    assert found(run) == []
