"""Several at the same moment: one publishes, one meeting begins, one answer stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from controlplane.lib.errors import Conflict, InvalidTransition
from missions.models import AssetUse, AssetVersion, Feedback, FollowUp, Meeting
from missions.services import asset_use, cadence, feedback, followups, library
from tests.kit.missions import World
from tests.kit.racing import race
from tests.missions.test_retrospective import tomorrow

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.servers]


def test_two_curators_publish__one_does_and_the_other_hears_it() -> None:
    world = World()
    people = [world.kc, world.someone("knowledge_curator")]
    asset = library.create_asset(
        world.workspace, actor=world.actor, title="Win-back mails", body="Ask."
    )
    seen = asset.version

    def publish(number: int) -> Any:
        return library.publish_asset(asset, actor=people[number], version=seen)

    found = race(2, publish)
    won = [each for each in found if isinstance(each, AssetVersion)]
    lost = [each for each in found if isinstance(each, Conflict)]
    assert (len(won), len(lost)) == (1, 1)
    assert "published version 1" in lost[0].message
    assert AssetVersion.objects.filter(asset=asset).count() == 1


def test_one_person_presses_twice__one_answer() -> None:
    world = World()
    row = world.imported(stage="feedback")

    def give(number: int) -> Any:
        return feedback.give_feedback(row, actor=world.actor, rating=4)

    found = race(4, give)
    assert not [each for each in found if isinstance(each, Exception)]
    assert Feedback.objects.get(mission=row).version == 2  # asked by themselves, and given


def test_everybody_begins_the_meeting__it_is_one() -> None:
    world = World()
    [series] = [
        cadence.plan_meetings(world.workspace, actor=world.oc, cadence="retro", time_zone="UTC")
    ]
    people = [world.oc, world.gv, world.kc]
    found = race(3, lambda number: cadence.begin_meeting(series, actor=people[number]))
    assert {each.pk for each in found} == {Meeting.objects.get().pk}


def test_uses_and_follow_ups__are_noted_once() -> None:
    world = World()
    row = world.imported(stage="feedback")
    asset = library.create_asset(world.workspace, actor=world.kc, title="Mails", body="Ask.")
    library.publish_asset(asset, actor=world.kc)
    found = race(3, lambda number: asset_use.use_asset(row, asset, actor=world.actor))
    assert len({each.pk for each in found}) == AssetUse.objects.count() == 1
    given: Any = {"title": "Ask legal", "owner": world.owner, "due_on": tomorrow()}
    race(3, lambda number: followups.add_followup(row, actor=world.actor, **given))
    assert FollowUp.objects.count() == 1


def test_retired_while_it_is_published__ends_in_one_of_the_two() -> None:
    world = World()
    asset = library.create_asset(world.workspace, actor=world.kc, title="Mails", body="Ask.")
    calls: list[Callable[[], object]] = [
        lambda: library.publish_asset(asset, actor=world.kc),
        lambda: library.retire_asset(asset, actor=world.kc, reason="Not this."),
    ]
    assert world.kc.ref
    found = race(2, lambda number: calls[number]())
    refused = [each for each in found if isinstance(each, Exception)]
    assert all(isinstance(each, Conflict | InvalidTransition) for each in refused)
    asset.refresh_from_db()
    assert asset.status in {"published", "retired"}
