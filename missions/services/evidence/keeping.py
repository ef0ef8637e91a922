"""What becomes of a file that is kept: read back, taken away, brought back."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.base import files
from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.notify import wording
from controlplane.notify.services import To, notify
from missions import links, stages
from missions.evidence.limits import ALIAS
from missions.models import Artifact, Mission
from missions.services import reading
from missions.services.checkpoints import packet_moved
from missions.services.evidence.holding import require_free
from missions.services.evidence.withholding import withhold
from missions.services.holding import hold
from missions.services.noting import PORTAL, emit, note

wording.register(
    "mission.evidence_broken",
    "Evidence is not what it was",
    subject="Evidence of {ref} is not what it was: {title}",
    body="{why} Whatever was signed with it stays as it was signed; the hash proves which file it "
    "was. Bring the file back from a backup and read it again, or take it away.",
)


def hold_artifact(artifact: Artifact, *, version: int | None = None) -> tuple[Mission, Artifact]:
    """The mission, then the file's row, as they are now, locked."""
    mission = hold(artifact.mission)
    rows = Artifact.objects.select_for_update(of=("self",), no_key=True)
    row: Artifact = rows.select_related("visit").get(pk=artifact.pk)
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version, "status": row.status},
        )
    row.mission = row.visit.mission = mission
    return mission, row


def _require_open(row: Artifact, what: str) -> None:
    """What was there when people signed a stage stays where they saw it."""
    if not row.visit.is_open:
        raise InvalidTransition(
            f"{row.visit} was left: its evidence is what was signed, and is not {what}.",
            details={"stage": row.stage},
        )


@transaction.atomic
def remove_artifact(
    artifact: Artifact, *, actor: Actor, reason: str, version: int | None = None
) -> Artifact:
    """Take it away from the stage the mission is in. For 30 days it can be brought back."""
    policy.require(actor, "mission.remove_evidence", artifact)
    why = reading.reason(reason)
    mission, row = hold_artifact(artifact, version=version)
    if row.status == Artifact.Status.DELETED:
        return row
    require_free(mission)
    if row.stored_at is not None:
        _require_open(row, "taken away")
    changes = {"deleted_at": clock.now(), "deleted_by": actor.ref[:80], "delete_reason": why}
    advance(row, "deleted", actor=actor, reason=why, changes=changes)
    _note(mission, row, actor, "off", why)
    withhold(mission, row, why=f"It holds what was taken away since: {why}")
    packet_moved(mission, actor=actor, why=f"Evidence was taken away: {row.title}."[:500])
    return row


def restore_artifact(artifact: Artifact, *, actor: Actor, version: int | None = None) -> Artifact:
    """Bring it back: its bytes are still there, and are what they were."""
    policy.require(actor, "mission.remove_evidence", artifact)
    if artifact.status != Artifact.Status.DELETED:
        raise InvalidTransition(f"It is {artifact.get_status_display().lower()}.")
    broken = look(artifact)
    if broken:
        raise Conflict(f"It can't be brought back. {broken}", details={"status": artifact.status})
    return _restore(artifact, actor, version)


@transaction.atomic
def _restore(artifact: Artifact, actor: Actor, version: int | None) -> Artifact:
    mission, row = hold_artifact(artifact, version=version)
    if row.status != Artifact.Status.DELETED:
        return row
    _require_open(row, "added to")
    changes: dict[str, Any] = {"deleted_at": None, "deleted_by": "", "delete_reason": ""}
    now = clock.now()
    try:
        with transaction.atomic():
            advance(row, "verified", actor=actor, action="mission.remove_evidence",
                    changes={**changes, "verified_at": now, "checked_at": now})  # fmt: skip
    except IntegrityError:
        raise Conflict("The same file, or one of its name, was added since.") from None
    _note(mission, row, actor, "back", "")
    packet_moved(mission, actor=actor, why=f"Evidence was brought back: {row.title}."[:500])
    return row


# --- Read back ----------------------------------------------------------------------------------


def look(artifact: Artifact) -> str:
    """What is wrong with its bytes now; empty when they are what was received. A storage that does
    not answer raises: then nothing is known."""
    if not artifact.storage_key:
        return "Its bytes are gone; the hash stays."
    try:
        found, size = files.digest(ALIAS, artifact.storage_key)
    except files.Lost:
        return "The storage has no such file any more."
    if size != artifact.size:
        return f"It has {size:,} bytes and had {artifact.size:,}."
    if found != artifact.sha256:
        return f"Its SHA-256 is {found[:12]}… and was {artifact.sha256[:12]}…"
    return ""


def check_artifact(artifact: Artifact, *, actor: Actor) -> Artifact:
    """Read it back now and say whether it is what was received."""
    policy.require(actor, "mission.evidence", artifact)
    if artifact.status not in {"stored", "verified", "failed"}:
        raise InvalidTransition(f"It is {artifact.get_status_display().lower()}.")
    return judge(artifact, look(artifact), actor)


@transaction.atomic
def judge(artifact: Artifact, broken: str, actor: Actor) -> Artifact:
    """Keep what a look found. Once broken it is no evidence; what asks people to sign it falls."""
    mission, row = hold_artifact(artifact)
    if row.storage_key != artifact.storage_key or row.status != artifact.status:
        return row  # it moved while it was read; the next look sees to it
    now = clock.now()
    if not broken and row.status == Artifact.Status.VERIFIED:
        Artifact.objects.filter(pk=row.pk).update(checked_at=now)
        row.checked_at = now
        return row
    if broken and row.status == Artifact.Status.FAILED:
        return row
    if not broken:
        return _whole(mission, row, actor)
    advance(row, "failed", actor=PORTAL, changes={"failure": broken[:300], "checked_at": now})
    _note(mission, row, actor, "broken", broken)
    packet_moved(mission, actor=PORTAL, why=f"Evidence is broken: {row.title}."[:500])
    emit(mission, "evidence_broken", artifact=str(row.uid), request=f"{row.uid}:{row.version}")
    _tell_broken(mission, row)
    return row


def _whole(mission: Mission, row: Artifact, actor: Actor) -> Artifact:
    """It can be read, and is what was received, again or for the first time."""
    now = clock.now()
    if row.status == Artifact.Status.FAILED and row.stored_at is None:
        raise InvalidTransition("It was never kept. Send it again.")
    changes = {"failure": "", "verified_at": now, "checked_at": now}
    try:
        with transaction.atomic():
            advance(row, "verified", actor=PORTAL, action="mission.evidence", changes=changes)
    except IntegrityError:
        raise Conflict("The same file, or one of its name, was added since.") from None
    _note(mission, row, actor, "whole", "")
    packet_moved(mission, actor=PORTAL, why=f"Evidence is whole again: {row.title}."[:500])
    return row


def _tell_broken(mission: Mission, row: Artifact) -> None:
    notify(
        workspace_id=mission.workspace_id,
        kind="mission.evidence_broken",
        to=To(users=[mission.owner_id], roles=[stages.kinds.VALIDATOR, "security_lead"],
              channels=()),
        key=f"evidence-broken:{row.uid}:{row.version}",
        values={"ref": mission.ref, "title": row.title, "why": row.failure},
        link=links.artifact_page(row),
    )  # fmt: skip


def _note(mission: Mission, row: Artifact, actor: Actor, to: str, why: str) -> None:
    note(
        mission,
        "mission.evidence",
        actor=actor,
        after={"stage": row.stage, "label": row.title, "path": row.path, "sha256": row.sha256},
        reason=why[:500],
        details={"transition": f"-> {to}", "artifact": str(row.uid)},
    )
