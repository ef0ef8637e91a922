"""Safeguards: suggested by the workspace, settled one by one, known by two people."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.lib.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from missions import services
from missions.models import Mission, PolicyTemplate, Safeguard, TemplateVersion
from tests import make
from tests.kit import settled
from tests.kit.guarding import World
from tests.kit.missions import again, all_answered, request_of, states_of


@settled.once
def world() -> World:
    here = World()
    assert here.gv.ref
    return here


@settled.once
def row(world: World) -> Mission:
    return world.started()


def test_start__suggests_what_the_workspace_asks_of_all(world: World, row: Mission) -> None:
    found = {each.template.slug: each for each in row.safeguards.all() if each.template}
    assert set(found) == {"no-send-unread", "personal-data", "data-coverage", "call-rate"}
    assert all(each.status == "suggested" for each in found.values())
    assert found["data-coverage"].params == {"minimum_percent": 85}
    assert states_of(row)["safeguards_justified"] == "failed"
    assert services.suggest_defaults(row, actor=world.gv) == 0


def test_settled_and_known_by_two__the_gates_hold(world: World, row: Mission) -> None:
    world.settled(row)
    states = states_of(row)
    assert (states["safeguards_justified"], states["safeguards_acknowledged"]) == (
        "passed", "passed",
    )  # fmt: skip


def test_decide__edited_and_rejected_say_why(world: World, row: Mission) -> None:
    guard = world.guard(row)
    with pytest.raises(Invalid, match="reason"):
        services.decide_safeguard(guard, "rejected", actor=world.gv)
    with pytest.raises(Invalid, match="Nothing is changed"):
        services.decide_safeguard(guard, "edited", actor=world.gv, reason="x")
    with pytest.raises(Invalid, match="mode"):
        services.decide_safeguard(guard, "accepted", actor=world.gv, mode="hint")
    done = services.decide_safeguard(
        guard, "edited", actor=world.gv, reason="Drafts only.", mode="hint", version=guard.version
    )
    assert (done.status, done.mode, done.authors) == ("edited", "hint", [world.gv.ref])
    with pytest.raises(Conflict):
        services.decide_safeguard(guard, "rejected", actor=world.gv, reason="x", version=1)
    services.decide_safeguard(guard, "rejected", actor=world.actor, reason="Not sent at all.")
    again_ = services.decide_safeguard(guard, "accepted", actor=world.actor)
    assert (again_.status, again_.mode) == ("accepted", "hint")


def test_acknowledged__until_something_changes(world: World, row: Mission) -> None:
    with pytest.raises(InvalidTransition, match="undecided"):
        services.acknowledge_safeguards(row, actor=world.actor)
    world.settled(row)
    guard = world.guard(row)
    services.decide_safeguard(guard, "edited", actor=world.actor, reason="x", mode="hint")
    assert states_of(row)["safeguards_acknowledged"] == "waiting"
    services.acknowledge_safeguards(row, actor=world.actor)
    with pytest.raises(Conflict, match="changed since"):
        services.acknowledge_safeguards(row, actor=world.gv, digest_seen="0" * 64)
    services.acknowledge_safeguards(row, actor=world.gv)
    assert states_of(row)["safeguards_acknowledged"] == "passed"
    services.lock_brief(row, actor=world.actor)
    services.unlock_brief(row, actor=world.actor, reason="A word is missing.")
    assert states_of(row)["safeguards_acknowledged"] == "waiting"


def test_acknowledged__by_two_people_and_not_by_the_owner_twice(world: World) -> None:
    both = world.someone("mission_owner", "governance_validator")
    row = world.started(title="Of both")
    for each in row.safeguards.all():
        services.decide_safeguard(each, "accepted", actor=world.gv)
    assert services.acknowledge_safeguards(row, actor=both).slot == "gv"
    assert services.acknowledge_safeguards(row, actor=world.actor).slot == "mo"
    assert services.acknowledge_safeguards(row, actor=world.gv).slot == "gv"
    assert row.safeguard_acks.count() == 2


def test_signed__a_change_takes_the_signatures_back(world: World, row: Mission) -> None:
    world.settled(row)
    services.lock_brief(row, actor=world.actor)
    with all_answered("safeguards_justified", "safeguards_acknowledged"):
        world.asked(again(row))
        packet = request_of(row).packet
        assert {each["decision"] for each in packet["safeguards"]} == {"accepted"}
        guard = world.guard(row)
        services.decide_safeguard(guard, "rejected", actor=world.gv, reason="Not needed.")
        assert request_of(row).status == "void"


def test_after_define__they_are_settled(world: World) -> None:
    with all_answered():
        row = world.in_stage("prepare")
        guard = row.safeguards.first()
        assert guard is not None
        with pytest.raises(InvalidTransition, match="Send it back"):
            services.decide_safeguard(guard, "accepted", actor=world.gv)
        services.send_back(row, actor=world.gv, to="define", reason="Think again.")
        assert services.decide_safeguard(guard, "accepted", actor=world.gv).status == "accepted"


def test_suggest__of_a_template_or_with_what_speaks_for_it(world: World, row: Mission) -> None:
    planner = world.agent("planner")
    one = services.suggest_safeguard(row, actor=planner, template="spending")
    assert one.severity == "critical"
    assert services.suggest_safeguard(row, actor=planner, template="spending").pk == one.pk
    own: dict[str, Any] = {"title": "No calls at night", "category": "safety", "severity": "low"}
    with pytest.raises(Invalid, match="justification"):
        services.suggest_safeguard(row, actor=planner, **own)
    made = services.suggest_safeguard(row, actor=planner, justification="People sleep.", **own)
    assert (made.template, made.authors) == (None, [planner.ref])
    for wrong in ({"template": "nothing"}, {"template": "spending", "title": "Mine"},
                  {**own, "severity": "deadly"}, {**own, "params": {"a": float("nan")}},
                  {**own, "params": {"a": "x" * 9_000}}, {**own, "colour": "red"}):  # fmt: skip
        with pytest.raises(Invalid):
            services.suggest_safeguard(row, actor=planner, justification="x", **wrong)


def test_templates__versions_stay_and_missions_keep_theirs(world: World, row: Mission) -> None:
    template = PolicyTemplate.objects.of(world.workspace).get(slug="call-rate")
    changed = services.change_template(
        template, actor=world.gv, params={"max_calls_per_minute": 30}, reason="Too many.",
        version=template.version,
    )  # fmt: skip
    assert (changed.number, changed.versions.count()) == (2, 2)
    assert world.guard(row, "call-rate").params == {"max_calls_per_minute": 60}
    newer = world.started(title="Newer")
    assert world.guard(newer, "call-rate").template_number == 2
    services.change_template(template, actor=world.gv, is_default=False)
    assert TemplateVersion.objects.filter(template=template).count() == 2
    services.retire_template(template, actor=world.gv, reason="Not used.")
    with pytest.raises(InvalidTransition):
        services.change_template(template, actor=world.gv, title="x")
    with pytest.raises(Invalid, match="no such template"):
        services.suggest_safeguard(newer, actor=world.gv, template="call-rate", justification="")
    with pytest.raises(Conflict):
        services.add_template(
            world.workspace, actor=world.gv, slug="call-rate", title="Again", category="rate"
        )


def test_strangers__settle_nothing(world: World, row: Mission) -> None:
    guard = world.guard(row)
    viewer, elsewhere = world.someone("viewer"), World().gv
    for actor in (viewer, elsewhere, world.agent("coordinator"), world.oc):
        with pytest.raises(NotAllowed):
            services.decide_safeguard(guard, "accepted", actor=actor)
        with pytest.raises(NotAllowed):
            services.acknowledge_safeguards(row, actor=actor)
        with pytest.raises(NotAllowed):
            services.add_template(
                world.workspace, actor=actor, slug="x", title="x", category="data"
            )
    assert Safeguard.objects.get(pk=guard.pk).status == "suggested"


def test_owner__is_nobody_who_validated_its_safeguards(world: World) -> None:
    both = make.person(world.workspace, "governance_validator", "mission_owner")
    row = world.started()
    for each in row.safeguards.filter(status="suggested"):
        services.decide_safeguard(each, "accepted", actor=world.gv)
    assert services.acknowledge_safeguards(row, actor=make.actor(both)).slot == "gv"
    with pytest.raises(Invalid, match="somebody else"):
        services.change_mission(again(row), actor=world.actor, owner=both)
