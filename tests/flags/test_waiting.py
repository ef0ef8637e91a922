"""Changes that wait: for a time, for consent, for the end of a freeze."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, NotAllowed
from controlplane.notify.models import Notification
from deployments.flags import services
from deployments.flags.models import ChangeRequest, ScheduledChange
from deployments.flags.services import gates
from tests import make
from tests.kit import settled
from tests.kit.flags import World, on, rule

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    return World()


def fire(key: str) -> None:
    timer = Timer.objects.get(key=key)
    timers.HANDLERS[timer.kind](timer)


def plan(world: World, percent: int, hours: int = 1) -> ScheduledChange:
    state = world.state()
    return services.schedule(
        state,
        on(rule(percent)),
        at=clock.now() + timedelta(hours=hours),
        actor=world.actor,
        version=state.version,
    )


def due(planned: ScheduledChange) -> ScheduledChange:
    fire(f"flag-schedule:{planned.uid}")
    planned.refresh_from_db()
    return planned


def percent(world: World, where: str = "staging") -> int | None:
    rules = world.state(where).settings["rules"]
    return rules[0]["percent"] if rules else None


# --- At a time ----------------------------------------------------------------------------------


def test_schedules__in_a_row__build_on_each_other(world: World) -> None:
    planned = [plan(world, share, hours) for hours, share in enumerate((10, 50, 100), 1)]
    for row, share in zip(planned, (10, 50, 100), strict=True):
        assert due(row).status == "applied"
        assert percent(world) == share
    assert due(planned[0]).status == "applied"  # a second time is nothing
    assert percent(world) == 100
    assert [each.kind for each in world.changes()] == ["create", *["schedule"] * 3]


def test_schedule__what_others_changed_there__is_not_run_over(world: World) -> None:
    planned = plan(world, 50)
    world.put(on(rule(5)))
    assert due(planned).status == "failed"
    assert percent(world) == 5
    assert "rules" in planned.outcome
    news = Notification.objects.get(kind="flag.given_up")
    assert news.subject == "new-planner in Staging: the change was not applied"


def test_schedule__what_others_changed_elsewhere__stays(world: World) -> None:
    world.put(on(rule(5)))
    planned = plan(world, 50)
    world.put(on(rule(5), deny=["u1"]))
    assert due(planned).status == "applied"
    assert (percent(world), world.state().settings["deny"]) == (50, ["u1"])


def test_schedule__cancelled_archived_or_consent_wanted_since(world: World) -> None:
    cancelled = plan(world, 50)
    services.cancel_schedule(cancelled, actor=world.actor)
    assert due(cancelled).status == "cancelled"
    with pytest.raises(Conflict):
        services.cancel_schedule(cancelled, actor=world.actor)
    guarded = plan(world, 50)
    world.guard("staging")
    assert due(guarded).status == "failed"
    world.guard("staging", needed=False)
    late = plan(world, 50)
    services.archive(world.flag, actor=world.actor, reason="Done with it.")
    assert due(late).status == "failed"
    assert percent(world) is None


def test_schedule__waits_for_the_end_of_a_freeze(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = plan(world, 50)
    monkeypatch.setattr(gates, "FREEZES", [lambda flag, place: "Frozen until Monday."])
    assert due(planned).status == "waiting"
    assert planned.outcome == "Waits: Frozen until Monday."
    assert Timer.objects.get(key=f"flag-schedule:{planned.uid}").due_at > clock.now()
    monkeypatch.setattr(gates, "FREEZES", [])
    assert due(planned).status == "applied"


def test_schedule__past_or_too_far_or_nothing_new__is_refused(world: World) -> None:
    for hours in (-1, 24 * 400):
        with pytest.raises(Invalid) as refused:
            plan(world, 50, hours)
        assert "at" in refused.value.details
    world.put(on(rule(50)))
    with pytest.raises(Conflict):
        plan(world, 50)
    viewer = make.actor(make.person(world.workspace, "viewer"))
    with pytest.raises(NotAllowed):
        services.schedule(world.state(), on(), at=clock.now(), actor=viewer, version=None)


# --- On consent ---------------------------------------------------------------------------------


@settled.once
def guarded(world: World) -> World:
    world.guard()
    return world


def ask(world: World, percent: int = 10, **more: Any) -> ChangeRequest:
    state = world.state("production")
    return services.propose(
        state,
        on(rule(percent)),
        actor=world.actor,
        version=state.version,
        reason="A day without complaint.",
        **more,
    )


def sign(asked: ChangeRequest, actor: Any, verdict: str = "approved") -> Request:
    assert asked.approval
    return approvals.decide(
        asked.approval,
        verdict,
        actor=actor,
        sha256=asked.approval.sha256,
        comment="" if verdict == "approved" else "Not today.",
    )


def test_guarded__a_direct_change_is_refused__off_is_not(guarded: World) -> None:
    with pytest.raises(GateNotMet, match="consent"):
        guarded.put(on(), "production")
    with pytest.raises(GateNotMet, match="consent"):
        guarded.make("b", settings={"production": on()})
    guarded.guard(needed=False)
    guarded.put(on(rule(10)), "production")
    guarded.guard()
    with pytest.raises(GateNotMet):
        guarded.put(on(rule(5)), "production")
    with pytest.raises(GateNotMet):
        services.undo(guarded.changes()[-1], actor=guarded.actor)
    state = guarded.put({**guarded.state("production").settings, "on": False}, "production")
    assert not state.settings["on"]


def test_request__consented__is_applied_in_the_same_moment(guarded: World) -> None:
    asked = ask(guarded)
    assert percent(guarded, "production") is None
    sign(asked, guarded.lead)
    asked.refresh_from_db()
    assert asked.status == "applied"
    assert asked.change
    assert (asked.change.kind, asked.change.version) == ("approved", 2)
    assert percent(guarded, "production") == 10


def test_request__own_signature__counts_for_nothing(guarded: World) -> None:
    asked = ask(guarded)
    with pytest.raises(NotAllowed):
        sign(asked, guarded.actor)  # a release manager, who asked
    viewer = make.actor(make.person(guarded.workspace, "viewer"))
    with pytest.raises(NotAllowed):
        sign(asked, viewer)
    with pytest.raises(NotAllowed):
        sign(asked, World().lead)
    assert percent(guarded, "production") is None


@pytest.mark.parametrize(
    ("verdict", "status"), [("rejected", "rejected"), ("changes_requested", "returned")]
)
def test_request__not_consented__changes_nothing(guarded: World, verdict: str, status: str) -> None:
    asked = ask(guarded)
    sign(asked, guarded.lead, verdict)
    asked.refresh_from_db()
    assert asked.status == status
    assert percent(guarded, "production") is None


def test_request__base_moved__is_void_with_the_difference(guarded: World) -> None:
    asked = ask(guarded)
    guarded.guard(needed=False)
    guarded.put(on(rule(33)), "production")
    with pytest.raises(Conflict) as refused:
        sign(asked, guarded.lead)
    assert "33" in str(refused.value.details["diff"])
    asked.refresh_from_db()
    assert (asked.status, percent(guarded, "production")) == ("void", 33)


def test_request__asked_again__keeps_its_clock(guarded: World) -> None:
    asked = ask(guarded)
    sign(asked, guarded.lead, "changes_requested")
    asked.refresh_from_db()
    again = ask(guarded, 5, instead_of=asked)
    assert again.approval
    assert asked.approval
    assert again.approval.question == asked.approval.question
    assert again.approval.requested_at == asked.approval.requested_at
    better = ask(guarded, 7, instead_of=again)
    again.refresh_from_db()
    assert again.status == "void"
    sign(better, guarded.lead)
    assert percent(guarded, "production") == 7


def test_request__with_a_time__waits_for_it(guarded: World) -> None:
    asked = ask(guarded, apply_at=clock.now() + timedelta(hours=1))
    sign(asked, guarded.lead)
    asked.refresh_from_db()
    assert (asked.status, percent(guarded, "production")) == ("approved", None)
    fire(f"flag-request:{asked.uid}")
    asked.refresh_from_db()
    assert (asked.status, percent(guarded, "production")) == ("applied", 10)
    fire(f"flag-request:{asked.uid}")  # a second time is nothing
    assert guarded.state("production").version == 2


def test_request__with_a_time__moved_or_withdrawn_meanwhile(guarded: World) -> None:
    moved = ask(guarded, apply_at=clock.now() + timedelta(hours=1))
    sign(moved, guarded.lead)
    guarded.guard(needed=False)
    guarded.put(on(rule(33)), "production")
    fire(f"flag-request:{moved.uid}")
    moved.refresh_from_db()
    assert (moved.status, percent(guarded, "production")) == ("void", 33)
    assert Notification.objects.filter(kind="flag.given_up").count() == 1
    later = ask(guarded, 50, apply_at=clock.now() + timedelta(hours=1))
    sign(later, guarded.lead)
    later.refresh_from_db()
    services.withdraw_request(later, actor=guarded.actor, reason="Not this week.")
    later.refresh_from_db()
    assert later.status == "withdrawn"
    fire(f"flag-request:{later.uid}")
    assert percent(guarded, "production") == 33


def test_request__waits_for_the_end_of_a_freeze(
    guarded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(guarded)
    monkeypatch.setattr(gates, "FREEZES", [lambda flag, place: "Frozen until Monday."])
    sign(asked, guarded.lead)
    asked.refresh_from_db()
    assert (asked.status, percent(guarded, "production")) == ("approved", None)
    monkeypatch.setattr(gates, "FREEZES", [])
    fire(f"flag-request:{asked.uid}")
    assert percent(guarded, "production") == 10


def test_request__withdrawn_or_expired(guarded: World) -> None:
    asked = ask(guarded)
    viewer = make.actor(make.person(guarded.workspace, "viewer"))
    with pytest.raises(NotAllowed):
        services.withdraw_request(asked, actor=viewer)
    assert services.withdraw_request(asked, actor=guarded.actor).status == "withdrawn"
    late = ask(guarded)
    assert late.approval
    approvals.expire(late.approval)
    late.refresh_from_db()
    assert late.status == "expired"
    assert percent(guarded, "production") is None
