"""Evidence as time goes by: read back, swept after a crash, archived, held by law, forgotten."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from controlplane.base import files
from controlplane.base.data_rules import Person, personal_data
from controlplane.base.retention import clean
from controlplane.jobs.registry import JOBS
from controlplane.lib import actors, clock
from controlplane.lib.errors import Conflict, InvalidTransition, NotAllowed, NotFound
from controlplane.notify.models import Notification
from missions import services
from missions.evidence import limits
from missions.models import Artifact, Bundle, Mission
from missions.services import evidence
from missions.services.evidence import bundles, sweeping
from tests.kit import evidence as kit
from tests.kit import settled
from tests.kit.missions import World, again, all_answered, states_of, visit_of

JOB = actors.job("cleanup")


@settled.once
def world() -> World:
    return World()


@settled.once
def row(world: World) -> Mission:
    return world.locked()


@pytest.fixture(autouse=True)
def place() -> Iterator[Path]:
    with kit.folder() as found:
        yield found


def now_is(monkeypatch: pytest.MonkeyPatch, **later: float) -> None:
    moment = timezone.now() + timedelta(**later)
    monkeypatch.setattr(clock, "now", lambda: moment)


# --- Read back ----------------------------------------------------------------------------------


def test_check__finds_what_was_tampered_with_and_takes_signatures_back(
    world: World, row: Mission, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = kit.add(row, "whole.txt", b"whole", actor=world.actor)
    bent = kit.add(row, "bent.txt", b"straight", actor=world.actor)
    gone = kit.add(row, "gone.txt", b"gone", actor=world.actor)
    with all_answered():
        asked = world.asked(row)
        kit.file_of(place, bent).write_bytes(b"crooked.")
        kit.file_of(place, gone).unlink()
        now_is(monkeypatch, days=8)
        assert sweeping.check_due() == {"whole": 1, "broken": 2, "silent": 0}
        assert visit_of(again(asked)).approval.status == "void"  # type: ignore[union-attr]
    found = {each.name: each for each in Artifact.objects.all()}
    assert found["whole.txt"].status == "verified"
    assert "Its SHA-256 is" in found["bent.txt"].failure
    assert "no such file" in found["gone.txt"].failure
    assert states_of(row)["evidence"] == "failed"
    assert Notification.objects.filter(kind="mission.evidence_broken").count() == 2
    assert sweeping.check_due() == {"whole": 0, "broken": 0, "silent": 0}
    with pytest.raises(InvalidTransition):
        evidence.open_artifact(found["bent.txt"], actor=world.actor)
    assert whole.sha256 == found["whole.txt"].sha256
    # Back from a backup, it is evidence again.
    kit.file_of(place, bent).write_bytes(b"straight")
    mended = evidence.check_artifact(found["bent.txt"], actor=world.actor)
    assert (mended.status, mended.failure) == ("verified", "")


def test_check__storage_does_not_answer__nothing_is_said_of_the_file(
    world: World, row: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = kit.add(row, "a.txt", actor=world.actor)

    def silent(alias: str, key: str) -> Any:
        raise files.StorageSilent("The storage does not answer.")

    monkeypatch.setattr(files, "digest", silent)
    now_is(monkeypatch, days=8)
    assert sweeping.check_due()["silent"] == 1
    assert Artifact.objects.get(pk=kept.pk).status == "verified"


def test_check__of_a_bundle__found_broken(
    world: World, row: Mission, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _bundle(row, world)
    (place / made.storage_key).write_bytes(b"no zip")
    now_is(monkeypatch, days=8)
    for broken in (1, 0):
        assert sweeping.check_due()["broken"] == broken
    assert Bundle.objects.get(pk=made.pk).status == "failed"
    told = Notification.objects.filter(key=f"bundle-broken:{made.uid}")
    assert [each.kind for each in told] == ["mission.bundle_failed"]


def _bundle(row: Mission, world: World) -> Bundle:
    asked = evidence.ask_bundle(row, actor=world.actor)
    bundles.make_due()
    found: Bundle = Bundle.objects.select_related("mission").get(pk=asked.pk)
    return found


def test_room__from_80_percent_on_somebody_hears_once_a_day(
    world: World, row: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.add(row, "a.txt", b"x" * 79, actor=world.actor)
    monkeypatch.setenv(limits.MISSION_BYTES.env_name, "100")
    monkeypatch.setenv(limits.WORKSPACE_BYTES.env_name, "1000")
    told = Notification.objects.filter(kind="mission.evidence_room")
    assert sweeping.tell_of_room() == {"told": 0}
    assert not told.exists()
    kit.add(again(row), "b.txt", b"y", actor=world.actor)
    assert told.count() == 1
    assert sweeping.tell_of_room() == {"told": 1}
    assert told.count() == 1  # that day
    now_is(monkeypatch, days=1)
    sweeping.tell_of_room()
    assert told.count() == 2
    # Of the workspace, also where nothing is under way any more.
    monkeypatch.setenv(limits.WORKSPACE_BYTES.env_name, "100")
    services.cancel_mission(again(row), actor=world.actor, reason="Not wanted.")
    assert sweeping.tell_of_room() == {"told": 1}
    assert told.filter(key__contains=f"workspace:{row.workspace_id}").count() == 1


# --- After a crash ------------------------------------------------------------------------------


class Killed(BaseException):
    """What a process that is killed raises: nothing catches it."""


def test_killed__between_file_and_row__the_sweep_keeps_what_is_there(
    world: World, row: Mission, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as during:
        during.setattr("missions.services.evidence.receiving.finish", _killed)
        with pytest.raises(Killed):
            kit.add(row, "a.txt", b"kept", actor=world.actor)
    left = Artifact.objects.get()
    assert (left.status, kit.file_of(place, left).read_bytes()) == ("receiving", b"kept")
    assert sweeping.finish_stuck() == {"kept": 0, "given_up": 0, "later": 0}  # it may be alive
    now_is(monkeypatch, seconds=limits.STUCK_SECONDS.value + 60)
    assert sweeping.finish_stuck()["kept"] == 1
    assert Artifact.objects.get().status == "verified"


def test_killed__before_the_file_was_whole__given_up_and_no_part_stays(
    world: World, row: Mission, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = files.put

    def torn(alias: str, key: str, content: Any) -> str:
        kept = real(alias, key, content)
        (place / kept).write_bytes(b"ke")
        raise Killed

    with monkeypatch.context() as during:
        during.setattr(files, "put", torn)
        with pytest.raises(Killed):
            kit.add(row, "a.txt", b"kept", actor=world.actor)
    now_is(monkeypatch, seconds=limits.STUCK_SECONDS.value + 60)
    assert sweeping.finish_stuck()["given_up"] == 1
    failed = Artifact.objects.get()
    assert (failed.status, failed.storage_key) == ("failed", "")
    assert kit.kept(place) == []
    assert kit.add(row, "a.txt", b"kept", actor=world.actor).status == "verified"


def test_killed__and_sent_again__takes_over_what_is_stuck(
    world: World, row: Mission, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as during:
        during.setattr("missions.services.evidence.receiving.finish", _killed)
        with pytest.raises(Killed):
            kit.add(row, "a.txt", b"kept", actor=world.actor)
    assert kit.add(row, "a.txt", b"kept", actor=world.actor).status == "receiving"
    now_is(monkeypatch, seconds=limits.STUCK_SECONDS.value + 60)
    kept = kit.add(row, "a.txt", b"kept", actor=world.actor)
    assert (kept.status, Artifact.objects.count()) == ("verified", 1)
    assert len(kit.kept(place)) == 2  # one of them nobody names any more


def _killed(*args: Any) -> None:
    raise Killed


def test_orphans__dropped_once_they_are_old__named_files_stay(
    world: World, row: Mission, place: Path
) -> None:
    kept = kit.add(row, "a.txt", actor=world.actor)
    made = _bundle(row, world)
    folder = place / f"missions/{row.uid}"
    for name, hours in (("old", 48), ("young", 1)):
        (folder / name).write_bytes(b"x")
        when = time.time() - hours * 3600
        os.utime(folder / name, (when, when))
    for each in (kit.file_of(place, kept), place / made.storage_key):
        os.utime(each, (0, 0))
    counts = JOBS["missions.evidence_sweep"].function()
    assert counts is not None
    assert (counts["seen"], counts["dropped"]) == (4, 1)
    assert kit.kept(place) == sorted(
        [kept.storage_key, made.storage_key, f"missions/{row.uid}/young"]
    )


# --- Retention ----------------------------------------------------------------------------------


def _ended(world: World, row: Mission) -> Mission:
    return services.cancel_mission(again(row), actor=world.actor, reason="Not wanted.")


def test_archive__90_days_after_the_end__bytes_go_and_hashes_stay(
    world: World,
    row: Mission,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    kept = kit.add(row, "a.txt", actor=world.actor)
    made = _bundle(row, world)
    _ended(world, row)
    [run] = clean(actor=JOB, only="missions.evidence_files")
    assert run.rows == 0
    now_is(monkeypatch, days=91)
    with django_capture_on_commit_callbacks(execute=True):
        [run] = clean(actor=JOB, only="missions.evidence_files")
    assert (run.rows, run.error) == (2, "")
    kept.refresh_from_db()
    made.refresh_from_db()
    assert (kept.status, kept.storage_key, len(kept.sha256)) == ("archived", "", 64)
    assert (made.status, made.storage_key, len(made.manifest_hash)) == ("archived", "", 64)
    assert kit.kept(place) == []
    with pytest.raises(InvalidTransition):
        evidence.open_bundle(made, actor=world.actor)
    [run] = clean(actor=JOB, only="missions.evidence")
    assert run.rows == 0  # the record stays for its year


def test_record__goes_after_its_year__and_the_database_holds_to_that(
    world: World, row: Mission, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = kit.add(row, "a.txt", actor=world.actor)
    _ended(world, row)
    now_is(monkeypatch, days=400)
    clean(actor=JOB, only="missions.evidence_files")
    [run] = clean(actor=JOB, only="missions.evidence")
    assert "it is evidence" in run.error  # whatever this machine's clock says
    Artifact.objects.filter(pk=kept.pk).update(stored_at=timezone.now() - timedelta(days=366))
    [run] = clean(actor=JOB, only="missions.evidence")
    assert (run.rows, run.error) == (1, "")


def test_removed__30_days_later__its_bytes_go(
    world: World, row: Mission, place: Path, django_capture_on_commit_callbacks: Any
) -> None:
    kept = kit.add(row, "a.txt", actor=world.actor)
    evidence.remove_artifact(kept, actor=world.actor, reason="The wrong file.")
    clean(actor=JOB, only="missions.evidence_removed")
    assert kit.kept(place) == [kept.storage_key]
    Artifact.objects.filter(pk=kept.pk).update(deleted_at=clock.now() - timedelta(days=31))
    with django_capture_on_commit_callbacks(execute=True):
        [run] = clean(actor=JOB, only="missions.evidence_removed")
    assert (run.rows, kit.kept(place)) == (1, [])
    kept.refresh_from_db()
    with pytest.raises(Conflict, match="bytes are gone"):
        evidence.restore_artifact(kept, actor=world.actor)


def test_hold__by_law__nothing_goes_whoever_asks(
    world: World,
    row: Mission,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    law = world.someone("legal")
    kept = kit.add(row, "a.txt", actor=world.actor)
    held = evidence.place_hold(row, actor=law, reason="Case 11.")
    assert evidence.place_hold(row, actor=law, reason="Again.").pk == held.pk
    with pytest.raises(Conflict, match="legal hold"):
        evidence.remove_artifact(kept, actor=world.actor, reason="Away with it.")
    with pytest.raises(DatabaseError), transaction.atomic():
        Artifact.objects.filter(pk=kept.pk).update(
            status="deleted", deleted_at=clock.now(), deleted_by="user:1"
        )
    _ended(world, row)
    now_is(monkeypatch, days=91)
    with django_capture_on_commit_callbacks(execute=True):
        [run] = clean(actor=JOB, only="missions.evidence_files")
    assert (run.rows, len(kit.kept(place))) == (0, 1)
    for stranger in (world.actor, world.gv, World().someone("legal")):
        with pytest.raises(NotAllowed):
            evidence.release_hold(row, actor=stranger, reason="Mine.")
    evidence.release_hold(row, actor=law, reason="The case is closed.")
    with django_capture_on_commit_callbacks(execute=True):
        [run] = clean(actor=JOB, only="missions.evidence_files")
    assert (run.rows, kit.kept(place)) == (1, [])


# --- When somebody is to be forgotten -----------------------------------------------------------


def test_erase__what_nobody_signed_goes__what_was_signed_stays(
    world: World, place: Path, django_capture_on_commit_callbacks: Any
) -> None:
    entry = personal_data.get("missions.uploads")
    assert entry is not None
    assert entry.export is not None
    assert entry.erase is not None
    gina = world.someone("governance_validator")
    assert gina.user_id is not None
    with all_answered():
        row = world.locked()
        signed = kit.add(row, "signed.txt", b"signed", actor=gina)
        world.sign(world.asked(row))
        row = again(row)
        open_ = kit.add(row, "open.txt", b"open", actor=gina, title="Gina's notes")
        others = kit.add(row, "others.txt", b"others", actor=world.actor)
    person = Person(gina.user_id, "g@example.org")
    told = list(entry.export(person))
    assert [each["title"] for each in told] == ["signed.txt", "Gina's notes"]
    with django_capture_on_commit_callbacks(execute=True):
        assert entry.erase(person, actors.job("privacy")) == 1
    assert entry.erase(person, actors.job("privacy")) == 0  # once is enough
    open_.refresh_from_db()
    assert (open_.status, open_.title, open_.storage_key) == ("deleted", "Erased", "")
    assert kit.kept(place) == sorted([signed.storage_key, others.storage_key])


def test_open__of_what_the_storage_lost__says_so(world: World, row: Mission, place: Path) -> None:
    kept = kit.add(row, "a.txt", actor=world.actor)
    kit.file_of(place, kept).unlink()
    with pytest.raises(NotFound):
        evidence.open_artifact(kept, actor=world.actor)


# --- Room, watched ------------------------------------------------------------------------------


def test_room__is_a_figure_of_each_workspace(
    world: World, row: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    from telemetry.collectors import GAUGES

    monkeypatch.setenv(limits.WORKSPACE_BYTES.env_name, "1000")
    kit.add(row, "a.txt", b"x" * 250, actor=world.actor)
    [figure] = GAUGES["evidence_used_percent"].read()
    assert (figure.workspace_id, figure.value) == (world.workspace.pk, 25.0)
    assert JOBS["missions.evidence_room"].function() == {"told": 0}
    monkeypatch.setenv(limits.WORKSPACE_BYTES.env_name, "300")
    assert JOBS["missions.evidence_room"].function() == {"told": 1}
