"""Times of an open page go on by themselves: the script says what the server would say then."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from controlplane.access.models import Workspace
from controlplane.console.kit import clocks
from tests.console.kit_pages import page_of
from tests.console.test_browser_keyboard import LIST
from tests.console.test_browser_regions import LOOK_AGAIN
from tests.kit.browser import MISSING, Browser

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.slow]
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
# Both sides of each place where the words change, and what was given a moment ago.
LEFT = [
    0.3, 1.3, 49.3, 58.3, 59.3, 61.3, 89.3, 90.3, 15 * MINUTE - 0.7, 15 * MINUTE + 31,
    HOUR - 31, HOUR - 0.7, HOUR + 0.3, 2 * HOUR + 40 * MINUTE, 3 * HOUR - 0.7, 3 * HOUR - 31,
    DAY - 31, DAY - 29.7, DAY - 0.7, 1.4 * DAY, 1.6 * DAY, 6.54 * DAY, 7 * DAY - 0.7, 29.4 * DAY,
]  # fmt: skip
MARKS = """
const now = %f;
Date.now = () => now;
for (const left of %s)
  for (const name of ["when", "countdown"]) {
    const mark = document.createElement("time");
    mark.className = "asked";
    mark.dateTime = new Date(now + left * 1000).toISOString();
    mark.dataset[name] = "";
    document.body.append(mark);
  }
"""
TOLD = "return [...document.querySelectorAll('time.asked')].map((mark) => mark.textContent)"


def test_what_is_to_come__is_told_by_the_script_as_by_the_server(
    browser: Browser, here: Workspace
) -> None:
    browser.open(LIST)
    with time_machine.travel(NOW, tick=False):
        wanted = [words for left in LEFT for words in by_the_server(left)]
    browser.js(MARKS % (NOW.timestamp() * 1000, json.dumps(LEFT)) + LOOK_AGAIN)
    browser.until(lambda: all(browser.js(TOLD)))
    assert list(browser.js(TOLD)) == wanted


def by_the_server(left: float) -> tuple[str, str]:
    at = NOW + timedelta(seconds=left)
    return page_of("{% when at %}", at=at).text, clocks.countdown(at).text
