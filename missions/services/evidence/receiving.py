"""A file comes in: read to its end, looked at, kept, read back, and only then evidence.

Row and file are written in an order that a crash can't get between without leaving a trace: the
row with the hash first, then the file, then the row again. A row whose process vanished is finished
or given up by the sweep; a file that no row names goes with it.
"""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction

from controlplane.access import policy
from controlplane.base import files
from controlplane.base.files import Source, Spooled
from controlplane.base.states import advance, plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError, InvalidTransition
from controlplane.lib.redaction import redact_text
from missions.evidence import tree
from missions.evidence.limits import ALIAS, FILE_BYTES, STAGE_FILES, STUCK_SECONDS
from missions.models import Artifact, Mission, StageVisit
from missions.services import reading
from missions.services.checkpoints import packet_moved
from missions.services.evidence import room
from missions.services.holding import hold, require_status, visit_of
from missions.services.noting import PORTAL, note, tell
from missions.shown.timeline import timeline

_MOST_TOLD = 20_000
_ON_ITS_WAY = ("receiving", *("stored", "verified"))


def receive_file(
    mission: Mission,
    *,
    actor: Actor,
    name: str,
    source: Source,
    size: int | None = None,
    title: str = "",
    claimed: str = "",
    kind: str = Artifact.Kind.FILE,
    version: int | None = None,
) -> Artifact:
    """Keep a file for the stage the mission is in. `size` and `claimed` are what its sender says of
    it. The same bytes twice in one stage are one: whoever sends again, after no answer came, gets
    what is there."""
    policy.require(actor, "mission.evidence", mission)
    shown = files.shown(reading.text("file", name, 2_000))
    if not shown:
        raise reading.refuse("file", "It needs a name.")
    called = redact_text(reading.line("title", title or shown, 200))[:200]
    require_status(Mission.objects.get(pk=mission.pk), "active", "paused")
    room.require(mission, min(size or 1, FILE_BYTES.value))  # cheaply, before anything is read
    with files.spool(source, most=FILE_BYTES.value, size=size) as taken:
        media_type = files.true_type(shown, taken.head, claimed)
        about = {"title": called, "kind": kind, "media_type": media_type}
        row, fresh = _begin(mission, actor, shown, taken, about, version)
        return _store(row, taken, actor) if fresh else row


@transaction.atomic
def _begin(
    mission: Mission,
    actor: Actor,
    name: str,
    taken: Spooled,
    about: dict[str, str],
    version: int | None,
) -> tuple[Artifact, bool]:
    """The row that says what is expected, or the one that is there already."""
    row = hold(mission, version=version)
    policy.require(actor, "mission.evidence", row)
    require_status(row, "active", "paused")
    visit = visit_of(row)
    known = Artifact.objects.select_for_update().filter(
        visit=visit, sha256=taken.sha256, status__in=_ON_ITS_WAY
    )
    there: Artifact | None = known.first()
    if there is not None:
        return _again(there)
    _count(visit)
    room.lock(row.workspace_id)
    room.require(row, taken.size)
    return _row(row, visit, actor, name, taken, about), True


def _again(there: Artifact) -> tuple[Artifact, bool]:
    """Sent twice. What a vanished process left is taken over, under a new key; whatever it had
    written is no file of anybody's."""
    stuck = clock.now() - there.touched_at > timedelta(seconds=STUCK_SECONDS.value)
    if there.status != Artifact.Status.RECEIVING or not stuck:
        return there, False
    there.storage_key, there.touched_at = _key(there.mission), clock.now()
    there.save(update_fields=["storage_key", "touched_at"])
    return there, True


def _count(visit: StageVisit) -> None:
    held = Artifact.objects.filter(visit=visit).exclude(status__in=["failed", "deleted"]).count()
    if held >= STAGE_FILES.value:
        raise Conflict(
            f"A stage keeps at most {STAGE_FILES.value} files: people sign each of them. Pack some "
            "together, or take one away.",
            details={"files": held},
        )


def _row(
    mission: Mission,
    visit: StageVisit,
    actor: Actor,
    name: str,
    taken: Spooled,
    about: dict[str, str],
) -> Artifact:
    text = files.is_text(about["media_type"])
    outside = Artifact.Redaction.APPLIED if text else Artifact.Redaction.PENDING
    return Artifact.objects.create(
        workspace_id=mission.workspace_id,
        mission=mission,
        visit=visit,
        stage=visit.stage,
        path=tree.free(visit, name, tree.paths(mission)),
        size=taken.size,
        sha256=taken.sha256,
        storage_key=_key(mission),
        redaction=outside,
        uploaded_by=actor.ref[:80],
        **about,
    )


