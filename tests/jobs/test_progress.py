"""A long run tells how far it is and stops when asked; neither may harm what it does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from controlplane.audit.models import AuditEvent
from controlplane.audit.tasks import prove
from controlplane.base.data_rules import RetentionClass, retention
from controlplane.base.models import RetentionRun
from controlplane.base.retention import clean
from controlplane.jobs import leases, progress, registry, runs
from controlplane.jobs.models import JobRun
from controlplane.jobs.registry import job
from controlplane.lib.errors import Conflict, NotAllowed
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "tests.long"


@pytest.fixture(autouse=True)
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(progress.EVERY.env_name, "0")


@pytest.fixture
def run_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], JobRun]:
    """A run of one job that does this."""
    monkeypatch.setattr(registry, "JOBS", {})
    monkeypatch.setattr(runs, "JOBS", registry.JOBS)

    def ask(work: Callable[[], Any]) -> JobRun:
        job(NAME, every=timedelta(hours=2), time_limit=30, doc="Takes long.")(work)
        return runs.ask_run(NAME, actor=make.JOB)

    return ask


def seen() -> tuple[int, int | None, str]:
    row = JobRun.objects.get()
    return row.progress_done, row.progress_total, row.progress_note


def seen_by_others() -> int:
    """By another connection, while the job's own transaction is open."""
    other: Any = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT progress_done FROM jobs_jobrun")
            return int(cursor.fetchone()[0])
    finally:
        other.close()


def ask_to_stop() -> None:
    progress.ask_cancel(
        JobRun.objects.get(), actor=make.actor(make.superuser()), reason="wrong day"
    )


# --- Telling ------------------------------------------------------------------------------------


def test_step__outside_a_run__costs_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        progress.step(1, 2, "nobody listens")


def test_step__seen_at_once__though_the_jobs_own_transaction_is_open_and_rolls_back(
    run_of: Any,
) -> None:
    def work() -> None:
        with transaction.atomic():
            RetentionRun.objects.create(slug="half", cutoff=Now())
            progress.step(3, 10, "third of ten")
            assert seen_by_others() == 3
            raise ValueError("undone")

    runs.execute(run_of(work).pk)
    assert seen() == (3, 10, "third of ten")
    assert not RetentionRun.objects.exists()


def test_step__in_a_read_only_snapshot__written_all_the_same(run_of: Any) -> None:
    def work() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            progress.step(1, None, "reading")

    runs.execute(run_of(work).pk)
    assert seen() == (1, None, "reading")
    assert JobRun.objects.get().state == leases.DONE


