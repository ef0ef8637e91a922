"""Files kept as evidence: what is taken, what is refused and leaves nothing, who may."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from controlplane.base import files
from controlplane.lib.errors import (
    Conflict,
    ControlPlaneError,
    Invalid,
    InvalidTransition,
    NotAllowed,
    TooLarge,
)
from missions import services
from missions.evidence import limits
from missions.models import Artifact, Mission
from missions.services import evidence
from missions.services.evidence.room import QuotaExceeded
from missions.shown.timeline import timeline
from tests import make
from tests.kit import evidence as kit
from tests.kit import settled
from tests.kit.missions import World, again, all_answered, states_of, visit_of


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


def test_file__kept__hashed_read_back_and_part_of_the_tree(
    world: World, row: Mission, place: Path
) -> None:
    kept = kit.add(row, "Intake validation.pdf", kit.PDF, actor=world.actor, title="Validation")
    assert (kept.status, kept.size, kept.media_type) == (
        "verified",
        len(kit.PDF),
        "application/pdf",
    )
    assert kept.sha256 == hashlib.sha256(kit.PDF).hexdigest()
    assert kept.path == "docs/readiness/define_intake_validation/Intake-validation.pdf"
    assert kit.file_of(place, kept).read_bytes() == kit.PDF
    assert "validation" not in kept.storage_key.lower()
    assert oct(kit.file_of(place, kept).stat().st_mode & 0o777) == "0o600"
    assert states_of(row)["evidence"] == "passed"
    said = [each["words"] for each in timeline(again(row))]
    assert said[-1] == "Kept evidence of the mission"


HOSTILE = {
    "../../../etc/passwd": "passwd",
    "..\\..\\windows\\system32\\evil.txt": "evil.txt",
    "/etc/shadow": "shadow",
    "....//....//x.txt": "x.txt",
    ".htaccess": "htaccess",
    "CON.txt": None,
    "nul": None,
    "a\x00b.txt": None,
    "report.txt/": "report.txt",
    "<script>alert(1)</script>.txt": "script.txt",
    "re\u202etxt.gpj.log": "retxt.gpj.log",
    "név \u00e9l\u00e8ve.txt": "nev-eleve.txt",
    "\u6587\u4ef6.txt": None,
    "x" * 300 + ".txt": None,
    "line\r\nSet-Cookie: a=b.txt": None,
    'quote".txt': "quote.txt",
    "~root": "root",
    "-rf.txt": "rf.txt",
    "a b  c.txt": "a-b-c.txt",
}


def test_names__hostile__never_become_paths(world: World, row: Mission, place: Path) -> None:
    for number, (name, wanted) in enumerate(HOSTILE.items()):
        content = f"{number}\n".encode()
        if "\x00" in name:
            with pytest.raises(Invalid):
                kit.add(row, name, content, actor=world.actor)
            continue
        kept = kit.add(row, name, content, actor=world.actor)
        last = kept.path.removeprefix("docs/readiness/define_intake_validation/")
        assert "/" not in last, name
        assert not last.startswith((".", "-")), name
        assert len(last) <= 90, name
        assert last.isascii(), name
        if wanted is not None:
            assert last == wanted, name
    for key in kit.kept(place):
        assert key.startswith(f"missions/{row.uid}/")
        assert len(key.split("/")) == 3


@pytest.mark.parametrize(
    ("name", "content", "claimed"),
    [
        ("cat.png", kit.PDF, ""),
        ("report.pdf", kit.ZIP, ""),
        ("report.pdf", b"<html><script>alert(1)</script>", ""),
        ("photo.jpg", b"<svg onload=alert(1)>", ""),
        ("notes.txt", kit.PNG, ""),
        ("notes.txt", kit.ELF, ""),
        ("tool", kit.ELF, ""),
        ("setup.dat", b"MZ" + b"\0" * 100, ""),
        ("data.bin", kit.PDF, "image/png"),
        ("sheet.xlsx", b"not a sheet", ""),
    ],
)
def test_type__that_lies__is_refused_and_leaves_nothing(
    world: World, row: Mission, place: Path, name: str, content: bytes, claimed: str
) -> None:
    with pytest.raises(ControlPlaneError) as refused:
        kit.add(row, name, content, actor=world.actor, claimed=claimed)
    assert refused.value.error_code == "UNSUPPORTED_MEDIA_TYPE"
    assert refused.value.details["file"]
    assert kit.kept(place) == []
    assert not Artifact.objects.exists()


def test_type__text_in_no_unicode__is_marked_as_bytes(world: World, row: Mission) -> None:
    kept = kit.add(row, "old.log", b"caf\xe9 \xff\n", actor=world.actor, claimed="text/plain")
    assert (kept.media_type, kept.redaction) == ("application/octet-stream", "pending")


def test_type__of_honest_files__is_by_content(world: World, row: Mission) -> None:
    cases = {
        "a.png": (kit.PNG, "image/png", "pending"),
        "a.json": (b'{"a": 1}\n', "application/json", "applied"),
        "a.csv": (b"a,b\n1,2\n", "text/csv", "applied"),
        "a.html": (b"<!doctype html><p>x", "text/html", "applied"),
        "a.zip": (kit.ZIP, "application/zip", "pending"),
        "unnamed": (b"\x01\x02\x03", "application/octet-stream", "pending"),
    }
    for name, (content, media_type, redaction) in cases.items():
        kept = kit.add(row, name, content, actor=world.actor)
        assert (kept.media_type, kept.redaction) == (media_type, redaction), name


class Endless:
    """A gigabyte that nobody should ever read."""

    def __init__(self) -> None:
        self.read_so_far = 0

    def read(self, size: int = -1, /) -> bytes:
        self.read_so_far += size
        return b"x" * size


def test_size__said_to_be_a_gigabyte__refused_before_a_byte_is_read(
    world: World, row: Mission, place: Path
) -> None:
    source = Endless()
    with pytest.raises(TooLarge) as refused:
        evidence.receive_file(row, actor=world.actor, name="big.log", source=source, size=10**9)
    assert source.read_so_far == 0
    assert refused.value.details["max_bytes"] == limits.FILE_BYTES.value


def test_size__not_said__reading_stops_at_the_limit(
    world: World, row: Mission, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(limits.FILE_BYTES.env_name, "100000")
    source = Endless()
    with pytest.raises(TooLarge):
        evidence.receive_file(row, actor=world.actor, name="big.log", source=source)
    assert source.read_so_far <= 100_001 + 64 * 1024
    assert kit.kept(place) == []


def test_size__less_than_was_said__is_a_torn_upload(world: World, row: Mission) -> None:
    with pytest.raises(Invalid, match="ended early"):
        evidence.receive_file(
            row, actor=world.actor, name="a.txt", source=io.BytesIO(b"abc"), size=10
        )
    with pytest.raises(Invalid, match="empty"):
        kit.add(row, "a.txt", b"", actor=world.actor)
    assert not Artifact.objects.exists()


def test_twice__the_same_bytes__are_one(world: World, row: Mission, place: Path) -> None:
    first = kit.add(row, "a.txt", actor=world.actor)
    second = kit.add(row, "b.txt", actor=world.gv)
    assert second.pk == first.pk
    assert len(kit.kept(place)) == 1
    other = kit.add(row, "A.txt", b"Another.\n", actor=world.actor)
    assert other.path.endswith("/A-2.txt")  # "a.txt" and "A.txt" are one name on some systems


def test_quota__of_the_mission__refused_with_both_numbers(
    world: World, row: Mission, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(limits.MISSION_BYTES.env_name, "20")
    kit.add(row, "a.txt", b"0123456789", actor=world.actor)
    with pytest.raises(QuotaExceeded) as refused:
        kit.add(row, "b.txt", b"0123456789a", actor=world.actor)
    assert (refused.value.details["left"], refused.value.status) == (10, 409)
    assert len(kit.kept(place)) == 1


def test_quota__nearly_used_up__somebody_is_told_once(
    world: World, row: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    from controlplane.notify.models import Notification

    monkeypatch.setenv(limits.MISSION_BYTES.env_name, "10")
    kit.add(row, "a.txt", b"0123456", actor=world.actor)
    told = Notification.objects.filter(kind="mission.evidence_room")
    assert not told.exists()
    kit.add(row, "b.txt", b"0", actor=world.actor)
    kit.add(row, "c.txt", b"1", actor=world.actor)
    assert [each.subject for each in told] == [f"Evidence of {row.ref} takes 80 % of its room"]


def test_stage__full_of_files__refused(
    world: World, row: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(limits.STAGE_FILES.env_name, "1")
    kit.add(row, "a.txt", b"a", actor=world.actor)
    with pytest.raises(Conflict, match="at most 1 file"):
        kit.add(row, "b.txt", b"b", actor=world.actor)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_disk__full__says_so_and_keeps_nothing(
    world: World, row: Mission, place: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    real = os.write

    def full(descriptor: int, content: Any) -> int:
        real(descriptor, bytes(content)[:2])
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("django.core.files.storage.filesystem.os.write", full, raising=False)
    monkeypatch.setattr(
        "django.core.files.storage.filesystem.os.fdopen", _full_file(number), raising=False
    )
    with pytest.raises(files.StorageFull) as refused:
        kit.add(row, "a.txt", actor=world.actor)
    assert (refused.value.status, refused.value.error_code) == (507, "STORAGE_FULL")
    failed = Artifact.objects.get()
    assert (failed.status, failed.storage_key) == ("failed", "")
    assert "no room" in failed.failure
    monkeypatch.undo()
    assert kit.kept(place) == []
    assert kit.add(row, "a.txt", actor=world.actor).status == "verified"


def _full_file(number: int) -> Any:
    class Full(io.RawIOBase):
        def __init__(self, descriptor: int, mode: str) -> None:
            self.descriptor = descriptor

        def write(self, content: Any) -> int:
            os.write(self.descriptor, bytes(content)[:2])
            raise OSError(number, os.strerror(number))

        def close(self) -> None:
            if not self.closed:
                os.close(self.descriptor)
            super().close()

    return Full


# --- What is signed ----------------------------------------------------------------------------


def test_file__added_after_the_question__takes_signatures_back(world: World, row: Mission) -> None:
    with all_answered():
        asked = world.asked(row)
        world.sign(asked, "mo")
        kit.add(asked, "late.txt", actor=world.actor)
        request = visit_of(again(row)).approval
        assert request is not None
        assert request.status == "void"
        assert "late.txt" in request.reason
        packet = services.ask_checkpoint(again(row), actor=world.actor).packet
    entry = packet["evidence"][-1]
    assert (entry["title"], entry["sha256"]) == (
        "late.txt", hashlib.sha256(b"Found.\n").hexdigest(),
    )  # fmt: skip


def test_file__taken_away__takes_signatures_back_and_can_come_back(
    world: World, row: Mission, place: Path
) -> None:
    kept = kit.add(row, "a.txt", actor=world.actor)
    with all_answered():
        asked = world.asked(row)
        gone = evidence.remove_artifact(kept, actor=world.gv, reason="The wrong file.")
        assert visit_of(again(asked)).approval.status == "void"  # type: ignore[union-attr]
    assert (gone.status, gone.deleted_by) == ("deleted", world.gv.ref)
    assert kit.file_of(place, kept).exists()  # for 30 days
    back = evidence.restore_artifact(gone, actor=world.gv)
    assert (back.status, back.deleted_by, back.delete_reason) == ("verified", "", "")


def test_file__of_a_signed_stage__stays(world: World) -> None:
    with all_answered():
        row = world.locked()
        kept = kit.add(row, "a.txt", actor=world.actor)
        world.sign(world.asked(row))
        assert again(row).stage == "prepare"
        with pytest.raises(InvalidTransition, match="was left"):
            evidence.remove_artifact(kept, actor=world.actor, reason="No more.")
        second = kit.add(again(row), "b.txt", actor=world.actor)
    assert second.path == "docs/readiness/prepare_toolkit_attestation/b.txt"


def test_file__sent_back_stage__has_a_folder_of_its_own(world: World) -> None:
    with all_answered():
        row = world.in_stage("prepare")
        services.send_back(row, actor=world.actor, to="define", reason="Once more.")
        kept = kit.add(again(row), "a.txt", actor=world.actor)
    assert kept.path == "docs/readiness/define_intake_validation/attempt-2/a.txt"


def test_stage__left_while_a_file_is_on_its_way__it_is_not_kept(
    world: World, row: Mission, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = files.put

    def slow(alias: str, key: str, content: Any) -> str:
        found = real(alias, key, content)
        services.cancel_mission(again(row), actor=world.actor, reason="Not wanted.")
        return found

    monkeypatch.setattr(files, "put", slow)
    with pytest.raises(InvalidTransition, match="on its way"):
        kit.add(row, "a.txt", actor=world.actor)


# --- Who, and what the database holds to --------------------------------------------------------


def test_strangers__keep_nothing_and_take_nothing_away(world: World, row: Mission) -> None:
    kept = kit.add(row, "a.txt", actor=world.actor)
    elsewhere = World()
    for stranger in (elsewhere.actor, world.someone("viewer"), world.someone("ux")):
        with pytest.raises(NotAllowed):
            kit.add(row, "b.txt", b"b", actor=stranger)
        with pytest.raises(NotAllowed):
            evidence.remove_artifact(kept, actor=stranger, reason="Mine now.")
    with pytest.raises(NotAllowed):
        evidence.open_artifact(kept, actor=elsewhere.actor)
    agent = make.agent(world.workspace, role="evidence", owner=world.owner)
    robot = make.actor_of_agent(agent) if hasattr(make, "actor_of_agent") else None
    if robot is not None:
        assert kit.add(row, "c.txt", b"c", actor=robot).status == "verified"


def test_mission__not_under_way__keeps_no_file(world: World) -> None:
    with pytest.raises(InvalidTransition):
        kit.add(world.draft(), "a.txt", actor=world.actor)


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": "0" * 64},
        {"size": 1},
        {"path": "docs/readiness/define_intake_validation/b.txt"},
        {"storage_key": "missions/other"},
        {"uploaded_by": "user:1"},
        {"media_type": "image/png"},
        {"status": "receiving"},
        {"status": "stored"},
    ],
)
def test_row__rewritten_past_the_service__refused_by_the_database(
    world: World, row: Mission, changes: dict[str, Any]
) -> None:
    kept = kit.add(row, "a.txt", actor=world.actor)
    with pytest.raises(DatabaseError), transaction.atomic():
        Artifact.objects.filter(pk=kept.pk).update(**changes)
    with pytest.raises(DatabaseError), transaction.atomic():
        Artifact.objects.filter(pk=kept.pk).delete()
