"""A real dump comes back whole, and nothing that is not whole is restored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from controlplane.audit import sealing
from controlplane.audit.models import AuditEvent
from controlplane.backups import dumping, files, pgtools, restoring, services
from controlplane.backups.models import BackupReport, RestoreDrill
from controlplane.lib.errors import Conflict, Invalid, NotAllowed, Unavailable
from tests import make
from tests.kit import audit

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def filled() -> None:
    make.person(make.workspace("kept"), "database_lead")
    audit.events(5)
    sealing.seal_all()


@pytest.fixture
def dump(filled: None) -> Path:
    report = services.run_backup(make.JOB)
    assert report.ok, report.error
    return Path(report.location)


@pytest.fixture
def empty() -> Iterator[restoring.Where]:
    with restoring.scratch() as where:
        yield where


def databases() -> set[str]:
    """Ours and what was made beside it; other test processes make and drop theirs meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, current_database())"
        )
        return {row[0] for row in cursor.fetchall()}


def test_backup__is_private_checksummed_and_reported(dump: Path) -> None:
    report = BackupReport.objects.get()
    assert oct(dump.stat().st_mode)[-3:] == "600"
    assert oct(dump.parent.stat().st_mode)[-3:] == "700"
    assert report.sha256 == files.checksum(dump) == files.verified(dump).sha256
    assert files.beside(dump, ".sha256").read_text() == f"{report.sha256}  {dump.name}\n"
    assert report.size == dump.stat().st_size
    assert AuditEvent.objects.filter(action="backup.report", outcome="done").exists()


def test_restore__brings_every_row_back_and_the_log_proves_itself(
    dump: Path, empty: restoring.Where
) -> None:
    """The stamping trigger comes after the rows: times and leaves stay what they were."""
    audit.events(3)  # after the dump: not in it
    found = restoring.restore_into(dump, empty)
    assert found.fault == ""
    assert found.rows == sum(found.manifest.tables.values())
    assert found.manifest.seal == 1
    with restoring.connect(empty) as restored:
        slugs = restored.execute("SELECT slug FROM access_workspace").fetchall()
        assert ("kept",) in slugs
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            restored.execute("UPDATE audit_auditevent SET reason = 'x'")
        guards = restored.execute(
            "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'A'"
            " AND tgrelid::regclass::text LIKE 'audit_%'"
        ).fetchone()
        assert guards == (7,)


def test_drill__measures_and_leaves_nothing_behind(dump: Path) -> None:
    before = databases()
    done = services.drill(make.JOB)
    assert done.ok, done.error
    assert (done.differences, done.tables > 30, done.rows > 5) == ({}, True, True)
    assert done.report == BackupReport.objects.get()
    figures = services.figures()
    assert figures.rto_seconds == done.seconds > 0
    assert figures.rpo_seconds is not None
    assert figures.rpo_seconds < figures.rpo_target
    assert databases() == before


@pytest.mark.parametrize("how", ["bit", "cut", "no manifest", "other manifest"])
def test_damaged_backup__is_refused_before_anything_is_touched(
    dump: Path, empty: restoring.Where, how: str
) -> None:
    content, manifest = dump.read_bytes(), files.beside(dump, ".json")
    if how == "bit":
        dump.write_bytes(content[:500] + bytes([content[500] ^ 1]) + content[501:])
    elif how == "cut":
        dump.write_bytes(content[:-100])
    elif how == "no manifest":
        manifest.unlink()
    else:
        manifest.write_text(json.dumps({"sha256": "0" * 64, "unknown": 1}))
    with pytest.raises(Invalid):
        restoring.restore_into(dump, empty)
    with restoring.connect(empty) as target:
        assert dumping.counts(target) == {}
    assert not services.drill(make.JOB).ok


def test_restore__rows_missing_against_the_manifest__is_told(
    dump: Path, empty: restoring.Where
) -> None:
    manifest = files.beside(dump, ".json")
    known = json.loads(manifest.read_text())
    known["tables"]["access_workspace"] += 1
    manifest.write_text(json.dumps(known))
    assert "access_workspace" in restoring.restore_into(dump, empty).fault
    failed = services.drill(make.JOB)
    failed.refresh_from_db()
    assert (failed.ok, failed.differences) == (False, {"access_workspace": [2, 1]})
    assert AuditEvent.objects.filter(action="backup.drill", outcome="failed").exists()


def test_restore__forged_dump_of_the_log__is_told(filled: None, empty: restoring.Where) -> None:
    """A dump of a falsified database restores well; the proof is what tells."""
    with audit.forging() as cursor:
        cursor.execute("UPDATE audit_auditevent SET reason = 'x' WHERE action = 'test.act'")
    dump = Path(services.run_backup(make.JOB).location)
    assert "audit log is broken" in restoring.restore_into(dump, empty).fault


