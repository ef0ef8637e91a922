from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models.functions import Now

from controlplane.audit.models import AuditEvent
from controlplane.jobs import leases, registry, runs
from controlplane.jobs.models import JobRun, ScheduledJob
from controlplane.jobs.registry import JOBS, job
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, NotAllowed, NotFound
from tests import make
from tests.kit.racing import race

pytestmark = pytest.mark.django_db
NAME = "tests.count"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One job, known alone."""
    monkeypatch.setattr(registry, "JOBS", {})
    monkeypatch.setattr(runs, "JOBS", registry.JOBS)
    heard: list[int] = []

    @job(NAME, every=timedelta(minutes=10), time_limit=30, doc="Counts its calls.")
    def count() -> dict[str, int]:
        heard.append(1)
        return {"calls": len(heard)}

    return heard


@pytest.fixture
def broken(calls: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ValueError("disk full")

    old = registry.JOBS[NAME]
    registry.JOBS[NAME] = registry.Job(
        NAME, fail, old.schedule, 30, old.silence_after, attempts=2, doc=""
    )


def make_due(seconds: float = 1) -> None:
    runs.schedule_due()
    ScheduledJob.objects.update(next_run_at=Now() - timedelta(seconds=seconds))


def here(run: JobRun) -> None:
    runs.execute(run.pk, instance="test")


def test_new_job__gets_its_row_and_waits_for_its_first_time(calls: list[int]) -> None:
    assert runs.schedule_due() == []
    row = ScheduledJob.objects.get()
    assert (row.name, row.schedule) == (NAME, "every 0:10:00")
    assert timedelta(0) < row.next_run_at - clock.now() <= timedelta(minutes=10)


def test_due_job__runs_once_and_leaves_its_counts(calls: list[int]) -> None:
    make_due()
    assert len(runs.schedule_due()) == 1
    assert runs.send_waiting(here) == 1
    assert runs.send_waiting(here) == 0
    run = JobRun.objects.get()
    assert (run.state, run.counts, run.instance) == (leases.DONE, {"calls": 1}, "test")
    assert run.duration_ms is not None
    assert ScheduledJob.objects.get().last_ok_at is not None


def test_next_time__counted_from_the_old_one_missed_ones_skipped(calls: list[int]) -> None:
    make_due(seconds=25 * 60)
    old = ScheduledJob.objects.get().next_run_at
    runs.schedule_due()
    assert ScheduledJob.objects.get().next_run_at == old + timedelta(minutes=30)
    assert JobRun.objects.count() == 1


def test_slow_job__is_not_joined_by_its_successor(calls: list[int]) -> None:
    make_due()
    runs.schedule_due()
    ScheduledJob.objects.update(next_run_at=Now() - timedelta(seconds=1))
    assert runs.schedule_due() == []
    assert JobRun.objects.count() == 1


def test_switched_off__not_scheduled(calls: list[int]) -> None:
    make_due()
    ScheduledJob.objects.update(enabled=False)
    assert runs.schedule_due() == []


def test_schedule_changed_in_code__row_follows(calls: list[int]) -> None:
    runs.schedule_due()
    old = registry.JOBS.pop(NAME)

    job(NAME, at="03:15", time_limit=30)(old.function)
    runs.schedule_due()
    row = ScheduledJob.objects.get()
    assert row.schedule == "03:15 UTC"
    assert (row.next_run_at.hour, row.next_run_at.minute) == (3, 15)


def test_job_fails__tried_again_then_dead_with_its_error(broken: None) -> None:
    make_due()
    runs.schedule_due()
    runs.send_waiting(here)
    run = JobRun.objects.get()
    assert (run.state, run.attempts, run.last_error) == (
        leases.WAITING,
        1,
        "ValueError: disk full",
    )
    JobRun.objects.update(ready_at=Now() - timedelta(seconds=1))
    runs.send_waiting(here)
    assert JobRun.objects.get().state == leases.DEAD
    row = ScheduledJob.objects.get()
    assert row.last_ok_at is None
    assert row.last_failed_at is not None


def test_broker_away__run_waits_and_is_sent_again(calls: list[int]) -> None:
    def refuse(run: JobRun) -> None:
        raise ConnectionError("no broker")

    make_due()
    runs.schedule_due()
    assert runs.send_waiting(refuse) == 0
    assert runs.send_waiting(here) == 0, "not before the resend time"
    JobRun.objects.update(sent_at=Now() - timedelta(seconds=runs.RESEND.value + 1))
    assert runs.send_waiting(here) == 1
    assert calls == [1]


def test_killed_worker__run_comes_back_after_its_lease(
    calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_due()
    (run,) = runs.schedule_due()
    leases.claim_one(JobRun.objects.filter(pk=run.pk), lease_seconds=60)
    runs.send_waiting(here)
    assert calls == []
    JobRun.objects.update(ready_at=Now() - timedelta(seconds=1), max_attempts=3)
    JobRun.objects.update(sent_at=None)
    runs.send_waiting(here)
    assert calls == [1]
    assert JobRun.objects.get().attempts == 2


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_the_same_moment__one_run_each_time(calls: list[int]) -> None:
    for _ in range(5):
        make_due()

        def beat(_: int) -> int:
            made = runs.schedule_due()
            runs.send_waiting(here)
            return len(made)

        assert sum(race(4, beat)) == 1
    assert len(calls) == 5
    assert JobRun.objects.filter(state=leases.DONE).count() == 5


def test_same_due_time__second_run_refused_by_the_database(calls: list[int]) -> None:
    make_due()
    (run,) = runs.schedule_due()
    here(run)
    ScheduledJob.objects.update(next_run_at=run.due_at)
    assert runs.schedule_due() == []


# --- By hand -----------------------------------------------------------------------------------


def test_run_now__recorded_with_who_asked(calls: list[int]) -> None:
    root = make.actor(make.superuser())
    run = runs.ask_run(NAME, actor=root)
    here(run)
    assert JobRun.objects.get().asked_by == root.label
    assert AuditEvent.objects.get(action="job.run").actor_label == root.label


def test_run_now__already_open__conflict(calls: list[int]) -> None:
    root = make.actor(make.superuser())
    runs.ask_run(NAME, actor=root)
    with pytest.raises(Conflict), transaction.atomic():
        runs.ask_run(NAME, actor=root)


def test_run_now__unknown_job__not_found(calls: list[int]) -> None:
    with pytest.raises(NotFound):
        runs.ask_run("tests.nothing", actor=make.JOB)


@pytest.mark.parametrize("role", ["viewer", "primary_operator", "workspace_admin"])
def test_by_hand__roles_of_one_workspace__refused_for_what_all_share(
    calls: list[int], role: str
) -> None:
    runs.schedule_due()
    actor = make.actor(make.person(make.workspace(), role))
    with pytest.raises(NotAllowed):
        runs.ask_run(NAME, actor=actor)
    with pytest.raises(NotAllowed):
        runs.set_enabled(ScheduledJob.objects.get(), False, actor=actor, reason="x")
    assert not JobRun.objects.exists()


def test_switch_off__audited(calls: list[int]) -> None:
    runs.schedule_due()
    row = runs.set_enabled(
        ScheduledJob.objects.get(), False, actor=make.actor(make.superuser()), reason="storm"
    )
    assert not row.enabled
    assert AuditEvent.objects.get(action="job.manage").after == {"enabled": False}


def test_visible_to__only_who_may_see_jobs(calls: list[int]) -> None:
    runs.schedule_due()
    ws = make.workspace()
    assert ScheduledJob.objects.visible_to(make.actor(make.person(ws, "primary_operator"))).exists()
    assert not ScheduledJob.objects.visible_to(make.actor(make.person(ws, "viewer"))).exists()
    assert not JobRun.objects.visible_to(make.actor(make.person(ws, "viewer"))).exists()


# --- Commands ----------------------------------------------------------------------------------


def test_command_run_job__prints_the_counts(calls: list[int], capsys: Any) -> None:
    call_command("run_job", NAME)
    assert capsys.readouterr().out.strip() == '{"calls": 1}'


def test_command_run_job__failing_job__says_why(broken: None) -> None:
    with pytest.raises(CommandError, match="disk full"):
        call_command("run_job", NAME)


def test_command_jobs__lists_every_job(capsys: Any) -> None:
    call_command("jobs")
    out = capsys.readouterr().out
    assert all(name in out for name in JOBS)
    assert "+00:00" not in out


def test_command_engine_once__runs_a_due_job_with_no_broker(
    calls: list[int], capsys: Any, settings: Any
) -> None:
    make_due()
    call_command("engine", "--once")
    assert "job runs: 1" in capsys.readouterr().out
    assert calls == [1]


# --- Registration ------------------------------------------------------------------------------


def test_job__needs_one_of_every_and_at() -> None:
    for wrong in ({}, {"every": timedelta(hours=1), "at": "03:15"}):
        with pytest.raises(ValueError, match="one of"):
            job("tests.wrong", time_limit=1, **wrong)  # type: ignore[arg-type]


def test_job__same_name_twice__refused(calls: list[int]) -> None:
    with pytest.raises(ValueError, match="twice"):
        job(NAME, every=timedelta(hours=1), time_limit=1)(lambda: None)


def test_every_registered_job__has_a_description_and_a_lease_longer_than_its_limit() -> None:
    for entry in JOBS.values():
        assert entry.doc, entry.name
        assert entry.lease_seconds > entry.time_limit + 10
        assert entry.silence_after > entry.schedule.longest_gap
