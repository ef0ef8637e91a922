"""The database's upkeep, on the database itself: outside a transaction, by a role that may."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from controlplane.jobs import runs
from controlplane.jobs.models import JobRun
from controlplane.jobs.registry import JOBS
from controlplane.jobs.schedules import Cron
from controlplane.lib.errors import NotAllowed, NotFound
from deployments.maintenance import upkeep
from tests import make
from tests.kit import roles

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.servers]


def vacuumed(table: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT vacuum_count, analyze_count FROM pg_stat_all_tables WHERE relname = %s", [table]
        )
        return cursor.fetchone()


def test_weekly__runs_with_a_record() -> None:
    make.workspace()
    assert isinstance(JOBS[upkeep.JOB].schedule, Cron)
    before = vacuumed("deployments_maintenancewindow")
    run = runs.ask_run(upkeep.JOB, actor=make.JOB)
    runs.execute(run.pk)
    row = JobRun.objects.get(pk=run.pk)
    assert row.state == "done", row.last_error
    assert row.counts["tables"] > 100
    assert row.counts["left_out"] == 0
    after = vacuumed("deployments_maintenancewindow")
    assert (after[0] > before[0], after[1] > before[1]) == (True, True)


def test_role_that_owns_nothing__is_refused_and_not_told_it_worked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = roles.granted().app
    try:
        monkeypatch.setattr(upkeep, "connect", lambda where, **options: roles.connected_as(app))
        with pytest.raises(NotAllowed, match="DATABASE_OWNER_URL"):
            upkeep.vacuum()
        with pytest.raises(NotAllowed, match="DATABASE_OWNER_URL"):
            list(upkeep.reindex("access_user"))
    finally:
        roles.drop()


def test_reindex__one_table_and_sizes() -> None:
    said = StringIO()
    call_command("reindex", "--table", "deployments_notice", "--json", stdout=said)
    assert json.loads(said.getvalue())["table"] == "deployments_notice"
    listed = StringIO()
    call_command("reindex", "--list", stdout=listed)
    assert "deployments_notice" in listed.getvalue()
    with pytest.raises(NotFound):
        list(upkeep.reindex("nothing"))


def test_table_that_is_locked__is_left_for_the_end_and_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upkeep, "LOCK_TIMEOUT", "20ms")
    monkeypatch.setattr(upkeep, "LAST_TIMEOUT", "40ms")
    asked: list[str] = []
    vacuumed_by = upkeep._vacuumed
    names = {"deployments_launch", "deployments_launchline"}
    tables_of = upkeep.tables_of
    monkeypatch.setattr(
        upkeep, "tables_of", lambda found: [t for t in tables_of(found) if t.name in names]
    )

    def noted(found: Any, table: upkeep.Table) -> bool:
        asked.append(table.name)
        return vacuumed_by(found, table)

    monkeypatch.setattr(upkeep, "_vacuumed", noted)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE deployments_launch IN SHARE UPDATE EXCLUSIVE MODE")
        with pytest.raises(TimeoutError, match="deployments_launch"):
            upkeep.vacuum()
    assert asked == ["deployments_launch", "deployments_launchline", "deployments_launch"]
    assert upkeep.vacuum()["tables"] == 2
