"""What is looked after without anybody asking: files nobody finished, files nobody names, files
that are not what they were."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

from django.core.files.storage import storages
from django.db.models import Q

from controlplane.access.models import Workspace
from controlplane.base import files
from controlplane.base.files import keeping as store
from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError
from missions.evidence.limits import (
    ALIAS,
    CHECK_DAYS,
    CHECK_SECONDS,
    ORPHAN_HOURS,
    STUCK_SECONDS,
)
from missions.models import Artifact, Bundle
from missions.services.evidence import room
from missions.services.evidence.keeping import judge, look
from missions.services.evidence.receiving import finish, give_up
from missions.services.noting import PORTAL

logger = logging.getLogger(__name__)
FOLDERS = ("missions", "bundles")
_BATCH = 200
_MOST_LISTED = 100_000


def finish_stuck() -> dict[str, int]:
    """Uploads whose process vanished: kept if all of it is there, given up if not."""
    late = clock.now() - timedelta(seconds=STUCK_SECONDS.value)
    rows = Artifact.objects.filter(status="receiving", touched_at__lt=late)
    counts = {"kept": 0, "given_up": 0, "later": 0}
    for row in rows.select_related("mission", "visit").order_by("pk")[:_BATCH]:
        counts[_finish(row)] += 1
    return counts


def _finish(row: Artifact) -> str:
    try:
        broken = look(row)
    except ControlPlaneError:
        return "later"  # the storage is silent: nothing is known
    if broken:
        return _given_up(row, f"Its process vanished while it was stored. {broken}", "INTERRUPTED")
    try:
        finish(row, row.storage_key, PORTAL)
    except ControlPlaneError as error:
        return _given_up(row, error.message, error.error_code)
    return "kept"


def _given_up(row: Artifact, why: str, told: str) -> str:
    """The row first: whoever finished it in between keeps the file."""
    if not give_up(row, why, told=told):
        return "kept"
    files.drop(ALIAS, row.storage_key)
    return "given_up"


def drop_orphans() -> dict[str, int]:
    """Files that no row names, once they are too old to be on their way."""
    old = clock.now() - timedelta(hours=ORPHAN_HOURS.value)
    counts = {"seen": 0, "dropped": 0}
    batch: list[str] = []
    for folder in FOLDERS:
        for key in store.walk(ALIAS, folder):
            counts["seen"] += 1
            batch.append(key)
            if len(batch) >= _BATCH:
                counts["dropped"] += _drop_unnamed(batch, old)
                batch = []
            if counts["seen"] >= _MOST_LISTED:
                break
    counts["dropped"] += _drop_unnamed(batch, old)
    return counts


def _drop_unnamed(keys: list[str], old: Any) -> int:
    named = set(Artifact.objects.filter(storage_key__in=keys).values_list("storage_key", flat=True))
    named |= set(Bundle.objects.filter(storage_key__in=keys).values_list("storage_key", flat=True))
    dropped = 0
    for key in keys:
        if key in named or not _older(key, old):
            continue
        files.drop(ALIAS, key)
        logger.warning("a file that no row names was dropped: %s", key)
        dropped += 1
    return dropped


def _older(key: str, moment: Any) -> bool:
    try:
        with store.told_why():
            return bool(storages[ALIAS].get_modified_time(key) < moment)
    except (files.Lost, files.StorageSilent):
        return False


def check_due() -> dict[str, int]:
    """Read back what was not read for longest, files and bundles, for as long as a round lasts."""
    deadline = time.monotonic() + CHECK_SECONDS.value
    late = clock.now() - timedelta(days=CHECK_DAYS.value)
    due = Q(checked_at=None) | Q(checked_at__lt=late)
    rows = Artifact.objects.filter(due, status__in=["stored", "verified"])
    counts = {"whole": 0, "broken": 0, "silent": 0}
    related = ("mission", "visit")
    for row in rows.select_related(*related).order_by("checked_at", "pk")[:_BATCH]:
        if time.monotonic() > deadline:
            return counts
        counts[_check(row)] += 1
    bundles = Bundle.objects.filter(status="stored", verified_at__lt=late)
    for bundle in bundles.select_related("mission").order_by("verified_at")[:_BATCH]:
        if time.monotonic() > deadline:
            return counts
        counts[_check_bundle(bundle)] += 1
    return counts


def _check(row: Artifact) -> str:
    try:
        broken = look(row)
    except ControlPlaneError:
        return "silent"
    judge(row, broken, PORTAL)
    return "broken" if broken else "whole"


def _check_bundle(bundle: Bundle) -> str:
    from missions.services.evidence.bundles import judge_bundle

    try:
        found, size = files.digest(ALIAS, bundle.storage_key)
    except files.Lost:
        found, size = "", 0
    except ControlPlaneError:
        return "silent"
    broken = "" if (found, size) == (bundle.sha256, bundle.size) else "It is not what was stored."
    judge_bundle(bundle, broken)
    return "broken" if broken else "whole"


def tell_of_room() -> dict[str, int]:
    """Missions whose evidence takes most of its room, and workspaces."""
    told = sum(
        room.alert_of_all(workspace.pk)
        for workspace in Workspace.objects.filter(archived_at=None).order_by("pk")
    )
    return {"told": told + sum(room.alert(mission) for mission in room.nearly_full())}
