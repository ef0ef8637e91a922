"""Regions of an open page: what comes by itself, what is offered, how old it says it is; and what
a screen reader and a phone make of lists."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from controlplane.access.models import Workspace
from controlplane.base import cache
from tests.console.conftest import REMEMBERED, dead
from tests.console.test_browser_keyboard import LIST, focused_row
from tests.kit.browser import MISSING, NARROW, WIDE, Browser

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.slow]
# The script asks for news when the page is looked at again; a test doesn't wait for its turn.
LOOK_AGAIN = "document.dispatchEvent(new Event('visibilitychange'));"
COUNT_ASKED = (
    "window.asked = 0; { const ask = window.fetch;"
    "window.fetch = async (...all) => { const told = await ask(...all); window.asked += 1;"
    " return told; }; }"
)
PAINTED = "return new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"


def test_list__new_row__appears_by_itself(browser: Browser, here: Workspace) -> None:
    dead(here, "one")
    browser.open(LIST)
    browser.js("window.same = true")
    dead(here, "two")
    browser.js(LOOK_AGAIN)
    browser.until(lambda: "two" in browser.text("main"))
    assert browser.js("return window.same"), "the page was loaded again"


def test_list__new_row_while_the_focus_is_inside__offered_not_moved(
    browser: Browser, here: Workspace
) -> None:
    dead(here, "one")
    browser.open(LIST)
    browser.press("j")
    dead(here, "two")
    browser.js(LOOK_AGAIN)
    browser.until(lambda: browser.text(".news-ready") == "1 new, show")
    assert "two" not in browser.text("#result_list")
    assert focused_row(browser) == 1
    browser.find(".news-ready").click()
    browser.until(lambda: "two" in browser.text("#result_list"))
    assert not browser.all(".news-ready")


def test_list__nothing_new_but_clocks__nothing_offered(browser: Browser, here: Workspace) -> None:
    dead(here, "one")
    browser.open(LIST)
    browser.press("j")
    browser.js("for (const mark of document.querySelectorAll('main time')) mark.textContent = 'x';")
    browser.js(COUNT_ASKED)
    browser.js(LOOK_AGAIN)
    browser.until(lambda: browser.js("return window.asked") >= 2)  # the list and the sidebar
    browser.js(PAINTED)
    assert not browser.all(".news-ready")


def test_sidebar__count_changes__by_itself(browser: Browser, here: Workspace) -> None:
    browser.open(LIST)
    assert not browser.all("[href='/admin/base/signal/'] .count")
    dead(here, "one")
    for family in REMEMBERED:
        cache._forget(family)
    browser.js(LOOK_AGAIN)
    browser.until(lambda: "1" in browser.text("[href='/admin/base/signal/'] .count"))


def test_sidebar__focus_inside__put_there_once_it_leaves(browser: Browser, here: Workspace) -> None:
    browser.open(LIST)
    browser.js("document.querySelector(\".nav a[href='/admin/']\").focus()")
    dead(here, "one")
    for family in REMEMBERED:
        cache._forget(family)
    browser.js(COUNT_ASKED + LOOK_AGAIN)
    browser.until(lambda: browser.js("return window.asked") >= 2)
    browser.js(PAINTED)
    assert not browser.all("[href='/admin/base/signal/'] .count")
    assert browser.focused("href") == f"{browser.base}/admin/"
    browser.press(Keys.TAB)  # still inside
    browser.js(PAINTED)
    assert not browser.all("[href='/admin/base/signal/'] .count")
    browser.find("h1").click()
    browser.until(lambda: "1" in browser.text("[href='/admin/base/signal/'] .count"))


def test_freshness__one_region_does_not_answer__as_old_as_that_one(
    browser: Browser, here: Workspace
) -> None:
    browser.open(LIST)
    browser.until(lambda: "Updated" in browser.text("[data-fresh]"))
    assert "stale" not in str(browser.find("[data-fresh]").get_attribute("class"))
    browser.js(
        "const ask = window.fetch; window.fetch = (url, ...rest) =>"
        " String(url).includes('_part=list') ? Promise.reject(new Error()) : ask(url, ...rest);"
        "const now = Date.now; Date.now = () => now() + 70000;"
    )
    browser.js(COUNT_ASKED + LOOK_AGAIN)
    browser.until(lambda: browser.js("return window.asked") >= 1)  # the sidebar's answer is here
    browser.until(lambda: browser.text("[data-fresh]") == "Updated 1 min ago")
    assert "stale" in str(browser.find("[data-fresh]").get_attribute("class"))


def test_freshness__what_waits_to_be_shown__does_not_count_as_seen(
    browser: Browser, here: Workspace
) -> None:
    dead(here, "one")
    browser.open(LIST)
    browser.press("j")
    dead(here, "two")
    browser.js(LOOK_AGAIN)
    browser.until(lambda: browser.text(".news-ready") == "1 new, show")
    browser.js("const now = Date.now; Date.now = () => now() + 70000;" + COUNT_ASKED + LOOK_AGAIN)
    browser.until(lambda: browser.js("return window.asked") >= 2)
    browser.until(lambda: browser.text("[data-fresh]") == "Updated 1 min ago")
    browser.find(".news-ready").click()
    browser.until(lambda: browser.text("[data-fresh]") == "Updated just now")


TOP = "return document.querySelector('#result_list tbody tr').getBoundingClientRect().top"


def test_rows__chosen_or_news_offered__none_moves(browser: Browser, here: Workspace) -> None:
    """The next row is where the pointer was going."""
    dead(here, "one")
    browser.open(LIST)
    before = browser.js(TOP)
    browser.press("j", "x")
    browser.until(lambda: browser.find(".bulk").is_displayed())
    assert browser.js(TOP) == before
    dead(here, "two")
    browser.js(LOOK_AGAIN)
    browser.until(lambda: browser.find(".news-ready").is_displayed())
    assert browser.js(TOP) == before


# --- For whoever listens --------------------------------------------------------------------------

# Named by the markup: what is drawn as a block on a phone is no part of a table by itself.
ROLES = """
return [...document.querySelectorAll("main table.rows, main table.rows :is(thead,tbody,tr,th,td)")]
  .map((part) => part.getAttribute("role") === part.computedRole && part.computedRole);
