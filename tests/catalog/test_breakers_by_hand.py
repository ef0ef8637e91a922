"""Breakers tripped and closed by hand, by whom, in any order of events, with thresholds of their
own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from controlplane.audit.models import AuditEvent
from controlplane.base.registries import home_rows
from controlplane.catalog import services, vocabulary
from controlplane.catalog.models import Integration
from controlplane.catalog.services import breakers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from tests import make
from tests.kit import catalog
from tests.kit.api import Api
from tests.kit.breakers import fail, half_open, pause_over, succeed

pytestmark = pytest.mark.django_db

# --- By hand ------------------------------------------------------------------------------------


def test_trip__open_until_somebody_closes() -> None:
    row = services.trip(catalog.integration(), actor=make.JOB, reason="their outage")
    assert (row.status, row.cause, row.retry_at) == ("open", "hand", None)
    assert not Timer.objects.filter(key=f"breaker:{row.uid}").exists()
    services.close(row, actor=make.JOB, reason="over")
    assert row.status == "closed"


def test_trip__with_an_end__tried_then() -> None:
    soon = clock.now() + timedelta(minutes=5)
    row = services.trip(
        catalog.integration(), actor=make.JOB, reason="x", cause="incident", retry_at=soon
    )
    assert (row.cause, row.retry_at) == ("incident", soon)
    Timer.objects.filter(key=f"breaker:{row.uid}").update(due_at=soon)
    assert pause_over(row).status == "half_open"


def test_trip__what_failures_opened__is_held_open() -> None:
    row = catalog.broken()
    opened_at = row.opened_at
    services.trip(row, actor=make.JOB, reason="until they call back")
    assert (row.status, row.cause, row.retry_at) == ("open", "hand", None)
    assert row.opened_at == opened_at
    assert pause_over(row).status == "open"
    event = AuditEvent.objects.filter(action="catalog.trip").latest("id")
    assert event.before is not None
    assert event.after is not None
    assert (event.before["cause"], event.after["cause"]) == ("failures", "hand")
    assert event.reason == "until they call back"


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": "  "},
        {"reason": "x", "cause": "failures"},
        {"reason": "x", "retry_at": clock.now() - timedelta(seconds=1)},
        {"reason": "x", "retry_at": clock.now() + timedelta(days=4000)},
    ],
)
def test_trip__bad_input__refused(wrong: dict[str, Any]) -> None:
    row = catalog.integration()
    with pytest.raises(Invalid):
        services.trip(row, actor=make.JOB, **wrong)
    row.refresh_from_db()
    assert row.status == "closed"


def test_moves_the_table_does_not_know__refused() -> None:
    row = catalog.integration()
    for move in (services.close, services.half_open):
        with pytest.raises(InvalidTransition):
            move(row, actor=make.JOB)


def test_trip__by_somebody_who_looked_before__conflict() -> None:
    row = catalog.integration()
    old = Integration.objects.get(pk=row.pk)
    services.close(services.trip(row, actor=make.JOB, reason="x"), actor=make.JOB)
    with pytest.raises(Conflict):
        services.trip(old, actor=make.JOB, reason="x")
    held, seen = catalog.broken(), None
    seen = Integration.objects.get(pk=held.pk)
    services.trip(held, actor=make.JOB, reason="x")
    with pytest.raises(Conflict):
        services.trip(seen, actor=make.JOB, reason="y")


def test_close__while_the_pause_runs__takes_the_timer_back() -> None:
    row = catalog.broken()
    services.close(row, actor=make.JOB, reason="mended")
    assert pause_over(row).status == "closed"
    assert Timer.objects.get(key=f"breaker:{row.uid}").state == "cancelled"


def test_timer_that_was_due_earlier__does_not_end_a_longer_pause() -> None:
    row = catalog.broken()
    later = clock.now() + timedelta(hours=1)
    services.trip(row, actor=make.JOB, reason="x", retry_at=later)
    breakers.try_again(row.pk, promised=later - timedelta(minutes=1))
    row.refresh_from_db()
    assert row.status == "open"
    breakers.try_again(row.pk, promised=later)
    row.refresh_from_db()
    assert row.status == "half_open"


# --- Strangers ----------------------------------------------------------------------------------


def test_strangers__neither_ask_nor_report_nor_trip() -> None:
    row = half_open()
    elsewhere = make.actor(make.person(make.workspace(), "workspace_admin"))
    viewer = make.actor(make.person(row.workspace, "viewer"))
    agent = make.actor(make.agent(row.workspace, role="executor"))
    for actor in (elsewhere, viewer):
        with pytest.raises(NotAllowed):
            services.ask(row, actor=actor)
        with pytest.raises(NotAllowed):
            services.report_outcome(row, actor=actor, ok=False)
    for actor in (elsewhere, viewer, agent):
        for move in (services.close, services.trip):
            with pytest.raises(NotAllowed):
                move(row, actor=actor, reason="mine")
    row.refresh_from_db()
    assert (row.status, row.trial_token) == ("half_open", None)
    token = services.ask(row, actor=agent).token
    assert services.report_outcome(row, actor=agent, ok=True, trial=token).status == "closed"


def test_trip__of_one_held_open__strangers_neither() -> None:
    row = catalog.broken()
    with pytest.raises(NotAllowed):
        services.trip(row, actor=make.actor(make.agent(row.workspace)), reason="mine")


def test_home__open_breakers_of_ones_own_workspaces() -> None:
    row = catalog.broken()
    entry = home_rows.get("catalog.breakers")
    assert entry is not None
    mine = make.actor(make.person(row.workspace, "viewer"))
    theirs = make.actor(make.person(make.workspace(), "viewer"))
    assert [(each.title, each.state) for each in entry.rows(mine, None)] == [(row.name, "open")]
    assert entry.rows(theirs, None) == []
    assert entry.rows(mine, make.workspace().pk) == []


# --- Any order of events ------------------------------------------------------------------------


class Breaker(RuleBasedStateMachine):
    """Whatever callers and people do, in any order, the row follows a model of a few lines."""

    @initialize()
    def begin(self) -> None:
        self.save = transaction.atomic()
        self.save.__enter__()
        self.row = catalog.integration()
        self.state, self.failures = "closed", 0
        self.token: UUID | None = None

    def teardown(self) -> None:
        if hasattr(self, "save"):
            transaction.set_rollback(True)
            self.save.__exit__(None, None, None)

    def read(self) -> Integration:
        return Integration.objects.get(pk=self.row.pk)

    @rule()
    def a_call_fails(self) -> None:
        fail(self.read())
        self.failures += 1
        if self.state == "closed" and self.failures >= 3:
            self.state = "open"

    @rule()
    def a_call_succeeds(self) -> None:
        succeed(self.read())
        self.failures = 0

    @rule()
    def somebody_asks(self) -> None:
        asked = services.ask(self.read(), actor=make.JOB)
        free = self.state == "half_open" and self.token is None
        assert asked.may_call == (free or self.state == "closed")
        assert (asked.token is not None) == free
        self.token = asked.token or self.token

    @precondition(lambda self: self.token)
    @rule()
    def the_trial_succeeds(self) -> None:
        succeed(self.read(), self.token)
        self.state, self.failures, self.token = "closed", 0, None

    @precondition(lambda self: self.token)
    @rule()
    def the_trial_fails(self) -> None:
        fail(self.read(), self.token)
        self.state, self.token = "open", None
        self.failures += 1

    @precondition(lambda self: self.state == "open")
    @rule()
    def the_pause_ends(self) -> None:
        held = self.read().retry_at is None
        pause_over(self.row)
        self.state = "open" if held else "half_open"

    @rule()
    def somebody_trips(self) -> None:
        services.trip(self.read(), actor=make.JOB, reason="by hand")
        self.state, self.token = "open", None

    @precondition(lambda self: self.state != "closed")
    @rule()
    def somebody_closes(self) -> None:
        services.close(self.read(), actor=make.JOB, reason="by hand")
        self.state, self.failures, self.token = "closed", 0, None

    @invariant()
    def the_row_is_as_modelled(self) -> None:
        if not hasattr(self, "row"):
            return
        row = self.read()
        assert (row.status, row.failures_in_a_row) == (self.state, self.failures)
        assert row.trial_token == self.token
        waiting = Timer.objects.filter(key=f"breaker:{row.uid}", state="waiting").exists()
        assert waiting == (row.retry_at is not None)


def test_any_order_of_events__as_modelled() -> None:
    run_state_machine_as_test(
        Breaker, settings=settings(max_examples=8, stateful_step_count=12, deadline=None)
    )


# --- Thresholds of its own ----------------------------------------------------------------------


def test_thresholds__of_its_own_hold_and_are_told_and_logged() -> None:
    workspace = make.workspace()
    admin = make.person(workspace, "workspace_admin")
    api = Api(browser=make.client(admin))
    made = api.post(
        "/api/v1/catalog/integrations",
        {"slug": "slow", "name": "Slow", "break_after": 1, "cool_down_s": 300, "trial_lasts_s": 5},
    )
    assert made.status_code == 201, made.content
    assert made.json()["breaker_policy"] == {
        "opens_after_failures_in_a_row": 1, "cool_down_s": 300.0,
        "cool_down_doubles_up_to_s": vocabulary.COOL_DOWN_MOST.value, "trial_lasts_s": 5.0,
    }  # fmt: skip
    row = fail(Integration.objects.get(slug="slow"))
    assert row.status == "open"
    assert row.retry_at is not None
    assert 290 < (row.retry_at - clock.now()).total_seconds() <= 300
    one = "/api/v1/catalog/integrations/slow"
    assert api.send("PATCH", one, {"break_after": 0}).status_code == 400
    changed = api.send("PATCH", one, {"break_after": None, "cool_down_s": 20_000})
    assert changed.json()["breaker_policy"]["opens_after_failures_in_a_row"] == 3
    assert changed.json()["breaker_policy"]["cool_down_doubles_up_to_s"] == 20_000
    event = AuditEvent.objects.filter(subject_ref=f"catalog.integration:{row.pk}").latest("id")
    assert (event.before or {})["break_after"] == 1
    viewer = Api(browser=make.client(make.person(workspace, "viewer")))
    assert viewer.send("PATCH", one, {"break_after": 9}).status_code == 403
    viewer.get("/api/v1/catalog/breakers")
    with CaptureQueriesContext(connection) as asked:  # it is asked before every call
        assert viewer.get("/api/v1/catalog/breakers").status_code == 200
    assert sum("catalog_integration" in each["sql"] for each in asked) == 1
    assert len(asked) <= 6  # who asks, and what they may, included


def test_threshold_out_of_bounds__the_database_refuses() -> None:
    row = catalog.integration()
    with pytest.raises(IntegrityError), transaction.atomic():
        Integration.objects.filter(pk=row.pk).update(trial_lasts_s=9_999)
