"""Pages of feature flags: what stands on them, what is pressed there, who may see and press it."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.lib import clock
from deployments.flags import services
from deployments.flags.models import Flag, FlagChange
from deployments.flags.models.serving import FlagUsage
from tests import make
from tests.kit import settled, work
from tests.kit.flags import World, on, rule
from tests.kit.inhabited import HOSTILE

pytestmark = pytest.mark.django_db
BASE = "/admin/feature_flags/"
LIST = f"{BASE}flag/"


@settled.once
def world() -> World:
    return World()


@settled.once
def browser(world: World) -> Client:
    return make.client(world.person)


def page_of(row: Any) -> str:
    return reverse(
        f"admin:feature_flags_{row._meta.model_name}_change", args=(getattr(row, "uid", row.pk),)
    )


def button(row: Any, name: str) -> str:
    return reverse(f"admin:feature_flags_{row._meta.model_name}_button", args=(row.uid, name))


def main(browser: Client, url: str, **query: Any) -> str:
    answer = browser.get(url, query)
    assert answer.status_code == 200, (url, answer.status_code)
    return answer.content.decode().split("<main", 1)[1]


def words(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def asked(world: World, name: str, where: str = "production", *, yes: int, no: int = 0) -> None:
    FlagUsage.objects.create(
        workspace=world.workspace,
        environment=world.state(where).environment,
        flag_name=name,
        app="planner",
        hour=clock.now().replace(minute=0, second=0, microsecond=0),
        yes=yes,
        no=no,
    )


# --- The list ------------------------------------------------------------------------------------


def test_list__states_owner_usage_and_the_way_to_kill(world: World, browser: Client) -> None:
    services.change_flag(world.flag, actor=world.actor, owner=world.person)
    world.put(on(rule(10)), "production")
    world.put(on(), "staging")
    asked(world, world.flag.flag_name, yes=1200, no=34)
    row = main(browser, LIST, standing="living").split('id="result_list"', 1)[1]
    assert "Production 10 %" in words(row)
    assert "Staging on" in words(row)
    assert "Local off" in words(row)
    assert world.person.name in row
    assert "1,234" in row
    assert f'href="{button(world.flag, "kill")}"' in row


def test_list__opens_with_those_in_use__archived_apart(world: World, browser: Client) -> None:
    gone = world.make("gone")
    services.archive(gone, actor=world.actor, reason="No code asks")
    assert world.flag.flag_name
    assert browser.get(LIST)["Location"].endswith("?standing=living")
    assert "gone" not in main(browser, LIST, standing="living").split("result_list")[1]
    assert "gone" in main(browser, LIST, standing="archived").split("result_list")[1]


def test_list__stale_says_why_and_what_item_asks(world: World, browser: Client) -> None:
    days = timedelta(days=3)
    Flag.objects.filter(pk=world.flag.pk).update(
        stale_since=clock.now() - days, remove_by=(clock.now() - days).date()
    )
    page = main(browser, LIST, standing="stale")
    assert "It was to be removed by" in page
    assert "Clean-up" in page
    assert "Stale" in words(main(browser, LIST, standing="living"))


def test_list__mine(world: World, browser: Client) -> None:
    services.change_flag(world.flag, actor=world.actor, owner=world.person)
    world.make("nobodys")
    rows = main(browser, LIST, standing="living", whose="mine").split("result_list")[1]
    assert world.flag.flag_name in rows
    assert "nobodys" not in rows
    other = main(browser, LIST, view="all", whose="nobody").split("result_list")[1]
    assert "nobodys" in other


def test_list__a_viewer_has_no_kill(world: World) -> None:
    assert world.flag.flag_name
    viewer = make.client(make.person(world.workspace, "viewer"))
    assert "/do/kill/" not in main(viewer, LIST, standing="living")


@pytest.mark.slow
def test_lists__questions_do_not_grow_with_rows(world: World, browser: Client) -> None:
    for n in range(2):
        flag = world.make(f"flag-{n}")
        world.put(on(rule(10, segments=[])), "staging", flag)
    lists = [
        f"{LIST}?standing=living", f"{LIST}?standing=stale", f"{BASE}flagchange/?view=all",
        f"{BASE}segment/", f"{BASE}changerequest/?show=open", f"{BASE}unknownflag/",
        f"{BASE}scheduledchange/?show=open", f"{BASE}sdktoken/?show=in_force",
    ]  # fmt: skip
    few = [questions(browser, url) for url in lists]
    for n in range(2, 8):
        world.put(on(rule(20)), "production", world.make(f"flag-{n}", owner=world.person))
    many = [questions(browser, url) for url in lists]
    assert [url for url, a, b in zip(lists, many, few, strict=True) if a > b] == []
    assert max(few) <= 11


def questions(browser: Client, url: str) -> int:
    """Of a warm page: what the frame remembers for some seconds may just have gone."""
    return min(questioned(browser, url) for _ in range(3))


def questioned(browser: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(url).status_code == 200
    return len([each for each in captured if "SAVEPOINT" not in each["sql"]])


# --- A flag's page -------------------------------------------------------------------------------


def test_flag__reads_as_a_sentence_in_each_environment(world: World, browser: Client) -> None:
    services.create_segment(
        world.workspace, "eu", name="Europe", actor=world.actor,
        constraints=[{"contextName": "region", "operator": "IN", "values": ["eu"]}],
    )  # fmt: skip
    world.put(on(rule(10, stickiness="tenantId", segments=["eu"]), deny=["t-1"]), "production")
    asked(world, world.flag.flag_name, yes=9, no=81)
    page = words(main(browser, page_of(world.flag)))
    assert "On for 10 % of tenants in Europe; never for t-1." in page
    assert f", by {world.person.name}" in page.replace("RE ", "").replace(" ,", ",")
    assert "90 asked" in page
    assert "10 % had it" in page
    assert "planner" in page


def test_flag__queries_pinned(world: World, browser: Client) -> None:
    for percent in (10, 20, 30, 40):
        world.put(on(rule(percent)), "production")
    assert questions(browser, page_of(world.flag)) <= 24


def test_kill__two_taps_with_a_reason__and_back(world: World, browser: Client) -> None:
    world.put(on(), "production")
    page = main(browser, page_of(world.flag))
    assert f'action="{button(world.flag, "kill")}"' in page
    question = main(browser, button(world.flag, "kill"))
    assert "Off for everybody, in every environment" in question
    assert browser.post(button(world.flag, "kill"), {"reason": ""}).status_code == 200
    world.flag.refresh_from_db()
    assert world.flag.enabled
    assert browser.post(button(world.flag, "kill"), {"reason": "It loops"}).status_code == 302
    assert not Flag.objects.get(pk=world.flag.pk).enabled
    page = main(browser, page_of(world.flag))
    assert "Killed: off for everybody" in page
    assert "/do/kill/" not in page
    browser.post(button(world.flag, "enable"), {"reason": "Mended"})
    world.flag.refresh_from_db()
    assert world.flag.enabled


def test_restore__says_that_it_comes_back_killed(world: World, browser: Client) -> None:
    world.put(on())
    services.archive(world.flag, actor=world.actor, reason="Done with it.")
    assert "comes back killed" in words(browser.get(button(world.flag, "restore")).content.decode())
    answer = browser.post(button(world.flag, "restore"), {"reason": "Needed again."}, follow=True)
    page = words(answer.content.decode())
    assert "new-planner is back, killed" in page
    assert "as it stood" not in page
    world.flag.refresh_from_db()
    assert (world.flag.is_archived, world.flag.enabled) == (False, False)


@pytest.mark.parametrize("role", ["viewer", "product_manager"])
def test_kill__operators_alone(world: World, role: str) -> None:
    other = make.client(make.person(world.workspace, role))
    assert other.post(button(world.flag, "kill"), {"reason": "Just so"}).status_code == 403
    world.flag.refresh_from_db()
    assert world.flag.enabled
    head = main(other, page_of(world.flag)).split('aria-label="Facts"')[0]
    assert f'action="{button(world.flag, "kill")}"' not in head


def test_flag__made_and_described_in_forms(world: World, browser: Client) -> None:
    page = main(browser, f"{LIST}add/", flag_name="from.the-list")
    assert 'value="from.the-list"' in page
    sent = {
        "flag_name": "brand-new", "value_type": "boolean", "kind": "ops", "tier": "2",
        "description": HOSTILE, "item": "",
    }  # fmt: skip
    answer = browser.post(f"{LIST}add/", sent)
    made = Flag.objects.get(flag_name="brand-new")
    assert answer["Location"] == page_of(made)
    assert made.kind == "ops"
    assert "<img src=x" not in main(browser, page_of(made))
    assert browser.post(f"{LIST}add/", {**sent, "flag_name": "no spaces"}).status_code == 200
    assert browser.post(f"{LIST}add/", sent).status_code == 200
    assert Flag.objects.filter(workspace=world.workspace).count() == 1
    answer = browser.post(page_of(made), {"kind": "release", "tier": "1", "description": "Said"})
    made.refresh_from_db()
    assert made.description == "Said"
    assert answer.status_code == 302


def test_flag__belongs_to_a_work_item_by_its_id(world: World, browser: Client) -> None:
    item, strange = work.item(world.workspace, "Release 7"), work.item(make.workspace(), "Theirs")
    sent = {"kind": "release", "tier": "1", "item": item.key}
    assert browser.post(page_of(world.flag), sent).status_code == 302
    world.flag.refresh_from_db()
    assert world.flag.item == item
    assert f'value="{item.key}"' in main(browser, page_of(world.flag), edit="1")
    assert item.key in main(browser, page_of(world.flag))
    for wrong in (f"{strange.key}-no", HOSTILE):
        answer = browser.post(page_of(world.flag), {**sent, "item": wrong})
        assert "no work item of this id" in answer.content.decode()


# --- History -------------------------------------------------------------------------------------


def test_history__difference_and_undo(world: World, browser: Client) -> None:
    world.put(on(rule(10)), "staging")
    world.put(on(rule(50)), "staging", reason="It is well")
    change = world.changes()[-1]
    page = main(browser, page_of(change))
    assert "On for 50 % of users." in words(page)
    assert "It is well" in page
    assert browser.post(button(change, "undo"), {"reason": "Not so well"}).status_code == 302
    assert world.state().settings["rules"][0]["percent"] == 10
    again = browser.post(button(change, "undo"), {"reason": "Once more"}, follow=True)
    assert "undone already" in again.content.decode()
    listed = main(browser, f"{BASE}flagchange/", flag=str(world.flag.uid))
    assert "Undone" in words(listed)


def test_undo__what_others_changed_since_stays(world: World, browser: Client) -> None:
    world.put(on(rule(10)), "staging")
    first = world.changes()[-1]
    world.put(on(rule(50)), "staging")
    answer = browser.post(button(first, "undo"), {"reason": "Back"}, follow=True)
    assert "changed again since" in answer.content.decode()
    assert world.state().settings["rules"][0]["percent"] == 50


# --- The try-out ----------------------------------------------------------------------------------


def test_try__decision_and_each_reason__all_in_the_address(world: World, browser: Client) -> None:
    plan = {"contextName": "plan", "operator": "IN", "values": ["pro"]}
    world.put(on(rule(100, title="Paying ones", constraints=[plan])), "staging")
    asked = {"flag": world.flag.flag_name, "in": "staging", "user": "u1"}
    page = words(main(browser, reverse("flags:try"), **asked, **{"with": "plan = free"}))
    assert "Off" in page.split("Because")[0]
    assert "plan is “pro”" in page
    assert "free" in page
    page = words(main(browser, reverse("flags:try"), **asked, **{"with": "plan = pro"}))
    assert "On" in page.split("Because")[0].split("The answer")[1]
    assert "decides" in page
    assert "Production" in page.split("elsewhere")[1]


@pytest.mark.parametrize(
    "query",
    [
        {}, {"flag": "nobody-knows"}, {"flag": "new-planner", "in": "nowhere"},
        {"flag": "new-planner", "user": HOSTILE, "with": f"a\n=\n{HOSTILE}={HOSTILE}"},
        {"flag": "new-planner", "at": "2026-99-99T00:00"}, {"flag": "x" * 5000, "user": "y" * 9000},
    ],
)  # fmt: skip
def test_try__nonsense__an_answer_all_the_same(
    world: World, browser: Client, query: dict[str, str]
) -> None:
    assert world.flag.flag_name
    assert "<img src=x" not in main(browser, reverse("flags:try"), **query)


def test_try__other_workspaces_flags_are_unknown(world: World) -> None:
    stranger = make.client(make.person(make.workspace(), "viewer"))
    page = main(stranger, reverse("flags:try"), flag=world.flag.flag_name)
    assert "There is no flag of this name" in page


# --- Home, palette, strangers --------------------------------------------------------------------


def test_home__killed_flags_for_those_who_enable(world: World, browser: Client) -> None:
    services.kill(world.flag, actor=world.actor, reason="It loops")
    assert world.flag.flag_name in main(browser, "/admin/")
    viewer = make.client(make.person(world.workspace, "viewer"))
    assert world.flag.flag_name not in main(viewer, "/admin/")


def test_palette__kill_and_enable_by_name(world: World, browser: Client) -> None:
    other = world.make("new-engine")

    def hits(client: Client, text: str) -> list[str]:
        found = client.get(reverse("console:go"), {"q": text, "format": "json"}).json()
        return [hit["url"] for hit in found["hits"]]

    assert button(world.flag, "kill") in hits(browser, "kill new-planner")
    assert button(other, "kill") not in hits(browser, "kill new-planner")
    services.kill(world.flag, actor=world.actor, reason="It loops")
    assert button(world.flag, "kill") not in hits(browser, "kill new")
    assert button(world.flag, "enable") in hits(browser, "enable new-pl")
    assert page_of(other) in hits(browser, "new-engine")
    viewer = make.client(make.person(world.workspace, "viewer"))
    assert not [url for url in hits(viewer, "kill new-engine") if "/do/" in url]


def test_stranger__sees_none_of_it(world: World) -> None:
    world.put(on(), "staging")
    stranger = make.client(make.person(make.workspace(), "release_manager"))
    change = FlagChange.objects.filter(flag=world.flag).latest("id")
    for row in (world.flag, change):
        assert stranger.get(page_of(row)).status_code == 404
    assert stranger.post(button(world.flag, "kill"), {"reason": "Just so"}).status_code == 404
    assert stranger.post(button(change, "undo"), {"reason": "Just so"}).status_code == 404
    assert world.flag.flag_name not in main(stranger, LIST, view="all")
    world.flag.refresh_from_db()
    assert world.flag.enabled


@pytest.mark.parametrize(
    "query", ["standing=no", "whose=all", "flag=nobody", "flag=%00", "show=x", "q=%00%27", "p=99"]
)
def test_lists__nonsense_in_the_address__no_error(
    world: World, browser: Client, query: str
) -> None:
    assert world.flag.flag_name
    for name in ("flag", "flagchange", "changerequest", "segment", "sdktoken", "unknownflag"):
        assert browser.get(f"{BASE}{name}/?{query}").status_code < 500, name


def test_empty__teaches(world: World, browser: Client) -> None:
    for name, said in (
        ("flag", "A flag begins off"), ("segment", "There is no segment"),
        ("unknownflag", "is known"), ("changerequest", "waits for consent"),
        ("scheduledchange", "is planned"), ("sdktoken", "No program reads flags yet"),
    ):  # fmt: skip
        assert said in main(browser, f"{BASE}{name}/", view="all"), name
