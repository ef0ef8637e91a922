"""Many items at once: each for itself, with a report, and back again."""

from __future__ import annotations

import re

from django.test import Client
from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.work import services
from controlplane.work.models import Item
from tests import make
from tests.kit import settled, work

LIST = "/admin/work/item/?queue=ready"


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def oscar(here: Workspace) -> User:
    return make.person(here, "operations_command", email="oscar@example.org")


@settled.once
def browser(oscar: User) -> Client:
    return make.client(oscar)


def choose(browser: Client, action: str, *items: Item, follow: bool = True) -> str:
    data = {"action": action, "index": "0", "_selected_action": [item.pk for item in items]}
    return browser.post(LIST, data, follow=follow).content.decode()


def answer(browser: Client, verb: str, *items: Item, **values: str) -> str:
    """The question's own form, sent."""
    data = {"item": [str(item.uid) for item in items], "next": LIST, **values}
    return browser.post(reverse("work:many", args=(verb,)), data, follow=True).content.decode()


def undo(browser: Client, page: str) -> str:
    url = re.search(r'href="(/admin/work/back/[^"]+)"', page)
    assert url
    assert browser.get(url[1]).status_code == 200
    return browser.post(url[1], follow=True).content.decode()


def states(*items: Item) -> list[tuple[str, str]]:
    return [tuple(Item.objects.values_list("status", "assignee").get(pk=i.pk)) for i in items]  # type: ignore[misc]


def test_claim__at_once_with_refusals_named_and_taken_back(
    browser: Client, here: Workspace
) -> None:
    free, taken = work.item(here, "Free"), work.item(here, "Taken", assignee="sanna@example.org")
    page = choose(browser, "claim_many", free, taken)
    assert f"Claimed: {free.key}." in page
    assert f"{taken.key}: issue already claimed by sanna@example.org" in page
    assert states(free) == [("in_progress", "oscar@example.org")]
    assert f"Taken back: {free.key}." in undo(browser, page)
    assert states(free, taken) == [("open", ""), ("open", "sanna@example.org")]


def test_close__asks_for_a_reason__blockers_first__and_back(
    browser: Client, here: Workspace
) -> None:
    first, then = work.item(here, "First"), work.item(here, "Then")
    services.add_dependency(then, first, actor=work.worker(here))
    asked = choose(browser, "close_many", first, then)
    assert 'name="reason"' in asked
    assert '<label for="id_reason">Reason</label>' in asked
    assert "This field is required" in answer(browser, "close", first, then, reason="")
    page = answer(browser, "close", then, first, reason="Both work.")
    assert states(first, then) == [("closed", ""), ("closed", "")]
    undo(browser, page)
    assert states(first, then) == [("open", ""), ("open", "")]
    then.refresh_from_db()
    assert then.blocked


def test_close__open_work_before_it__refused_the_others_done(
    browser: Client, here: Workspace
) -> None:
    first, then, other = (work.item(here, title) for title in ("First", "Then", "Other"))
    services.add_dependency(then, first, actor=work.worker(here))
    page = answer(browser, "close", then, other, reason="Done.")
    assert f"Closed: {other.key}." in page
    assert f"cannot close {then.key}" in page
    assert states(then, other) == [("open", ""), ("closed", "")]


def test_label_priority_defer__each_and_back(browser: Client, here: Workspace) -> None:
    item, other = work.item(here, "One", labels=["ops"]), work.item(here, "Two")
    page = answer(browser, "label", item, other, label="ops")
    item.refresh_from_db()
    other.refresh_from_db()
    assert (item.labels, other.labels) == (["ops"], ["ops"])
    undo(browser, page)
    other.refresh_from_db()
    assert (item.labels, other.labels) == (["ops"], [])
    page = answer(browser, "priority", item, priority="0")
    item.refresh_from_db()
    assert item.priority == 0
    undo(browser, page)
    item.refresh_from_db()
    assert item.priority == 2
    page = answer(browser, "defer", item, until="2030-01-01T09:00")
    item.refresh_from_db()
    assert (item.status, item.defer_until is None) == ("deferred", False)
    undo(browser, page)
    item.refresh_from_db()
    assert (item.status, item.defer_until) == ("open", None)


def test_take_back__changed_meanwhile__is_refused(browser: Client, here: Workspace) -> None:
    item = work.item(here)
    page = answer(browser, "priority", item, priority="0")
    item.refresh_from_db()
    services.update_item(item, actor=work.worker(here), title="Another title")
    assert "was changed since you looked" in undo(browser, page)
    item.refresh_from_db()
    assert item.priority == 0


def test_take_back__only_by_whoever_did_it(browser: Client, here: Workspace) -> None:
    item = work.item(here)
    page = answer(browser, "priority", item, priority="0")
    url = re.search(r'href="(/admin/work/back/[^"]+)"', page)
    assert url
    other = make.client(make.person(here, "operations_command"))
    assert other.post(url[1]).status_code == 404


def test_stranger__neither_by_role_nor_by_workspace(browser: Client, here: Workspace) -> None:
    item, theirs = work.item(here), work.item(make.workspace())
    viewer = make.client(make.person(here, "viewer"))
    for verb, values in (
        ("claim", {}),
        ("close", {"reason": "x"}),
        ("priority", {"priority": "0"}),
    ):
        url = reverse("work:many", args=(verb,))
        assert viewer.post(url, {"item": str(item.uid), **values}).status_code == 403
        browser.post(url, {"item": str(theirs.uid), **values})
    assert states(item, theirs) == [("open", ""), ("open", "")]
    assert Item.objects.get(pk=theirs.pk).priority == 2
    assert "claim_many" not in viewer.get(LIST).content.decode()
    assert browser.get(reverse("work:many", args=("drop",))).status_code == 404
