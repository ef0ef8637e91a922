"""The canary playbook in a real browser, by clicks alone: planned, a baseline, three cohorts with
their holds, gone through and documented; and one whose judge takes it back. Figures come in where
applications send them; the portal's clock is moved, nobody waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from controlplane.lib import clock
from controlplane.work.models import Comment, Item
from deployments.canary.ticks import tick_all
from deployments.models import Deployment, Rollout
from tests import make
from tests.console.test_browser_walk import look
from tests.kit import deployments
from tests.kit.api import Api
from tests.kit.browser import MISSING, Browser
from tests.kit.deployments import deliver, there
from tests.kit.rollouts import World, fresh, percents, step_of
from tests.kit.telemetry import PATH, event

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
    pytest.mark.slow,
]
# What stands on a button, without the key beside it and the dots of one that asks first.
CALLED = """
return [...document.querySelectorAll(`${arguments[1]} :is(button, a, summary)`)].find((one) => {
  const copy = one.cloneNode(true);
  for (const key of copy.querySelectorAll("kbd")) key.remove();
  return !one.disabled && one.getClientRects().length
    && copy.textContent.replace("…", "").trim() === arguments[0];
});
"""


class Walk:
    """A release manager at the console, an application that reports, and the portal's clock."""

    def __init__(
        self, browser: Browser, clocks: ExitStack, world: World | None = None, **given: Any
    ) -> None:
        self.browser, self.clocks = browser, clocks
        self.world = world or World()
        around = deployments.World(self.world.workspace, self.world.person)
        # The playbook's first step: deployed everywhere, with the flag off.
        self.deployment: Deployment = around.watched(
            "staging", flag=self.world.flag, tier=2, **given
        )
        self.sender = Api(make.key(make.agent(self.world.workspace))[1])
        self.later(0)

    def later(self, minutes: float) -> None:
        """That much later: the judge has looked, and what it said is told. Whoever sat there signs
        in again."""
        moment = clock.now() + timedelta(minutes=minutes)
        self.clocks.close()
        self.clocks.enter_context(time_machine.travel(moment))
        tick_all()
        deliver()
        self.browser.sign_in(make.client(self.world.person))

    def report(self, count: int, *, answer: str = "on", bad: int = 0) -> None:
        """Requests as an application tells them, by the public API."""
        flags = {self.world.flag.flag_name: answer}
        sent = [
            event(
                at=clock.now(),
                status="error" if number < bad else "success",
                duration_ms=90.0,
                env="staging",
                context={"flags": flags},
            )
            for number in range(count)
        ]
        answered = self.sender.post(PATH, sent)
        assert answered.json()["accepted"] == count, answered.content

    # --- By clicks ------------------------------------------------------------------------

    def go(self, path: str) -> None:
        self.browser.open(path)

    def press(self, words: str, *, root: str = "main") -> None:
        """A button or a link by what stands on it; the next page is there afterwards."""
        found = self.browser.js(CALLED, words, root)
        assert found is not None, f"no “{words}” in\n{self.browser.text(root)}"
        self._follow(found)

    def _follow(self, found: WebElement) -> None:
        here = self.browser.find("html")
        found.click()
        self.browser.until(lambda: self.browser.find("html") != here)
        self.browser.until(lambda: self.browser.js("return document.readyState") == "complete")

    def answer(self, words: str, *, why: str = "") -> None:
        """A button that asks first."""
        self.press(words)
        if why:
            self.browser.find("main [name=reason]").send_keys(why)
        self._follow(self.browser.find("main form.card button.primary"))

    def sees(self, *words: str) -> None:
        text = self.browser.text("main")
        missing = [each for each in words if each not in text]
        assert not missing, f"{missing} not in\n{text}"

    def well_drawn(self) -> None:
        """In both themes, at a desk and on a phone."""
        path = self.browser.path
        assert look(self.browser, path) == []

    def plan(self) -> Rollout:
        self.go("/admin/deployments/rollout/")
        self.press("New canary rollout")
        self.browser.find("[name=flag]").send_keys(self.world.flag.flag_name)
        Select(self.browser.find("[name=environment]")).select_by_value("staging")
        Select(self.browser.find("[name=deployment]")).select_by_value(self.deployment.ref)
        self.press("Plan it")
        self.sees("Planned. Nothing has happened to the flag yet.")
        return Rollout.objects.get()

    def started(self) -> Rollout:
        """Planned, with its baseline, and begun."""
        self.report(400, answer="off", bad=2)
        self.later(3)
        rollout = self.plan()
        self.press("Take the baseline")
        self.sees("Ready to start.", "400 requests")
        self.answer("Start")
        self.sees("10 %", "Running")
        return rollout

    def look_again(self, rollout: Rollout) -> Rollout:
        self.go(f"/admin/deployments/rollout/{rollout.pk}/change/")
        return fresh(rollout)


