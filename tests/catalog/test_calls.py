"""Breakers hear what telemetry tells of tool calls: once, in the order in which it came in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.catalog import services, tasks, vocabulary
from controlplane.catalog.models import CallReport, Integration
from controlplane.catalog.services import breakers
from controlplane.lib import clock
from controlplane.lib.errors import NotAllowed
from telemetry.ingest import calls
from tests import make
from tests.kit import catalog
from tests.kit.api import Api
from tests.kit.racing import race
from tests.kit.telemetry import PATH, event, forget, tell

pytestmark = pytest.mark.django_db


def call(status: str = "success", **fields: Any) -> dict[str, Any]:
    return event(toolkit="Gmail", status=status, correlation_id=fields.pop("of", None), **fields)


def failed(**fields: Any) -> dict[str, Any]:
    return call("error", context={"action": "SEND", "outcome": "timeout"}, **fields)


def told_again(**fields: Any) -> dict[str, Any]:
    """The second event about a failed call."""
    context = {"action": "SEND", "error_code": "TIMEOUT"}
    return {**failed(**fields), "event": "composio_tool_call_error", "context": context}


def gmail(workspace: Workspace | None = None, **fields: Any) -> Integration:
    return catalog.integration(workspace, slug="gmail", name="Gmail", **fields)


def heard(row: Integration, *events: dict[str, Any]) -> Integration:
    tell(row.workspace, events)
    tasks.hear_calls()
    row.refresh_from_db()
    return row


def hear() -> dict[str, Any]:
    return dict(tasks.hear_calls() or {})


def half_open() -> Integration:
    return services.half_open(catalog.broken(slug="gmail"), actor=make.JOB)


def test_failed_calls__sent_through_the_door__open_the_breaker() -> None:
    row = gmail()
    _, secret = make.key(make.agent(row.workspace))
    forget()
    batch = [failed(), failed()]
    assert Api(secret).post(PATH, batch).status_code == 202
    assert Api(secret).post(PATH, batch).status_code == 202, "the same events once more"
    assert heard(row).failures_in_a_row == 2
    assert row.status == "closed"
    assert Api(secret).post(PATH, [failed()]).status_code == 202
    assert heard(row).status == "open"
    assert row.reason == "3 failures in a row: SEND timeout"
    assert not services.ask(row, actor=make.JOB).may_call
    assert heard(row).failures_in_a_row == 3, "heard once"


def test_calls_that_work__cost_a_batch_next_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the last of them is looked at, and what failed, in the order in which it was told."""
    row, shaped = gmail(), calls._call
    looked: list[Any] = []

    def noted(each: Any) -> Any:
        looked.append(each)
        return shaped(each)

    monkeypatch.setattr(calls, "_call", noted)
    at = clock.now() - timedelta(minutes=5)
    batch = [call(occurred_at=at) for _ in range(40)]
    batch[10:10] = [failed(occurred_at=at)]
    tell(row.workspace, [*batch, failed(occurred_at=at)])
    assert len(looked) == 3
    assert [each.status for each in looked] == ["error", "success", "error"]
    tasks.hear_calls()
    row.refresh_from_db()
    assert row.failures_in_a_row == 1


def test_calls_of_another_workspace__say_nothing() -> None:
    row, other = gmail(), gmail(make.workspace())
    heard(row, failed(), failed(), failed())
    other.refresh_from_db()
    assert (row.status, other.status, other.failures_in_a_row) == ("open", "closed", 0)


def test_success_between__ends_the_row_of_failures() -> None:
    row = heard(gmail(), failed(), failed())
    assert heard(row, call(), failed()).failures_in_a_row == 1
    assert row.last_success_at is not None
    assert heard(row, failed()).status == "closed"
    assert heard(row, event(toolkit="gmail", status="warning"), failed()).status == "open"


def test_event_for_several_calls__counts_as_many() -> None:
    assert heard(gmail(), failed(count=3)).status == "open"


