"""Plays: ranked by agents, chosen by people, and never other than what was read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from controlplane.lib.errors import ControlPlaneError, Invalid, InvalidTransition, NotAllowed
from missions.models import Play, UndoPlan
from missions.services import plays
from tests.kit import settled
from tests.kit.missions import again
from tests.kit.missions_plans import OTHER, PLAY, World

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    made = World()
    made.planner  # noqa: B018 - and with it the integrations
    return made


def test_propose__ranks_them_with_steps_and_undo_plans(world: World) -> None:
    row = world.imported(stage="Plan")
    first, second = world.proposed(row)
    assert [(play.rank, play.key, play.status) for play in (first, second)] == [
        (1, "drafts-first", "proposed"), (2, "call-them", "proposed"),
    ]  # fmt: skip
    assert [step.mutating for step in first.steps.order_by("position")] == [False, True, True]
    assert UndoPlan.objects.get(play=first).steps.count() == 3
    assert not UndoPlan.objects.filter(play=second).exists()


def test_propose__again__changes_nothing(world: World) -> None:
    row = world.imported(stage="Plan")
    before = [play.pk for play in world.proposed(row)]
    assert [play.pk for play in world.proposed(row)] == before


def test_propose__another_ranking__keeps_what_stays_and_withdraws_the_rest(world: World) -> None:
    play = world.planned()
    found = plays.propose_plays(play.mission, [PLAY], actor=world.planner)
    assert [one.pk for one in found] == [play.pk]
    assert found[0].status == "selected"
    assert Play.objects.get(mission=play.mission, key="call-them").status == "withdrawn"
    changed = {**PLAY, "title": "Draft and send"}
    [other] = plays.propose_plays(play.mission, [changed], actor=world.planner)
    assert other.status == "proposed"
    play.refresh_from_db()
    assert (play.status, play.selected_by) == ("withdrawn", "")


def test_select__one_at_a_time(world: World) -> None:
    play = world.planned()
    other = Play.objects.get(mission=play.mission, key="call-them")
    plays.select_play(other, actor=world.actor, reason="People call.")
    play.refresh_from_db()
    other.refresh_from_db()
    assert (play.status, other.status) == ("proposed", "selected")
    assert plays.select_play(other, actor=world.actor).version == other.version


BAD: list[tuple[str, Any]] = [
    ("plays", []),
    ("plays", [PLAY, OTHER, {**OTHER, "key": "c"}, {**OTHER, "key": "d"}]),
    ("plays", "all"),
    ("plays", [1]),
    ("title", [{**PLAY, "title": " "}]),
    ("title", [{**PLAY, "title": "a\0b"}]),
    ("title", [{**PLAY, "title": "a\ud800"}]),
    ("confidence", [{**PLAY, "confidence": 1e300}]),
    ("confidence", [{**PLAY, "confidence": 2}]),
    ("effort", [{**PLAY, "effort": "huge"}]),
    ("rank", [{**PLAY, "rank": 4}]),
    ("rank", [{**PLAY, "rank": 1}, {**OTHER, "rank": 1}]),
    ("key", [PLAY, {**OTHER, "key": "drafts-first"}]),
    ("precedents", [{**PLAY, "precedents": [{"title": "x"}] * 6}]),
    ("steps", [{**PLAY, "steps": []}]),
    ("steps", [{**PLAY, "steps": [{"action": "x"}] * 51}]),
    ("steps", [{**PLAY, "steps": [{"action": "x", "colour": "red"}]}]),
    ("mutating", [{**PLAY, "steps": [{"action": "x", "mutating": "yes"}]}]),
    ("toolkit", [{**PLAY, "steps": [{"action": "x", "toolkit": "unheard-of"}], "undo": None}]),
    ("play_step", [{**PLAY, "undo": {"steps": [
        {"play_step": 9, "action": "x", "inverse": "y", "verify": "z"}]}}]),
    ("window_minutes", [{**PLAY, "undo": {"window_minutes": 0}}]),
    ("verify", [{**PLAY, "undo": {"steps": [{"action": "x", "inverse": "y"}]}}]),
]  # fmt: skip


def test_propose__what_cannot_be__is_refused_with_its_field(world: World) -> None:
    row = world.imported(stage="Plan")
    for field, given in BAD:
        with pytest.raises(Invalid) as refused:
            plays.propose_plays(row, given, actor=world.planner)
        assert field in refused.value.details, (field, refused.value)
    assert not Play.objects.filter(mission=row).exists()


def test_plan__elsewhere_than_in_its_stages__is_refused(world: World) -> None:
    row = world.started()
    with pytest.raises(InvalidTransition):
        world.proposed(row)
    play = Play.objects.select_related("mission").get(mission=world.executing(), rank=1)
    with pytest.raises(InvalidTransition):
        plays.propose_plays(play.mission, [OTHER], actor=world.planner)
    other = Play.objects.get(mission=play.mission, key="call-them")
    with pytest.raises(InvalidTransition):
        plays.select_play(other, actor=world.actor)


def test_plan__by_strangers__is_refused(world: World) -> None:
    row = world.imported(stage="Plan")
    first, _ = world.proposed(row)
    elsewhere = World()
    refused: list[Callable[[], Any]] = [
        lambda: plays.propose_plays(row, [PLAY], actor=elsewhere.agent("planner")),
        lambda: plays.propose_plays(row, [PLAY], actor=world.someone("viewer")),
        lambda: plays.select_play(first, actor=elsewhere.actor),
        lambda: plays.select_play(first, actor=world.planner),  # agents propose, people choose
        lambda: plays.select_play(first, actor=world.gv),
    ]
    for deed in refused:
        with pytest.raises(NotAllowed):
            deed()


def test_withdrawn__is_not_chosen(world: World) -> None:
    play = world.planned()
    plays.propose_plays(play.mission, [OTHER], actor=world.planner)
    with pytest.raises(ControlPlaneError):
        plays.select_play(play, actor=world.actor)
    assert again(play.mission).plays.selected().count() == 0