@pytest.fixture
def walk(browser: Browser) -> Iterator[Walk]:
    with ExitStack() as clocks:
        yield Walk(browser, clocks)


def percent_of(rollout: Rollout) -> int:
    return step_of(rollout).percent


def said_on(item: Item | None) -> str:
    return " ".join(Comment.objects.filter(item=there(item)).values_list("text", flat=True))


def test_canary__from_its_plan_to_its_end(walk: Walk) -> None:
    rollout = walk.started()
    walk.well_drawn()
    brought = []
    for minutes in (31, 31, 61):
        step = rollout.steps.get(state="running")
        brought.append((step.percent, percents(walk.world.settings())))
        walk.report(200, bad=1)
        walk.report(600, answer="off", bad=3)
        walk.later(minutes / 2)
        rollout = walk.look_again(rollout)
        assert rollout.status == "running"
        walk.sees(f"What the judge weighs at {step.percent} %", "1 of 200", "at least 150")
        walk.report(50)
        walk.later(minutes / 2)
        rollout = walk.look_again(rollout)
    assert brought == [(10, [10]), (50, [50]), (100, [])]
    assert rollout.status == "stabilizing"
    walk.well_drawn()
    walk.press("Document and end")
    walk.press("End it")
    walk.sees("Completed")
    rollout = fresh(rollout)
    assert rollout.status == "completed"
    assert rollout.flag.remove_by is not None
    deliver()
    # What the playbook writes by hand: the baseline, and after each step its figures.
    said = said_on(rollout.item)
    assert "Baseline: " in said
    for percent in (10, 50, 100):
        assert f"{percent} %" in said
    for figure in ("errors 0.4", "p95", "safeguard violation", "ready"):
        assert figure in said.lower(), figure
    items = [there(each.item) for each in rollout.steps.select_related("item")]
    assert {(each.parent_id, each.category) for each in items} == {(rollout.item_id, "done")}
    assert there(rollout.item).parent_id == walk.deployment.item_id


def test_canary__taken_back_by_its_judge(walk: Walk) -> None:
    rollout = walk.started()
    walk.press("Wait for somebody at each step")
    walk.report(200)
    walk.later(31)
    rollout = walk.look_again(rollout)
    assert (rollout.status, percent_of(rollout)) == ("held", 10)
    walk.sees("Somebody is to promote it.")
    assert "Freezes" not in walk.browser.text(".can-now")
    walk.well_drawn()
    walk.answer("Go on to 50 %")
    assert percent_of(rollout) == 50
    # What it waited for is no word on how it went.
    assert rollout.steps.get(position=1).reason.startswith("200 requests, errors 0 %")
    walk.report(100, bad=40)
    walk.later(2)
    rollout = walk.look_again(rollout)
    assert rollout.status == "rolled_back"
    walk.sees("Rolled back", "40 of 100 requests failed (40 %, 2 % allowed)")
    walk.well_drawn()
    assert walk.world.settings()["on"] is False
    deliver()
    rollout = walk.look_again(rollout)
    blocker = there(rollout.blocker)
    assert blocker.edges_in.filter(item=walk.deployment.item_id, kind="blocks").exists()
    assert "40 of 100 requests failed" in said_on(rollout.item)
    # From its page to what is in the way.
    walk.press(blocker.key)
    walk.sees(blocker.title)


def test_stranger__finds_nothing(walk: Walk) -> None:
    rollout = walk.world.plan()
    elsewhere: Any = World()
    walk.browser.sign_in(make.client(elsewhere.person))
    walk.look_again(rollout)
    assert rollout.title not in walk.browser.text("body")
