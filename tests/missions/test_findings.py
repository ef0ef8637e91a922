"""What validators find: noted, open, or stopping the mission, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.base.models import Signal
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, InvalidTransition, NotAllowed
from controlplane.notify.models import Notification
from controlplane.work.models import Item
from missions import services
from missions.gates.guarding import findings_closed
from missions.gates.looking import Look, exit_checks
from missions.models import Finding, Mission, Override, Violation
from missions.services import overrides
from tests.kit import settled
from tests.kit.guarding import World
from tests.kit.missions import again, states_of


@settled.once
def world() -> World:
    here = World()
    assert here.gv.ref
    assert here.oc.ref
    assert here.agent("validator").ref
    return here


@settled.once
def row(world: World) -> Mission:
    return world.settled(world.started())


def signals() -> list[Signal]:
    return list(Signal.objects.filter(kind="mission.safeguard"))


def test_violation__pauses_opens_an_item_tells_and_signals_once(world: World, row: Mission) -> None:
    one = world.found(row)
    row = again(row)
    assert (row.status, row.paused_cause) == ("paused", "safeguard")
    violation = Violation.objects.get(mission=row)
    assert (violation.status, violation.paused, one.violation) == ("open", True, violation)
    assert violation.item is not None
    assert (violation.item.item_type, violation.item.priority) == ("incident", 1)
    [signal] = signals()
    assert (signal.key, signal.payload["ref"]) == (str(violation.uid), row.ref)
    assert signal.payload["item"] == violation.item.key
    told = Notification.objects.filter(kind="mission.safeguard")
    assert set(told.get().deliveries.values_list("user_id", flat=True)) >= {
        world.gv.user_id, world.oc.user_id,
    }  # fmt: skip
    two = world.found(row, "check-2")
    assert two.violation == violation
    assert (len(signals()), told.count()) == (1, 2)
    assert Item.objects.filter(item_type="incident").count() == 1


def test_reported_again__is_the_same_finding(world: World, row: Mission) -> None:
    one = world.found(row)
    assert world.found(row) == one
    assert (len(signals()), Finding.objects.count()) == (1, 1)
    with pytest.raises(Conflict, match="another severity"):
        world.found(row, severity="low")


def test_found_again__after_it_was_resolved__stops_the_mission_again(
    world: World, row: Mission
) -> None:
    first = world.found(row)
    found_at = first.found_at
    services.resolve_finding(first, actor=world.gv, reason="The mails were taken back.")
    services.resume_mission(again(row), actor=world.oc, reason="Decided.")
    assert world.found(row, found_at=found_at) == first, "a late retry"
    assert again(row).status == "active"
    second = world.found(row, severity="critical", phase="postflight")
    assert (second.episode, second.status, str(second)) == (
        2, "open", "check-1 (found again, 2): Failed",
    )  # fmt: skip
    assert again(row).status == "paused"
    assert second.violation is not None
    assert second.violation != first.violation
    assert (len(signals()), Violation.objects.count()) == (2, 2)
    assert Item.objects.filter(item_type="incident").count() == 2
    assert world.found(row, severity="critical", phase="postflight") == second, "a retry"
    with pytest.raises(Conflict, match="another result"):
        world.found(row, result="passed", severity="critical", phase="postflight")
    first.refresh_from_db()
    assert (first.status, first.resolution) == ("resolved", "The mails were taken back.")
    with pytest.raises(NotAllowed):
        services.resolve_finding(second, actor=world.agent("validator"), reason="I say so.")


def test_what_stops__is_grave_or_enforced_and_not_mended(world: World, row: Mission) -> None:
    hint, enforced = world.guard(row, "data-coverage"), world.guard(row, "call-rate")
    calm: list[dict[str, Any]] = [
        {"severity": "medium"},
        {"severity": "low", "safeguard": hint.uid},
        {"result": "passed", "severity": "critical"},
        {"result": "skipped"},
        {"result": "auto_fixed", "auto_fix_attempted": True, "auto_fix_success": True,
         "safeguard": str(enforced.uid)},
    ]  # fmt: skip
    for number, given in enumerate(calm):
        assert not world.found(row, f"calm-{number}", **given).unhandled
    assert again(row).status == "active"
    stopped = world.found(row, "rate", severity="", safeguard=enforced.uid,
                          auto_fix_attempted=True, auto_fix_success=False)  # fmt: skip
    assert (stopped.unhandled, stopped.severity) == (True, "medium")
    assert again(row).status == "paused"


def test_goes_on__when_each_is_decided_and_somebody_lets_it(world: World, row: Mission) -> None:
    one, two = world.found(row), world.found(row, "check-2", severity="critical")
    with pytest.raises(GateNotMet, match="check-1"):
        services.resume_mission(row, actor=world.gv, reason="It is fine.")
    services.resolve_finding(one, actor=world.gv, reason="Recalled both mails.")
    assert Violation.objects.get().status == "open"
    asked = world.asked_to_pass(two)
    services.decide_override(asked, "granted", actor=world.gv)
    assert Finding.objects.get(pk=two.pk).status == "excepted"
    assert Violation.objects.get().status == "settled"
    with pytest.raises(NotAllowed, match="safeguard holds it"):
        services.resume_mission(row, actor=world.actor, reason="Go.")
    services.resume_mission(row, actor=world.gv, reason="Decided.")
    assert again(row).status == "active"
    third = world.found(row, "check-3")
    assert third.violation != one.violation
    assert len(signals()) == 2


def test_exception__denied_revoked_and_over(world: World, row: Mission) -> None:
    finding = world.found(row)
    asked = world.asked_to_pass(finding)
    assert world.asked_to_pass(finding) == asked
    with pytest.raises(Invalid, match="reason"):
        services.decide_override(asked, "denied", actor=world.gv)
    services.decide_override(asked, "denied", actor=world.gv, reason="No.")
    assert Finding.objects.get().status == "open"
    second = services.decide_override(world.asked_to_pass(finding), "granted", actor=world.gv)
    services.resume_mission(row, actor=world.gv, reason="Decided.")
    services.revoke_override(second, actor=world.gv, reason="They complained.")
    assert (Finding.objects.get().status, again(row).status) == ("open", "paused")
    assert len(signals()) == 1
    with clock.set_back(timedelta(hours=2)):
        third = services.decide_override(
            world.asked_to_pass(finding), "granted", actor=world.gv,
            expires_at=clock.now() + timedelta(hours=1),
        )  # fmt: skip
        assert not overrides.expire_override(third)
    assert Finding.objects.get().status == "excepted"
    assert overrides.expire_override(third)
    assert Finding.objects.get().status == "open"
    assert Override.objects.get(pk=third.pk).ended_by == "job:missions"


def test_exception__only_of_the_role_and_never_ones_own(world: World, row: Mission) -> None:
    finding = world.found(row)
    asked = world.asked_to_pass(finding)
    owner = world.someone("governance_validator", "mission_owner")
    mine = services.create_mission(world.workspace, actor=owner, title="Mine", intent="x")
    services.start_mission(mine, actor=owner)
    own = world.asked_to_pass(world.found(mine))
    for actor, override in ((world.oc, asked), (world.actor, asked), (owner, own),
                            (world.agent("validator"), asked), (World().gv, asked)):  # fmt: skip
        with pytest.raises(NotAllowed):
            services.decide_override(override, "granted", actor=actor)
    request = services.ask_override(
        row, actor=world.gv, kind="gate", subject="findings_closed", reason="Later."
    )
    with pytest.raises(NotAllowed, match="own request"):
        services.decide_override(request, "granted", actor=world.gv)
    with pytest.raises(Invalid):
        services.decide_override(
            request, "granted", actor=world.someone("governance_validator"),
            expires_at=clock.now() + timedelta(days=90),
        )  # fmt: skip


def test_gates__are_let_pass_by_the_role_they_are_of(world: World, row: Mission) -> None:
    for never in ("signed", "evidence", "inspected_first", "scopes_granted", "nothing"):
        with pytest.raises(Invalid):
            services.ask_override(
                row, actor=world.actor, kind="gate", subject=never, reason="Please."
            )
    asked = services.ask_override(
        row, actor=world.actor, kind="gate", subject="toolkits_decided", reason="It needs none."
    )
    with pytest.raises(NotAllowed):
        services.decide_override(asked, "granted", actor=world.gv)
    services.decide_override(asked, "granted", actor=world.oc)

    def state(later: timedelta = timedelta(0)) -> str:
        look = Look(again(row), stage="prepare", now=clock.now() + later)
        return {each.slug: each.state for each in exit_checks(look)}["toolkits_decided"]

    assert state() == "passed"
    assert state(timedelta(days=8)) == "failed"
    services.revoke_override(asked, actor=world.oc, reason="It needs one.")
    assert state() == "failed"


def test_findings_closed__asks_for_grave_ones(world: World, row: Mission) -> None:
    world.found(row, "small", severity="low")
    assert findings_closed(Look(row)).state == "passed"
    grave = world.found(row, "grave")
    assert findings_closed(Look(row)).state == "failed"
    services.resolve_finding(grave, actor=world.gv, reason="Put right.")
    assert findings_closed(Look(row)).state == "passed"
    with pytest.raises(InvalidTransition):
        services.resolve_finding(
            world.found(row, "fine", result="passed"), actor=world.gv, reason="x"
        )
    assert states_of(row)["safeguards_justified"] == "passed"


def test_paused_by_somebody_already__the_violation_counts_all_the_same(
    world: World, row: Mission
) -> None:
    services.pause_mission(row, actor=world.oc, reason="Lunch.")
    world.found(row)
    assert not Violation.objects.get().paused
    assert len(signals()) == 1
    with pytest.raises(NotAllowed):
        services.resume_mission(row, actor=world.actor, reason="Back from lunch.")
    with pytest.raises(GateNotMet):
        services.resume_mission(row, actor=world.oc, reason="Back from lunch.")


def test_after_its_end__a_finding_is_an_incident_still(world: World, row: Mission) -> None:
    services.cancel_mission(row, actor=world.actor, reason="Not wanted.")
    world.found(row)
    assert again(row).status == "cancelled"
    assert len(signals()) == 1


def test_batch__all_or_none_and_hostile_ones_refused(world: World, row: Mission) -> None:
    agent = world.agent("validator")
    good = {"external_id": "a", "result": "failed", "severity": "critical"}
    wrong: list[dict[str, Any]] = [
        {}, {"external_id": "b"}, {**good, "external_id": "a\0b"}, {**good, "result": "maybe"},
        {**good, "severity": "deadly"}, {**good, "safeguard": "nothing"},
        {**good, "safeguard": "6dcb09b5-b578-4f33-8f61-aebed695e2e4"},
        {**good, "details": {"a": float("inf")}}, {**good, "details": {"a": "x" * 20_000}},
        {**good, "found_at": clock.now() + timedelta(days=1)}, {**good, "status": "resolved"},
        {**good, "result": "auto_fixed"}, {**good, "auto_fix_success": True},
        {**good, "message": "\ud800"}, {**good, "auto_fix_attempted": "yes"},
    ]  # fmt: skip
    for report in wrong:
        with pytest.raises(Invalid, match=r"findings\[1\]"):
            services.report_findings(row, [good, report], actor=agent)
    with pytest.raises(Invalid):
        services.report_findings(row, [], actor=agent)
    assert not Finding.objects.exists()
    assert (again(row).status, signals()) == ("active", [])


def test_strangers__report_and_decide_nothing(world: World, row: Mission) -> None:
    finding = world.found(row, severity="low")
    for actor in (world.someone("viewer"), World().gv, World().agent("validator"), world.actor):
        with pytest.raises(NotAllowed):
            services.report_finding(row, actor=actor, external_id="x", result="passed")
        with pytest.raises(NotAllowed):
            services.resolve_finding(finding, actor=actor, reason="x")
    assert Finding.objects.get().status == "open"
