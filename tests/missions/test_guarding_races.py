"""Several at once: a violation is one, and what is decided is decided once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from controlplane.base.models import Signal
from controlplane.lib.errors import ControlPlaneError
from controlplane.work.models import Item
from missions import services
from missions.models import AgentSession, Finding, Mission, Override, Safeguard, Violation
from missions.services import safeguards
from tests.kit.guarding import World
from tests.kit.missions import again
from tests.kit.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.servers]


@pytest.fixture
def world() -> World:
    return World()


def _at_once(*deeds: Callable[[], Any]) -> list[Any]:
    found = race(len(deeds), lambda n: deeds[n]())
    failures = [each for each in found if isinstance(each, Exception)]
    assert all(isinstance(each, ControlPlaneError) for each in failures), failures
    return found


def _done(found: list[Any]) -> int:
    return sum(not isinstance(each, Exception) for each in found)


def _one_story(row: Mission) -> None:
    [violation] = Violation.objects.filter(mission=row)
    assert Signal.objects.filter(kind="mission.safeguard").count() == 1
    assert Item.objects.filter(item_type="incident").count() == 1
    stopping = Finding.objects.filter(mission=row, unhandled=True)
    assert set(stopping.values_list("violation", flat=True)) == {violation.pk}


def test_findings_in_the_same_second__one_violation_one_signal(world: World) -> None:
    row = world.started()
    agents = [world.agent("validator"), world.agent("executor"), world.agent("coordinator")]

    def report(number: int) -> Any:
        return services.report_finding(
            row, actor=agents[number], external_id=f"check-{number}", result="failed",
            severity="critical",
        )  # fmt: skip

    found = race(3, report)
    assert _done(found) == 3, found
    assert again(row).status == "paused"
    assert Finding.objects.filter(unhandled=True).count() == 3
    _one_story(row)


def test_the_same_finding__reported_by_three_at_once__is_one(world: World) -> None:
    row, agent = world.started(), world.agent("validator")
    found = race(
        3,
        lambda n: services.report_finding(
            row, actor=agent, external_id="check", result="failed", severity="high"
        ),
    )
    assert {each.finding.pk for each in found} == {Finding.objects.get().pk}
    assert [each.created for each in found].count(True) == 1
    _one_story(row)


def test_decision_and_another_finding_at_once__never_goes_on_unhandled(world: World) -> None:
    row = world.started()
    one = world.found(row)
    asked = world.asked_to_pass(one)
    gv, agent = world.gv, world.agent("executor")
    _at_once(
        lambda: services.decide_override(asked, "granted", actor=gv),
        lambda: services.report_finding(
            row, actor=agent, external_id="two", result="failed", severity="high"
        ),
        lambda: services.resume_mission(row, actor=gv, reason="Decided."),
    )
    open_ = Finding.objects.filter(mission=row, unhandled=True, status="open").exists()
    assert again(row).status == ("paused" if open_ else "active")
    assert Violation.objects.filter(mission=row, status="open").exists() == open_


def test_granted_and_denied_at_once__one_decision(world: World) -> None:
    row = world.started()
    asked = world.asked_to_pass(world.found(row))
    first, second = world.gv, world.someone("governance_validator")
    found = _at_once(
        lambda: services.decide_override(asked, "granted", actor=first),
        lambda: services.decide_override(asked, "denied", actor=second, reason="No."),
    )
    assert _done(found) == 1
    override = Override.objects.get()
    expected = "excepted" if override.status == "granted" else "open"
    assert Finding.objects.get().status == expected


def test_paused_by_hand_and_by_a_safeguard_at_once__stays_until_decided(world: World) -> None:
    row = world.started()
    oc, agent = world.oc, world.agent("validator")
    _at_once(
        lambda: services.pause_mission(row, actor=oc, reason="Wait."),
        lambda: services.report_finding(
            row, actor=agent, external_id="one", result="failed", severity="high"
        ),
    )
    row = again(row)
    assert row.status == "paused"
    _one_story(row)
    with pytest.raises(ControlPlaneError):
        services.resume_mission(row, actor=oc, reason="Go on.")


def test_cancelled_and_violated_at_once__both_are_told(world: World) -> None:
    row = world.started()
    agent = world.agent("validator")
    found = _at_once(
        lambda: services.cancel_mission(row, actor=world.actor, reason="Not wanted."),
        lambda: services.report_finding(
            row, actor=agent, external_id="one", result="failed", severity="high"
        ),
    )
    assert _done(found) == 2
    assert again(row).status == "cancelled"
    _one_story(row)


def test_accepted_and_rejected_at_once__one_decision(world: World) -> None:
    row = world.started()
    guard = world.guard(row)
    gv = world.gv
    found = _at_once(
        lambda: services.decide_safeguard(guard, "accepted", actor=gv, version=1),
        lambda: services.decide_safeguard(
            guard, "rejected", actor=world.actor, reason="No.", version=1
        ),
    )
    assert _done(found) == 1
    assert Safeguard.objects.get(pk=guard.pk).version == 2


def test_acknowledged_while_it_changes__never_of_what_nobody_saw(world: World) -> None:
    row = world.started()
    for each in row.safeguards.all():
        services.decide_safeguard(each, "accepted", actor=world.gv)
    seen, guard, gv = safeguards.digest(row), world.guard(row), world.gv
    _at_once(
        lambda: services.acknowledge_safeguards(row, actor=world.actor, digest_seen=seen),
        lambda: services.decide_safeguard(guard, "rejected", actor=gv, reason="No."),
    )
    assert safeguards.standing_acks(again(row)) == {}


def test_session__written_by_two_at_once__one_is_counted(world: World) -> None:
    row, agent = world.started(), world.agent("executor")
    services.write_session(row, "executor", actor=agent, snapshot={"n": 0})
    found = race(
        2,
        lambda n: services.write_session(
            row, "executor", actor=agent, snapshot={"n": n + 1}, version=1
        ),
    )
    assert sorted(each.conflict for each in found) == [False, True]
    kept = AgentSession.objects.get()
    assert (kept.version, kept.conflicts) == (2, 1)


def test_asked_for_at_once__one_toolkit_and_one_exception(world: World) -> None:
    row = world.started()
    world.integration()
    agents = [world.agent("inspector"), world.agent("planner")]
    found = race(
        2,
        lambda n: services.ask_toolkit(
            row, actor=agents[n], toolkit="mail", requested_scopes=["mail.read"], purpose="x"
        ),
    )
    assert len({each.pk for each in found}) == 1, found
    asked = race(
        2,
        lambda n: services.ask_override(
            row, actor=agents[n], kind="gate", subject="data_coverage", reason="x"
        ),
    )
    assert {each.pk for each in asked} == {Override.objects.get().pk}