"""


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_table__rows_and_cells__at_any_width(browser: Browser, here: Workspace, width: int) -> None:
    dead(here, "one")
    browser.size(width)
    for path in (LIST, "/access/members/", "/admin/settings/"):
        browser.open(path)
        roles = set(browser.js(ROLES))
        assert roles == {"table", "rowgroup", "row", "rowheader", "columnheader", "cell"}, path


# --- On a phone ----------------------------------------------------------------------------------


def test_phone__menu_opens_and_leads(browser: Browser, here: Workspace) -> None:
    browser.size(NARROW)
    browser.open("/admin/")
    assert not browser.find("#side").is_displayed()
    browser.find(".side-open").click()
    browser.until(lambda: browser.find("#side").is_displayed())
    browser.find("#side [data-group=portal] > summary").click()
    browser.find("#side a[href='/admin/base/signal/']").click()
    browser.until(lambda: browser.text("h1") == "Signals")


def test_groups_of_the_sidebar__stay_as_one_leaves_them(browser: Browser, here: Workspace) -> None:
    def opened() -> set[str]:
        found = browser.all("#side details[open]")
        return {str(group.get_attribute("data-group")) for group in found}

    browser.size(WIDE)
    browser.open("/admin/")
    before = opened()
    browser.find("#side [data-group=flags] > summary").click()
    browser.find("#side [data-group=work] > summary").click()
    browser.open("/admin/")
    assert opened() == before ^ {"flags", "work"}
    browser.find("#side [data-group=flags] > summary").click()
    browser.open("/admin/")
    assert opened() == before ^ {"work"}
