"""Bundles follow what becomes of their files and of their mission; what leaves the house names
nobody of it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from controlplane.access.models import User
from controlplane.base import files
from controlplane.lib import clock
from controlplane.lib.errors import InvalidTransition, NotAllowed
from missions import services
from missions.evidence import jobs
from missions.models import Artifact, Bundle, Feedback, Mission
from missions.services import evidence
from missions.services.evidence import bundles
from tests import make
from tests.kit import evidence as kit
from tests.kit import settled
from tests.kit.missions import LINK, World, again, all_answered

WHY = "It names a customer."


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


def made(row: Mission, actor: Any, **given: Any) -> Bundle:
    asked = evidence.ask_bundle(again(row), actor=actor, **given)
    bundles.make_due()
    found: Bundle = Bundle.objects.select_related("mission").get(pk=asked.pk)
    return found


def opened(place: Path, bundle: Bundle) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO((place / bundle.storage_key).read_bytes()))


def test_file_taken_away__older_bundles_are_handed_out_no_more_and_made_anew(
    world: World, row: Mission, place: Path
) -> None:
    kept = kit.add(row, "a.txt", b"a", actor=world.actor)
    gone = kit.add(row, "b.txt", b"b", actor=world.actor)
    first, second = made(row, world.actor), made(row, world.actor)
    out = made(row, world.gv, audience="external")
    evidence.remove_artifact(gone, actor=world.actor, reason=WHY)
    for each in (first, second, out):
        each.refresh_from_db()
        assert each.status == "superseded"
        assert WHY in each.withheld_why
        assert not each.is_there
        with pytest.raises(InvalidTransition, match="handed out no more"):
            evidence.open_bundle(each, actor=world.actor)
    assert jobs.follow() == {"ended": 0, "withheld": 2}
    assert jobs.follow() == {"ended": 0, "withheld": 0}
    bundles.make_due()
    anew = Bundle.objects.get(status="stored", audience="internal")
    names = opened(place, anew).namelist()
    assert kept.path in names
    assert gone.path not in names
    listed = {each["path"]: each for each in anew.manifest["artifacts"]}
    assert listed[gone.path]["included"] is False
    assert listed[gone.path]["why"] == f"withheld: taken away. {WHY}"
    assert listed[gone.path]["sha256"] == gone.sha256
    outside = Bundle.objects.get(status="stored", audience="external")
    assert [each["why"] for each in outside.manifest["artifacts"] if not each["included"]] == [
        "withheld"
    ]


def test_bundle_without_the_file__stays(world: World, row: Mission) -> None:
    first = made(row, world.actor)
    later = kit.add(row, "b.txt", b"b", actor=world.actor)
    evidence.remove_artifact(later, actor=world.actor, reason=WHY)
    first.refresh_from_db()
    assert first.status == "stored"
    assert first.withheld_at is None


def test_clearance_taken_back__the_export_goes_out_no_more(
    world: World, row: Mission, place: Path
) -> None:
    picture = kit.add(row, "a.png", kit.PNG, actor=world.actor)
    picture = evidence.clear_artifact(picture, actor=world.gv, reason="Nobody is on it.")
    inside, out = made(row, world.actor), made(row, world.gv, audience="external")
    evidence.clear_artifact(picture, actor=world.gv, on=False, reason=WHY)
    inside.refresh_from_db()
    out.refresh_from_db()
    assert inside.is_there
    assert not out.is_there
    assert jobs.follow() == {"ended": 0, "withheld": 1}
    bundles.make_due()
    anew = Bundle.objects.get(status="stored", audience="external")
    assert not [name for name in opened(place, anew).namelist() if name.endswith(".png")]


def test_file_taken_away_while_it_is_packed__packed_anew(
    world: World, row: Mission, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = kit.add(row, "b.txt", b"b", actor=world.actor)
    asked = evidence.ask_bundle(again(row), actor=world.actor)
    [claimed] = bundles.claim()
    real = files.digest

    def meanwhile(*args: Any) -> Any:
        if Artifact.objects.get(pk=gone.pk).status != "deleted":
            evidence.remove_artifact(gone, actor=world.actor, reason=WHY)
        return real(*args)

    monkeypatch.setattr(files, "digest", meanwhile)
    assert bundles.perform(claimed) == "waits"
    asked.refresh_from_db()
    assert asked.status == "building"
    assert not [name for name in kit.kept(place) if "bundles" in str(name)]


def test_end_of_the_mission__one_more_bundle_holds_it(world: World, place: Path) -> None:
    with all_answered():
        row = world.started()
        services.cancel_mission(row, actor=world.actor, reason="Nobody wants it any more.")
    assert jobs.follow() == {"ended": 1, "withheld": 0}
    bundles.make_due()
    assert jobs.follow() == {"ended": 0, "withheld": 0}
    last = Bundle.objects.get()
    told = json.loads(opened(place, last).read("mission/mission.json"))
    assert told["status"] == "cancelled"
    assert told["reason"] == "Nobody wants it any more."
    Feedback.objects.create(
        mission=row, person=world.owner, asked_by="user:1", status="given", rating=4,
        text="It was fine.", answered_at=clock.now() + timedelta(seconds=1),
    )  # fmt: skip
    assert jobs.follow() == {"ended": 1, "withheld": 0}
    bundles.make_due()
    newest = Bundle.objects.get(status="stored")
    said = json.loads(opened(place, newest).read("mission/retrospective.json"))
    assert said["feedback"][0]["text"] == "It was fine."


def test_erased_upload__goes_from_bundles_too(
    world: World, row: Mission, place: Path, django_capture_on_commit_callbacks: Any
) -> None:
    from missions.services.evidence import aging

    kept = kit.add(row, "b.txt", b"b", actor=world.actor)
    first = made(row, world.actor)
    path = place / first.storage_key
    assert path.exists()
    with django_capture_on_commit_callbacks(execute=True):
        aging._erase(kept, world.actor)
    first.refresh_from_db()
    assert not first.is_there
    assert not path.exists()
    jobs.follow()
    bundles.make_due()
    anew = Bundle.objects.get(status="stored")
    assert "b.txt" not in json.dumps(anew.manifest)


def test_export__names_nobody_of_the_house(world: World, place: Path) -> None:
    nadia = make.person(world.workspace, "viewer", name="Nadia Quelltal")
    assert isinstance(nadia, User)
    with all_answered():
        row = world.locked(title="What Nadia Quelltal wants")
        services.link_evidence(
            row, actor=world.actor, link=f"{LINK}?token=abc", label="Minutes of Nadia Quelltal"
        )
        kit.add(
            row, "Nadia Quelltal.txt", f"Nadia  Quelltal and {nadia.email}, user:{nadia.pk}, see "
            "/admin/missions/mission/7/change/\n".encode(),
            actor=world.actor, title="Notes of Quelltal",
        )  # fmt: skip
        world.sign(world.asked(again(row)))
    out = made(again(row), world.gv, audience="external")
    archive = opened(place, out)
    whole = b"".join(archive.read(name) for name in archive.namelist()).decode()
    whole += "\n".join(archive.namelist()) + out.name
    for word in (
        "Nadia", "Quelltal", nadia.email, "user:", "/admin/", "token=", world.owner.name,
        str(Artifact.objects.get().uid), "APR-",
    ):  # fmt: skip
        assert word not in whole, word
    assert [name for name in archive.namelist() if name.endswith("/file-1.txt")]
    assert "Minutes of ***redacted***" in whole


def test_strangers__neither_ask_nor_open(world: World, row: Mission) -> None:
    bundle = made(row, world.actor)
    for stranger in (World().actor, make.actor(make.person(make.workspace(), "compliance"))):
        with pytest.raises(NotAllowed):
            evidence.open_bundle(bundle, actor=stranger)
