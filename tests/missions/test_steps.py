"""Steps that agents report: in any order, any number of times, one story."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.lib.errors import Invalid, NotAllowed
from controlplane.notify.models import OutboxMessage
from missions import services
from missions.execution import merging
from missions.execution.merging import Story
from missions.models import Run, RunStep
from missions.services import executing, reporting
from tests.kit import settled
from tests.kit.missions import again, deliver
from tests.kit.missions_plans import World, many

pytestmark = pytest.mark.django_db
NOW = clock.now().replace(microsecond=0)


@settled.once
def world() -> World:
    made = World()
    made.planner, made.gv, made.oc, made.executor  # noqa: B018
    return made


@settled.once
def run(world: World) -> Run:
    return world.run()


REPORT = st.fixed_dictionaries(
    {
        "external_id": st.sampled_from(["a", "b"]),
        "status": st.sampled_from(list(merging.FAR)),
        "sequence": st.integers(0, 3),
    },
    optional={
        "agent": st.sampled_from(["one", "two"]),
        "toolkit": st.sampled_from(["crm", "mail"]),
        "action": st.sampled_from(["list", "tag"]),
        "arguments": st.sampled_from([{"n": 1}, {"n": 2}]),
        "mutating": st.booleans(),
        "play_step": st.sampled_from([1, 2, 3]),
        "started_at": st.sampled_from([NOW - timedelta(minutes=9), NOW - timedelta(minutes=8)]),
        "ended_at": st.sampled_from([NOW - timedelta(minutes=2), NOW - timedelta(minutes=1)]),
        "latency_ms": st.integers(0, 3),
        "error_code": st.sampled_from(["E1", "E2"]),
    },
)
_SHOWN = (
    "external_id", "status", "sequence", "agent", "toolkit", "action", "arguments", "mutating",
    "play_step", "undo_step", "started_at", "ended_at", "latency_ms", "error_code",
)  # fmt: skip


@settings(max_examples=200, deadline=None, derandomize=True)
@given(reports=st.lists(REPORT, max_size=9), seed=st.integers(0, 10_000))
def test_fold__any_order_and_repetition__one_story(reports: list[Any], seed: int) -> None:
    told = Story()
    for report in reports:
        merging.fold(told, report)
    shuffled = reports + reports
    random.Random(seed).shuffle(shuffled)
    other = Story()
    for report in shuffled:
        far = merging.FAR[other.status]
        merging.fold(other, report)
        assert merging.FAR[other.status] >= far, "a later state went back"
    assert (told.values, told.marks, told.mutating) == (other.values, other.marks, other.mutating)


@pytest.mark.slow
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # to make a failure smaller costs minutes
)
@given(reports=st.lists(REPORT, min_size=1, max_size=8), seed=st.integers(0, 10_000))
def test_batches__any_order_and_cut__one_state(
    world: World, reports: list[dict[str, Any]], seed: int
) -> None:
    """Through the database: another order, other batches, everything twice."""
    rng = random.Random(seed)

    def told(batches: list[list[dict[str, Any]]]) -> Any:
        point = transaction.atomic()
        point.__enter__()
        try:
            run = world.run()
            for batch in batches:
                world.report(run, *batch)
            return [
                {
                    **{name: getattr(step, name) for name in _SHOWN if name[-5:] != "_step"},
                    "play_step": step.play_step and step.play_step.position,
                    "undo_step": step.undo_step and step.undo_step.position,
                }
                for step in run.steps.order_by("external_id")
            ]
        finally:
            transaction.set_rollback(True)
            point.__exit__(None, None, None)

    shuffled = reports + reports
    rng.shuffle(shuffled)
    cut = rng.randrange(len(shuffled)) + 1
    assert told([reports]) == told([shuffled[:cut], shuffled[cut:] or shuffled[:1]])


def test_batch__of_500__costs_a_handful_of_statements(world: World, run: Run) -> None:
    with CaptureQueriesContext(connection) as asked:
        receipt = world.report(run, *many(500, "running"))
    assert receipt.accepted == 500
    assert len(asked) <= 16, [each["sql"][:90] for each in asked]
    with CaptureQueriesContext(connection) as again_:
        assert world.report(run, *many(500)).accepted == 500
    assert len(again_) <= 16, [each["sql"][:90] for each in again_]
    assert world.report(run, *many(500)).known == 500
    assert run.steps.filter(status="succeeded").count() == 500


def test_report__later_never_goes_back(world: World, run: Run) -> None:
    world.report(run, {"external_id": "a", "status": "succeeded", "action": "x", "latency_ms": 5})
    late = {"external_id": "a", "status": "running", "sequence": 99, "agent": "executor-2"}
    receipt = world.report(run, late)
    step = run.steps.get()
    assert (step.status, step.agent, receipt.accepted) == ("succeeded", "executor-2", 1)
    assert world.report(run, late).known == 1


def test_report__which_end_it_was__is_put_right_by_a_later_one(world: World, run: Run) -> None:
    failed = {"external_id": "a", "status": "failed", "error_code": "E1", "action": "x",
              "sequence": 1}  # fmt: skip
    right = {"external_id": "a", "status": "succeeded", "sequence": 2}
    world.report(run, right)
    world.report(run, failed)
    step = run.steps.get()
    assert (step.status, step.error_code) == ("succeeded", "")


def test_report__one_that_cannot_be_placed__sinks_no_other(world: World, run: Run) -> None:
    other = world.run(world.executing(), "run-2")
    receipt = world.report(
        run,
        {"external_id": "a", "status": "succeeded", "play_step": 1},
        {"external_id": "b", "status": "succeeded", "play_step": 77 - 30},
        {"external_id": "c", "status": "succeeded", "undo_step": 50},
    )
    assert [each["verdict"] for each in receipt.verdicts] == ["accepted", "rejected", "rejected"]
    # Ids are of a mission: the same of another is another step.
    assert world.report(other, {"external_id": "a", "status": "running"}).accepted == 1


def test_report__secrets_are_taken_out(world: World, run: Run) -> None:
    world.report(
        run,
        {"external_id": "a", "status": "succeeded", "action": "send",
         "arguments": {"to": "anna@example.org", "api_key": "k-123456", "note": "hello"}},
    )  # fmt: skip
    step = run.steps.get()
    assert "anna@example.org" not in str(step.arguments)
    assert step.arguments["note"] == "hello"
    kept = AuditEvent.objects.filter(action="mission.execute").latest("pk")
    assert "anna" not in str(kept.after)


def test_report__a_change_is_bound_to_what_takes_it_back(world: World, run: Run) -> None:
    receipt = world.report(
        run,
        {"external_id": "a", "status": "succeeded", "play_step": 2},
        {"external_id": "b", "status": "succeeded", "mutating": True},
    )
    bound, loose = run.steps.order_by("external_id")
    assert bound.mutating
    assert bound.undo_step.position == 1
    assert (loose.undo_step, receipt.uncovered) == (None, 1)


def test_report__while_it_is_paused_or_over__is_taken(world: World, run: Run) -> None:
    services.pause_mission(run.mission, actor=world.oc, reason="Wait.")
    assert world.report(run, {"external_id": "a", "status": "running"}).accepted == 1
    services.cancel_mission(again(run.mission), actor=world.oc, reason="Not wanted.")
    run.refresh_from_db()
    step = run.steps.get()
    assert (run.status, step.status, step.error_code) == ("aborted", "failed", "ABORTED")
    world.report(run, {"external_id": "a", "status": "succeeded"})
    step.refresh_from_db()
    assert (step.status, step.error_code) == ("succeeded", "")


def test_report__ends__are_told_once(world: World) -> None:
    deliver()
    run = world.run()
    world.report(run, *many(3))
    world.report(run, *many(3))
    told = OutboxMessage.objects.filter(topic="missions.told").order_by("pk")
    events = [event for each in told for event in each.payload.get("events", ())]
    ends = [event for event in events if event["event"] == "execution_step_completed"]
    assert len(ends) == 3
    assert {event["event"] for event in events} >= {"execution_started", "plan_selected"}
    deliver()
    assert not OutboxMessage.objects.filter(topic="missions.told").exclude(state="done").exists()


BAD: list[Any] = [
    [], "x", [1], [{}],
    [{"external_id": "", "status": "running"}],
    [{"external_id": "a"}],
    [{"external_id": "a", "status": "great"}],
    [{"external_id": "a", "status": 7}],
    [{"external_id": "a", "status": "running", "colour": 1}],
    [{"external_id": "a\0", "status": "running"}],
    [{"external_id": "a", "status": "running", "sequence": -1}],
    [{"external_id": "a", "status": "running", "sequence": 1e300}],
    [{"external_id": "a", "status": "running", "latency_ms": True}],
    [{"external_id": "a", "status": "running", "arguments": []}],
    [{"external_id": "a", "status": "running", "arguments": {"a": "\0"}}],
    [{"external_id": "a", "status": "running", "arguments": {"a": "\ud800"}}],
    [{"external_id": "a", "status": "running", "arguments": {"a": float("nan")}}],
    [{"external_id": "a", "status": "running", "arguments": {"a": "x" * 9_000}}],
    [{"external_id": "a", "status": "running", "started_at": NOW + timedelta(days=1)}],
    [{"external_id": "a", "status": "running", "started_at": "yesterday"}],
    [{"external_id": "a", "status": "succeeded", "started_at": NOW,
      "ended_at": NOW - timedelta(seconds=1)}],
    many(501),
]  # fmt: skip


def test_report__what_cannot_be__is_refused_whole(world: World, run: Run) -> None:
    deep: dict[str, Any] = {}
    for _ in range(20_000):
        deep = {"a": deep}
    for given_ in [*BAD, [{"external_id": "a", "status": "running", "arguments": deep}]]:
        with pytest.raises(Invalid):
            reporting.report_steps(run, given_, actor=world.executor)
    assert not RunStep.objects.filter(run=run).exists()


def test_report__by_strangers__is_refused(world: World) -> None:
    run, elsewhere = world.run(), World()
    for actor in (elsewhere.executor, world.someone("viewer"), world.planner):
        with pytest.raises(NotAllowed):
            executing.finish_run(run, actor=actor)
        with pytest.raises(NotAllowed):
            reporting.report_steps(run, many(1), actor=actor)
