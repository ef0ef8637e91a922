"""Backups are kept thirty days, announced, and missed when they are late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.backups import files, services, tasks
from controlplane.backups.models import BackupReport, RestoreDrill
from controlplane.jobs import obligations
from controlplane.jobs.models import ObligationRecord
from controlplane.lib import clock
from controlplane.lib.errors import Invalid, NotAllowed
from controlplane.notify.models import InboxItem
from tests import make
from tests.kit import api, settled
from tests.kit.api import Api

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
REPORTS = "/api/v1/backups/reports"


@settled.once
def workspace() -> Workspace:
    return make.workspace("here")


def reported(workspace: Workspace, *, hours: float = 1.0, **fields: Any) -> BackupReport:
    operator = make.actor(make.person(workspace, "release_manager"))
    at = clock.now() - timedelta(hours=hours)
    fields = {"kind": "database", "ok": True, "started_at": at, "finished_at": at, **fields}
    return services.report_backup(workspace, actor=operator, **fields)


# --- Retention ----------------------------------------------------------------------------------


def test_remove_old__keeps_thirty_days_and_always_the_newest(tmp_path: Path) -> None:
    folder = files.folder(tmp_path / "b")
    for days in (0, 29, 31, 400):
        dump = folder / files.name(NOW - timedelta(days=days))
        for ending in ("", ".json", ".sha256"):
            files.beside(dump, ending).touch()
    assert files.remove_old(folder, keep=timedelta(days=30), now=NOW) == 2
    assert [NOW - files.taken_at(dump) for dump in files.dumps(folder)] == [
        timedelta(0),
        timedelta(days=29),
    ]
    assert len(list(folder.iterdir())) == 6
    later = NOW + timedelta(days=400)
    files.remove_old(folder, keep=timedelta(days=30), now=later)
    assert len(list(files.dumps(folder))) == 1


# --- Freshness ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "fresh"), [(1, True), (25.9, True), (26.1, False)])
def test_freshness__ends_after_26_hours(workspace: Workspace, hours: float, fresh: bool) -> None:
    with time_machine.travel(NOW, tick=False):
        reported(workspace, hours=hours)
        assert services.freshness(workspace.pk).fresh is fresh


def test_freshness__failures_do_not_count(workspace: Workspace) -> None:
    reported(workspace, ok=False, error="disk full")
    found = services.freshness(workspace.pk)
    assert (found.newest, found.fresh) == (None, False)


def test_freshness__of_another_workspace__does_not_count(workspace: Workspace) -> None:
    reported(make.workspace())
    assert services.freshness(workspace.pk).newest is None
    assert services.freshness().newest is None


def test_watch__old_backup_in_an_old_portal__is_a_finding(workspace: Workspace) -> None:
    assert list(tasks.stale_backup()) == []  # the portal was set up just now
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET applied = applied - interval '2 days'")
    [finding] = tasks.stale_backup()
    assert "no good backup" in finding.message
    assert not finding.critical
    at = clock.now() - timedelta(hours=30)
    BackupReport.objects.create(
        source="portal", kind="database", ok=True, started_at=at, finished_at=at, reported_by="job"
    )
    [finding] = tasks.stale_backup()
    assert "30 hours old" in finding.message


# --- Announcing ---------------------------------------------------------------------------------


def test_report__is_announced_to_those_who_keep_the_data(workspace: Workspace) -> None:
    lead, viewer = make.person(workspace, "database_lead"), make.person(workspace, "viewer")
    elsewhere = make.person(make.workspace(), "database_lead")
    reported(workspace)
    reported(workspace, ok=False, error="disk full")
    told = InboxItem.objects.filter(user=lead).values_list("notification__subject", flat=True)
    assert set(told) == {"Backup done: database", "Backup failed: database"}
    assert not InboxItem.objects.filter(user__in=[viewer, elsewhere]).exists()


def test_report__is_audited(workspace: Workspace) -> None:
    report = reported(workspace, ok=False, error="disk full")
    event = AuditEvent.objects.about(report).get()
    assert (event.action, event.outcome, event.reason) == ("backup.report", "failed", "disk full")
    assert event.workspace_id == workspace.pk


# --- Reports from outside -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"ok": False},
        {"finished_at": NOW - timedelta(days=3650)},
        {"finished_at": NOW + timedelta(days=3650)},
    ],
)
def test_report__that_cannot_be__is_refused(workspace: Workspace, fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        reported(workspace, **fields)


def body(**fields: Any) -> dict[str, Any]:
    at = (clock.now() - timedelta(minutes=5)).isoformat()
    return {"ok": True, "started_at": at, "finished_at": at, **fields}


def caller(workspace: Workspace, *scopes: str) -> Api:
    return Api(make.key(make.agent(workspace, role=""), scopes=scopes)[1])


def test_api__reports_and_reads_back(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    api.reset(monkeypatch)
    mine = caller(workspace, "backup.*")
    answer = mine.post(REPORTS, body(tool="pgbackrest", size=5, sha256="a" * 64))
    assert answer.status_code == 201, answer.content
    assert mine.get(answer["Location"]).json()["tool"] == "pgbackrest"
    assert len(mine.get(f"{REPORTS}?ok=true").json()["items"]) == 1
    state = mine.get("/api/v1/backups/state").json()
    assert (state["fresh"], state["newest"]) == (True, answer.json()["uid"])
    assert (state["rpo_target"], state["rto_target"]) == (86_400, 14_400)
    assert mine.get("/api/v1/backups/drills").json()["items"] == []


@pytest.mark.parametrize(
    "wrong", [{"sha256": "xyz"}, {"size": -1}, {"source": "portal"}, {"kind": "A b"}, {"ok": "yes"}]
)
def test_api__malformed_report__is_refused(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    api.reset(monkeypatch)
    answer = caller(workspace, "backup.*").post(REPORTS, body(**wrong))
    api.refused(answer, "INVALID_ARGUMENT")


def test_stranger__neither_reports_nor_reads(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.reset(monkeypatch)
    report = reported(workspace)
    api.refused(Api().get(REPORTS), "UNAUTHORIZED")
    api.refused(caller(workspace, "backup.view").post(REPORTS, body()), "FORBIDDEN")
    neighbour = caller(make.workspace(), "backup.*")
    assert neighbour.get(REPORTS).json()["items"] == []
    api.refused(neighbour.get(f"{REPORTS}/{report.uid}"), "NOT_FOUND")
    viewer = make.actor(make.person(workspace, "viewer"))
    with pytest.raises(NotAllowed):
        services.report_backup(
            workspace, actor=viewer, kind="x", ok=True, started_at=NOW, finished_at=NOW
        )
    assert not BackupReport.objects.visible_to(make.actor(make.person())).exists()


def test_console__shows_measured_recovery(workspace: Workspace) -> None:
    reported(workspace)
    RestoreDrill.objects.create(started_at=NOW, seconds=12.5, ok=True, tables=40, rows=900)
    browser = make.client(make.person(workspace, "database_lead"))
    assert b"database" in browser.get("/admin/backups/backupreport/?view=all").content
    page = browser.get("/admin/backups/restoredrill/?view=all")
    assert b"target 4 h" in page.content
    viewer = make.client(make.person(workspace, "viewer"))
    assert viewer.get("/admin/backups/backupreport/").status_code == 403


def test_recovery_objectives__are_owed_by_the_database_lead(workspace: Workspace) -> None:
    obligations.open_due()
    owed = ObligationRecord.objects.get(
        workspace=workspace, obligation__slug="backups.recovery_review"
    )
    assert owed.obligation.owner_role == "database_lead"
    lead = make.actor(make.person(workspace, "database_lead"))
    stranger = make.actor(make.person(workspace, "viewer"))
    with pytest.raises(NotAllowed):
        obligations.fulfil(owed, actor=stranger, note="The drill took 12 s.")
    done = obligations.fulfil(owed, actor=lead, note="The drill took 12 s.")
    assert done.status == ObligationRecord.Status.COMPLETE
