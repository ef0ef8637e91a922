"""Bundles of evidence: the same of the same, made by a worker that may be killed, and what of it
leaves the house."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from controlplane.base import files
from controlplane.jobs import leases
from controlplane.lib.errors import InvalidTransition, NotAllowed
from controlplane.notify.models import Notification
from missions import services
from missions.evidence import limits
from missions.evidence.gates import current, lacking
from missions.evidence.parts import PARTS
from missions.models import Artifact, Bundle, Mission
from missions.services import evidence
from missions.services.evidence import bundles
from tests.kit import evidence as kit
from tests.kit import settled
from tests.kit.missions import LINK, World, again, all_answered, states_of, visit_of

MAIL = "ann.other@example.org"


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


def make_(row: Mission, actor: Any, **given: Any) -> Bundle:
    asked = evidence.ask_bundle(row, actor=actor, **given)
    bundles.make_due()
    found: Bundle = Bundle.objects.select_related("mission").get(pk=asked.pk)
    return found


def opened(place: Path, bundle: Bundle) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO((place / bundle.storage_key).read_bytes()))


def test_bundle__holds_everything_with_hashes_that_can_be_checked(
    world: World, row: Mission, place: Path
) -> None:
    services.link_evidence(row, actor=world.actor, link=LINK, label="Minutes")
    kept = kit.add(row, "a.pdf", kit.PDF, actor=world.actor, title="Validation")
    made = make_(row, world.actor)
    assert (made.status, made.state, made.number) == ("stored", "done", 1)
    archive = opened(place, made)
    assert archive.testzip() is None
    names = archive.namelist()
    assert kept.path in names
    assert {"mission/mission.json", "docs/readiness/links.json"} <= set(names)
    assert archive.read(kept.path) == kit.PDF
    sums = archive.read("SHA256SUMS")
    assert hashlib.sha256(sums).hexdigest() == made.manifest_hash
    for line in sums.decode().splitlines():
        digest, _, path = line.partition("  ")
        assert hashlib.sha256(archive.read(path)).hexdigest() == digest, path
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest == made.manifest
    assert manifest["manifest_hash"] == made.manifest_hash
    listed = {each["path"]: each for each in manifest["artifacts"]}
    assert listed[kept.path]["sha256"] == kept.sha256
    assert hashlib.sha256((place / made.storage_key).read_bytes()).hexdigest() == made.sha256
    assert made.packaging_ms is not None
    assert made.hash_ms is not None


def test_bundle__of_the_same_evidence__has_the_same_hash_and_replaces_the_one_before(
    world: World, row: Mission, place: Path
) -> None:
    kit.add(row, "b.txt", b"b", actor=world.actor)
    kit.add(row, "a.txt", b"a", actor=world.actor)
    first, second = make_(row, world.actor), make_(row, world.oc)
    assert first.manifest_hash == second.manifest_hash
    assert Bundle.objects.get(pk=first.pk).status == "superseded"
    # But for when it was asked for, and its number, the bytes are the same too.
    one, other = (opened(place, each) for each in (first, second))
    assert one.namelist() == other.namelist()
    for info, same in zip(one.infolist(), other.infolist(), strict=True):
        assert (info.date_time, info.external_attr, info.create_system) == (
            (1980, 1, 1, 0, 0, 0), 0o644 << 16, 3,
        )  # fmt: skip
        if info.filename != "manifest.json":
            assert one.read(info) == other.read(same)
    assert current(row) == second


def test_bundle__tried_twice__the_same_bytes(world: World, row: Mission, place: Path) -> None:
    from missions.evidence import packing

    kit.add(row, "a.txt", b"a", actor=world.actor)
    asked = evidence.ask_bundle(row, actor=world.actor)
    found = []
    for _ in range(2):
        with packing.packed(Bundle.objects.get(pk=asked.pk), lambda: None) as made:
            found.append(made.file.read())
    assert found[0] == found[1]


def test_ask__while_one_is_made__is_that_one(world: World, row: Mission) -> None:
    first = evidence.ask_bundle(row, actor=world.actor)
    assert evidence.ask_bundle(row, actor=world.oc).pk == first.pk
    other = evidence.ask_bundle(row, actor=world.actor, audience="external")
    assert (other.number, other.audience) == (2, "external")


def test_worker__killed__another_makes_it_and_the_late_one_writes_nothing(
    world: World, row: Mission, place: Path
) -> None:
    kit.add(row, "a.txt", b"a", actor=world.actor)
    evidence.ask_bundle(row, actor=world.actor)
    [lost] = bundles.claim()
    assert bundles.claim() == []  # its lease runs
    Bundle.objects.filter(pk=lost.pk).update(ready_at=lost.created_at)  # and runs out
    assert bundles.make_due() == 1
    made = Bundle.objects.get()
    assert (made.status, made.attempts) == ("stored", 2)
    before = kit.kept(place)
    assert bundles.perform(lost) == "taken by another"
    assert kit.kept(place) == before


def test_worker__loses_its_lease_in_the_middle__leaves_no_file(
    world: World, row: Mission, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.add(row, "a.txt", b"a", actor=world.actor)
    evidence.ask_bundle(row, actor=world.actor)
    [mine] = bundles.claim()
    real = files.put

    def slow(alias: str, key: str, content: Any) -> str:
        kept = real(alias, key, content)
        Bundle.objects.filter(pk=mine.pk).update(lease_token=None, state="waiting")
        return kept

    monkeypatch.setattr(files, "put", slow)
    before = kit.kept(place)
    assert bundles.perform(mine) == "lost"
    assert kit.kept(place) == before
    assert Bundle.objects.get().status == "building"


def test_worker__vanishes_each_time__it_is_given_up_and_somebody_hears(
    world: World, row: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(limits.BUNDLE_ATTEMPTS.env_name, "2")
    evidence.ask_bundle(row, actor=world.actor)
    for _ in range(3):
        bundles.claim()
        Bundle.objects.update(ready_at=row.created_at)
    given_up = Bundle.objects.get()
    assert (given_up.status, given_up.state) == ("failed", "dead")
    assert "vanished" in given_up.failure
    assert Notification.objects.filter(kind="mission.bundle_failed").count() == 1
    assert evidence.ask_bundle(row, actor=world.actor).number == 2


def test_storage__away__waits_longer_each_time_and_then_says_so(
    world: World, row: Mission, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(limits.BUNDLE_ATTEMPTS.env_name, "3")
    waits: list[int] = []

    def at_once(tries: int) -> float:
        waits.append(tries)
        return 0.0

    monkeypatch.setattr(leases, "backoff", at_once)

    def away(alias: str, key: str, content: Any) -> str:
        raise files.StorageSilent("The storage does not answer.")

    monkeypatch.setattr(files, "put", away)
    evidence.ask_bundle(row, actor=world.actor)
    assert [bundles.perform(bundles.claim()[0]) for _ in range(3)] == ["waits", "waits", "failed"]
    assert waits == [1, 2]
    assert "After 3 tries: The storage does not answer." in Bundle.objects.get().failure


def test_file__tampered_with__no_bundle_is_made_of_it(
    world: World, row: Mission, place: Path
) -> None:
    kept = kit.add(row, "a.txt", b"true", actor=world.actor)
    kit.file_of(place, kept).write_bytes(b"fals")
    made = make_(row, world.actor)
    assert made.status == "failed"
    assert "not what was received" in made.failure
    broken = Artifact.objects.get(pk=kept.pk)
    assert broken.status == "failed"
    assert states_of(row)["evidence"] == "failed"


def test_gate__asks_for_a_bundle_that_holds_every_file(world: World, place: Path) -> None:
    with all_answered():
        row = world.in_stage("execute_observe")
    with all_answered("bundle_verified"):
        assert states_of(row)["bundle_verified"] == "failed"
        kit.add(row, "log.txt", b"ran", actor=world.actor)
        evidence.ask_bundle(row, actor=world.actor)
        assert states_of(row)["bundle_verified"] == "waiting"
        bundles.make_due()
        assert states_of(row)["bundle_verified"] == "passed"
        kit.add(row, "more.txt", b"more", actor=world.actor)
        bundle = current(row)
        assert bundle is not None
        assert lacking(bundle) == ["more.txt"]
        assert states_of(row)["bundle_verified"] == "failed"


def test_checkpoint__signs_the_bundle__and_another_one_takes_signatures_back(
    world: World, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with all_answered():
        row = world.in_stage("execute_observe")
        kit.add(world.done(row), "log.txt", b"ran", actor=world.actor)
        made = make_(row, world.actor)
        services.ask_checkpoint(again(row), actor=world.actor)
        asked = again(row)
        request = visit_of(asked).approval
        assert request is not None
        assert request.packet["bundle"] == {"manifest_hash": made.manifest_hash}
        make_(asked, world.actor)  # of the same evidence
        request.refresh_from_db()
        assert request.status == "open"
        monkeypatch.setitem(PARTS, "more", lambda mission: {"told": "since"})
        assert make_(asked, world.actor).manifest_hash != made.manifest_hash
        request.refresh_from_db()
    assert request.status == "void"


def test_checkpoints__stand_in_it_to_the_character(world: World, place: Path) -> None:
    with all_answered():
        row = world.locked()
        signed = world.sign(world.asked(row))
        archive = opened(place, make_(again(row), world.actor))
    [path] = [name for name in archive.namelist() if name.endswith(".packet.json")]
    assert hashlib.sha256(archive.read(path)).hexdigest() == signed.sha256
    told = json.loads(archive.read(path.replace(".packet.", ".signatures.")))
    assert [each["role"] for each in told["signatures"]] == [
        "mission_owner", "governance_validator",
    ]  # fmt: skip


def test_superseded__the_last_one_can_be_read__older_ones_need_no_room(
    world: World, row: Mission, place: Path, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        made = [make_(row, world.actor) for _ in range(3)]
    rows = [Bundle.objects.get(pk=each.pk) for each in made]
    assert [each.status for each in rows] == ["superseded", "superseded", "stored"]
    assert [bool(each.storage_key) for each in rows] == [False, True, True]
    assert len(kit.kept(place)) == 2


# --- For outside readers --------------------------------------------------------------------------


def test_export__is_redacted_and_names_what_it_leaves_out(
    world: World, row: Mission, place: Path
) -> None:
    log = kit.add(row, "a.log", f"mail to {MAIL}\n".encode() * 2_000, actor=world.actor)
    data = kit.add(
        row, "a.json", json.dumps({"password": "x1", "n": 1}).encode(), actor=world.actor
    )
    picture = kit.add(row, "a.png", kit.PNG, actor=world.actor)
    cleared = kit.add(row, "b.pdf", kit.PDF, actor=world.actor)
    evidence.clear_artifact(cleared, actor=world.gv, reason="It names nobody.")
    made = make_(row, world.actor, audience="external")
    archive = opened(place, made)
    # Out there a file has a number: the name it was given may name somebody.
    names = {
        each.uid: f"docs/readiness/define_intake_validation/file-{number}.{each.name.split('.')[1]}"
        for number, each in enumerate((log, data, picture, cleared), start=1)
    }
    text = archive.read(names[log.uid]).decode()
    assert MAIL not in text
    assert text.count("***redacted***") == 2_000
    assert json.loads(archive.read(names[data.uid])) == {"password": "***redacted***", "n": 1}
    assert archive.read(names[cleared.uid]) == kit.PDF
    assert names[picture.uid] not in archive.namelist()
    listed = {each["path"]: each for each in made.manifest["artifacts"]}
    assert listed[names[picture.uid]] == {
        **listed[names[picture.uid]], "included": False,
        "why": "nobody said that it may go out as it is",
    }  # fmt: skip
    whole = b"".join(archive.read(name) for name in archive.namelist())
    assert world.owner.email.encode() not in whole
    assert b"user:" not in whole
    assert made.name.endswith("-redacted.zip")
    assert current(row) is None  # it is no evidence of a stage


def test_redaction__of_keys_over_many_lines__and_of_long_lines() -> None:
    from missions.evidence.redacting import redacted

    body = "\n".join("A" * 64 for _ in range(40))
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\n"
    for before in range(0, 9_000, 700):
        found = redacted(("x" * 99 + "\n").encode() * (before // 100) + key.encode(), "text/plain")
        assert b"A" * 64 not in found, before
    for at in (4_090, 10_236, 50_000):  # half of a secret looks like none, wherever it is cut
        long = "word " * (at // 5) + "password=hunter2-and-more " + "word " * 10_000
        found = redacted(f"before\n{long}\nafter {MAIL}\n".encode(), "text/plain")
        assert b"hunter2" not in found
        assert MAIL.encode() not in found
        assert found.startswith(b"before\n[a line of")
        assert b"\nafter " in found


# --- Who ----------------------------------------------------------------------------------------


def test_strangers__make_no_bundles(world: World, row: Mission) -> None:
    for stranger in (World().actor, world.someone("viewer"), world.someone("ux")):
        for audience in ("internal", "external"):
            with pytest.raises(NotAllowed):
                evidence.ask_bundle(row, actor=stranger, audience=audience)
    with pytest.raises(NotAllowed):
        evidence.ask_bundle(row, actor=world.ta, audience="external")
    kept = kit.add(row, "a.png", kit.PNG, actor=world.actor)
    with pytest.raises(NotAllowed):
        evidence.clear_artifact(kept, actor=world.actor, reason="It is fine.")
    with pytest.raises(InvalidTransition):
        evidence.ask_bundle(world.draft(), actor=world.actor)


@pytest.mark.parametrize(
    "changes", [{"manifest": {}}, {"sha256": "0" * 64}, {"status": "building"}, {"number": 9}]
)
def test_row__rewritten_past_the_service__refused_by_the_database(
    world: World, row: Mission, place: Path, changes: dict[str, Any]
) -> None:
    made = make_(row, world.actor)
    with pytest.raises(DatabaseError), transaction.atomic():
        Bundle.objects.filter(pk=made.pk).update(**changes)
    with pytest.raises(DatabaseError), transaction.atomic():
        Bundle.objects.filter(pk=made.pk).delete()
