"""Clean-up deletes what is over, never earlier than allowed, and leaves a record."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from controlplane.access.models import AttemptCounter
from controlplane.audit.models import AuditEvent
from controlplane.base import retention
from controlplane.base.data_rules import RetentionClass
from controlplane.base.data_rules import retention as classes
from controlplane.base.models import RetentionRun, Signal
from controlplane.jobs import leases
from controlplane.jobs.registry import JOBS
from controlplane.lib import actors, clock
from controlplane.lib.errors import NotAllowed
from tests import make

JOB = actors.job("cleanup")


@pytest.fixture
def counters(db: None) -> None:
    for days in (0, 6, 8, 30, 90):
        AttemptCounter.objects.create(
            bucket=f"login:{days}", window_start=clock.now() - timedelta(days=days)
        )


def test_clean__old_rows_go_young_stay__and_a_record_says_so(counters: None) -> None:
    [run] = retention.clean(actor=JOB, only="access.attempts")
    assert run.rows == 3
    assert sorted(AttemptCounter.objects.values_list("bucket", flat=True)) == ["login:0", "login:6"]
    assert run.finished_at is not None
    assert run.seconds is not None
    assert not run.dry_run
    assert not run.error
    assert abs((clock.now() - timedelta(days=7) - run.cutoff).total_seconds()) < 60


def test_clean__dry__counts_and_deletes_nothing(counters: None) -> None:
    [run] = retention.clean(actor=JOB, only="access.attempts", dry_run=True)
    assert (run.rows, run.dry_run) == (3, True)
    assert AttemptCounter.objects.count() == 5


def test_clean__batches__all_go(counters: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(retention.BATCH.env_name, "2")
    [run] = retention.clean(actor=JOB, only="access.attempts")
    assert run.rows == 3


def test_cutoff__below_the_legal_minimum__the_minimum_holds() -> None:
    entry = RetentionClass(
        "x", (), keep=timedelta(days=1), minimum=timedelta(days=365), what="rows", why="by law"
    )
    cutoff = retention.cutoff_of(entry)
    assert cutoff is not None
    assert clock.now() - cutoff > timedelta(days=364)


def test_audit__kept_a_year_at_least_and_not_deleted_by_this_runner() -> None:
    entry = classes.get("audit.events")
    assert entry is not None
    assert entry.minimum >= timedelta(days=365)
    assert entry.delete is None


def test_clean__one_class_fails__others_run_and_the_record_names_it(
    counters: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(cutoff: object, limit: int) -> int:
        raise RuntimeError("no disk")

    entry = RetentionClass(
        "tests.broken", (), keep=timedelta(0), what="rows", why="-", delete=broken
    )
    monkeypatch.setitem(classes._entries, "tests.broken", entry)
    runs = {run.slug: run for run in retention.clean(actor=JOB)}
    assert "no disk" in runs["tests.broken"].error
    assert runs["access.attempts"].rows == 3


def test_classes_with_an_end__words_people_say__each_its_own() -> None:
    said = [entry.what for entry in classes if entry.keep is not None]
    assert len(said) == len(set(said))
    assert not [what for what in said if re.search(r"[.:_]", what)]
    with pytest.raises(ValueError, match="in words"):
        RetentionClass("x", (), keep=timedelta(days=1), why="by law")


def test_clean__every_class__its_query_is_valid(db: None) -> None:
    runs = retention.clean(actor=JOB, dry_run=True) + retention.clean(actor=JOB)
    assert runs
    assert not [run.error for run in runs if run.error]


def test_signals__done_go_dead_and_waiting_stay(db: None) -> None:
    old = clock.now() - timedelta(days=60)
    for state in (leases.DONE, leases.DEAD, leases.WAITING):
        Signal.objects.create(kind="k", key=state, state=state, finished_at=old)
    retention.clean(actor=JOB, only="base.signals")
    assert sorted(Signal.objects.values_list("state", flat=True)) == ["dead", "waiting"]


def test_cleanup__is_a_job_that_counts(counters: None) -> None:
    counts = JOBS["cleanup"].function()
    assert counts is not None
    assert counts["access.attempts"] == 3
    assert RetentionRun.objects.filter(dry_run=False).exists()


@pytest.mark.parametrize("role", ["viewer", "workspace_admin", "privacy_officer"])
def test_clean__by_a_role_in_one_workspace__refused(counters: None, role: str) -> None:
    """It deletes rows of all of them."""
    person = make.actor(make.person(make.workspace(), role))
    for dry_run in (True, False):
        with pytest.raises(NotAllowed):
            retention.clean(actor=person, dry_run=dry_run)
    assert AttemptCounter.objects.count() == 5
    assert not AuditEvent.objects.filter(action="retention.run").exists()


def test_clean__by_a_superuser__from_the_console__and_by_nobody_else(counters: None) -> None:
    url, page = "/admin/base/retentionrun/do/dry_run/", "/admin/base/retentionrun/"
    admin = make.client(make.person(make.workspace(), "workspace_admin"))
    assert admin.post(url).status_code == 403
    assert "needs a superuser" in admin.get(page, follow=True).content.decode()
    assert not RetentionRun.objects.exists()
    root = make.client(make.root_of(make.workspace(), "workspace_admin"))
    assert root.post(url).status_code == 302
    assert RetentionRun.objects.filter(dry_run=True, slug="access.attempts", rows=3).exists()
    # Refusals are counted in the same table.
    assert AttemptCounter.objects.filter(bucket__startswith="login:").count() == 5
