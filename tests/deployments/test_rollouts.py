"""A rollout from its plan to its end, as people and the judge move it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from controlplane.approvals import services as approvals
from controlplane.base.models import Signal
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, InvalidTransition, NotAllowed
from controlplane.notify.models import Notification, OutboxMessage
from deployments.canary import services as canary
from deployments.canary.services.noting import tell_items
from deployments.flags import services as flags
from deployments.flags.services import gates
from deployments.models import Rollout, RolloutEvent
from tests import make
from tests.kit.flags import on, rule
from tests.kit.rollouts import BASELINE, BROKEN, CLEAN, World, fresh, later, look, step_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def percents(settings: dict[str, Any]) -> list[int]:
    return [each["percent"] for each in settings["rules"]]


def events(rollout: Rollout) -> list[str]:
    return list(rollout.events.order_by("id").values_list("what", flat=True))


def talked(rollout: Rollout) -> None:
    """What the outbox does a moment later."""
    rows = OutboxMessage.objects.filter(topic="canary.said", payload__rollout=str(rollout.uid))
    for message in rows.order_by("id"):
        assert tell_items(message).kind == "accepted"


# --- Planning ------------------------------------------------------------------------------------


def test_plan__makes_steps_and_an_item_for_each_cohort(world: World) -> None:
    rollout = world.plan()
    steps = list(rollout.steps.values_list("percent", "hold_minutes"))
    assert steps == [(10, 30), (50, 30), (100, 60)]
    assert rollout.ref == "CAN-1"
    assert rollout.item is not None
    items = [step.item for step in rollout.steps.all()]
    assert {item.parent_id for item in items if item} == {rollout.item.pk}
    assert next(item.title for item in items if item) == "CAN-1: 10 % for 30 minutes"
    assert world.settings()["on"] is False


def test_plan__cautious_and_own_steps(world: World) -> None:
    cautious = world.plan(preset="cautious")
    assert [each.hold_minutes for each in cautious.steps.all()] == [60, 120, 1440]
    own = [{"percent": 5, "hold_minutes": 1}, {"percent": 100, "hold_minutes": 2}]
    rollout = world.plan("production", preset="custom", steps=own)
    assert [each.percent for each in rollout.steps.all()] == [5, 100]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"preset": "quick"}, "preset"),
        ({"preset": "custom"}, "steps"),
        ({"preset": "custom", "steps": "all"}, "steps"),
        ({"preset": "custom", "steps": [{"percent": 10}]}, "steps[0]"),
        ({"preset": "custom", "steps": [{"percent": 10, "hold_minutes": 1}]}, "steps"),
        (
            {
                "preset": "custom",
                "steps": [
                    {"percent": 100, "hold_minutes": 1},
                    {"percent": 100, "hold_minutes": 1},
                ],
            },
            "steps",
        ),
        (
            {"preset": "custom", "steps": [{"percent": 0, "hold_minutes": 1}]},
            "steps[0].percent",
        ),
        (
            {"preset": "custom", "steps": [{"percent": 100, "hold_minutes": 1e9}]},
            "steps[0].hold_minutes",
        ),
        ({"steps": [{"percent": 100, "hold_minutes": 1}]}, "steps"),
        ({"limits": {"max_error_rate": 7}}, "limits.max_error_rate"),
        ({"source": "guesses"}, "source"),
        ({"source": "posted", "asking": {"a": 1}}, "asking"),
        ({"source": "impact", "asking": {"latency": "ms"}}, "asking.errors"),
        ({"source": "prometheus", "asking": {"url": "ftp://x"}}, "asking.url"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\0"}, "title"),
    ],
)
def test_plan__that_makes_no_sense_is_refused(
    world: World, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        world.plan(**wrong)
    assert list(refused.value.details) == [field]
    assert not Rollout.objects.exists()


def test_plan__one_open_rollout_of_a_flag_and_environment(world: World) -> None:
    world.plan()
    with pytest.raises(Conflict, match="has a rollout there"):
        world.plan()
    world.plan("production")


def test_plan__of_another_workspace_or_without_the_role(world: World) -> None:
    elsewhere = World()
    with pytest.raises(NotAllowed):
        canary.plan(world.flag, elsewhere.staging, actor=world.actor)
    with pytest.raises(NotAllowed):
        canary.plan(world.flag, world.staging, actor=elsewhere.actor)
    viewer = make.actor(make.person(world.workspace, "viewer"))
    with pytest.raises(NotAllowed):
        world.plan(actor=viewer)


def test_change__before_the_start_everything_after_it_only_the_pace(world: World) -> None:
    rollout = canary.change_rollout(
        world.ready(), actor=world.actor, limits={"judge": "strict"}, title="Slowly"
    )
    assert rollout.limits["judge"] == "strict"
    rollout = canary.start(rollout, actor=world.actor)
    assert not canary.change_rollout(rollout, actor=world.actor, automatic=False).automatic
    with pytest.raises(GateNotMet, match="It has begun"):
        canary.change_rollout(rollout, actor=world.actor, limits={"judge": "sequential"})


# --- The first step ------------------------------------------------------------------------------


def test_start__needs_a_baseline(world: World) -> None:
    with pytest.raises(InvalidTransition):
        canary.start(world.plan(), actor=world.actor)


def test_baseline__kept_with_the_four_figures(world: World) -> None:
    rollout = world.ready()
    assert rollout.slow_ms == 400
    assert rollout.baseline is not None
    figures = rollout.baseline.figures
    assert (figures["error_rate"], figures["p95_ms"], figures["requests"]) == (0.005, 200, 1_000)
    assert figures["safeguard_violations"] == 0
    assert isinstance(figures["ready"], list)


def test_start__brings_the_first_cohort(world: World) -> None:
    rollout = world.running()
    assert rollout.status == "running"
    settings = world.settings()
    assert settings["on"] is True
    assert percents(settings) == [10]
    step = step_of(rollout)
    assert step.earliest_next_at is not None
    assert step.started_at is not None
    assert step.earliest_next_at - step.started_at == timedelta(minutes=30)
    assert world.changes()[-1].reason == "CAN-1: 10 %"


def test_start__refused_while_the_flag_is_on_or_killed(world: World) -> None:
    rollout = world.ready()
    world.put(on(rule(100)))
    with pytest.raises(GateNotMet, match="is on in"):
        canary.start(rollout, actor=world.actor)
    world.put({"on": False})
    flags.kill(world.flag, actor=world.actor)
    with pytest.raises(GateNotMet, match="switched off everywhere"):
        canary.start(rollout, actor=world.actor)


def test_baseline__refused_while_the_flag_is_on(world: World) -> None:
    rollout = world.plan()
    world.put(on(rule(100)))
    with pytest.raises(GateNotMet, match="no baseline"):
        canary.take_baseline(rollout, actor=world.actor, given=BASELINE)


def test_targeted_flag__its_rules_are_scaled_and_come_back(world: World) -> None:
    held = [
        rule(100, constraints=[{"contextName": "plan", "operator": "IN", "values": ["pro"]}]),
        rule(20),
    ]
    world.put({"on": False, "rules": held})
    rollout = world.running()
    assert percents(world.settings()) == [10, 10]
    rollout = world.post(rollout, **CLEAN)
    for expected in ([50, 20], [100, 20]):
        with later(31):
            world.post(rollout, **CLEAN)
            assert percents(world.settings()) == expected
            rollout = fresh(rollout)
            # the next step's time starts here
            steps = rollout.steps.filter(state="running")
            steps.update(started_at=clock.now() - timedelta(minutes=31))
    assert world.settings()["rules"][0]["constraints"][0]["values"] == ["pro"]


# --- Going on ------------------------------------------------------------------------------------


def walk(world: World, rollout: Rollout) -> Rollout:
    """Clean figures to the end of the plan."""
    for minutes in (31, 31, 61):
        with later(minutes):
            rollout = world.post(rollout, **CLEAN)
            steps = rollout.steps.filter(state="running")
            # so that each step may be walked from the test's own time
            steps.update(started_at=clock.now() - timedelta(minutes=minutes))
    return rollout


def test_clean__goes_to_everybody_by_itself_with_a_snapshot_each(world: World) -> None:
    rollout = walk(world, world.running())
    assert rollout.status == "stabilizing"
    assert world.settings() == {**world.settings(), "on": True, "rules": []}
    assert all(step.snapshot for step in rollout.steps.all())
    what = events(rollout)
    assert what.count("began") == what.count("passed") == 3
    ended = canary.complete(rollout, actor=world.actor, metrics_note="Errors 0.4 %, p95 190 ms.")
    assert ended.status == "completed"
    flag = type(world.flag).objects.get(pk=world.flag.pk)
    assert flag.remove_by == clock.now().date() + timedelta(days=30)


def test_complete__needs_its_note_and_its_time(world: World) -> None:
    rollout = world.running()
    with pytest.raises(InvalidTransition):
        canary.complete(rollout, actor=world.actor, metrics_note="Fine.")
    rollout = walk(world, rollout)
    with pytest.raises(Invalid):
        canary.complete(rollout, actor=world.actor, metrics_note="  ")


def test_manual__waits_for_somebody_and_goes_on_once(world: World) -> None:
    rollout = world.running(automatic=False)
    with later(31):
        rollout = world.post(rollout, **CLEAN)
        assert (rollout.status, step_of(rollout).rule) == ("held", "waiting")
        canary.promote(rollout, actor=world.actor, step=1)
        assert percents(world.settings()) == [50]
        with pytest.raises(GateNotMet, match="past that step"):
            canary.promote(rollout, actor=world.actor, step=1)


def test_promote__before_its_time_only_with_a_reason_by_those_who_may(world: World) -> None:
    rollout = world.post(world.running(), **CLEAN)
    with pytest.raises(GateNotMet, match="is to run until"):
        canary.promote(rollout, actor=world.actor)
    operator = make.actor(make.person(world.workspace, "primary_operator"))
    with pytest.raises(NotAllowed):
        canary.promote(rollout, actor=operator, override="I want to.")
    canary.promote(rollout, actor=world.actor, override="The fix is urgent.")
    assert step_of(rollout).override_reason == "The fix is urgent."


def test_promote__without_figures_is_early_too(world: World) -> None:
    rollout = world.running()
    with later(31), pytest.raises(GateNotMet, match="Nothing was measured"):
        canary.promote(rollout, actor=world.actor)


def test_freeze__keeps_the_next_step_back_and_never_the_rollback(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = world.running()
    monkeypatch.setattr(gates, "FREEZES", [lambda flag, environment: "Frozen until Monday."])
    with later(31):
        rollout = world.post(rollout, **CLEAN)
        assert (rollout.status, step_of(rollout).rule) == ("held", "waiting")
        with pytest.raises(GateNotMet, match="Frozen"):
            canary.promote(rollout, actor=world.actor)
    with later(32):
        rollout = world.post(rollout, **BROKEN)
    assert rollout.status == "rolled_back"


# --- Back ----------------------------------------------------------------------------------------


def test_breach__flag_off_item_comment_alert_in_one_go(world: World) -> None:
    rollout = world.post(world.running(), **BROKEN)
    assert rollout.status == "rolled_back"
    assert world.settings()["on"] is False
    event = rollout.events.get(what="rolled_back")
    assert event.rule == "proof"
    assert event.numbers["errors"]["count"] == 300
    assert "300 of 1000 requests failed" in event.reason
    signal = Signal.objects.get(kind="canary.breach")
    assert signal.payload["ref"] == rollout.ref
    assert signal.payload["severity"] == "warning"
    told = Notification.objects.get(kind="canary.event")
    assert "was rolled back" in told.subject
    talked(rollout)
    rollout = fresh(rollout)
    assert rollout.blocker is not None
    assert rollout.item is not None
    assert rollout.item.edges_out.filter(target=rollout.blocker, kind="blocks").exists()
    assert rollout.item.comments.filter(text__contains="Rolled back at 10 %").exists()


def test_violation__is_critical(world: World) -> None:
    rollout = world.post(world.running(), n=1, violations=1)
    assert rollout.status == "rolled_back"
    assert Signal.objects.get(kind="canary.breach").payload["severity"] == "critical"


def test_by_hand__any_time_with_a_reason(world: World) -> None:
    rollout = world.running()
    with pytest.raises(Invalid):
        canary.roll_back(rollout, actor=world.actor, reason=" ")
    rollout = canary.roll_back(rollout, actor=world.actor, reason="Users complain.")
    assert rollout.status == "rolled_back"
    assert world.settings()["on"] is False
    assert not Signal.objects.filter(kind="canary.breach").exists()
    with pytest.raises(InvalidTransition):
        canary.roll_back(rollout, actor=world.actor, reason="Again.")
    with pytest.raises(InvalidTransition):
        canary.promote(rollout, actor=world.actor)


def test_rolled_back__may_be_planned_anew(world: World) -> None:
    canary.roll_back(world.running(), actor=world.actor, reason="Users complain.")
    assert world.running().ref == "CAN-2"


def test_paused__stays_and_is_still_judged(world: World) -> None:
    rollout = canary.pause(world.running(), actor=world.actor, reason="Lunch.")
    with later(31):
        rollout = world.post(rollout, **CLEAN)
        assert rollout.status == "paused"
        assert percents(world.settings()) == [10]
        rollout = canary.resume(rollout, actor=world.actor)
        assert rollout.status == "running"
    paused = canary.pause(rollout, actor=world.actor, reason="Supper.")
    with later(32):
        assert world.post(paused, **BROKEN).status == "rolled_back"


def test_changed_by_hand__pauses_and_says_so(world: World) -> None:
    rollout = world.running()
    world.put(on(rule(30)))
    rollout = look(rollout, 2)
    assert rollout.status == "paused"
    assert rollout.events.get(what="paused").reason == "The flag was changed by hand."
    with pytest.raises(GateNotMet, match="by hand"):
        canary.resume(rollout, actor=world.actor)
    # It is still on for some, so it is still judged.
    assert world.post(rollout, **BROKEN).status == "rolled_back"


def test_killed_by_hand__pauses_once(world: World) -> None:
    rollout = world.running()
    flags.kill(world.flag, actor=world.actor)
    for _ in range(3):
        rollout = look(rollout, 2)
    assert rollout.status == "paused"
    assert events(rollout).count("paused") == 1
    assert canary.roll_back(rollout, actor=world.actor, reason="Done.").status == "rolled_back"


def test_cancel__only_before_it_begins(world: World) -> None:
    assert canary.cancel(world.plan(), actor=world.actor, reason="Not now.").status == "cancelled"
    with pytest.raises(GateNotMet, match="roll it back"):
        canary.cancel(world.running(), actor=world.actor, reason="Not now.")


# --- Consent -------------------------------------------------------------------------------------


def test_consent__once_for_the_whole_plan(world: World) -> None:
    world.guard()
    rollout = world.ready(where="production")
    with pytest.raises(GateNotMet, match="Consent"):
        canary.start(rollout, actor=world.actor)
    request = canary.ask_consent(rollout, actor=world.actor)
    assert canary.ask_consent(rollout, actor=world.actor).pk == request.pk
    assert [each["rules"][0]["percent"] for each in request.packet["after"][:2]] == [10, 50]
    approvals.decide(request, "approved", actor=world.lead, sha256=request.sha256)
    rollout = canary.start(fresh(rollout), actor=world.actor)
    with later(31):
        world.post(rollout, **CLEAN)
    assert percents(world.settings("production")) == [50]


def test_consent__a_flag_that_moved_since_is_not_what_was_signed(world: World) -> None:
    world.guard()
    rollout = world.ready(where="production")
    request = canary.ask_consent(rollout, actor=world.actor)
    with pytest.raises(GateNotMet):
        canary.change_rollout(fresh(rollout), actor=world.actor, limits={"judge": "strict"})
    world.guard(needed=False)
    world.put({"on": False, "rules": [rule(40)]}, "production")
    world.guard()
    with pytest.raises(Conflict):
        approvals.decide(request, "approved", actor=world.lead, sha256=request.sha256)
    with pytest.raises(GateNotMet, match="Consent"):
        canary.start(fresh(rollout), actor=world.actor)


# --- What the database holds to ------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE deployments_rolloutevent SET reason = 'nicer'",
        "DELETE FROM deployments_rolloutevent",
        "UPDATE deployments_rolloutsample SET errors = 0",
        "DELETE FROM deployments_rollout",
        "UPDATE deployments_rollout SET flag_id = flag_id + 1",
    ],
)
def test_history__is_only_added_to(world: World, statement: str) -> None:
    world.post(world.running(), **CLEAN)
    with (
        pytest.raises(IntegrityError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_database__starts_nothing_without_consent(world: World) -> None:
    rollout = world.ready(where="production")
    world.guard()
    with pytest.raises(IntegrityError, match="nobody consented"), transaction.atomic():
        Rollout.objects.filter(pk=rollout.pk).update(status="running", started_at=clock.now())


# --- Strangers -----------------------------------------------------------------------------------


def test_strangers__move_nothing(world: World) -> None:
    rollout = world.running()
    before = RolloutEvent.objects.count()
    for who in (
        World().actor,
        make.actor(make.person(world.workspace, "viewer")),
    ):
        moves: list[tuple[Callable[..., object], dict[str, Any]]] = [
            (canary.promote, {"override": "Mine."}),
            (canary.roll_back, {"reason": "Mine."}),
            (canary.pause, {"reason": "Mine."}),
            (canary.post_figures, {"given": dict(BROKEN)}),
            (canary.change_rollout, {"automatic": False}),
        ]
        for move, given in moves:
            with pytest.raises(NotAllowed):
                move(rollout, actor=who, **given)
    assert RolloutEvent.objects.count() == before
    assert world.settings()["on"] is True
