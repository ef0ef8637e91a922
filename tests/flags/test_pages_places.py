"""Environments of flags: what is counted of each, and the switch that makes changes there wait."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from controlplane.access.models import User
from controlplane.approvals.models import Policy
from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from deployments.flags import services
from deployments.flags.models import FlagEnvironment
from deployments.flags.models.serving import SdkInstance, SdkToken
from deployments.flags.services.tokens import issue_token, revoke_token
from deployments.flags.serving.store import store
from deployments.flags.shown import places, standing
from tests import make
from tests.flags.test_pages import BASE, main, page_of, questions, words
from tests.kit import settled
from tests.kit.flags import World, on, rule
from tests.kit.inhabited import HOSTILE

__all__ = ["browser", "world"]
pytestmark = pytest.mark.django_db
LIST = f"{BASE}flagenvironment/"


@settled.once
def world() -> World:
    return World()


@settled.once
def browser(world: World) -> Client:
    return make.client(world.person)


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    store.clear()
    yield
    store.clear()


@settled.once
def governor(world: World) -> User:
    return make.person(world.workspace, "engineering_lead")


@settled.once
def lead(governor: User) -> Client:
    return make.client(governor)


def place_of(world: World, where: str = "staging") -> FlagEnvironment:
    found: FlagEnvironment = FlagEnvironment.objects.select_related("environment").get(
        workspace=world.workspace, environment__slug=where
    )
    return found


def button(place: FlagEnvironment, name: str) -> str:
    return f"{page_of(place)}do/{name}/".replace("/change/", "/")


def row_of(page: str, name: str) -> str:
    rows = re.findall(r'<tr role="row">(.*?)</tr>', page, re.DOTALL)
    return next(words(row) for row in rows if words(row).startswith(name))


def told(place: FlagEnvironment, app: str, instance: str, *, ago: timedelta, sdk: str = "") -> None:
    SdkInstance.objects.create(
        workspace=place.workspace, environment=place.environment, app=app, instance=instance,
        sdk=sdk, last_seen=clock.now() - ago,
    )  # fmt: skip


# --- What stands there ---------------------------------------------------------------------------


def test_list__counts_flags_tokens_and_programs_of_each_environment(
    world: World, browser: Client, governor: User
) -> None:
    world.put(on(), "staging")
    world.put(on(rule(10)), "staging", world.make("some"))
    world.make("nobody")
    killed = world.make("killed")
    world.put(on(), "staging", killed)
    services.kill(killed, actor=world.actor, reason="It loops")
    services.archive(world.make("gone"), actor=world.actor, reason="No code asks")
    world.guard("production")
    place, actor = place_of(world), make.actor(governor)
    for name in ("planner", "runner"):
        issue_token(place.environment, actor=actor, name=name)
    revoke_token(SdkToken.objects.get(name="runner"), actor=actor, reason="Leaked")
    told(place, "planner", "a", ago=timedelta(minutes=5))
    told(place, "planner", "b", ago=timedelta(days=2))
    told(place, "web", "c", ago=timedelta(days=3))
    page = main(browser, LIST)
    staging, production = row_of(page, "Staging"), row_of(page, "Production")
    assert "1 on 1 partly 1 off 1 killed At once" in staging
    assert f"At once {place_of(world).revision} 1 2 5 min ago" in staging
    assert "3 off 1 killed Consent first" in production
    asked = main(browser, LIST, changes="asked").split('id="result_list"')[1]
    assert "Production" in asked
    assert "Staging" not in asked


PRO = {"contextName": "plan", "operator": "IN", "values": ["pro"]}


@pytest.mark.parametrize(
    "settings",
    [
        {"on": False, "rules": [rule(100)]}, on(), on(rule(100)), on(rule()), on(rule(99)),
        on(rule(0)), on(rule(100, disabled=True)), on(rule(100, constraints=[PRO])),
        on(rule(10), rule(100)), on(rule(10), rule(100, disabled=True)), on(allow=["ann"]),
        on(deny=["bob"]), on(rule(100), requires=[{"flag": "other"}]),
        on(rule(100, segments=["pros"])), on(rule(100), allow=["ann"]),
    ],
)  # fmt: skip
def test_counts__say_of_a_flag_what_its_own_mark_says(
    world: World, settings: dict[str, Any]
) -> None:
    services.create_segment(
        world.workspace, "pros", name="Pros", actor=world.actor, constraints=[PRO]
    )
    world.make("other")  # off, and what one of them needs
    world.put(settings, "staging")
    place, mark = place_of(world), standing.place(world.flag, world.state("staging"))
    assert places.seen([place])[place.environment_id].flags == Counter([mark.tone, "off"])


def test_page__programs_and_the_lists_of_this_environment(
    world: World, browser: Client, governor: User
) -> None:
    place, elsewhere = place_of(world), place_of(world, "production")
    told(place, HOSTILE[:60], "a", ago=timedelta(hours=1), sdk="unleash-python:6")
    told(place, HOSTILE[:60], "b", ago=timedelta(hours=2), sdk="unleash-node:7")
    told(elsewhere, "not-here", "c", ago=timedelta(hours=2))
    for where in (place, elsewhere):
        issue_token(where.environment, actor=make.actor(governor), name=f"of {where.environment}")
    page = main(browser, page_of(place))
    assert "<img src=x" not in page
    assert "not-here" not in page
    assert "unleash-node:7 and unleash-python:6" in words(page)
    [url] = re.findall(r'href="([^"]+sdktoken/\?show=in_force&amp;[^"]+)"', page)
    tokens = words(main(browser, url.replace("&amp;", "&")).split('id="result_list"')[1])
    assert f"of {place.environment}" in tokens
    assert f"of {elsewhere.environment}" not in tokens


def test_page__says_how_far_this_process_is(world: World, browser: Client) -> None:
    place = place_of(world)
    assert "not read yet" in words(main(browser, page_of(place)))
    store.current(place.environment_id)
    assert "up to date" in words(main(browser, page_of(place)))
    world.put(on(), "staging", world.flag)
    assert re.search(r"[1-9]\d* behind", words(main(browser, page_of(place))))
    store._agreed -= 60
    assert "stale: not compared for 6" in words(main(browser, page_of(place)))


def test_linked_from_the_flag_the_token_the_environment_and_the_policy(
    world: World, browser: Client, governor: User
) -> None:
    place = place_of(world)
    assert f'href="{page_of(place)}">Staging</a></h2>' in main(browser, page_of(world.flag))
    issued = issue_token(place.environment, actor=make.actor(governor), name="planner")
    assert f'href="{page_of(place)}"' in main(browser, page_of(issued.token))
    there = f"/admin/catalog/environment/{place.environment.uid}/change/"
    assert f'href="{page_of(place)}"' in main(browser, there)
    guarded = world.guard("staging")
    state = world.state("staging")
    services.propose(
        state, on(rule(50)), actor=world.actor, version=state.version, reason="A day is enough"
    )
    policy = Policy.objects.get(workspace=world.workspace, slug="flag_change")
    url = f"/admin/approvals/policy/{policy.uid}/change/"
    assert f'href="{url}"' in main(browser, page_of(guarded))
    shown = main(browser, url)
    assert f'href="{page_of(guarded)}"' in shown
    assert f'href="{page_of(place_of(world, "production"))}"' not in shown


def test_queries__pinned_and_not_growing(world: World, browser: Client, governor: User) -> None:
    place = place_of(world)
    few = questions(browser, LIST), questions(browser, page_of(place))
    for n in range(4):
        world.put(on(rule(10)), "staging", world.make(f"flag-{n}"))
        told(place, f"app-{n}", "a", ago=timedelta(hours=n))
        issue_token(place.environment, actor=make.actor(governor), name=f"t-{n}")
    assert (questions(browser, LIST), questions(browser, page_of(place))) == few
    assert few[0] <= 11
    assert few[1] <= 22


# --- The switch ----------------------------------------------------------------------------------


def test_consent__asked_for_and_waived_with_a_reason(world: World, lead: Client) -> None:
    place = place_of(world)
    page = main(lead, page_of(place))
    assert button(place, "ask_first") in page
    assert button(place, "at_once") not in page
    question = main(lead, button(place, "ask_first"))
    assert "flag_change" in question
    refused = lead.post(button(place, "ask_first"), {"reason": ""})
    assert refused.status_code == 200
    assert not place_of(world).needs_approval
    answer = lead.post(button(place, "ask_first"), {"reason": "Users feel it"}, follow=True)
    assert "Changes in Staging are asked for first from now on." in answer.content.decode()
    assert place_of(world).needs_approval
    event = AuditEvent.objects.get(action="flag.govern:on")
    assert event.reason == "Users feel it"
    assert "Users feel it" in main(lead, page_of(place))
    assert button(place, "ask_first") not in main(lead, page_of(place))
    lead.post(button(place, "at_once"), {"reason": "Nobody is there"})
    assert not place_of(world).needs_approval


def test_consent__form_that_came_late_changes_nothing(world: World, lead: Client) -> None:
    place = place_of(world)
    assert main(lead, button(place, "ask_first"))
    world.guard("staging")
    answer = lead.post(button(place, "ask_first"), {"reason": "Mine"}, follow=True)
    assert "asked for first already" in answer.content.decode()
    assert AuditEvent.objects.filter(action="flag.govern:on").count() == 1


def test_consent__somebody_comes_between(
    world: World, lead: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the row and the service's lock another version came."""
    place, service = place_of(world), services.set_needs_approval

    def late(row: FlagEnvironment, needed: bool, **given: Any) -> FlagEnvironment:
        FlagEnvironment.objects.filter(pk=row.pk).update(version=row.version + 1)
        return service(row, needed, **given)

    monkeypatch.setattr(services, "set_needs_approval", late)
    answer = lead.post(button(place, "ask_first"), {"reason": "Mine"}, follow=True)
    assert "Look again" in answer.content.decode()
    place.refresh_from_db()
    assert not place.needs_approval


