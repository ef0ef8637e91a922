"""What a gate waits for, in the console: asked, shown, changed, and gone with the type."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.work import services
from controlplane.work.models import Item
from tests import make
from tests.kit import settled, work


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def browser(here: Workspace) -> Client:
    return make.client(make.person(here, "operations_command"))


@pytest.fixture
def gate(here: Workspace) -> Item:
    return work.item(here, "CI", item_type="gate", await_type="gh:run", await_id="99")


FORM = {"title": "CI", "item_type": "gate", "priority": "2", "labels": ""}


def page_of(item: Item) -> str:
    return reverse("admin:work_item_change", args=(item.uid,))


def read(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def save(browser: Client, item: Item, **changed: str) -> str:
    """Post the form as it would be sent; answers what was refused, or nothing."""
    form = FORM | {"await_type": item.await_type, "await_id": item.await_id} | changed
    answer = browser.post(page_of(item), form)
    item.refresh_from_db()
    return "" if answer.status_code == 302 else answer.content.decode()


def awaited(item: Item) -> tuple[str, str]:
    return item.await_type, item.await_id


def test_new_gate__says_what_it_waits_for(browser: Client, here: Workspace) -> None:
    url = reverse("admin:work_item_add")
    assert "A workflow run of GitHub" in read(browser, url)
    form = FORM | {
        "project": str(work.project(here).pk),
        "await_type": "gh:pr",
        "await_id": "a/b#7",
    }
    assert browser.post(url, form).status_code == 302
    made = Item.objects.get()
    assert awaited(made) == ("gh:pr", "a/b#7")
    assert "A pull request of GitHub: a/b#7" in read(browser, page_of(made))


def test_new_task__that_waits_for_a_run__is_refused_beside_the_field(
    browser: Client, here: Workspace
) -> None:
    form = FORM | {"project": str(work.project(here).pk), "item_type": "task"}
    answer = browser.post(reverse("admin:work_item_add"), form | {"await_type": "gh:run"})
    page = answer.content.decode()
    assert re.search(r'id="id_await_type_error"[^<]*<ul[^<]*<li>[^<]*type gate', page)
    assert not Item.objects.exists()


def test_edit__changes_and_clears_what_it_waits_for(browser: Client, gate: Item) -> None:
    page = read(browser, f"{page_of(gate)}?edit=1")
    assert 'value="99"' in page
    assert '<option value="gh:run" selected>' in page
    assert save(browser, gate, await_id="100") == ""
    assert awaited(gate) == ("gh:run", "100")
    assert "changed which one it waits for from 99 to 100" in read(browser, page_of(gate))
    assert "needs an await_type" in save(browser, gate, await_type="")
    assert save(browser, gate, await_type="", await_id="") == ""
    assert gate.extra == {}


def test_edit__into_another_type__takes_it_away_and_keeps_a_record(
    browser: Client, gate: Item
) -> None:
    assert save(browser, gate, item_type="task") == ""
    assert (gate.item_type, gate.extra) == ("task", {})
    told = AuditEvent.objects.filter(action="work.update").latest("pk")
    assert told.before is not None
    assert told.before["await_id"] == "99"
    assert told.after == {"item_type": "task", "await_type": "", "await_id": ""}
    assert save(browser, gate, item_type="gate") == ""
    assert awaited(gate) == ("", "")


def test_edit__into_another_type_with_a_new_run__is_refused(browser: Client, gate: Item) -> None:
    assert "type gate" in save(browser, gate, item_type="task", await_id="100")
    assert (gate.item_type, *awaited(gate)) == ("gate", "gh:run", "99")


def test_edit__of_an_imported_word__keeps_it(browser: Client, gate: Item) -> None:
    Item.objects.filter(pk=gate.pk).update(extra={"await_type": "gl:job", "waiters": ["kim"]})
    gate.refresh_from_db()
    assert save(browser, gate, title="CI again") == ""
    assert gate.extra == {"await_type": "gl:job", "waiters": ["kim"]}
    assert "gl:job" in read(browser, page_of(gate))


def test_edit__while_somebody_else_did__says_what_it_has_become(
    browser: Client, gate: Item
) -> None:
    page = read(browser, f"{page_of(gate)}?edit=1")
    seen = re.search(r'name="_seen" value="([^"]+)"', page)
    assert seen is not None
    services.update_item(gate, actor=work.worker(gate.workspace), await_id="77")
    refused = save(browser, gate, await_id="100", _seen=seen[1])
    assert "It is now “77”" in refused
    assert awaited(gate) == ("gh:run", "77")


def test_viewer_and_stranger__change_nothing(here: Workspace, gate: Item) -> None:
    viewer = make.client(make.person(here, "viewer"))
    stranger = make.client(make.person(make.workspace(), "operations_command"))
    assert "gh:run" not in read(viewer, f"{page_of(gate)}?edit=1")
    form = FORM | {"await_type": "gh:run", "await_id": "100"}
    assert viewer.post(page_of(gate), form).status_code == 403
    assert stranger.get(page_of(gate)).status_code == 404
    assert stranger.post(page_of(gate), form).status_code == 404
    gate.refresh_from_db()
    assert awaited(gate) == ("gh:run", "99")
