"""Windows in the console: one next step at a time, no dead end, nothing for strangers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.lib import clock
from deployments.maintenance import links, services, standing
from deployments.models import Freeze, MaintenanceWindow
from tests import make
from tests.kit import settled
from tests.kit.deployments import there
from tests.kit.maintenance import EMERGENCY, World, again, at, finish_tasks, tell_in_time

pytestmark = pytest.mark.django_db
LIST = links.LIST


@settled.once
def world() -> World:
    made = World()
    made.watcher()
    made.service()
    return made


@settled.once
def browser(world: World) -> Client:
    return make.client(world.manager)


def shown(browser: Client, url: str) -> str:
    answer = browser.get(url, follow=True)
    assert answer.status_code == 200, (url, answer.status_code)
    return answer.content.decode()


def primary(page: str) -> list[str]:
    """What the page offers as the next step."""
    found = re.findall(r'class="button primary"[^>]*>(.*?)</(?:a|button)>', page, re.DOTALL)
    return [" ".join(re.sub(r"<kbd.*?</kbd>|<[^>]+>", " ", one, flags=re.DOTALL).split())
            for one in found]  # fmt: skip


def step(browser: Client, row: MaintenanceWindow) -> list[str]:
    return primary(shown(browser, links.window(row)))


def press(browser: Client, row: MaintenanceWindow, name: str, **data: Any) -> Any:
    return browser.post(links.door(row, name), data, follow=False)


def local(value: Any) -> str:
    return f"{value:%Y-%m-%dT%H:%M}"


@pytest.mark.slow
def test_walk__the_page_leads_from_step_to_step(world: World, browser: Client) -> None:
    span = world.span()
    page = shown(browser, links.PLAN)
    assert primary(page) == ["Plan it"]
    given = {
        "title": "Upgrade", "environment": world.place("production").pk,
        "starts_at": local(span["starts_at"]), "ends_at": local(span["ends_at"]),
        "services": [world.service().pk], "about": "Ten minutes.", "rollback_plan": "",
        "watcher": world.watcher().pk,
    }  # fmt: skip
    answer = browser.post(links.PLAN, given)
    row = MaintenanceWindow.objects.get()
    assert answer["Location"] == links.window(row)
    assert row.starts_at == span["starts_at"]
    assert step(browser, row) == ["Schedule"]
    press(browser, row, "move/schedule")
    assert step(browser, row) == ["Write the way back…"]
    form = {name: value for name, value in given.items() if not name.endswith("_at")}
    assert press(browser, row, "change", **{**form, "rollback_plan": "Back."}).status_code == 302
    assert step(browser, row) == ["Record the test…"]
    assert press(browser, row, "move/tested", evidence=" ").status_code == 400
    press(browser, row, "move/tested", evidence="Run 9.")
    assert step(browser, row) == ["Split the work…"]
    press(browser, row, "tasks", template="reindex", titles="Call the supplier\r\n")
    assert len(standing.tasks(row)) == 4
    assert step(browser, row) == ["Ask for consent"]
    press(browser, row, "move/ask")
    row = again(row)
    assert step(browser, row) == [f"See who signs {there(row.approval).ref}"]
    row = world.sign_window(row)
    assert step(browser, row) == ["Announce now"]
    press(browser, row, "move/announce")
    assert step(browser, again(row)) == []  # it waits for its time
    with at(row.starts_at):
        browser = make.client(world.manager)
        tell_in_time(row)
        assert step(browser, row) == ["Start"]
        press(browser, row, "move/start")
        assert step(browser, row) == ["The work is done"]
        task = standing.tasks(row)[0]
        assert press(browser, row, f"tasks/{task.key}", to="done", remark="ok").status_code == 302
        press(browser, row, "move/finish")
        assert step(browser, row) == []
    with at(there(again(row).monitor_until)):
        browser = make.client(world.manager)
        assert step(browser, row) == ["Close the subtasks"]
        finish_tasks(row, world.actor)
        assert step(browser, row) == ["Close…"]
        press(browser, row, "move/close", reason="All is well.")
        assert again(row).status == "completed"
        assert step(browser, row) == []


def test_emergency__from_the_form_to_the_follow_ups(world: World, browser: Client) -> None:
    now = clock.now()
    given = {
        "title": "Close the hole", "environment": world.place("production").pk,
        "starts_at": local(now), "ends_at": local(now + timedelta(hours=2)),
        "watcher": world.watcher().pk, "user_facing": "on",
    }  # fmt: skip
    url = f"{links.PLAN}emergency/"
    refused = browser.post(url, given)
    assert refused.status_code == 400
    assert "field-errors" in refused.content.decode()
    facts = {name: value for name, value in EMERGENCY.items() if name != "kind"}
    assert browser.post(url, {**given, **facts}).status_code == 302
    row = MaintenanceWindow.objects.get()
    press(browser, row, "move/schedule")
    assert step(browser, row) == ["Ask for consent"]
    world.sign_window(row)
    press(browser, row, "move/start")
    assert press(browser, row, "remark", kind="mitigation", text="Closed.").status_code == 302
    assert press(browser, row, "follow-ups", titles="Open it again").status_code == 302
    press(browser, row, "move/finish")
    assert "Post-incident review" in shown(browser, links.window(row))


def test_broken_rules__who_may_says_why__others_move_it(world: World, browser: Client) -> None:
    span = {name: value - timedelta(days=10) for name, value in world.span().items()}
    row = world.plan(**span)
    assert step(browser, row) == ["Schedule it all the same…"]
    helper = make.client(make.person(world.workspace, "secondary_operator"))
    assert step(helper, row) == ["Give it another time…"]
    assert press(browser, row, "move/schedule").status_code == 422
    press(browser, row, "move/schedule", override="It has to be now.")
    assert again(row).status == "announced"
    page = shown(browser, links.window(row))
    assert "It has to be now." in page
    moved = {name: local(value + timedelta(days=24)) for name, value in span.items()}
    assert press(browser, row, "reschedule", reason="", **moved).status_code == 400
    press(browser, row, "reschedule", reason="Later.", **moved)
    assert again(row).revision == 2


def test_every_form__is_there_and_says_when_there_is_nothing_to_do(
    world: World, browser: Client
) -> None:
    row = world.scheduled()
    for name in ("change", "reschedule", "waive", "tasks", "follow-ups", "remark", "move/cancel"):
        assert len(primary(shown(browser, links.door(row, name)))) <= 1, name
    services.cancel(row, actor=world.actor, reason="No.")
    for name in ("change", "reschedule", "waive", "tasks", "follow-ups", "move/start"):
        assert "nothing to do here" in shown(browser, links.door(row, name)), name
    assert press(browser, row, "waive", rule="lead", reason="x").status_code == 409
    for path in ("move/dance", "tasks/bd-none"):
        assert browser.post(links.door(row, path)).status_code == 404


def test_form_left_as_it_is__keeps_the_hour_that_comes_twice(world: World, browser: Client) -> None:
    """01:30 comes twice in London that night; the form shows it the same both times."""
    type(world.manager).objects.filter(pk=world.manager.pk).update(time_zone="Europe/London")
    start = datetime(2027, 10, 31, 1, 30, 20, tzinfo=UTC)
    row = world.plan(starts_at=start, ends_at=start + timedelta(hours=2))
    page = browser.get(f"/admin/maintenance/{row.uid}/change/")
    form = page.context["form"]
    assert form["starts_at"].value() == "2027-10-31T01:30"
    data = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    browser.post(f"/admin/maintenance/{row.uid}/change/", {**data, "title": "Another name"})
    after = again(row)
    assert (after.title, after.starts_at, after.version > row.version) == (
        "Another name", start, True,
    )  # fmt: skip


def test_list__home_and_banner_know_it(world: World) -> None:
    row = services.announce(world.scheduled(), actor=world.actor)
    browser = make.client(make.person(world.workspace, "release_manager"))  # no frame is kept yet
    page = shown(browser, f"{LIST}?when=upcoming")
    assert row.title in page
    assert primary(page)[0] == "Plan maintenance"
    assert "Maintenance Sun" in page  # the banner, on every page
    assert row.ref in shown(browser, "/admin/")
    assert row.ref not in shown(browser, f"{LIST}?when=past")


def test_stranger__sees_nothing__reader_presses_nothing(world: World) -> None:
    row = world.scheduled()
    stranger = make.client(World().manager)
    assert stranger.get(links.window(row)).status_code == 404
    for name in ("change", "reschedule", "move/cancel", "tasks", "waive"):
        assert stranger.post(links.door(row, name), {"reason": "x"}).status_code == 404, name
    reader = make.client(make.person(world.workspace, "viewer"))
    page = shown(reader, links.window(row))
    assert primary(page) == []
    assert "Not by you" in page
    for name in ("change", "reschedule", "move/cancel", "tasks", "waive"):
        assert reader.post(links.door(row, name), {"reason": "x"}).status_code == 403, name
    assert reader.get(links.PLAN).status_code == 403
    assert again(row).status == "scheduled"


def test_freeze__made_changed_and_ended_by_form(world: World, browser: Client) -> None:
    now = clock.now()
    url = "/admin/deployments/freeze/add/"
    given = {
        "title": "Year's end", "reason": "Nobody is there.",
        "environments": [world.place("production").pk],
        "starts_at": local(now + timedelta(days=1)), "ends_at": local(now + timedelta(days=3)),
    }  # fmt: skip
    wrong = browser.post(url, {**given, "ends_at": given["starts_at"]})
    assert wrong.status_code in (200, 400, 422)
    assert not Freeze.objects.exists()
    assert browser.post(url, given).status_code == 302
    freeze = Freeze.objects.get()
    assert [place.slug for place in freeze.environments.all()] == ["production"]
    page = shown(browser, f"/admin/deployments/freeze/{freeze.uid}/change/")
    assert primary(page) == []  # nothing has to be done about it
    assert "End it now…" in page
    url = f"/admin/deployments/freeze/{freeze.uid}/change/"
    form = shown(browser, f"{url}?edit=1")
    seen = re.search(r'name="_seen" value="([^"]+)"', form)
    assert seen is not None
    changed = {**given, "title": "The year's end", "_seen": seen[1]}
    assert browser.post(url, changed).status_code == 302
    freeze.refresh_from_db()
    assert freeze.title == "The year's end"
    assert local(freeze.starts_at) == given["starts_at"]
    ended = browser.post(
        f"/admin/deployments/freeze/{freeze.uid}/do/end/", {"reason": "All are back."}
    )
    assert ended.status_code == 302
    freeze.refresh_from_db()
    assert freeze.ended_at is not None
    reader = make.client(make.person(world.workspace, "viewer"))
    assert reader.post("/admin/deployments/freeze/add/", given).status_code == 403


def test_pages__ask_a_bounded_number_of_questions(world: World) -> None:
    row = world.sign_window(services.announce(world.scheduled(), actor=world.actor))
    for number in range(3):
        world.scheduled(**world.span(weeks=number + 1))
    browser = make.client(make.person(world.workspace, "release_manager"))
    for url, most in ((links.window(row), 45), (f"{LIST}?when=upcoming", 10)):
        shown(browser, url)
        with CaptureQueriesContext(connection) as captured:
            shown(browser, url)
        asked = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
        assert len(asked) <= most, "\n".join(sql[:200] for sql in asked)
