"""By keyboard alone, with what the console's script adds; and news that come while one looks."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from selenium.webdriver.common.keys import Keys

from controlplane.access.models import Workspace
from controlplane.base.models import Signal
from controlplane.jobs import leases
from tests import make
from tests.console.conftest import dead
from tests.kit.browser import MISSING, NARROW, WIDE, Browser

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.slow]
LIST = "/admin/base/signal/?view=all"
PALETTE, HELP = "#palette", "#help"


def is_open(browser: Browser, dialog: str) -> bool:
    return bool(browser.js("return document.querySelector(arguments[0]).open", dialog))


def has_ring(browser: Browser) -> bool:
    """Whoever looks sees where the focus is."""
    return bool(
        browser.js(
            "const style = getComputedStyle(document.activeElement);"
            "return parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== 'none';"
        )
    )


def focused_row(browser: Browser) -> Any:
    return browser.js("return document.activeElement.closest('tr')?.rowIndex ?? null")


# --- The palette ------------------------------------------------------------------------------


def test_palette__type_and_enter__there(browser: Browser, here: Workspace) -> None:
    browser.open("/admin/")
    browser.chord(Keys.CONTROL, key="k")
    browser.until(lambda: is_open(browser, PALETTE))
    assert browser.focused("id") == "palette-text"
    browser.press("setti")
    browser.until(
        lambda: browser.text("#palette-hits [aria-selected=true] .hit-label") == "Settings"
    )
    browser.press(Keys.ENTER)
    browser.arrive("/admin/settings/")


def test_palette__enter_before_the_answer__asks_for_what_was_typed(
    browser: Browser, here: Workspace
) -> None:
    browser.open("/admin/")
    browser.chord(Keys.CONTROL, key="k")
    browser.until(lambda: len(browser.all("#palette-hits [role=option]")) > 3)
    browser.press("kit of" + Keys.ENTER)
    browser.until(
        lambda: browser.driver.current_url.endswith(("/admin/kit/", "/admin/go/?q=kit+of"))
    )


def test_palette__arrows__choose_and_say_which(browser: Browser, here: Workspace) -> None:
    browser.open("/admin/")
    browser.chord(Keys.CONTROL, key="k")
    browser.until(lambda: len(browser.all("#palette-hits [role=option]")) > 3)
    browser.press(Keys.ARROW_DOWN)
    assert browser.focused("aria-activedescendant") == "hit-1"
    browser.press(Keys.ARROW_UP, Keys.ARROW_UP)
    last = browser.all("#palette-hits [role=option]")[-1]
    assert last.get_attribute("aria-selected") == "true"
    wanted = last.get_attribute("data-url")
    browser.press(Keys.ENTER)
    browser.arrive_under(str(wanted))


def test_palette__escape__closes_and_focus_returns(browser: Browser, here: Workspace) -> None:
    dead(here, "one", "two")
    browser.open(LIST)
    browser.press("j")
    assert has_ring(browser)
    browser.chord(Keys.CONTROL, key="k")
    browser.until(lambda: is_open(browser, PALETTE))
    browser.press("se", Keys.ESCAPE)
    browser.until(lambda: not is_open(browser, PALETTE))
    assert focused_row(browser) == 1


def test_palette__hostile_hits__are_text(browser: Browser, here: Workspace) -> None:
    browser.open("/admin/")
    browser.chord(Keys.CONTROL, key="k")
    browser.press("<img src=x onerror=alert(1)>")
    browser.until(lambda: "<img" in browser.text("#palette-hits"))
    assert not browser.all("#palette-hits img")


def test_palette__nothing_of_that_name__a_status_not_an_option(
    browser: Browser, here: Workspace
) -> None:
    browser.open("/admin/")
    browser.chord(Keys.CONTROL, key="k")
    browser.press("run nosuch")
    browser.until(lambda: browser.text("#palette-note") == "No job is called “nosuch”.")
    assert browser.find("#palette-note").get_attribute("role") == "status"
    assert not browser.find("#palette-hits").is_displayed()
    assert browser.focused("aria-expanded") == "false"


# --- Single keys ------------------------------------------------------------------------------


def test_g_then_letter__goes(browser: Browser, here: Workspace) -> None:
    browser.open("/admin/")
    browser.press("g", "w")
    browser.arrive_under("/admin/jobs/watchalarm/")
    browser.press("g", "h")
    browser.arrive("/admin/")


def test_slash__search_focused__and_letters_typed_there_do_nothing_else(
    browser: Browser, here: Workspace
) -> None:
    browser.open(LIST)
    browser.press("/")
    assert browser.focused("id") == "list-search"
    browser.press("g", "a", "?", "j")
    assert browser.focused("value") == "ga?j"
    browser.press(Keys.ENTER)
    browser.until(lambda: "q=ga" in browser.path)
    assert browser.text("h1") == "Signals"


def test_rows__j_k_x_and_the_bar__act_on_them(browser: Browser, here: Workspace) -> None:
    dead(here, "one", "two", "three")
    browser.open(LIST)
    browser.press("j", "j", "k")
    assert focused_row(browser) == 1
    browser.press("x", "j", "x")
    assert browser.text("[data-selected-count]") == "2 selected"
    browser.find("#bulk-reason").send_keys("the receiver is back")
    browser.button("Replay the selected", "form").click()
    browser.until(lambda: "2 done" in browser.text(".notes"))
    assert Signal.objects.filter(state=leases.WAITING).count() == 2


def test_enter_on_a_row__its_page__e_presses_the_next_step__u_goes_up(
    browser: Browser, here: Workspace
) -> None:
    dead(here, "one")
    browser.open(LIST)
    browser.press("j", Keys.ENTER)
    browser.until(lambda: browser.path.endswith("/change/") and browser.all("[data-next]"))
    row = browser.path
    browser.press("e")
    browser.arrive_under(row.replace("/change/", "/do/replay/"))
    browser.press(Keys.TAB)  # out of the reason, where letters are letters
    browser.press("u")
    browser.arrive(row)
    browser.press("u")
    browser.arrive_under("/admin/base/signal/")


def test_from_the_sign_in_to_a_row_acted_on__by_keys_alone(browser: Browser) -> None:
    workspace = make.workspace()
    person = make.person(workspace, "primary_operator")
    device = make.enrol(person)
    dead(workspace, "one", "two")
    browser.open(f"{reverse('access:login')}?next=/admin/")
    browser.press(Keys.TAB, Keys.TAB) if browser.focused("name") != "email" else None
    browser.press(person.email, Keys.TAB, make.PASSWORD, Keys.ENTER)
    browser.arrive_under(reverse("access:second_factor"))
    browser.press(make.code_for(device), Keys.ENTER)
    browser.arrive("/admin/")
    browser.chord(Keys.CONTROL, key="k")
    browser.press("signals")
    browser.until(
        lambda: browser.text("#palette-hits [aria-selected=true] .hit-label") == "Signals"
    )
    browser.press(Keys.ENTER)
    browser.arrive_under("/admin/base/signal/")
    browser.press("j", Keys.ENTER)
    browser.until(lambda: browser.path.endswith("/change/") and browser.all("[data-next]"))
    browser.press("e")
    browser.until(lambda: browser.focused("id") == "id_reason")
    browser.press("the receiver is back", Keys.TAB, Keys.ENTER)
    browser.until(lambda: browser.all(".note-success"))
    assert Signal.objects.get(state=leases.WAITING).key == "two"


def test_help__question_mark__escape_closes(browser: Browser, here: Workspace) -> None:
    browser.open(LIST)
    browser.press("?")
    browser.until(lambda: is_open(browser, HELP))
    said = browser.text(HELP)
    assert "Next row" in said
    assert "Alarms" in said
    browser.press(Keys.ESCAPE)
    browser.until(lambda: not is_open(browser, HELP))


HINTED = """
const keys = (root) => [...document.querySelectorAll(root)].map((mark) => mark.textContent.trim());
return [keys("kbd.hint, .hint kbd"), keys("#help dt"), keys("#help kbd")];
"""


def test_help__every_key_hinted_at_is_explained(browser: Browser, here: Workspace) -> None:
    dead(here, "one")
    hinted: set[str] = set()
    for path in (LIST, "/admin/notify/contact/?view=all"):
        browser.open(path)
        hints, combined, single = browser.js(HINTED)
        hinted |= set(hints)
        known = set(combined) | set(single) | {"↑", "↓", "Esc"}
        assert set(hints) - {"Ctrl K"} <= known
    assert {"/", "c", "x", "e", "j", "k", "Enter", "?", "g h", "g w"} <= hinted


def test_hints__on_a_phone__none(browser: Browser, here: Workspace) -> None:
    dead(here, "one")
    browser.size(NARROW)
    browser.open(LIST)
    assert not [mark.text for mark in browser.all("kbd") if mark.is_displayed()]
    browser.size(WIDE)
    assert [mark for mark in browser.all("kbd") if mark.is_displayed()]


def test_e_with_rows_selected__to_the_bar__and_enter_acts(
    browser: Browser, here: Workspace
) -> None:
    dead(here, "one", "two")
    browser.open(LIST)
    browser.press("j", "x", "e")
    assert browser.focused("id") == "bulk-reason"
    browser.press("the receiver is back" + Keys.ENTER)
    browser.until(lambda: "1 done" in browser.text(".notes"))
    assert Signal.objects.filter(state=leases.WAITING).count() == 1


def test_menu__escape__closes_and_focus_returns(browser: Browser, here: Workspace) -> None:
    browser.open(LIST)
    summary = browser.find(".filters details.menu > summary")
    summary.send_keys(Keys.ENTER)
    browser.until(lambda: browser.find(".filters details.menu").get_attribute("open"))
    browser.press(Keys.TAB, Keys.ESCAPE)
    assert not browser.find(".filters details.menu").get_attribute("open")
    assert browser.driver.switch_to.active_element == summary


def test_tab__first_stop_skips_to_the_content(browser: Browser, here: Workspace) -> None:
    browser.open(LIST)
    browser.press(Keys.TAB)
    assert browser.focused("href") == f"{browser.base}{LIST}#content"
    assert has_ring(browser)
    browser.press(Keys.ENTER)
    assert browser.focused("id") == "content"


def test_tab__through_a_whole_page__always_seen_never_trapped(
    browser: Browser, here: Workspace
) -> None:
    dead(here, "one")
    browser.open(LIST)
    seen: set[str] = set()
    for _ in range(150):
        browser.press(Keys.TAB)
        if browser.js("return document.activeElement === document.body"):
            break
        assert has_ring(browser), browser.focused("outerHTML")
        seen.add(str(browser.focused("outerHTML"))[:200])
    else:
        raise AssertionError("the focus never left the page")
    reachable = browser.js(
        "return [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]"
        ".filter((n) => n.checkVisibility({visibilityProperty: true}) && !n.disabled"
        " && n.type !== 'hidden').length"
    )
    assert len(seen) >= reachable * 0.9


def test_calendar__pages_by_its_keys(browser: Browser, here: Workspace) -> None:
    browser.open("/admin/deployments/calendar/?view=month&day=2026-11-18")

    def reads(title: str) -> None:
        browser.until(lambda: browser.text(".rel-bar h2") == title)

    for key, title in (("]", "December 2026"), ("[", "November 2026"), ("[", "October 2026")):
        browser.press(key)
        reads(title)
    browser.press("t")
    browser.until(lambda: browser.text("#today .rel-date") != "")
