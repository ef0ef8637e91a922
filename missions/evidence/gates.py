"""What evidence answers at the doors of stages, and what of it is signed."""

from __future__ import annotations

from typing import Any

from missions import links, reads, stages
from missions.gates import registry
from missions.gates.kinds import Found, failed, passed, waiting
from missions.gates.looking import Look
from missions.gates.registry import provide, sign
from missions.models import Artifact, Bundle, Mission, StageVisit
from missions.querysets import HELD

_REBUILD = "Whoever may make bundles, on the page of its evidence"
_MEND = "Bring it back from a backup and read it again, or take it away"


def files_of(visit: StageVisit) -> list[dict[str, str]]:
    """Files of the visit as evidence: those that were read back and found whole."""
    return [
        {
            "label": row.title,
            "link": links.artifact_page(row),
            "sha256": row.sha256,
            "by": row.uploaded_by,
        }
        for row in reads.ARTIFACTS.of(visit.mission)
        if row.visit_id == visit.pk and row.stands
    ]


def broken_of(visit: StageVisit) -> list[Artifact]:
    """What was kept, and is not what it was."""
    return [
        row
        for row in reads.ARTIFACTS.of(visit.mission)
        if row.visit_id == visit.pk and row.status == "failed" and row.stored_at is not None
    ]


@provide(stages.EVIDENCE)
def evidence(look: Look) -> Found:
    """Something shows what the stage asks for, and all of it is what it was."""
    wanted = look.stage.evidence
    page = ("Evidence", links.evidence_of(look.mission))
    if look.visit is not None:
        broken = broken_of(look.visit)
        if broken:
            names = ", ".join(row.name for row in broken[:5])
            return failed(f"Not what was received any more: {names}.", page, mend=_MEND)
    if not look.evidence:
        return failed(f"{wanted.title} ({wanted.slug}) is neither kept nor linked.", page)
    shown = [(each["label"], each["link"]) for each in look.evidence[:10]]
    return passed(f"{wanted.title}: {len(look.evidence)} in all.", *shown)


def current(mission: Mission) -> Bundle | None:
    return stored(mission, "internal")


def stored(mission: Mission, audience: str) -> Bundle | None:
    """The one that stands for these readers: there is one at most."""
    rows = reads.BUNDLES.of(mission)
    return next((row for row in rows if row.audience == audience), None)


@provide("bundle_verified")
def bundle_verified(look: Look) -> Found:
    """It stands, was read back, and holds every file there is now."""
    page = ("Evidence", links.evidence_of(look.mission))
    bundle = current(look.mission)
    if bundle is None:
        return _without(look, page)
    missing = lacking(bundle)
    if missing:
        return failed(
            f"{bundle} lacks {', '.join(missing[:5])}{' and more' if missing[5:] else ''}.",
            page,
            mend=_REBUILD,
        )
    return passed(
        f"{bundle} was read back on {bundle.verified_at:%Y-%m-%d}: {bundle.manifest_hash[:12]}.",
        page,
    )


def _without(look: Look, page: tuple[str, str]) -> Found:
    last = Bundle.objects.filter(mission=look.mission, audience="internal").first()
    if last is not None and last.status == Bundle.Status.BUILDING:
        return waiting(f"{last} is being made.", page, mend="Nobody: it is on its way")
    if last is not None and last.status == Bundle.Status.FAILED:
        return failed(f"{last} could not be made. {last.failure}", page, mend=_REBUILD)
    return failed("There is no bundle.", page, mend=_REBUILD)


def lacking(bundle: Bundle) -> list[str]:
    """Names of files that are evidence now and are not in it."""
    listed = {
        (each.get("path"), each.get("sha256"))
        for each in bundle.manifest.get("artifacts", [])
        if isinstance(each, dict)
    }
    return [
        row.name
        for row in reads.ARTIFACTS.of(bundle.mission)
        if row.status in HELD and (row.path, row.sha256) not in listed
    ]


def _signed(visit: StageVisit) -> dict[str, Any] | None:
    """The hash, not the number: made again of the same evidence it is the same bundle."""
    bundle = current(visit.mission)
    return {"manifest_hash": bundle.manifest_hash} if bundle is not None else None


registry.EVIDENCE.append(files_of)
sign("bundle", stages=("execute_observe", "reflect_improve"), read=_signed)
