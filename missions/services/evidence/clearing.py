"""What may go to outside readers."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.base import files
from controlplane.lib.actors import Actor
from missions.models import Artifact
from missions.services import reading
from missions.services.evidence.keeping import hold_artifact
from missions.services.evidence.withholding import withhold
from missions.services.noting import note


@transaction.atomic
def clear_artifact(
    artifact: Artifact, *, actor: Actor, on: bool = True, reason: str = "",
    version: int | None = None,
) -> Artifact:  # fmt: skip
    """Say that it may go out as it is, and why; or take that back. A text that is not cleared goes
    out redacted, anything else is only named."""
    policy.require(actor, "mission.clear_evidence", artifact)
    why = reading.reason(reason)
    mission, row = hold_artifact(artifact, version=version)
    text = files.is_text(row.media_type)
    otherwise = Artifact.Redaction.APPLIED if text else Artifact.Redaction.PENDING
    wanted = Artifact.Redaction.NOT_REQUIRED if on else otherwise
    if row.redaction == wanted:
        return row
    before = row.redaction
    row.redaction, row.redaction_by, row.redaction_reason = wanted, actor.ref[:80], why
    row.version += 1
    row.save(update_fields=["redaction", "redaction_by", "redaction_reason", "version"])
    if not on:
        withhold(mission, row, why="It holds what may not go out as it is any more.",
                 audiences=["external"])  # fmt: skip
    note(
        mission,
        "mission.clear_evidence",
        actor=actor,
        before={"redaction": before},
        after={"redaction": row.redaction, "label": row.title, "path": row.path},
        reason=why,
        details={"transition": f"-> {'on' if on else 'off'}", "artifact": str(row.uid)},
    )
    return row
