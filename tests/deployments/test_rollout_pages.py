"""The console's pages of rollouts."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests import make
from tests.kit.rollouts import World, fresh

pytestmark = pytest.mark.django_db
LIST = "/admin/deployments/rollout/"


@pytest.fixture
def world() -> World:
    return World()


def test_page__says_where_it_is_and_moves_it(world: World) -> None:
    rollout = world.running(title="Faster planner")
    world.post(rollout, n=200, errors=1)
    browser = make.client(world.person)
    page = browser.get(f"{LIST}{rollout.pk}/change/").content.decode()
    for words in ("Faster planner", "1,000 requests", "10 %", "What the 10 % saw", "Roll back"):
        assert words in page
    assert "Faster planner" in browser.get(f"{LIST}?open=1").content.decode()
    address = reverse("admin:deployments_rollout_button", args=(rollout.pk, "roll_back"))
    assert browser.get(address).status_code == 200
    assert fresh(rollout).status == "running"
    browser.post(address, {"reason": "Users complain."})
    assert fresh(rollout).status == "rolled_back"
    assert world.settings()["on"] is False


def test_page__of_a_viewer_and_of_a_stranger(world: World) -> None:
    rollout = world.running()
    viewer = make.client(make.person(world.workspace, "viewer"))
    assert viewer.get(f"{LIST}{rollout.pk}/change/").status_code == 200
    address = reverse("admin:deployments_rollout_button", args=(rollout.pk, "roll_back"))
    viewer.post(address, {"reason": "Mine."})
    stranger = make.client(World().person)
    assert stranger.get(f"{LIST}{rollout.pk}/change/").status_code == 404
    stranger.post(address, {"reason": "Mine."})
    assert fresh(rollout).status == "running"


def test_page__offers_what_its_stage_can_do_and_no_more(world: World) -> None:
    rollout = world.running()
    page = f"{LIST}{rollout.pk}/change/"
    for who in (world.person, make.person(world.workspace, "viewer")):
        head = make.client(who).get(page).content.decode().split("portal-buttons")[1]
        head = head.split("</ul>")[0]
        assert "Go on to the next step" in head
        assert "Roll back" in head
        for stage in ("Take the baseline", "Document and end", "Ask for consent", "Cancel"):
            assert stage not in head


def test_page__tells_decisions_in_words_with_their_figures(world: World) -> None:
    rollout = world.running()
    world.post(rollout, n=2_000, errors=900)
    page = make.client(world.person).get(f"{LIST}{rollout.pk}/change/").content.decode()
    assert "Rolled back" in page
    assert "Rolled_back" not in page
    assert "2,000 requests, 900 failed" in page
    assert "45.00\u00a0%" in page