def test_restore__into_a_database_in_use__is_refused(dump: Path) -> None:
    with pytest.raises(Conflict, match="not empty"):
        restoring.restore_into(dump, pgtools.parameters("default"))


def test_put_in_place__swaps_names_and_keeps_the_old(
    monkeypatch: pytest.MonkeyPatch, empty: restoring.Where
) -> None:
    live = {**empty, "dbname": f"{empty['dbname']}_live"}
    restored = {**empty, "dbname": f"{empty['dbname']}_new"}
    monkeypatch.setattr(pgtools, "parameters", lambda alias: dict(live))
    kept = ""
    try:
        for where, word in ((live, "old"), (restored, "new")):
            restoring.create(empty, where["dbname"])
            with restoring.connect(where) as opened:
                opened.execute(f"CREATE TABLE word AS SELECT '{word}'::text AS word")
        busy = restoring.connect(live)
        kept = restoring.put_in_place(restored)
        with pytest.raises(psycopg.OperationalError):
            busy.execute("SELECT 1")
        for name, word in ((live["dbname"], "new"), (kept, "old")):
            with restoring.connect({**live, "dbname": name}) as opened:
                assert opened.execute("SELECT word FROM word").fetchone() == (word,)
    finally:
        for name in filter(None, (live["dbname"], restored["dbname"], kept)):
            restoring.drop(empty, name)


def test_restore__after_a_killed_one__starts_over(
    monkeypatch: pytest.MonkeyPatch, dump: Path, state: Path
) -> None:
    """What the killed one left neither stands in the way nor gets the live one's name."""
    live = pgtools.parameters("default")
    left = f"{live['dbname']}_restored"
    restoring.create(live, left)
    placed: list[str] = []

    def put(where: restoring.Where) -> str:
        placed.append(where["dbname"])
        restoring.drop(live, where["dbname"])
        return "kept"

    monkeypatch.setattr(restoring, "put_in_place", put)
    (state / "prepared").write_text("by an earlier start")
    call_command("restore", str(dump), "--yes", stdout=StringIO())
    assert placed == [left]
    assert left not in databases()
    assert not (state / "prepared").exists()


def test_restore__while_another_runs__is_refused(dump: Path) -> None:
    live = pgtools.parameters("default")
    before = databases()
    with restoring.alone(live), pytest.raises(CommandError, match="Another restore"):
        call_command("restore", str(dump), "--yes")
    assert databases() == before


def test_sweep__only_scratch_databases_of_killed_drills(empty: restoring.Where) -> None:
    live = pgtools.parameters("default")
    old = f"{live['dbname']}_scratch_20260101000000_0a1b2c3d"[-63:]
    restoring.create(live, old)
    assert restoring.sweep() == 1
    assert old not in databases()
    assert {empty["dbname"], live["dbname"]} <= databases()


def test_failure__is_a_report_too(monkeypatch: pytest.MonkeyPatch, filled: None) -> None:
    def broken(*args: object, **options: object) -> None:
        raise Unavailable("pg_dump failed: password=hunter2hunter2 refused")

    monkeypatch.setattr(pgtools, "run", broken)
    report = services.run_backup(make.JOB)
    assert not report.ok
    assert "pg_dump failed" in report.error
    assert "hunter2" not in report.error
    assert not list(files.folder().iterdir())
    with pytest.raises(CommandError, match="pg_dump failed"):
        call_command("backup")


def test_backup_and_drill__by_a_person__are_refused() -> None:
    admin = make.actor(make.superuser())
    with pytest.raises(NotAllowed):
        services.run_backup(admin)
    with pytest.raises(NotAllowed):
        services.drill(admin)
    assert not RestoreDrill.objects.exists()


def test_commands__round_trip(filled: None, empty: restoring.Where, tmp_path: Path) -> None:
    out = StringIO()
    call_command("backup", "--json", stdout=out)
    file = json.loads(out.getvalue())["file"]
    url = psycopg.conninfo.make_conninfo(**empty)
    call_command("restore", file, "--into", url, stdout=out)
    assert "counts agree" in out.getvalue()
    call_command("restore", "latest", "--scratch", stdout=out)
    with pytest.raises(CommandError, match="add --yes"):
        call_command("restore", "latest")
    with pytest.raises(CommandError, match="no backup"):
        call_command("restore", str(tmp_path / "nothing.dump"), "--scratch")


def test_tools__carry_no_secret_of_the_portal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "the portal's secret")
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://x:secret@y/z")
    passed = pgtools.environment({"host": "h", "password": "p"})
    assert passed["PGPASSWORD"] == "p"
    assert not {"SECRET_KEY", "DATABASE_OWNER_URL"} & passed.keys()


def test_binary__older_than_the_server__is_not_used() -> None:
    with pytest.raises(Unavailable, match="postgresql-client-99"):
        pgtools.binary("pg_dump", server=99)
