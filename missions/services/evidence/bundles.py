"""Bundles: asked for, made by a worker under a lease, read back, and replaced by the next.

The row is the order. A worker that is killed in the middle leaves a row whose lease runs out: it is
made again, from the beginning. What fails for good says why, and somebody is told.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from django.db import transaction
from django.db.models import Max

from controlplane.access import policy
from controlplane.base import files
from controlplane.base.states import advance
from controlplane.jobs import leases, nudges
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError, InvalidTransition
from controlplane.notify import wording
from controlplane.notify.services import To, notify
from missions import links, stages
from missions.evidence import packing
from missions.evidence.limits import ALIAS, BUNDLE_ATTEMPTS, BUNDLE_LEASE
from missions.models import Bundle, Mission
from missions.services import reading
from missions.services.checkpoints import go_on_if_signed, packet_moved
from missions.services.evidence import room
from missions.services.evidence.holding import is_held
from missions.services.evidence.keeping import judge
from missions.services.evidence.letting import let_go
from missions.services.evidence.withholding import gone_since
from missions.services.holding import hold
from missions.services.noting import PORTAL, note, tell

logger = logging.getLogger(__name__)
_MOST_DEAD = 20
wording.register(
    "mission.bundle_failed",
    "An evidence bundle could not be made",
    subject="The evidence bundle of {ref} could not be made",
    body="{why} Make it again once that is mended.",
)
ACTIONS = {"internal": "mission.bundle", "external": "mission.export_evidence"}


@transaction.atomic
def ask_bundle(
    mission: Mission,
    *,
    actor: Actor,
    audience: str = "internal",
    reason: str = "",
    version: int | None = None,
) -> Bundle:
    """Make it, or make it again. While one is being made it is that one. The one before stands
    until the new one is stored and read back."""
    kind = reading.choice("audience", audience or "internal", Bundle.Audience.values)
    action = ACTIONS[kind]
    policy.require(actor, action, mission)
    why = reading.kept_line("reason", reason, reading.REASON)
    row = hold(mission, version=version)
    policy.require(actor, action, row)
    if row.status == Mission.Status.DRAFT:
        raise InvalidTransition(
            f"{row.ref} is a draft: there is no evidence yet.", details={"status": row.status}
        )
    known = Bundle.objects.filter(mission=row)
    there: Bundle | None = known.filter(audience=kind, status="building").first()
    if there is not None:
        nudges.after_commit()
        return there
    # What was given up is taken up by this one: nobody has to look after it any more.
    known.filter(audience=kind, state=leases.DEAD).update(state=leases.CANCELLED)
    number = (known.aggregate(most=Max("number"))["most"] or 0) + 1
    made = Bundle.objects.create(
        workspace_id=row.workspace_id,
        mission=row,
        number=number,
        audience=kind,
        asked_by=actor.ref[:80],
        reason=why,
        max_attempts=BUNDLE_ATTEMPTS.value,
    )
    note(
        row,
        action,
        actor=actor,
        after={"bundle": number, "audience": kind, "stage": row.stage},
        reason=why,
        details={"transition": "-> asked", "bundle": str(made.uid)},
    )
    nudges.after_commit()
    return made


# --- Making it ----------------------------------------------------------------------------------


def claim(limit: int = 1, *, seconds: float = 0.0) -> list[Bundle]:
    """Take what waits, for so long. What used up its tries is given up here."""
    lease = seconds or BUNDLE_LEASE.value
    rows = Bundle.objects.filter(status="building")
    taken = leases.claim(rows, limit=limit, lease_seconds=lease)
    # Not while its row is locked: whoever moves a bundle holds the mission first.
    for row in rows.filter(state=leases.DEAD).select_related("mission")[:_MOST_DEAD]:
        _fail(row, row.last_error or "It was given up.")
    return taken


def perform(bundle: Bundle) -> str:
    """Make one that was claimed. What became of it, in a word."""
    related = ("mission__workspace", "mission__owner", "mission__item")
    row: Bundle = Bundle.objects.select_related(*related).get(pk=bundle.pk)
    if row.lease_token != bundle.lease_token or not leases.extend(row, BUNDLE_LEASE.value):
        return "taken by another"
    try:
        return _make(row)
    except leases.LeaseLost:
        logger.warning("bundle %s is somebody else's now", row.uid)
        return "lost"
    except packing.Broken as error:
        judge(error.artifact, error.why, PORTAL)
        leases.kill(row, error.why)
        return _fail(row, error.why)
    except Exception as error:  # whatever it was: tried again, and in the end told
        if not isinstance(error, ControlPlaneError):
            logger.exception("bundle %s could not be made", row.uid)
        why = error.message if isinstance(error, ControlPlaneError) else type(error).__name__
        if leases.fail(row, error):
            return _fail(row, f"After {row.attempts} tries: {why}")
        return "waits"


def _make(row: Bundle) -> str:
    began = time.monotonic()

    def beat() -> None:
        if not leases.extend(row, BUNDLE_LEASE.value):
            raise leases.LeaseLost(str(row.uid))

    with packing.packed(row, beat) as made:
        beat()
        taken = files.measure(made.file)
        key = f"bundles/{row.mission.uid}/{row.uid.hex}-{row.attempts}.zip"
        kept = files.put(ALIAS, key, made.file)
    try:
        beat()
        found = files.digest(ALIAS, kept)
        if found != taken:
            raise files.StorageSilent("What was read back is not what was written.")
        took = (time.monotonic() - began) * 1000
        _settle(row, made, kept, found, took)
    except BaseException:
        files.drop(ALIAS, kept)
        raise
    return "stored"


@transaction.atomic
def _settle(
    row: Bundle, made: packing.Packed, key: str, found: tuple[str, int], took: float
) -> None:
    """It is on the disk as it was made: it stands, and the one before does not."""
    mission = hold(row.mission)
    held: Bundle = Bundle.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if held.lease_token != row.lease_token or held.state != leases.LEASED:
        raise leases.LeaseLost(str(row.uid))
    if gone_since(held, made.manifest):
        raise Conflict("Evidence was taken away while it was packed. It is packed anew.")
    held.mission, now = mission, clock.now()
    _supersede(held)
    sha256, size = found
    changes: dict[str, Any] = {
        "storage_key": key, "size": size, "sha256": sha256, "manifest": made.manifest,
        "manifest_hash": made.manifest_hash, "packaging_ms": round(took),
        "hash_ms": round(made.hash_ms), "stored_at": now, "verified_at": now, "failure": "",
    }  # fmt: skip
    advance(held, "stored", actor=PORTAL, changes=changes)
    leases.finish(row)
    said = {"bundle": held.number, "audience": held.audience, "sha256": sha256,
            "manifest_hash": held.manifest_hash, "size": size, "stage": mission.stage}  # fmt: skip
    note(mission, ACTIONS[held.audience], actor=PORTAL, after=said,
         details={"transition": "-> stored", "bundle": str(held.uid)})  # fmt: skip
    _tell(mission, held, took, made.hash_ms)
    room.alert(mission)
    if mission.is_under_way:
        packet_moved(mission, actor=PORTAL, why="The evidence bundle holds something else.")
        go_on_if_signed(mission)


def _supersede(made: Bundle) -> None:
    """The one before stands no more and can be read for a month; those before that one need no
    room any more, unless they are held by law."""
    known = Bundle.objects.select_for_update(of=("self",)).filter(
        mission=made.mission, audience=made.audience
    )
    for older in known.filter(status="superseded").exclude(storage_key=""):
        if not is_held(made.mission):
            let_go(older)
    for before in known.filter(status="stored"):
        before.mission = made.mission
        advance(before, "superseded", actor=PORTAL, changes={"superseded_at": clock.now()})


def _tell(mission: Mission, row: Bundle, took: float, hashing: float) -> None:
    said = {
        "bundle_id": str(row.uid),
        "duration_ms": round(took, 1),
        "hash_ms": round(hashing, 1),
        "size_bytes": row.size,
        "outcome": "success",
    }
    tell(mission, "evidence_bundle_generated", said, actor=PORTAL, status="success")


@transaction.atomic
def _fail(row: Bundle, why: str) -> str:
    mission = hold(row.mission)
    held: Bundle = Bundle.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if held.status != Bundle.Status.BUILDING:
        return "lost"
    held.mission = mission
    advance(held, "failed", actor=PORTAL, changes={"failure": why[:500]})
    said = {"bundle_id": str(held.uid), "duration_ms": 0, "outcome": "failed"}
    tell(mission, "evidence_bundle_generated", said, actor=PORTAL, status="error")
    _tell_failed(mission, held, why, "failed")
    return "failed"


def _tell_failed(mission: Mission, held: Bundle, why: str, what: str) -> None:
    """Whoever asked for it, and who looks after the storage; once."""
    asker = held.asked_by.removeprefix("user:")
    notify(
        workspace_id=mission.workspace_id,
        kind="mission.bundle_failed",
        to=To(users=[int(asker)] if asker.isdigit() else [], roles=[stages.kinds.OPERATIONS],
              channels=()),
        key=f"bundle-{what}:{held.uid}",
        values={"ref": mission.ref, "why": why},
        link=links.evidence_of(mission),
    )  # fmt: skip


def make_due(deadline: float | None = None) -> int:
    """Make what waits, here and now. How many were tried."""
    tried = 0
    while deadline is None or time.monotonic() < deadline:
        taken = claim()
        if not taken:
            break
        perform(taken[0])
        tried += 1
    return tried


@transaction.atomic
def judge_bundle(bundle: Bundle, broken: str) -> None:
    """Keep what a look at its bytes found."""
    mission = hold(bundle.mission)
    held: Bundle = Bundle.objects.select_for_update(of=("self",)).get(pk=bundle.pk)
    if held.status != Bundle.Status.STORED or held.storage_key != bundle.storage_key:
        return
    held.mission, now = mission, clock.now()
    if not broken:
        Bundle.objects.filter(pk=held.pk).update(verified_at=now)
        return
    advance(held, "failed", actor=PORTAL, changes={"failure": broken[:500]})
    note(mission, ACTIONS[held.audience], actor=PORTAL, after={"bundle": held.number},
         reason=broken, details={"transition": "-> broken", "bundle": str(held.uid)})  # fmt: skip
    _tell_failed(mission, held, f"Read back, it is not what was stored. {broken}", "broken")
    if mission.is_under_way:
        packet_moved(mission, actor=PORTAL, why="The evidence bundle is broken.")
