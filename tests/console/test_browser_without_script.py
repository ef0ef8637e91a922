"""Every action works where no script runs: what the script adds is convenience only."""

from __future__ import annotations

import pytest
from django.urls import reverse

from controlplane.access.models import Workspace
from controlplane.base import signals
from controlplane.base.models import Signal
from controlplane.console.models import SavedView
from controlplane.jobs import leases
from controlplane.notify.models import InboxItem
from controlplane.notify.services.news import To, notify
from tests import make
from tests.kit.browser import MISSING, NARROW, Browser

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.slow]
LIST = "/admin/base/signal/?view=all"


@pytest.fixture
def here(browser: Browser) -> Workspace:
    workspace = make.workspace()
    person = make.person(workspace, "primary_operator", "workspace_admin")
    browser.sign_in(make.client(person))
    browser.scripts(on=False)
    for key in ("one", "two"):
        signals.emit("tests.kind", key=key, workspace_id=workspace.pk)
    Signal.objects.update(state=leases.DEAD, attempts=8, last_error="boom")
    notify(
        workspace_id=workspace.pk, kind="k", to=To(users=[person.pk]), key="news", subject="Look"
    )
    return workspace


def no_script_ran(browser: Browser) -> None:
    """The script shows what only it can do."""
    assert all(not button.is_displayed() for button in browser.all("[data-help-open]"))


def test_list__filter_by_menu_then_away(browser: Browser, here: Workspace) -> None:
    Signal.objects.filter(key="two").update(state=leases.DONE)
    browser.open(LIST)
    no_script_ran(browser)
    browser.find(".filter > summary").click()
    browser.find(".filter[open] .menu-body a:nth-child(2)").click()
    browser.until(lambda: browser.all(".chip-link"))
    browser.find(".chip-link").click()
    browser.until(lambda: not browser.all(".chip-link"))
    assert "one" in browser.text("#result_list")


def test_list__search(browser: Browser, here: Workspace) -> None:
    browser.open(LIST)
    field = browser.find("#list-search")
    field.send_keys("two")
    field.submit()
    browser.until(lambda: "q=two" in browser.path)
    assert "two" in browser.text("#result_list")
    assert "one" not in browser.text("#result_list th[scope=row]")


def test_list__save_as_view__in_the_sidebar(browser: Browser, here: Workspace) -> None:
    browser.open("/admin/base/signal/?state__exact=dead")
    browser.button("Save view", "main").click()
    browser.find("#view-name").send_keys("Dead ones")
    browser.find(".menu-form button").click()
    browser.until(lambda: "Saved as" in browser.text(".notes"))
    assert "Dead ones" in browser.text("#side")
    view = SavedView.objects.get()
    assert (view.query, view.shared) == ("state__exact=dead", False)
    browser.open("/admin/views/")
    browser.button("Unpin Dead ones", "main").click()
    browser.until(lambda: "Dead ones" not in browser.text("#side"))


def test_list__bulk_action__done_with_a_reason(browser: Browser, here: Workspace) -> None:
    browser.open(LIST)
    for box in browser.all("tbody input[type=checkbox]"):
        box.click()
    browser.find("#bulk-reason").send_keys("the receiver is back")
    browser.button("Replay the selected", "form").click()
    browser.until(lambda: "2 done" in browser.text(".notes"))
    assert Signal.objects.filter(state=leases.WAITING).count() == 2


def test_list__what_only_scripts_can_do__not_offered(browser: Browser, here: Workspace) -> None:
    browser.open(LIST)
    assert not browser.find("[data-select-all]").is_displayed()
    assert browser.find("[data-select]").is_displayed()
    browser.scripts(on=True)
    browser.open(LIST)
    browser.find("[data-select-all]").click()
    assert all(box.is_selected() for box in browser.all("[data-select]"))


def test_row__button_with_a_question(browser: Browser, here: Workspace) -> None:
    browser.open(LIST)
    browser.find("#result_list tbody th a").click()
    browser.until(lambda: browser.all(".portal-buttons"))
    browser.find(".portal-buttons button").click()
    browser.until(lambda: browser.all("#id_reason"))
    browser.find("#id_reason").send_keys("fixed")
    browser.find("main form button[type=submit]").click()
    browser.until(lambda: browser.all(".note-success"))
    assert Signal.objects.filter(state=leases.WAITING).count() == 1


def test_theme__chosen__kept(browser: Browser, here: Workspace) -> None:
    browser.open("/admin/")
    browser.find(".topbar .menu-end > summary").click()
    browser.find("button[name=theme][value=dark]").click()
    browser.until(lambda: browser.find("html").get_attribute("data-theme") == "dark")
    browser.open(LIST)
    assert browser.find("html").get_attribute("data-theme") == "dark"
    ground = browser.find("html").value_of_css_property("background-color")
    assert ground == "rgba(14, 17, 22, 1)"


def test_palette__is_a_page(browser: Browser, here: Workspace) -> None:
    browser.open("/admin/")
    field = browser.find("#jump")
    field.send_keys("setti")
    field.submit()
    browser.until(lambda: browser.path.startswith(reverse("console:go")))
    browser.find(".hits a").click()
    browser.arrive("/admin/settings/")


def test_inbox__mark_as_read(browser: Browser, here: Workspace) -> None:
    browser.open("/admin/inbox/")
    browser.find(".news input[type=checkbox]").click()
    browser.button("Mark as read", "main").click()
    browser.until(lambda: "1 marked as read" in browser.text(".notes"))
    assert InboxItem.objects.exclude(read_at=None).count() == 1


def test_phone__menu_opens_and_leads(browser: Browser, here: Workspace) -> None:
    browser.size(NARROW)
    browser.open("/admin/")
    assert not browser.find("#side").is_displayed()
    browser.find(".side-open").click()
    browser.until(lambda: browser.find("#side").is_displayed())
    browser.find("#side .side-close").click()
    browser.until(lambda: not browser.find("#side").is_displayed())
    browser.find(".side-open").click()
    browser.until(lambda: browser.find("#side [data-group=portal] > summary").is_displayed())
    browser.find("#side [data-group=portal] > summary").click()
    browser.find("#side a[href='/admin/base/signal/']").click()
    browser.until(lambda: browser.text("h1") == "Signals")


def test_sign_out(browser: Browser, here: Workspace) -> None:
    browser.open("/admin/")
    browser.find(".topbar .menu-end > summary").click()
    browser.button("Sign out", "header").click()
    browser.until(lambda: browser.path.startswith("/access/"))
    browser.open("/admin/")
    assert browser.path.startswith("/access/login/")