def test_step__called_often__written_once_a_second(
    run_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(progress.EVERY.env_name, "1000")
    written: list[int] = []

    def note(state: Any, done: int, *_: Any) -> bool:
        written.append(done)
        return False

    def work() -> None:
        for number in range(1000):
            progress.step(number)

    monkeypatch.setattr(progress, "_report", note)
    runs.execute(run_of(work).pk)
    assert written == []
    assert JobRun.objects.get().state == leases.DONE


def test_step__row_locked_by_somebody__the_job_goes_on(run_of: Any) -> None:
    """Here the job itself holds the row; its own report must not wait for it for ever."""

    def work() -> dict[str, int]:
        with transaction.atomic():
            JobRun.objects.select_for_update().get()
            progress.step(1, 2)
        return {"done": 1}

    runs.execute(run_of(work).pk)
    row = JobRun.objects.get()
    assert (row.state, row.counts, row.progress_done) == (leases.DONE, {"done": 1}, 0)


def test_note__hostile_and_long__cut_not_refused(run_of: Any) -> None:
    runs.execute(run_of(lambda: progress.step(5, 2, "'; DROP TABLE x; --" * 100)).pk)
    done, total, note = seen()
    assert (done, total, len(note)) == (5, 2, 200)


# --- Stopping -----------------------------------------------------------------------------------


def test_cancel__running__stops_at_its_next_step_and_says_so(run_of: Any) -> None:
    reached: list[str] = []

    def work() -> None:
        progress.step(1, 3)
        ask_to_stop()
        assert JobRun.objects.get().state == leases.LEASED, "it ends at a step, not before"
        try:
            progress.step(2, 3)
        except Exception:  # noqa: BLE001  (a job that goes on past everything)
            reached.append("swallowed")
        reached.append("too far")

    run = runs.execute(run_of(work).pk)
    assert reached == []
    assert run is not None
    row = JobRun.objects.get()
    assert (row.state, row.last_error, row.progress_done) == (leases.CANCELLED, "", 2)
    assert row.finished_at is not None
    asked, stopped = AuditEvent.objects.filter(action="job.cancel").order_by("id")
    assert (asked.actor_kind, asked.reason) == ("person", "wrong day")
    assert (stopped.actor_kind, stopped.after) == ("job", {"state": "cancelled"})
    assert runs.execute(row.pk) is None, "it does not begin again"


def test_cancel__waiting__over_at_once(run_of: Any) -> None:
    called: list[int] = []
    run = run_of(lambda: called.append(1))
    ask_to_stop()
    assert JobRun.objects.get().state == leases.CANCELLED
    assert runs.execute(run.pk) is None
    assert called == []


def test_cancel__asked_while_its_try_failed__not_tried_again(run_of: Any) -> None:
    called: list[int] = []

    def work() -> None:
        called.append(1)
        ask_to_stop()
        raise ValueError("anyway")

    run = run_of(work)
    runs.execute(run.pk)
    assert JobRun.objects.get().state == leases.WAITING
    JobRun.objects.update(ready_at=Now() - timedelta(seconds=1))
    runs.execute(run.pk)
    assert JobRun.objects.get().state == leases.CANCELLED
    assert called == [1]


def test_cancel__over_or_asked_twice__conflict(run_of: Any) -> None:
    def work() -> None:
        ask_to_stop()
        with pytest.raises(Conflict):
            ask_to_stop()

    runs.execute(run_of(work).pk)
    with pytest.raises(Conflict):
        ask_to_stop()
    assert JobRun.objects.get().state == leases.DONE, "it made no step, so nothing stopped it"


@pytest.mark.parametrize("role", ["viewer", "primary_operator", "workspace_admin"])
def test_cancel__roles_of_one_workspace__refused(run_of: Any, role: str) -> None:
    run = run_of(lambda: None)
    with pytest.raises(NotAllowed):
        progress.ask_cancel(run, actor=make.actor(make.person(make.workspace(), role)))
    assert JobRun.objects.get().cancel_requested_at is None


def test_next_run__after_a_cancelled_one__begins(run_of: Any) -> None:
    run_of(lambda: None)
    ask_to_stop()
    assert runs.ask_run(NAME, actor=make.JOB).state == leases.WAITING


# --- The jobs that take long ----------------------------------------------------------------------


def test_clean_up__tells_its_classes__and_keeps_its_record_when_stopped(
    run_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete(cutoff: Any, limit: int) -> int:
        ask_to_stop()
        return limit

    entry = RetentionClass(
        "tests.rows",
        models=(),
        keep=timedelta(days=1),
        what="rows",
        why="",
        delete=delete,
        count=lambda _: 0,
    )
    monkeypatch.setattr(type(retention), "__iter__", lambda self: iter([entry]))
    runs.execute(run_of(lambda: clean(actor=make.JOB) and None).pk)
    row = JobRun.objects.get()
    assert (row.state, row.progress_note) == (leases.CANCELLED, "rows: 1,000 rows")
    kept = RetentionRun.objects.get()
    assert (kept.rows, kept.error) == (1000, "stopped by hand")
    assert kept.finished_at is not None


def test_verification__tells_events_of_all_events(
    run_of: Any, tmp_path: Any, settings: Any
) -> None:
    from controlplane.audit import sealing

    settings.STATE_DIR = tmp_path
    make.workspace()
    sealing.seal_all()
    run = run_of(prove)
    sealed = AuditEvent.objects.count() - 1  # asking for the run is not sealed yet
    runs.execute(run.pk)
    assert JobRun.objects.get().state == leases.DONE
    assert seen() == (sealed, sealed, "events proved")
