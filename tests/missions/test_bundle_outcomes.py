"""What a bundle tells of how it went."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from missions.models import Bundle, Mission
from missions.services import evidence
from missions.services.evidence import bundles
from tests.kit import evidence as kit
from tests.kit.missions import again, all_answered
from tests.kit.missions_plans import World, many

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Iterator[Path]:
    with kit.folder() as found:
        yield found


def inside(place: Path, row: Mission, world: World, **given: Any) -> dict[str, Any]:
    asked = evidence.ask_bundle(again(row), actor=world.actor, **given)
    bundles.make_due()
    made = Bundle.objects.get(pk=asked.pk)
    assert made.status == "stored", made.failure
    archive = zipfile.ZipFile(io.BytesIO((place / made.storage_key).read_bytes()))
    return {
        name.removeprefix("mission/").removesuffix(".json"): json.loads(archive.read(name))
        for name in archive.namelist()
        if name.startswith("mission/")
    }


def test_bundle__tells_what_was_done_and_how_it_is_taken_back(place: Path) -> None:
    world = World()
    with all_answered():
        run = world.run()
        world.report(run, *many(3), {**many(1, "failed")[0], "external_id": "bad"})
    told = inside(place, run.mission, world)
    steps = told["runs"]["runs"][0]["steps"]
    assert len(steps) == 4
    assert told["figures"] == {
        "actions": 4, "actions_succeeded": 3, "automation_ratio": 0.75, "time_saved_hours": None,
        "feedback": 0,
    }  # fmt: skip
    assert [each["action"] for each in told["undo"]["steps"]]
    assert told["undo"]["window_minutes"] > 0


def test_bundle__of_the_same_outcomes__stays_the_same(place: Path) -> None:
    world = World()
    with all_answered():
        run = world.run()
        world.report(run, *many(2))
    inside(place, run.mission, world)
    inside(place, run.mission, world)
    hashes = set(Bundle.objects.values_list("manifest_hash", flat=True))
    assert len(hashes) == 1
