"""The breaker: opened by three failures in a row, tried by one, closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from controlplane.audit.models import AuditEvent
from controlplane.base.models import Signal
from controlplane.catalog import services, vocabulary
from controlplane.catalog.models import Integration
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from tests import make
from tests.kit import catalog
from tests.kit.breakers import fail, half_open, pause_over, succeed
from tests.kit.racing import race

pytestmark = pytest.mark.django_db
SECRET = "token=abcdef0123456789abcdef"


def trial_of(row: Integration) -> UUID:
    token = services.ask(row, actor=make.JOB).token
    assert token is not None
    return token


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