def _key(mission: Mission) -> str:
    """Nothing of a name that somebody gave, and never the same twice."""
    return f"missions/{mission.uid}/{uuid4().hex}"


def _store(row: Artifact, taken: Spooled, actor: Actor) -> Artifact:
    """Outside of any transaction: a slow disk must not hold the mission."""
    try:
        kept = files.put(ALIAS, row.storage_key, taken.file)
        found = files.digest(ALIAS, kept)
    except (ControlPlaneError, files.Lost) as error:
        why = error.message if isinstance(error, ControlPlaneError) else "It was not there after."
        give_up(row, why, told=getattr(error, "error_code", "LOST"))
        if isinstance(error, ControlPlaneError):
            raise
        raise files.StorageSilent(f"The storage lost it. {why}", retry_after=60) from error
    if found != (row.sha256, row.size):
        files.drop(ALIAS, kept)
        give_up(row, "What was read back is not what was sent.", told="HASH_MISMATCH")
        raise files.StorageSilent(
            "The storage did not keep what was sent. Nothing of it was kept.", retry_after=60
        )
    return finish(row, kept, actor)


@transaction.atomic
def finish(row: Artifact, key: str, actor: Actor) -> Artifact:
    """It is on the disk as it was sent: from here on it is evidence, and part of what is signed."""
    mission = hold(row.mission)
    held: Artifact = Artifact.objects.select_for_update(of=("self",)).get(pk=row.pk)
    held.mission, held.visit.mission = mission, mission
    if held.storage_key == key and held.is_there:
        return held  # a sweep, or whoever was slow, finished this very upload
    if held.status != Artifact.Status.RECEIVING or held.storage_key != row.storage_key:
        files.drop(ALIAS, key)  # it was given up, or begun anew
        raise Conflict("Somebody else kept the same file meanwhile. Look again.")
    if not held.visit.is_open or not mission.is_under_way:
        raise InvalidTransition(
            f"{mission.ref} left {held.visit} while the file was on its way: it is not kept.",
            details={"status": mission.status, "stage": mission.stage},
        )
    now = clock.now()
    advance(held, "stored", actor=PORTAL, changes={"stored_at": now, "storage_key": key})
    seen = {"verified_at": now, "checked_at": now}
    advance(held, "verified", actor=PORTAL, action="mission.evidence", changes=seen)
    said = {"stage": held.stage, "label": held.title, "path": held.path, "sha256": held.sha256,
            "size": held.size}  # fmt: skip
    note(
        mission,
        "mission.evidence",
        actor=actor,
        after=said,
        details={"transition": "-> kept", "artifact": str(held.uid)},
    )
    packet_moved(mission, actor=actor, why=f"Evidence was added: {held.title}."[:500])
    room.alert(mission)
    return held


@transaction.atomic
def give_up(row: Artifact, why: str, *, told: str) -> bool:
    """It could not be kept: the row says so, and figures count it. False: it is kept, or was given
    up before; then its file is not the caller's to drop."""
    mission = hold(row.mission)
    held: Artifact = Artifact.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if held.status != Artifact.Status.RECEIVING or held.storage_key != row.storage_key:
        return False
    held.mission = mission
    advance(held, "failed", actor=PORTAL, changes={"failure": why[:300], "storage_key": ""})
    said = {"bundle_id": str(held.uid), "error_code": told[:60]}
    tell(mission, "evidence_upload_failed", said, actor=PORTAL, stage=held.stage, status="error")
    return True


# --- What the portal writes itself --------------------------------------------------------------


def keep_generated(
    mission: Mission, *, actor: Actor, name: str, content: bytes, title: str = ""
) -> Artifact:
    """A file that the portal made: a run log, a summary. Kept as any other, and marked."""
    return receive_file(
        mission,
        actor=actor,
        name=name,
        source=io.BytesIO(content),
        size=len(content),
        title=title,
        kind=Artifact.Kind.GENERATED,
    )


def write_log(mission: Mission, *, actor: Actor) -> Artifact:
    """What happened in this stage so far, as a file: one entry a line."""
    policy.require(actor, "mission.evidence", mission)
    visit = visit_of(Mission.objects.get(pk=mission.pk))
    told = timeline(mission, most=_MOST_TOLD)
    entries = [each for each in told if each["at"] >= visit.entered_at]
    lines = [json.dumps(plain(_told(each)), ensure_ascii=False) for each in entries]
    content = "".join(f"{each}\n" for each in lines).encode()
    title = f"What happened in {visit}"
    return keep_generated(mission, actor=actor, name="log.jsonl", content=content, title=title)


def _told(entry: dict[str, Any]) -> dict[str, Any]:
    kept = ("at", "who", "kind", "action", "words", "about", "reason")
    return {name: entry[name] for name in kept}
