"""A thread's page hears of what is said by the stream, in a real browser: at once, without asking
again and again. Where nobody streams it asks."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from controlplane.jobs import heartbeats
from missions.threads import links
from tests import make
from tests.kit.browser import MISSING, Browser
from tests.kit.fronted import fronted
from tests.kit.threads import Talk

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.slow, pytest.mark.servers,
    pytest.mark.django_db(transaction=True),
]  # fmt: skip
LOOKS = (
    "return performance.getEntriesByType('resource')"
    ".filter((e) => e.name.includes('_part=talk')).length"
)


@pytest.fixture
def talk() -> Talk:
    found = Talk()
    found.post("executioner", "The first word.")
    return found


@pytest.fixture
def live(stream: str, browser: Browser) -> Iterator[Browser]:
    """Pages and streams at one address."""
    base = browser.base
    with fronted(base, stream) as address:
        browser.base = address
        yield browser
        browser.driver.get("about:blank")  # nobody listens any more
    browser.base = base


def open_page(browser: Browser, talk: Talk, role: str = "viewer") -> None:
    browser.sign_in(make.client(make.person(talk.workspace, role)))
    browser.open(links.page_of(talk.thread))
    assert "The first word." in browser.text(".th-scroll")


def test_said__stands_there_at_once_and_nobody_asked_in_between(live: Browser, talk: Talk) -> None:
    open_page(live, talk)
    assert live.find(".th-scroll").get_attribute("data-live-stream")
    live.until(lambda: live.js(LOOKS) == 1)  # the one look when the stream was open
    begun = time.monotonic()
    talk.post("reviewer", "Said while you look.")
    live.until(lambda: "Said while you look." in live.text(".th-scroll"))
    assert time.monotonic() - begun < 3
    assert live.js(LOOKS) == 2
    for n in range(5):
        talk.post("executioner", f"Word {n}.")
    live.until(lambda: "Word 4." in live.text(".th-scroll"))
    assert live.js(LOOKS) <= 7
    assert live.said() == []


def test_no_stream__the_page_asks(
    browser: Browser, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeats, "living", lambda component: [])
    open_page(browser, talk)
    assert not browser.find(".th-scroll").get_attribute("data-live-stream")
    talk.post("reviewer", "Said while you look.")
    browser.until(lambda: "Said while you look." in browser.text(".th-scroll"))
    assert browser.said() == []
