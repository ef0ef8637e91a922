"""A step that a worker runs, on two pages that are only looked at: its log grows there, and when
the worker is gone both say so and offer what can be done then."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from deployments import services
from deployments.models import Step
from deployments.shown import deck_steps
from deployments.steps import worker
from tests import make
from tests.kit.browser import MISSING, Browser
from tests.kit.deployments import World, again, steps, there

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
    pytest.mark.slow,
]
LOG, VERBS = "[data-live=log]", "[data-live=verbs]"


def messages() -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    worker.dispatch(lambda pk, token: found.append((pk, token)))
    return found


def test_two_pages__follow_its_log_and_its_worker_that_is_gone(browser: Browser) -> None:
    world = World()
    row = world.started()
    step = services.run_step(steps(row)[0], actor=world.actor, adapter=world.adapter())
    [message] = messages()
    held = there(worker.claim(*message))
    browser.sign_in(make.client(world.manager))
    page = deck_steps.url(again(row), step.uid)
    driver = browser.driver
    first = driver.current_window_handle
    browser.open(page)
    driver.switch_to.new_window("window")
    second = driver.current_window_handle
    try:
        browser.open(page)
        worker.renew(held, "layer 1 of 2: pushed\n")
        for window in (first, second):
            driver.switch_to.window(window)
            browser.js("window.same = true")
            browser.until(lambda: "layer 1 of 2: pushed" in browser.text(LOG))
            assert "Stop it, because" in browser.text(VERBS)
        # Killed: nothing renews its lease, and nobody begins it again.
        Step.objects.filter(pk=step.pk).update(lease_until=Now() - timedelta(seconds=1))
        assert (worker.bury(), messages()) == (1, [])
        for window in (first, second):
            driver.switch_to.window(window)
            browser.until(lambda: "fell silent" in browser.text(LOG))
            browser.until(lambda: "Try again" in browser.text(VERBS))
            assert "Stop it, because" not in browser.text(VERBS)
            assert browser.js("return window.same"), "the page was loaded again"
    finally:
        driver.switch_to.window(second)
        driver.close()
        driver.switch_to.window(first)


def test_stranger__sees_no_step(browser: Browser) -> None:
    world = World()
    row = world.started()
    browser.sign_in(make.client(World().manager))
    browser.open(deck_steps.url(row, steps(row)[0].uid))
    assert row.title not in browser.text()
