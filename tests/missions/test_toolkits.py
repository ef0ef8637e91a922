"""Toolkits: asked for, looked at, approved, attested to, connected, watched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from controlplane.base.models import Signal
from controlplane.catalog import services as catalog
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, InvalidTransition, NotAllowed
from missions import guarding, services
from missions.gates.looking import Look, entry_checks, exit_checks
from missions.models import Finding, Mission, MissionToolkit, ToolkitConnection
from missions.services import connections, inspections
from missions.services.toolkits import why_not
from tests import make
from tests.kit import settled
from tests.kit.guarding import SCOPES, World
from tests.kit.missions import again, all_answered, request_of

GATES = ("toolkits_decided", "inspected_first", "scopes_granted", "data_coverage")


@settled.once
def world() -> World:
    here = World()
    assert here.gv.ref
    assert here.oc.ref
    assert here.agent("inspector").ref
    here.integration()
    return here


@settled.once
def row(world: World) -> Mission:
    return world.started()


def states(row: Mission) -> dict[str, str]:
    look = Look(again(row), stage="prepare")
    found = {each.slug: each.state for each in exit_checks(look) if each.slug in GATES}
    return found | {each.slug: each.state for each in entry_checks(look, "plan_approve")}


def test_equipped__the_gates_of_prepare_hold(world: World, row: Mission) -> None:
    assert states(row)["toolkits_decided"] == "failed"
    kit = world.equipped(row)
    assert {states(row)[name] for name in (*GATES, "scopes_fresh")} == {"passed"}
    assert (kit.status, kit.approved_scopes, why_not(kit, mutating=True)) == (
        "approved", SCOPES, "",
    )  # fmt: skip


def test_connect__only_what_was_inspected_read_only_before(world: World, row: Mission) -> None:
    kit = world.toolkit(row)
    with pytest.raises(InvalidTransition, match="approves its scopes first"):
        world.begun(kit)
    world.approved(kit)
    begun = world.begun(kit)
    with pytest.raises(GateNotMet, match="not inspected"):
        world.connected(kit)
    world.inspected(kit, read_only=False)
    with pytest.raises(GateNotMet, match="not inspected"):
        world.connected(kit)
    world.inspected(kit, result="fail")
    with pytest.raises(GateNotMet, match="failed"):
        world.connected(kit)
    world.inspected(kit)
    assert world.connected(kit).pk == begun.pk
    assert world.connected(kit).status == "approved"
    with pytest.raises(Invalid, match="proof"):
        world.inspected(kit, proof="")


def test_scopes__no_more_than_asked_and_no_fewer_than_needed(world: World, row: Mission) -> None:
    kit = world.toolkit(row)
    for scopes in ([], ["mail.read"], ["mail.draft", "mail.send"]):
        with pytest.raises(Invalid, match="scopes"):
            services.approve_toolkit(kit, actor=world.oc, scopes=scopes)
    done = services.approve_toolkit(kit, actor=world.oc, scopes=["mail.draft"])
    with pytest.raises(InvalidTransition, match="Other scopes"):
        services.approve_toolkit(kit, actor=world.oc)
    world.approved(kit, ["mail.draft"])
    anew = world.toolkit(row, requested_scopes=[*SCOPES, "mail.send"])
    assert (anew.pk, anew.status, anew.attested_by, anew.approved_scopes) == (
        done.pk, "undecided", None, [],
    )  # fmt: skip
    assert states(row)["toolkits_decided"] == "failed"


def test_dropped__counts_as_decided_and_may_be_asked_for_again(world: World, row: Mission) -> None:
    kit = world.toolkit(row)
    with pytest.raises(Invalid, match="reason"):
        services.drop_toolkit(kit, actor=world.oc, reason=" ")
    services.drop_toolkit(kit, actor=world.oc, reason="By hand this time.")
    assert states(row)["toolkits_decided"] == "passed"
    assert states(row)["scopes_granted"] == "not_applicable"
    assert world.toolkit(row).status == "undecided"


def test_attested__by_a_person_who_does_not_own_it(world: World, row: Mission) -> None:
    kit = world.toolkit(row)
    with pytest.raises(InvalidTransition):
        services.attest_toolkit(kit, actor=world.gv, text="Fine.")
    services.approve_toolkit(kit, actor=world.oc)
    assert states(row)["toolkits_decided"] == "failed"
    both = make.person(world.workspace, "mission_owner", "operations_command")
    own = services.create_mission(world.workspace, actor=make.actor(both), title="Own", intent="x")
    services.start_mission(own, actor=make.actor(both))
    theirs = world.toolkit(own)
    deeds: list[Callable[[], Any]] = [
        lambda: services.approve_toolkit(theirs, actor=make.actor(both)),
        lambda: services.drop_toolkit(theirs, actor=make.actor(both), reason="x"),
        lambda: services.attest_toolkit(kit, actor=world.agent("inspector"), text="x"),
    ]
    for deed in deeds:
        with pytest.raises(NotAllowed):
            deed()
    assert services.attest_toolkit(kit, actor=world.gv, text="Fine.").attested_by is not None


def test_coverage__a_gap_is_accepted_by_the_validator(world: World, row: Mission) -> None:
    kit = world.toolkit(row)
    world.inspected(kit, coverage_percent="61")
    assert states(row)["data_coverage"] == "failed"
    asked = services.ask_override(
        row, actor=world.agent("inspector"), kind="coverage", subject=str(kit.uid),
        reason="The rest is of last year.",
    )  # fmt: skip
    with pytest.raises(NotAllowed):
        services.decide_override(asked, "granted", actor=world.oc)
    services.decide_override(asked, "granted", actor=world.gv)
    assert states(row)["data_coverage"] == "passed"
    services.revoke_override(asked, actor=world.gv, reason="It is not.")
    assert states(row)["data_coverage"] == "failed"
    guard = world.guard(row, guarding.COVERAGE_TEMPLATE)
    services.decide_safeguard(
        guard, "edited", actor=world.gv, reason="Enough.", params={"minimum_percent": 60}
    )
    assert inspections.threshold(row) == 60
    assert states(row)["data_coverage"] == "passed"


def test_inspection__reported_again_is_the_same(world: World, row: Mission) -> None:
    kit = world.toolkit(row)
    one = world.inspected(kit, external_id="look-1")
    assert world.inspected(kit, external_id="look-1") == one
    with pytest.raises(Conflict, match="coverage_percent"):
        world.inspected(kit, external_id="look-1", coverage_percent="12")
    wrong: list[dict[str, Any]] = [
        {"coverage_percent": "100.5"}, {"coverage_percent": "NaN"}, {"coverage_percent": -1},
        {"sample_count": -1}, {"sample_count": 10**30}, {"sample_count": True},
        {"result": "fine"}, {"pii_flags": "email"}, {"pii_flags": ["x"] * 40 + ["y" * 61]},
        {"inspected_at": clock.now() + timedelta(days=1)}, {"source": ""}, {"read_only": "yes"},
    ]  # fmt: skip
    for given in wrong:
        with pytest.raises(Invalid):
            world.inspected(kit, **given)
    assert kit.inspections.count() == 1


def test_drift__is_a_finding_and_news_once_and_goes_by_itself(world: World, row: Mission) -> None:
    kit = world.equipped(row)
    held = kit.connections.get()
    more = [*SCOPES, "mail.send"]
    for _ in range(2):
        services.verify_connection(held, actor=world.agent("inspector"), granted_scopes=more)
    held.refresh_from_db()
    assert held.drift == ["mail.send"]
    [finding] = Finding.objects.filter(mission=row)
    assert (finding.status, finding.severity, finding.toolkit) == ("open", "medium", "mail")
    [signal] = Signal.objects.filter(kind="mission.oauth_drift")
    assert signal.payload["beyond"] == ["mail.send"]
    assert states(row)["scopes_granted"] == "failed"
    assert "more than was approved: mail.send" in why_not(kit)
    services.verify_connection(held, actor=world.agent("inspector"), granted_scopes=SCOPES)
    finding.refresh_from_db()
    assert (finding.status, finding.decided_by) == ("resolved", "job:missions")
    assert states(row)["scopes_granted"] == "passed"


def test_drift__while_it_is_carried_out_stops_the_mission(world: World) -> None:
    with all_answered():
        row = world.started()
        kit = world.equipped(row)
        services.lock_brief(row, actor=world.actor)
        row = again(row)
        while row.stage != "execute_observe":
            world.sign(world.asked(row))
            row = again(row)
    services.verify_connection(
        kit.connections.get(), actor=world.agent("inspector"), granted_scopes=[*SCOPES, "all"]
    )
    assert (again(row).status, Finding.objects.get().severity) == ("paused", "high")
    assert Signal.objects.filter(kind="mission.safeguard").count() == 1


def test_drift__that_comes_back_is_told_again(world: World, row: Mission) -> None:
    held = world.equipped(row).connections.get()
    more = [*SCOPES, "mail.send"]

    def verified(scopes: list[str]) -> list[tuple[str, str]]:
        services.verify_connection(held, actor=world.agent("inspector"), granted_scopes=scopes)
        rows = Finding.objects.filter(mission=row).order_by("pk")
        return list(rows.values_list("status", "severity"))

    assert verified(more) == [("open", "medium")]
    verified(SCOPES)
    gone = ("resolved", "medium")
    assert verified(more) == [gone, ("open", "medium")]
    assert Signal.objects.filter(kind="mission.oauth_drift").count() == 2
    services.resolve_finding(
        Finding.objects.get(status="open"), actor=world.gv, reason="It was given back."
    )
    assert verified(more) == [gone, gone, ("open", "medium")]
    # An ended mission's is grave; the same scopes seen again say no other severity of one finding.
    services.cancel_mission(again(row), actor=world.actor, reason="Not wanted.")
    assert verified(more) == [gone, gone, ("open", "medium"), ("open", "high")]
    assert verified(more)[-1] == ("open", "high")
    assert Signal.objects.filter(kind="mission.oauth_drift").count() == 4
    assert {status for status, _ in verified(SCOPES)} == {"resolved"}


def test_drift__nobody_else_names_a_finding_so(world: World, row: Mission) -> None:
    with pytest.raises(Invalid, match="portal's own"):
        world.found(row, f"oauth_drift:{row.uid}")
    assert not Finding.objects.filter(mission=row).exists()


def test_scopes_taken_away__what_is_held_is_drift(world: World, row: Mission) -> None:
    kit = world.equipped(row)
    world.toolkit(row, requested_scopes=["mail.draft"])
    services.approve_toolkit(kit, actor=world.oc)
    assert services.look_for_drift(row, actor=make.JOB) == 1
    assert services.look_for_drift(row, actor=make.JOB) == 0
    assert ToolkitConnection.objects.get().drift == ["mail.read"]


def test_ended__by_its_time_by_nobody_and_by_hand(world: World, row: Mission) -> None:
    kit = world.toolkit(row)
    world.inspected(kit)
    world.approved(kit)
    with clock.set_back(timedelta(minutes=guarding.CONNECT_MINUTES.value + 1)):
        late = world.begun(kit, "late")
    assert connections.expire_connection(late)
    with clock.set_back(timedelta(days=2)):
        world.inspected(kit)
        held = world.connected(kit, link="short", expires_at=clock.now() + timedelta(days=1))
    assert states(row)["scopes_granted"] == "failed"
    assert states(row)["scopes_fresh"] == "failed"
    assert connections.expire_connection(held)
    assert not connections.expire_connection(held)
    third = world.connected(kit, link="third")
    services.end_connection(third, "revoked", actor=world.oc, reason="Not used.")
    assert list(kit.connections.order_by("pk").values_list("status", flat=True)) == [
        "expired", "expired", "revoked",
    ]  # fmt: skip


def test_one_connection_at_a_time__and_one_row_a_link(world: World, row: Mission) -> None:
    kit = world.toolkit(row)
    world.inspected(kit)
    world.approved(kit)
    first = world.begun(kit)
    assert world.begun(kit) == first
    with pytest.raises(Conflict, match="under way"):
        world.begun(kit, "link-2")
    world.connected(kit)
    second = world.begun(kit, "link-2")
    first.refresh_from_db()
    assert (first.status, second.status) == ("revoked", "initiated")
    with pytest.raises(Invalid, match="Not approved"):
        services.begin_connection(
            kit, actor=world.agent("inspector"), link_id="x", requested_scopes=["mail.send"]
        )


def test_signed__what_is_found_later_takes_the_signatures_back(world: World) -> None:
    with all_answered():
        row = world.in_stage("prepare")
        kit = world.equipped(row)
        world.asked(row)
        [part] = request_of(row).packet["toolkits"]
        assert (part["toolkit"], part["granted_scopes"]) == ("mail", SCOPES)
        assert part["inspection"]["coverage_percent"] == "91.5"
        assert world.agent("inspector").ref in request_of(row).producers
        world.inspected(kit, coverage_percent="20")
        assert request_of(row).status == "void"
        world.asked(row)
        world.sign(row, "mo", "gv", "ta", "oc")
        assert again(row).stage == "plan_approve"
        with pytest.raises(InvalidTransition, match="Send it back"):
            world.toolkit(row, requested_scopes=["mail.send"], minimum_scopes=[])


def test_ask__hostile_and_unknown_refused(world: World, row: Mission) -> None:
    wrong: list[dict[str, Any]] = [
        {"slug": "nothing-here"}, {"requested_scopes": []}, {"requested_scopes": "mail.read"},
        {"requested_scopes": ["a b"]}, {"requested_scopes": ["x" * 121]},
        {"minimum_scopes": ["other"]}, {"purpose": ""}, {"requested_scopes": ["a\0"]},
        {"requested_scopes": [5]}, {"mutating": "yes"},
    ]  # fmt: skip
    for given in wrong:
        values: dict[str, Any] = {
            "toolkit": given.pop("slug", "mail"), "requested_scopes": SCOPES, "purpose": "x",
        }  # fmt: skip
        with pytest.raises(Invalid):
            services.ask_toolkit(row, actor=world.agent("inspector"), **{**values, **given})
    elsewhere = World()
    elsewhere.integration("theirs")
    with pytest.raises(Invalid, match="no such integration"):
        world_values: Any = {"toolkit": "theirs", "requested_scopes": SCOPES, "purpose": "x"}
        services.ask_toolkit(row, actor=world.agent("inspector"), **world_values)
    off = catalog.add_integration(world.workspace, actor=make.JOB, slug="off", name="Off")
    catalog.switch_integration(off, actor=make.JOB, active=False)
    with pytest.raises(Invalid, match="is off"):
        world_values["toolkit"] = "off"
        services.ask_toolkit(row, actor=world.agent("inspector"), **world_values)


def test_strangers__ask_and_decide_nothing(world: World, row: Mission) -> None:
    kit = world.toolkit(row)
    theirs = World()
    for actor in (world.someone("viewer"), theirs.oc, theirs.agent("inspector"),
                  world.agent("executor")):  # fmt: skip
        for deed in (
            lambda who=actor: world_ask(row, who),
            lambda who=actor: services.approve_toolkit(kit, actor=who),
            lambda who=actor: services.drop_toolkit(kit, actor=who, reason="x"),
            lambda who=actor: services.attest_toolkit(kit, actor=who, text="x"),
            lambda who=actor: services.begin_connection(kit, actor=who, link_id="x"),
        ):
            with pytest.raises(NotAllowed):
                deed()
    assert MissionToolkit.objects.get(pk=kit.pk).status == "undecided"


def world_ask(row: Mission, actor: Any) -> Any:
    return services.ask_toolkit(
        row, actor=actor, toolkit="mail", requested_scopes=SCOPES, purpose="x"
    )


def test_more_was_asked_for__is_looked_at_again_first(world: World) -> None:
    row = world.started()
    kit = world.toolkit(row)
    world.inspected(kit)
    world.approved(kit)
    world.toolkit(row, requested_scopes=[*SCOPES, "mail.send"])
    world.approved(kit)
    begun = world.begun(kit)
    given: Any = {"actor": world.agent("inspector"), "granted_scopes": SCOPES}
    with pytest.raises(GateNotMet, match="since it was inspected"):
        services.complete_connection(begun, **given)
    world.inspected(kit)
    assert services.complete_connection(begun, **given).status == "approved"


def test_looked_at_long_ago__is_looked_at_again_first(world: World) -> None:
    kit = world.toolkit(world.started())
    world.inspected(kit, inspected_at=clock.now() - timedelta(days=31))
    world.approved(kit)
    with pytest.raises(GateNotMet, match="not inspected for 30 days"):
        world.connected(kit)


def test_gone_back__what_was_let_pass_there_is_let_pass_no_more(world: World) -> None:
    with all_answered():
        row = world.in_stage("plan_approve")
    asked = [
        services.ask_override(row, actor=world.oc, kind="gate", subject=name, reason="It is late.")
        for name in ("data_coverage", "governance_green")
    ]
    for each in asked:
        actor = world.someone("governance_validator")
        services.decide_override(each, "granted", actor=actor, reason="For now.")
    services.send_back(again(row), actor=world.oc, to="prepare", reason="Look again.")
    for each in asked:
        each.refresh_from_db()
        assert (each.status, each.ended_by) == ("revoked", world.oc.ref)
