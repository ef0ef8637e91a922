"""The head of an open row's page: it follows the row by itself, and stands still under a hand."""

from __future__ import annotations

import pytest
from selenium.webdriver import ActionChains

from controlplane.access.models import Workspace
from controlplane.catalog import services
from controlplane.catalog.models import Integration
from tests import make
from tests.console.test_browser_regions import COUNT_ASKED, LOOK_AGAIN, PAINTED
from tests.kit import catalog
from tests.kit.browser import MISSING, NARROW, Browser

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.slow]
STATE = ".head-facts .kit-state-text"
LET_ONE_TRY = ".portal-buttons [data-next]"


def opened(browser: Browser, here: Workspace) -> Integration:
    row = catalog.broken(here)
    browser.open(f"/admin/catalog/integration/{row.uid}/change/")
    assert browser.text(STATE) == "Open"
    return row


def test_head__row_moves_on__state_and_buttons_follow(browser: Browser, here: Workspace) -> None:
    row = opened(browser, here)
    browser.js("window.same = true")
    services.half_open(row, actor=make.JOB)
    browser.js(LOOK_AGAIN)
    browser.until(lambda: browser.text(STATE) == "Half open")
    assert "The breaker is half open." in browser.text(".portal-buttons")
    assert browser.js("return window.same"), "the page was loaded again"


def test_head__under_the_pointer__stands_until_it_leaves(browser: Browser, here: Workspace) -> None:
    row = opened(browser, here)
    ActionChains(browser.driver).move_to_element(browser.find(LET_ONE_TRY)).perform()
    services.half_open(row, actor=make.JOB)
    browser.js(COUNT_ASKED + LOOK_AGAIN)
    browser.until(lambda: browser.js("return window.asked") >= 3)  # head, row and sidebar
    browser.js(PAINTED)
    assert browser.text(STATE) == "Open"
    ActionChains(browser.driver).move_to_element(browser.find("footer")).perform()
    browser.until(lambda: browser.text(STATE) == "Half open")


def test_keys__shown_at_a_desk_and_not_on_a_phone(browser: Browser, here: Workspace) -> None:
    opened(browser, here)
    assert browser.find(f"{LET_ONE_TRY} kbd").is_displayed()
    browser.size(NARROW)
    assert not browser.find(f"{LET_ONE_TRY} kbd").is_displayed()
