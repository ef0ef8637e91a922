"""Cards on a mission's page: each of its part, open where it is worked on, never the page's end."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from controlplane.lib.actors import Actor
from missions.models import Mission
from missions.shown import sections
from missions.shown.sections import cards, section
from tests import make
from tests.kit import settled
from tests.kit.missions import World


@settled.once
def world() -> World:
    return World()


@settled.once
def row(world: World) -> Mission:
    return world.started()


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "SECTIONS", {})


def told(**found: Any) -> Any:
    return lambda mission, actor: found


def test_card__open_in_its_stage__one_line_elsewhere(world: World, row: Mission) -> None:
    section("late", "Late", stages=("prepare",), order=1, read=told(badge=(2, "warn"), about="x"))
    section("now", "Now", stages=("define",), order=9, read=told(about="Of <b>now</b>."))
    found = cards(row, world.actor)
    assert [(card.slug, card.is_open) for card in found] == [("now", True), ("late", False)]
    assert "Of &lt;b&gt;now&lt;/b&gt;." in found[0].html
    assert (found[1].badge, found[1].tone, found[1].html) == ("2", "warn", "")


def test_card__nothing_to_say__not_there(world: World, row: Mission) -> None:
    section("none", "None", read=lambda mission, actor: None)
    assert cards(row, world.actor) == []


def test_card__asked_with_the_reader(world: World, row: Mission) -> None:
    def read(mission: Mission, actor: Actor) -> dict[str, Any]:
        return {"badge": actor.ref, "lines": [{"text": mission.ref, "state": "Done"}]}

    section("who", "Who", read=read, url=lambda mission: f"/x/{mission.ref}/")
    card = cards(row, world.actor)[0]
    assert (card.badge, card.url) == (world.actor.ref, f"/x/{row.ref}/")
    assert row.ref in card.html


def test_card__that_breaks__says_so_and_takes_nothing_with_it(world: World, row: Mission) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("not today")

    def spoil(*_: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")

    section("a", "Failing", read=fail, order=1, url=lambda mission: "/its/page/")
    section("b", "Spoiling", read=spoil, order=2)
    section("c", "Unknown tone", read=told(badge=("x", "purple")), order=3)
    section("d", "Lost template", read=told(), template="missions/cards/none.html", order=4)
    section("e", "Well", read=told(about="Still here."), order=5)
    page = make.client(world.owner).get(
        reverse("admin:missions_mission_change", args=(row.pk,))
    ).content.decode()  # fmt: skip
    assert page.count("This could not be shown just now") == 4
    assert 'href="/its/page/"' in page
    assert "Still here." in page


def test_section__twice_or_of_no_stage__found_at_start() -> None:
    read = told()
    section("one", "One", read=read)
    assert section("one", "One", read=read).slug == "one"
    with pytest.raises(ValueError, match="are called one"):
        section("one", "Another", read=read)
    with pytest.raises(ValueError, match="no stage nowhere"):
        section("two", "Two", read=read, stages=("nowhere",))


def test_cards__of_a_mission_elsewhere__not_even_asked(world: World, row: Mission) -> None:
    asked: list[str] = []

    def read(mission: Mission, actor: Actor) -> dict[str, Any]:
        asked.append(actor.ref)
        return {}

    section("who", "Who", read=read)
    stranger: Client = make.client(World().owner)
    answer = stranger.get(reverse("admin:missions_mission_change", args=(row.pk,)))
    assert answer.status_code in (302, 404)
    assert asked == []