def test_consent__not_for_those_who_change_flags(world: World, browser: Client) -> None:
    place = place_of(world)
    page = main(browser, page_of(place))
    assert button(place, "ask_first") not in page
    assert "Ask for consent first" in page  # drawn, with why not
    assert browser.get(button(place, "ask_first")).status_code == 403
    assert browser.post(button(place, "ask_first"), {"reason": "Mine"}).status_code == 403
    place.refresh_from_db()
    assert not place.needs_approval


def test_stranger__sees_and_switches_nothing(world: World) -> None:
    place = place_of(world)
    place_name = "Only here"
    type(place.environment).objects.filter(pk=place.environment_id).update(name=place_name)
    stranger = make.client(make.person(make.workspace(), "engineering_lead"))
    assert stranger.get(page_of(place)).status_code == 404
    for name in ("ask_first", "at_once"):
        assert stranger.get(button(place, name)).status_code == 404
        assert stranger.post(button(place, name), {"reason": "Mine"}).status_code == 404
    assert place_name not in main(stranger, LIST, view="all")
    place.refresh_from_db()
    assert not place.needs_approval


@pytest.mark.parametrize("query", ["changes=x", "environment__id__exact=1", "q=%00%27", "p=99"])
def test_list__nonsense_in_the_address__no_error(world: World, browser: Client, query: str) -> None:
    assert browser.get(f"{LIST}?{query}").status_code < 500
