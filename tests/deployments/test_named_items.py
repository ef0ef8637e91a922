"""A deployment, and most of all a hotfix, on the issue that is there already."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.work import services as work
from controlplane.work.models import Item
from deployments import services
from deployments.models import Deployment
from deployments.services import items, papers
from tests import make
from tests.kit import settled
from tests.kit.api import Api, refused
from tests.kit.deployments import HOTFIX, World, again

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    made = World()
    made.on_call()
    return made


@settled.once
def sev(world: World) -> Item:
    """As support opened it, in a project of its own."""
    project = work.create_project(world.workspace, actor=make.JOB, name="Web", prefix="web")
    return work.create_item(project, actor=make.JOB, title="Checkout fails", item_type="incident")


@settled.once
def browser(world: World) -> Client:
    return make.client(world.manager)


def page(browser: Client, item: Item) -> str:
    return browser.get(f"/admin/work/item/{item.uid}/change/").content.decode()


def form(world: World, **given: Any) -> dict[str, Any]:
    place = world.place("production").pk
    parts = [world.component("agent").pk]
    return {"release": "5.0.1", "environment": place, "tier": "1", "components": parts,
            **HOTFIX, **given}  # fmt: skip


def test_hotfix__takes_the_issue_over_and_owes_its_papers_there(world: World, sev: Item) -> None:
    lane: dict[str, Any] = HOTFIX
    row = world.draft("production", kind="hotfix", item=sev, **lane)
    sev.refresh_from_db()
    assert (row.item, sev.priority, sev.labels) == (sev, 0, ["hotfix"])
    assert not Item.objects.filter(title__startswith="Deploy ").exists()
    services.prepare(row, actor=world.actor)
    [review] = papers.items_of(again(row))
    assert review.edges_out.filter(target=sev).exists()


def test_item__that_is_done_taken_or_not_ones_own__is_refused(world: World, sev: Item) -> None:
    world.draft(item=sev)
    with pytest.raises(Conflict, match="stands for DEP-1"):
        world.draft(item=sev, release="4.3.0")
    done = work.create_item(sev.project, actor=make.JOB, title="Mended")
    work.close_item(done, actor=make.JOB, reason="Mended.")
    with pytest.raises(Invalid, match="is done"):
        world.draft(item=done, release="4.3.1")
    elsewhere = World()
    with pytest.raises(Invalid):
        items.named(elsewhere.workspace, sev.key, actor=elsewhere.actor)
    with pytest.raises(NotAllowed):
        elsewhere.draft(item=sev)
    sev.refresh_from_db()
    assert sev.labels == []


def test_name__is_read_like_any_text(world: World, sev: Item) -> None:
    assert items.named(world.workspace, f" {sev.key.lower()} ", actor=world.actor) == sev
    for wrong in ("", "none-1", "\x00", 7, "x" * 500):
        with pytest.raises(Invalid):
            items.named(world.workspace, wrong, actor=world.actor)


def test_page_of_an_issue__leads_to_its_hotfix_while_it_is_urgent(
    world: World, browser: Client, sev: Item
) -> None:
    address = f"{reverse('deck:hotfix')}?item={sev.key}"
    assert address not in page(browser, sev)
    work.update_item(sev, actor=make.JOB, priority=0)
    assert address in page(browser, sev)
    viewer = make.client(make.person(world.workspace, "viewer"))
    assert address not in page(viewer, sev)
    assert f'value="{sev.key}"' in browser.get(address).content.decode()
    assert browser.post(address, form(world, item=sev.key)).status_code == 302
    assert Deployment.objects.get(release="5.0.1").item == sev
    assert address not in page(browser, sev)


def test_form__names_an_item_that_is_not_there(world: World, browser: Client) -> None:
    answer = browser.post(reverse("deck:hotfix"), form(world, item="none-1"))
    assert answer.status_code == 400
    assert "There is no such work item here." in answer.content.decode()


def test_api__by_its_key(world: World, browser: Client, sev: Item) -> None:
    api = Api(browser=browser)
    given = {"release": "5.0.1", "environment": "production", "kind": "hotfix",
             "hotfix_trigger": "outage"}  # fmt: skip
    refused(api.post("/api/v1/deployments", {**given, "item": "none-1"}), "INVALID_ARGUMENT")
    made = api.post("/api/v1/deployments", {**given, "item": sev.key}).json()
    assert made["item"] == sev.key
    again_ = api.post("/api/v1/deployments/ensure", {**given, "item": sev.key}).json()
    assert again_["created"] is False
