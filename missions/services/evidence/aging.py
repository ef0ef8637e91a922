"""When evidence grows old: its bytes go first, its hash after a year, and nothing that is held."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from controlplane.base.data_rules import Person
from controlplane.base.holds import kept, spared
from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from missions.evidence.contents import ERASED
from missions.models import Artifact, Bundle
from missions.querysets import ENDED
from missions.services.checkpoints import packet_moved
from missions.services.evidence.holding import is_held
from missions.services.evidence.keeping import hold_artifact
from missions.services.evidence.letting import drop_later, let_go
from missions.services.evidence.withholding import withhold
from missions.services.holding import hold
from missions.services.noting import PORTAL, note

FILES, REMOVED, RECORD = "missions.evidence_files", "missions.evidence_removed", "missions.evidence"


# --- 90 days after the mission ended: the bytes --------------------------------------------------


def archivable(cutoff: datetime) -> QuerySet[Artifact]:
    rows = Artifact.objects.filter(status="verified", mission__status__in=ENDED)
    return rows.filter(mission__closed_at__lt=cutoff)


def archivable_bundles(cutoff: datetime) -> QuerySet[Bundle]:
    rows = Bundle.objects.filter(status="stored", mission__status__in=ENDED)
    return rows.filter(mission__closed_at__lt=cutoff, stored_at__lt=cutoff)


def archive(cutoff: datetime, limit: int) -> int:
    """Let the bytes go; row, hash and manifest stay."""
    done = 0
    for row in spared(archivable(cutoff), FILES).order_by("pk")[:limit]:
        done += _archive(row)
    for bundle in spared(archivable_bundles(cutoff), FILES).order_by("pk")[: limit - done]:
        done += _archive_bundle(bundle)
    return done


@transaction.atomic
def _archive(artifact: Artifact) -> int:
    mission, row = hold_artifact(artifact)
    if row.status != Artifact.Status.VERIFIED or is_held(mission):
        return 0
    key = row.storage_key
    changes = {"archived_at": clock.now(), "storage_key": ""}
    advance(row, "archived", actor=PORTAL, changes=changes)
    drop_later(key)
    return 1


@transaction.atomic
def _archive_bundle(bundle: Bundle) -> int:
    mission = hold(bundle.mission)
    row: Bundle = Bundle.objects.select_for_update(of=("self",)).get(pk=bundle.pk)
    if row.status != Bundle.Status.STORED or is_held(mission):
        return 0
    key = row.storage_key
    changes = {"archived_at": clock.now(), "storage_key": ""}
    advance(row, "archived", actor=PORTAL, changes=changes)
    drop_later(key)
    return 1


def count_archivable(cutoff: datetime) -> int:
    rows, bundles = archivable(cutoff), archivable_bundles(cutoff)
    return spared(rows, FILES).count() + spared(bundles, FILES).count()


def held_archivable(cutoff: datetime) -> int:
    rows, bundles = archivable(cutoff), archivable_bundles(cutoff)
    return kept(rows, FILES).count() + kept(bundles, FILES).count()


# --- 30 days after it was taken away, failed or was superseded: the bytes ------------------------


def purgeable(cutoff: datetime) -> QuerySet[Artifact]:
    gone = Q(status="deleted", deleted_at__lt=cutoff)
    return Artifact.objects.with_file().filter(gone)


def purgeable_bundles(cutoff: datetime) -> QuerySet[Bundle]:
    over = Q(status="superseded", superseded_at__lt=cutoff)
    over |= Q(status="failed", created_at__lt=cutoff)
    return Bundle.objects.with_file().filter(over)


def purge(cutoff: datetime, limit: int) -> int:
    done = 0
    for row in spared(purgeable(cutoff), REMOVED).order_by("pk")[:limit]:
        done += _purge(row)
    for bundle in spared(purgeable_bundles(cutoff), REMOVED).order_by("pk")[: limit - done]:
        done += _purge(bundle)
    return done


@transaction.atomic
def _purge(given: Artifact | Bundle) -> int:
    mission = hold(given.mission)
    rows: Any = type(given).objects.with_file().select_for_update(of=("self",))
    row = rows.filter(pk=given.pk, status=given.status).first()
    if row is None or is_held(mission):
        return 0
    let_go(row)
    return 1


def count_purgeable(cutoff: datetime) -> int:
    rows, bundles = purgeable(cutoff), purgeable_bundles(cutoff)
    return spared(rows, REMOVED).count() + spared(bundles, REMOVED).count()


def held_purgeable(cutoff: datetime) -> int:
    rows, bundles = purgeable(cutoff), purgeable_bundles(cutoff)
    return kept(rows, REMOVED).count() + kept(bundles, REMOVED).count()


# --- A year: the record --------------------------------------------------------------------------


def forgettable(cutoff: datetime) -> QuerySet[Artifact]:
    """What nobody can read any more, of missions that ended long ago."""
    rows = Artifact.objects.filter(status__in=["archived", "deleted", "failed"], storage_key="")
    stored = Q(stored_at__isnull=False, mission__status__in=ENDED, mission__closed_at__lt=cutoff)
    never = Q(stored_at=None, created_at__lt=cutoff)
    return rows.filter(stored & Q(stored_at__lt=cutoff) | never)


def forgettable_bundles(cutoff: datetime) -> QuerySet[Bundle]:
    rows = Bundle.objects.filter(status__in=["superseded", "archived", "failed"], storage_key="")
    return rows.filter(
        created_at__lt=cutoff, mission__status__in=ENDED, mission__closed_at__lt=cutoff
    )


def forget(cutoff: datetime, limit: int) -> int:
    done = 0
    for rows in (forgettable(cutoff), forgettable_bundles(cutoff)):
        free = spared(rows, RECORD).order_by("pk")
        keys = list(free.values_list("pk", flat=True)[: limit - done])
        deleted, _ = rows.model.objects.filter(pk__in=keys).delete()
        done += deleted
    return done


def count_forgettable(cutoff: datetime) -> int:
    rows, bundles = forgettable(cutoff), forgettable_bundles(cutoff)
    return spared(rows, RECORD).count() + spared(bundles, RECORD).count()


def held_forgettable(cutoff: datetime) -> int:
    rows, bundles = forgettable(cutoff), forgettable_bundles(cutoff)
    return kept(rows, RECORD).count() + kept(bundles, RECORD).count()


# --- When a person is to be forgotten -------------------------------------------------------------


def uploads_of(person: Person) -> QuerySet[Artifact]:
    return Artifact.objects.filter(uploaded_by=f"user:{person.user_id}")


def export_uploads(person: Person) -> list[dict[str, Any]]:
    columns = ("title", "path", "stage", "status", "size", "sha256", "media_type", "created_at")
    return list(uploads_of(person).order_by("pk").values("mission__ref", *columns))


def erase_uploads(person: Person, actor: Actor) -> int:
    """What they uploaded and nobody signed goes at once, bytes and title; what was signed is the
    record of that signature and stays, by an opaque ref; so does what is held by law."""
    erased = 0
    for row in _erasable(uploads_of(person)):
        erased += _erase(row, actor)
    return erased


def _erasable(rows: QuerySet[Artifact]) -> Iterable[Artifact]:
    signed = Q(visit__outcome="completed") | Q(visit__approval__status="approved")
    found = spared(rows, FILES).exclude(signed).filter(~Q(storage_key="") | ~Q(title=ERASED))
    return found.select_related("mission", "visit").order_by("pk")


@transaction.atomic
def _erase(artifact: Artifact, actor: Actor) -> int:
    mission, row = hold_artifact(artifact)
    if is_held(mission) or row.status == Artifact.Status.RECEIVING:
        return 0
    key, why = row.storage_key, "Its uploader is forgotten, as they asked."
    if row.status in {"stored", "verified", "failed"}:
        gone = {"deleted_at": clock.now(), "deleted_by": actor.ref[:80], "delete_reason": why}
        advance(row, "deleted", actor=PORTAL, reason=why, changes=gone)
    Artifact.objects.filter(pk=row.pk).update(storage_key="", title=ERASED)
    withhold(mission, row, why=why, erase=True)
    note(mission, "mission.evidence", actor=actor, after={"stage": row.stage, "sha256": row.sha256},
         reason=why, details={"transition": "-> off", "artifact": str(row.uid)})  # fmt: skip
    if mission.is_under_way:
        packet_moved(mission, actor=actor, why="Evidence was erased.")
    if key:
        drop_later(key)
    return 1
