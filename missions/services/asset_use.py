"""Missions planned from what the library holds: each use noted once a mission and asset."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.lib.actors import Actor
from controlplane.lib.errors import InvalidTransition
from missions.learning import lookups
from missions.models import Asset, AssetUse, AssetVersion, Mission, Play
from missions.services import reading
from missions.services.checkpoints import packet_moved
from missions.services.holding import hold
from missions.services.noting import say


@transaction.atomic
def use_asset(
    mission: Mission,
    asset: Asset,
    *,
    actor: Actor,
    number: int | None = None,
    play: Play | None = None,
    note_: str = "",
) -> AssetUse:
    """The mission is planned from a published version, the newest if none is named. Noted once a
    mission and asset; noted again, it stays as it was."""
    policy.require(actor, "library.use", mission)
    words = reading.kept_line("note", note_, 500)
    if asset.workspace_id != mission.workspace_id:
        raise reading.refuse("asset", "It belongs to another workspace.")
    row = hold(mission)
    found: AssetUse | None = AssetUse.objects.filter(asset=asset, mission=row).first()
    if found is not None:
        return found
    if not row.is_open:
        raise InvalidTransition(
            f"{row.ref} has ended: what it was made from is history.",
            details={"status": row.status},
        )
    used = _usable(row, asset, number)
    if play is not None and play.mission_id != row.pk:
        raise reading.refuse("play", "It is of another mission.")
    made = AssetUse.objects.create(
        asset=asset, used=used, mission=row, play=play, note=words, by=actor.ref[:80]
    )
    record(
        actor,
        "library.use",
        asset,
        after={"mission": row.ref, "version": used.number},
        reason=words,
    )
    say(row, f"{row.ref} is planned from {asset.title}, version {used.number}.", actor=actor)
    lookups.changed(row.workspace_id)
    packet_moved(row, actor=actor, why="What the mission is planned from was changed.")
    return made


def _usable(mission: Mission, asset: Asset, number: int | None) -> AssetVersion:
    asset.refresh_from_db(fields=["status", "number"])
    if asset.source_mission_id == mission.pk:
        raise reading.refuse("asset", "It was made from this very mission.")
    if asset.status != Asset.Status.PUBLISHED:
        raise reading.refuse("asset", f"It is {asset.get_status_display().lower()}.")
    rows = asset.versions.published()
    used: AssetVersion | None = rows.filter(number=number or asset.number).first()
    if used is None:
        raise reading.refuse("number", f"No such version; {asset.number} is the newest.")
    return used


def use_precedents(play: Play, *, actor: Actor) -> int:
    """With a play's choice the assets it was made from count as used. Callers hold the mission.
    Whose name is no asset of the library, or was made of this very mission, counts for nothing."""
    mission = play.mission
    names = [each.get("id", "") for each in play.precedents if isinstance(each, Mapping)]
    made = 0
    for asset in lookups.known(mission.workspace_id, names).filter(status=Asset.Status.PUBLISHED):
        if asset.source_mission_id == mission.pk:
            continue
        used = asset.versions.published().get(number=asset.number)
        _, created = AssetUse.objects.get_or_create(
            asset=asset, mission=mission, defaults={"used": used, "play": play,
                                                    "by": actor.ref[:80]}
        )  # fmt: skip
        if created:
            record(actor, "library.use", asset,
                   after={"mission": mission.ref, "version": used.number})  # fmt: skip
            made += 1
    if made:
        lookups.changed(mission.workspace_id)
    return made
