"""The tree `docs/readiness/<slug>/…`: where each file of a mission stands in exports, and what of
it there is."""

from __future__ import annotations

from collections.abc import Collection

from controlplane.base import files
from missions import stages
from missions.models import Artifact, Mission, StageVisit

ROOT = "docs/readiness"


def folder(visit: StageVisit) -> str:
    """Of the stage; another attempt has a folder of its own in it."""
    again = f"/attempt-{visit.attempt}" if visit.attempt > 1 else ""
    return f"{ROOT}/{stages.get(visit.stage).evidence.slug}{again}"


def free(visit: StageVisit, name: str, taken: Collection[str]) -> str:
    """A path nobody has: names that differ in case alone are one on some systems."""
    safe = files.safe(name)
    stem, dot, ending = safe.rpartition(".")
    stem, ending = (stem, dot + ending) if stem else (safe, "")
    known = {each.lower() for each in taken}
    for number in range(1, len(known) + 2):
        more = f"-{number}" if number > 1 else ""
        path = f"{folder(visit)}/{stem}{more}{ending}"
        if path.lower() not in known:
            return path
    raise AssertionError("there is always one more")


def paths(mission: Mission) -> list[str]:
    rows = Artifact.objects.filter(mission=mission).exclude(status__in=["failed", "deleted"])
    return list(rows.values_list("path", flat=True))
