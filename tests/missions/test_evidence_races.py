"""Several at once: the last of the room is given once, the same file is kept once, and what people
sign is what there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.lib.errors import ControlPlaneError
from missions.evidence import limits
from missions.models import Artifact, Bundle
from missions.services import evidence
from missions.services.evidence import bundles, room
from tests.kit import evidence as kit
from tests.kit.missions import World, again, all_answered, request_of
from tests.kit.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.servers]


@pytest.fixture
def place() -> Iterator[Path]:
    with kit.folder() as found:
        yield found


@pytest.fixture
def world() -> Iterator[World]:
    with all_answered():
        yield World()


def _kept(found: list[Any]) -> list[Artifact]:
    failures = [each for each in found if isinstance(each, Exception)]
    assert all(isinstance(each, ControlPlaneError) for each in failures), failures
    return [each for each in found if isinstance(each, Artifact)]


def test_quota__of_one_mission__never_exceeded(
    world: World, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(limits.MISSION_BYTES.env_name, "35")
    row = world.started()
    found = race(6, lambda n: kit.add(row, f"{n}.txt", f"{n}".encode() * 10, actor=world.actor))
    assert len(_kept(found)) == 3
    assert room.of_mission(row).used == 30
    assert len(kit.kept(place)) == 3


def test_quota__of_the_workspace__never_exceeded_by_two_missions(
    world: World, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(limits.WORKSPACE_BYTES.env_name, "25")
    rows = [world.started(title=f"Mission {n}") for n in range(4)]
    found = race(4, lambda n: kit.add(rows[n], "a.txt", f"{n}".encode() * 10, actor=world.actor))
    assert len(_kept(found)) == 2


def test_same_file__sent_by_all_at_once__is_kept_once(world: World, place: Path) -> None:
    row = world.started()
    found = race(4, lambda n: kit.add(row, "a.txt", b"the same", actor=world.actor))
    assert {each.pk for each in _kept(found)} == {Artifact.objects.get().pk}
    assert len(found) == len(_kept(found))
    assert len(kit.kept(place)) == 1


def test_last_signature__while_a_file_is_added__signs_what_there_was_or_nothing(
    world: World, place: Path
) -> None:
    row = world.asked()
    request, gv = request_of(row), world.gv
    world.sign(row, "mo")

    def sign() -> Any:
        asked = Request.objects.get(pk=request.pk)
        return approvals.decide(asked, "approved", actor=gv, sha256=asked.sha256, slot="gv")

    def add() -> Any:
        return kit.add(row, "late.txt", b"late", actor=world.actor)

    race(2, lambda n: sign() if n else add())
    row, request = again(row), Request.objects.get(pk=request.pk)
    late = Artifact.objects.filter(status="verified").first()
    if request.status == "approved":  # the file came after: to no stage that was signed
        assert row.stage == "prepare"
        assert late is None or late.stage == "prepare"
    else:
        assert (request.status, row.stage) == ("void", "define")
        assert late is not None


def test_bundle__asked_for_and_made_by_all_at_once__is_one(world: World, place: Path) -> None:
    row = world.started()
    kit.add(row, "a.txt", b"a", actor=world.actor)
    asked = race(4, lambda n: evidence.ask_bundle(row, actor=world.actor))
    assert {each.pk for each in asked} == {Bundle.objects.get().pk}
    assert sum(race(3, lambda n: bundles.make_due())) == 1
    assert Bundle.objects.get().status == "stored"
    assert len(kit.kept(place)) == 2
