"""A file handed to somebody: looked at by hash on the way out, told of in figures."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import storages

from controlplane.access import policy
from controlplane.access.outside import is_outside
from controlplane.base import files
from controlplane.base.files import keeping
from controlplane.lib.actors import Actor
from controlplane.lib.errors import InvalidTransition, NotFound
from missions.evidence.limits import ALIAS
from missions.models import Artifact, Bundle
from missions.services.noting import tell


def open_artifact(artifact: Artifact, *, actor: Actor, told: bool = True) -> Any:
    """Its bytes, as a file that the caller closes. A broken one is handed out to nobody: it is not
    what was received."""
    policy.require(actor, "mission.view", artifact)
    _require_shown(artifact, actor)
    if not artifact.is_there:
        raise InvalidTransition(
            f"{artifact.name} is {artifact.get_status_display().lower()}: "
            "its bytes are not handed out. Its hash stays.",
            details={"status": artifact.status, "sha256": artifact.sha256},
        )
    opened = _open(artifact.storage_key)
    if told:
        said = {
            "artifact_id": str(artifact.uid),
            "artifact_type": artifact.media_type,
            "redaction_applied": False,
        }
        tell(artifact.mission, "evidence_opened", said, actor=actor, stage=artifact.stage)
    return opened


def open_bundle(bundle: Bundle, *, actor: Actor) -> Any:
    policy.require(actor, "mission.view", bundle)
    _require_shown(bundle, actor)
    if bundle.withheld_at is not None:
        raise InvalidTransition(
            f"{bundle} is handed out no more. {bundle.withheld_why}",
            details={"status": bundle.status, "withheld_at": bundle.withheld_at.isoformat()},
        )
    if not bundle.is_there:
        raise InvalidTransition(
            f"It is {bundle.get_status_display().lower()}: there is no file.",
            details={"status": bundle.status},
        )
    opened = _open(bundle.storage_key)
    said = {
        "artifact_id": str(bundle.uid),
        "artifact_type": "bundle",
        "redaction_applied": bundle.audience == Bundle.Audience.EXTERNAL,
    }
    tell(bundle.mission, "evidence_opened", said, actor=actor)
    return opened


def _require_shown(row: Artifact | Bundle, actor: Actor) -> None:
    """To readers of other houses only what may leave the house."""
    if not is_outside(actor, row.workspace_id):
        return
    rows: Any = type(row).objects.visible_to(actor)
    if not rows.filter(pk=row.pk).exists():
        raise NotFound("No such file.")


def beginning(artifact: Artifact, most: int) -> bytes | None:
    """Its first bytes, for a preview; None when they can't be read."""
    if not artifact.is_there:
        return None
    try:
        with files.opened(ALIAS, artifact.storage_key) as file, keeping.told_why():
            found: bytes = file.read(most)
    except (files.Lost, files.StorageSilent):
        return None
    return found


def _open(key: str) -> Any:
    try:
        with keeping.told_why():
            return storages[ALIAS].open(key, "rb")
    except files.Lost:
        raise NotFound("The storage has no such file any more.") from None
