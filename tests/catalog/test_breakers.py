"""The breaker: opened by three failures in a row or by hand, tried by one, closed."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

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
from controlplane.base.models import Signal
from controlplane.base.registries import home_rows
from controlplane.catalog import services, vocabulary
from controlplane.catalog.models import Integration
from controlplane.catalog.services import breakers
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from tests import make
from tests.kit import catalog
from tests.kit.api import Api
from tests.kit.racing import race

pytestmark = pytest.mark.django_db
SECRET = "token=abcdef0123456789abcdef"


def fail(row: Integration, trial: UUID | None = None, error: str = "boom") -> Integration:
    return services.report_outcome(row, actor=make.JOB, ok=False, error=error, trial=trial)


def succeed(row: Integration, trial: UUID | None = None) -> Integration:
    return services.report_outcome(row, actor=make.JOB, ok=True, trial=trial)


def trial_of(row: Integration) -> UUID:
    token = services.ask(row, actor=make.JOB).token
    assert token is not None
    return token


def half_open(**fields: Any) -> Integration:
    return services.half_open(catalog.broken(**fields), actor=make.JOB)


def pause_over(row: Integration) -> Integration:
    """The timer comes due, and the engine fires it."""
    past = clock.now() - timedelta(seconds=1)
    Timer.objects.filter(key=f"breaker:{row.uid}").update(ready_at=past)
    timers.work(time.monotonic() + 5)
    row.refresh_from_db()
    return row


def trail(row: Integration) -> list[str]:
    rows = AuditEvent.objects.filter(subject_ref=f"catalog.integration:{row.pk}").order_by("id")
    moves = [(event.details or {}).get("transition") for event in rows]
    return [move for move in moves if move]


# --- Opening ------------------------------------------------------------------------------------


def test_third_failure_in_a_row__opens(caplog: Any) -> None:
    row = fail(fail(catalog.integration(), error="one"), error="two")
    assert (row.status, row.failures_in_a_row, row.may_call) == ("closed", 2, True)
    row = fail(row, error=SECRET)
    assert (row.status, row.cause, row.failures_in_a_row) == ("open", "failures", 3)
    assert "3 failures in a row" in row.reason
    assert "abcdef0123456789" not in row.reason + row.last_error
    assert row.opened_by == make.JOB.ref
    assert row.retry_at is not None
    wait = (row.retry_at - clock.now()).total_seconds()
    assert 55 < wait <= vocabulary.COOL_DOWN.value
    assert Timer.objects.get(key=f"breaker:{row.uid}").due_at == row.retry_at
    assert Signal.objects.get(kind="catalog.breaker_opened").payload["cause"] == "failures"
    assert trail(row) == ["closed -> open"]


def test_success_between__starts_the_row_anew() -> None:
    row = fail(succeed(fail(fail(catalog.integration()))))
    assert (row.status, row.failures_in_a_row) == ("closed", 1)


def test_success__reported_by_somebody_who_read_before_the_failures__still_counts() -> None:
    row = succeed(catalog.integration())
    old = Integration.objects.get(pk=row.pk)
    fail(fail(row))
    succeed(old)
    assert fail(row).status == "closed"


def test_success__many_a_second__written_rarely() -> None:
    row = succeed(catalog.integration())
    first = row.last_success_at
    assert succeed(row).last_success_at == first


@pytest.mark.django_db(transaction=True)
def test_failures_at_once__counted_each_and_opened_once() -> None:
    row = catalog.integration()
    found = race(6, lambda n: fail(Integration.objects.get(pk=row.pk)))
    assert [each for each in found if isinstance(each, Exception)] == []
    row.refresh_from_db()
    assert (row.status, row.failures_in_a_row) == ("open", 6)
    assert trail(row) == ["closed -> open"]
    assert Signal.objects.filter(kind="catalog.breaker_opened").count() == 1


def test_failure_while_open__counts_and_changes_nothing_else() -> None:
    row = catalog.broken()
    before = row.version
    row = fail(row)
    assert (row.status, row.version, row.failures_in_a_row) == ("open", before, 4)


def test_unknown_operation_of_the_tool_router__refused() -> None:
    router = catalog.integration(kind="tool_router")
    for name in vocabulary.OPERATIONS:
        services.report_outcome(router, actor=make.JOB, ok=True, operation=name)
    with pytest.raises(Invalid):
        services.report_outcome(router, actor=make.JOB, ok=False, operation="COMPOSIO_DANCE")
    other = catalog.integration(kind="toolkit")
    services.report_outcome(other, actor=make.JOB, ok=True, operation="send_mail")


# --- The pause, and the one trial ---------------------------------------------------------------


def test_pause_over__one_may_try() -> None:
    row = pause_over(catalog.broken())
    assert (row.status, row.retry_at, row.cause) == ("half_open", None, "failures")
    asked = services.ask(row, actor=make.JOB)
    assert (asked.may_call, asked.state) == (True, "half_open")
    again = services.ask(row, actor=make.JOB)
    assert (again.may_call, again.token, again.until) == (False, None, asked.until)


def test_trial_succeeds__closed_and_calm() -> None:
    row = half_open()
    row = succeed(row, trial_of(row))
    assert (row.status, row.cause, row.reason, row.opened_at) == ("closed", "", "", None)
    assert (row.failures_in_a_row, row.trials, row.trial_token) == (0, 0, None)
    assert trail(row) == ["closed -> open", "open -> half_open", "half_open -> closed"]


def test_trial_fails__open_again_for_twice_as_long_up_to_an_end() -> None:
    row = catalog.broken()
    waits = []
    for _ in range(7):
        row = pause_over(row)
        row = fail(row, trial_of(row))
        assert row.status == "open"
        assert row.retry_at is not None
        waits.append(round((row.retry_at - clock.now()).total_seconds(), -1))
    assert waits == [120, 240, 480, 900, 900, 900, 900]
    assert row.trials == 7


@pytest.mark.django_db(transaction=True)
def test_trial__many_ask_at_once__one_gets_it() -> None:
    row = half_open()
    asked = race(8, lambda n: services.ask(Integration.objects.get(pk=row.pk), actor=make.JOB))
    assert [each.may_call for each in asked].count(True) == 1
    assert len({each.token for each in asked} - {None}) == 1


@pytest.mark.parametrize("ok", [True, False])
def test_report_without_the_trial__decides_nothing(ok: bool) -> None:
    """A call that began before the breaker opened, or a stranger to the trial."""
    row = half_open()
    mine = trial_of(row)
    for token in (None, uuid4()):
        row = services.report_outcome(row, actor=make.JOB, ok=ok, trial=token)
        assert (row.status, row.trial_token) == ("half_open", mine)
    assert succeed(row, mine).status == "closed"


def test_trial_never_reported__another_may_try_and_the_late_report_decides_nothing() -> None:
    row = half_open()
    lost = trial_of(row)
    past = clock.now() - timedelta(seconds=1)
    Integration.objects.filter(pk=row.pk).update(trial_until=past)
    mine = trial_of(row)
    assert fail(row, lost).status == "half_open"
    assert succeed(row, mine).status == "closed"


def test_trial_decided__its_report_said_again_counts_nothing() -> None:
    row = half_open()
    token = trial_of(row)
    row = succeed(row, token)
    for _ in range(4):
        row = fail(row, token)
    assert (row.status, row.failures_in_a_row) == ("closed", 0)


@pytest.mark.django_db(transaction=True)
def test_trial_reported_twice_at_once__decided_once() -> None:
    row = half_open()
    token = trial_of(row)

    def report(number: int) -> Integration:
        read = Integration.objects.get(pk=row.pk)
        return succeed(read, token) if number % 2 else fail(read, token)

    assert [each for each in race(6, report) if isinstance(each, Exception)] == []
    assert len(trail(row)) == 3
    row.refresh_from_db()
    assert row.status in {"open", "closed"}
    assert row.trial_token is None


def test_ask__closed_open_and_switched_off() -> None:
    row = catalog.integration()
    assert services.ask(row, actor=make.JOB).may_call
    broken = catalog.broken()
    asked = services.ask(broken, actor=make.JOB)
    assert (asked.may_call, asked.until) == (False, broken.retry_at)
    off = half_open()
    services.switch_integration(off, actor=make.JOB, active=False, reason="gone")
    asked = services.ask(off, actor=make.JOB)
    assert (asked.may_call, asked.reason, asked.token) == (False, "switched off", None)


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
