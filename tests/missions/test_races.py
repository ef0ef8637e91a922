"""Several at once: a stage is left once, and nobody signs what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.lib.errors import ControlPlaneError
from missions import services
from missions.models import Mission, StageVisit
from tests.kit.missions import World, again, all_answered, request_of, visit_of
from tests.kit.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.servers]


@pytest.fixture
def world() -> Iterator[World]:
    with all_answered():
        yield World()


def _at_once(*deeds: Callable[[], Any]) -> list[Any]:
    found = race(len(deeds), lambda n: deeds[n]())
    failures = [each for each in found if isinstance(each, Exception)]
    assert all(isinstance(each, ControlPlaneError) for each in failures), failures
    return found


def _done(found: list[Any]) -> int:
    return sum(not isinstance(each, Exception) for each in found)


def test_last_two_signatures__in_the_same_second__the_stage_is_left_once(world: World) -> None:
    row = world.asked()
    request = request_of(row)
    gv = world.gv

    def sign(actor: Any, slot: str) -> Callable[[], Any]:
        return lambda: approvals.decide(
            request, "approved", actor=actor, sha256=request.sha256, slot=slot
        )

    found = _at_once(sign(world.actor, "mo"), sign(gv, "gv"))
    assert _done(found) == 2
    row = again(row)
    assert (row.stage, row.visits.count()) == ("prepare", 2)
    assert row.visits.get(stage="define").outcome == "completed"


def test_one_slot__two_validators__one_signs(world: World) -> None:
    row = world.asked()
    request = request_of(row)
    people = [world.gv, world.someone("governance_validator")]
    found = race(
        2, lambda n: approvals.decide(request, "approved", actor=people[n], sha256=request.sha256)
    )
    assert _done(found) == 1
    assert request.decisions.count() == 1


def test_packet_changed_while_it_is_signed__never_both(world: World) -> None:
    row = world.asked()
    world.sign(row, "mo")
    request = Request.objects.get(pk=request_of(row).pk)
    gv = world.gv
    found = _at_once(
        lambda: approvals.decide(request, "approved", actor=gv, sha256=request.sha256),
        lambda: services.link_evidence(row, actor=world.actor, link="/late"),
    )
    row = again(row)
    request.refresh_from_db()
    if row.stage == "prepare":  # signed first: the link belongs to the next stage
        assert request.status == "approved"
        assert row.visits.get(stage="define").evidence[-1]["link"] != "/late"
        assert visit_of(row).evidence[-1]["link"] == "/late"
    else:
        assert (request.status, _done(found)) == ("void", 1)
        assert visit_of(row).evidence[-1]["link"] == "/late"


def test_signed_and_sent_back_at_once__never_in_two_places(world: World) -> None:
    row = world.asked(world.in_stage("prepare"))
    for slot in ("mo", "gv", "ta"):
        world.sign(row, slot)
    request = Request.objects.get(pk=request_of(row).pk)
    oc, gv = world.oc, world.gv
    _at_once(
        lambda: approvals.decide(request, "approved", actor=oc, sha256=request.sha256),
        lambda: services.send_back(row, actor=gv, to="define", reason="Think again."),
    )
    row, request = again(row), Request.objects.get(pk=request.pk)
    assert row.stage == "define"
    assert request.status == "superseded"
    assert StageVisit.objects.filter(mission=row, left_at=None).count() == 1


def test_advance__clicked_three_times__moves_once(world: World) -> None:
    with all_answered():
        row = world.asked()
        services.pause_mission(row, actor=world.oc, reason="Wait.")
        world.sign(row)
        Mission.objects.filter(pk=row.pk).update(
            status="active", paused_at=None, paused_cause="", paused_by="", pause_reason=""
        )
        oc = world.oc
        found = _at_once(
            *[lambda: services.advance_stage(row, actor=oc, to="prepare") for _ in range(3)]
        )
    assert _done(found) == 3
    assert again(row).visits.count() == 2


def test_paused_and_cancelled_and_asked_at_once__one_story(world: World) -> None:
    row = world.done(world.locked())
    oc = world.oc
    _at_once(
        lambda: services.pause_mission(row, actor=oc, reason="Wait."),
        lambda: services.cancel_mission(row, actor=oc, reason="Not wanted."),
        lambda: services.ask_checkpoint(row, actor=world.actor),
    )
    row = again(row)
    assert row.status == "cancelled"
    assert not Request.objects.filter(status="open").exists()
    assert not StageVisit.objects.filter(mission=row, left_at=None).exists()


def test_ensure__asked_at_once__is_one(world: World) -> None:
    found = race(
        3,
        lambda n: services.ensure_mission(
            world.workspace, actor=world.actor, external_ref="crm-1", title="Once"
        ),
    )
    assert {each.mission.pk for each in found} == {Mission.objects.get().pk}
    assert [each.created for each in found].count(True) == 1


def test_asked_by_two_at_once__one_question(world: World) -> None:
    row = world.done(world.locked())
    oc = world.oc
    found = _at_once(
        lambda: services.ask_checkpoint(row, actor=world.actor),
        lambda: services.ask_checkpoint(row, actor=oc),
    )
    assert {each.pk for each in found} == {Request.objects.get().pk}
