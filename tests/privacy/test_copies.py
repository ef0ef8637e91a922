"""A copy for testing: the same tables, as many rows, nobody in them, no key of production."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from controlplane.access.models import User
from controlplane.backups import pgtools, restoring
from controlplane.privacy import scrubbing
from controlplane.privacy.models import DataRefresh
from controlplane.privacy.registered import _copied
from tests import make
from tests.kit import inhabited, work
from tests.kit.privacy import days

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
SECRET = "Zoë Quillfeather"


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[restoring.Where]:
    """Everything that can stand anywhere, and what must not: restored from the file."""
    world = inhabited.settle()
    who = make.person(world.workspace, "viewer", email="zoe.q@quill.example", name=SECRET)
    work.item(
        world.workspace, f"Call {SECRET} back", description=f"at zoe.q@quill.example, {SECRET}",
        labels=["ops"], assignee="quentin",
        metadata={"said": {"name": SECRET, "deep": [SECRET, 7, True, None], "phone": 491709999999},
                  "sender": "491701234567"},
    )  # fmt: skip
    assert who.pk
    file = tmp_path / "staging.dump"
    call_command("sanitised_copy", str(file), "--by", "Ada Marsh", verbosity=0)
    assert oct(file.stat().st_mode)[-3:] == "600"
    with restoring.scratch() as where:
        with restoring.connect(where) as server:
            version = server.info.server_version // 10_000
        tool = pgtools.binary("pg_restore", server=version)
        pgtools.run(
            [tool, "--no-owner", "--exit-on-error", "-d", where["dbname"], str(file)], where
        )
        yield where


def asked(where: restoring.Where, query: str) -> Any:
    with restoring.connect(where) as copy:
        return copy.execute(query).fetchall()


def test_copy__holds_as_much_and_names_nobody(copied: restoring.Where) -> None:
    whole = "\n".join(
        str(row)
        for (table,) in asked(copied, "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
                              " AND relnamespace = 'public'::regnamespace")
        for row in asked(copied, f'SELECT t::text FROM public."{table}" t')
    )  # fmt: skip
    for trace in ("Quillfeather", "quill.example", "Ada Marsh", "ada@example.org", "onerror"):
        assert trace not in whole
    people = User.objects.count()
    assert asked(copied, "SELECT count(*), count(DISTINCT email) FROM access_user") == [
        (people, people)
    ]
    assert asked(copied, "SELECT DISTINCT password FROM access_user") == [("!",)]
    assert asked(copied, "SELECT count(*) FROM audit_auditevent") == [(0,)]
    with connection.cursor() as live:
        live.execute("SELECT encode(secret_sha256, 'hex') FROM access_apikey")
        ours = {row[0] for row in live.fetchall()}
    theirs = {row[0] for row in asked(copied, "SELECT encode(secret_sha256, 'hex') FROM"
                                      " access_apikey")}  # fmt: skip
    assert ours
    assert theirs
    assert not ours & theirs
    with connection.cursor() as live:
        live.execute("SELECT key_hash FROM incidents_alertsource WHERE key_hash <> ''")
        doors = {row[0] for row in live.fetchall()}
    assert doors
    assert not doors & {row[0] for row in asked(copied, "SELECT key_hash FROM"
                                                " incidents_alertsource")}  # fmt: skip
    for trace in ("491701234567", "491709999999", "quentin"):
        assert trace not in whole
    # What the portal reads by its spelling is as it was.
    zones = set(User.objects.values_list("time_zone", flat=True))
    assert {row[0] for row in asked(copied, "SELECT time_zone FROM access_user")} == zones
    # Guards are up again: what stays as it was, stays there, too.
    off = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'D'"
    with connection.cursor() as live:
        live.execute(off)
        assert asked(copied, off) == [live.fetchone()]
    row = DataRefresh.objects.get(sanitised_by="Ada Marsh")
    assert "access_user" in row.proof["tables"]
    assert _copied(make.workspace().pk).status == "ok"
    with days(8):
        assert _copied(make.workspace().pk).status == "failing"


def test_copy_that_still_names_somebody__is_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.person(make.workspace(), "viewer", name=SECRET)
    monkeypatch.setattr(scrubbing, "KEPT_TABLES", scrubbing.KEPT_TABLES | {"access_user"})
    file = tmp_path / "staging.dump"
    with pytest.raises(CommandError, match="access_user"):
        call_command("sanitised_copy", str(file), verbosity=0)
    assert not list(tmp_path.iterdir())
    assert not DataRefresh.objects.exists()
    with pytest.raises(CommandError, match="no folder"):
        call_command("sanitised_copy", str(tmp_path / "none" / "x.dump"), verbosity=0)


def test_file_that_is_there__is_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "staging.dump"
    file.write_text("precious")
    with pytest.raises(CommandError, match="already"):
        call_command("sanitised_copy", str(file), verbosity=0)
    assert file.read_text() == "precious"