def test_late_event__counts_when_it_comes_but_not_an_hour_late() -> None:
    now = clock.now()
    row = heard(gmail(), failed(at=now - timedelta(minutes=1)), failed())
    old = timedelta(seconds=vocabulary.OLD_CALL.value + 60)
    assert heard(row, *[failed(at=now - old) for _ in range(3)]).failures_in_a_row == 2
    assert heard(row, failed(at=now - timedelta(minutes=30))).status == "open"


@pytest.mark.parametrize("first", [failed, told_again])
def test_call_told_of_by_two_events__is_one_failure(first: Any) -> None:
    second = told_again if first is failed else failed
    together = heard(gmail(), first(of="req-1"), second(of="req-1"), first(of="req-2"))
    assert together.failures_in_a_row == 2
    assert heard(together, second(of="req-2")).failures_in_a_row == 2, "in another batch"
    assert heard(together, failed(of="req-2")).status == "open", "another call"


def test_toolkit_that_nobody_registered__leaves_nothing_behind() -> None:
    tell(make.workspace(), [failed()])
    assert hear()["unknown"] == 1
    assert not CallReport.objects.exists()


def test_heard_rows__go_after_a_while() -> None:
    heard(gmail(), failed(of="req-1"), call(), failed(of="req-2"))
    assert CallReport.objects.exclude(heard_at=None).count() == 1
    CallReport.objects.update(heard_at=clock.now() - timedelta(hours=1))
    tasks.hear_calls()
    assert not CallReport.objects.exists()


def test_breaker_that_nobody_asks__is_decided_by_what_was_called_since() -> None:
    row = half_open()
    assert row.half_open_at is not None
    before, after = row.half_open_at - timedelta(seconds=1), row.half_open_at + timedelta(seconds=1)
    assert heard(row, call(at=before)).status == "half_open", "called before"
    assert heard(row, failed(at=after)).status == "open"
    assert row.trials == 1
    row = services.half_open(row, actor=make.JOB)
    assert heard(row, call(at=clock.now() + timedelta(seconds=1))).status == "closed"
    assert row.half_open_at is None


def test_trial_that_somebody_has__is_decided_by_nobody_else() -> None:
    row = half_open()
    token = services.ask(row, actor=make.JOB).token
    assert heard(row, call(at=clock.now() + timedelta(seconds=1))).status == "half_open"
    services.report_outcome(row, actor=make.JOB, ok=True, trial=token)
    assert row.status == "closed"


def test_job_that_is_killed__counts_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    row, other = gmail(), catalog.integration(slug="slack")
    tell(other.workspace, [{**failed(), "toolkit": "slack"}])
    tell(row.workspace, [failed(), failed()])
    report = breakers.report_calls

    def dies(integration: Integration, **said: Any) -> Integration:
        report(integration, **said)
        if integration.slug == "gmail":
            raise RuntimeError("killed")
        return integration

    with monkeypatch.context() as patched:
        patched.setattr(breakers, "report_calls", dies)
        assert hear() == {"heard": 1, "unknown": 0, "broken": 1}
    row.refresh_from_db()
    other.refresh_from_db()
    assert (row.failures_in_a_row, other.failures_in_a_row) == (0, 1)
    assert heard(row).failures_in_a_row == 2


def test_stranger__may_not_report_calls() -> None:
    row = gmail()
    stranger = make.actor(make.agent(make.workspace()))
    with pytest.raises(NotAllowed):
        breakers.report_calls(row, actor=stranger, succeeded=True, failures=0, last_at=clock.now())


@pytest.mark.django_db(transaction=True)
def test_many_that_hear_at_once__count_each_call_once() -> None:
    row = gmail(break_after=1_000)
    for _ in range(20):
        tell(row.workspace, [failed(), failed()])
    results = race(4, lambda _: hear()["heard"])
    assert sum(results) == 20
    row.refresh_from_db()
    assert row.failures_in_a_row == 40
