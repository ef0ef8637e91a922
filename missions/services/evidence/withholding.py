"""What a bundle still holds though it was taken away since: the bundle is handed out no more, and
another one is made without it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from controlplane.base.states import advance
from controlplane.lib import clock
from missions.models import Artifact, Bundle, Mission
from missions.services.evidence.holding import is_held
from missions.services.evidence.letting import let_go
from missions.services.noting import PORTAL

BOTH = ("internal", "external")


def holds(bundle: Bundle, artifact: Artifact) -> bool:
    """Whether its file is in there. Of a redacted one the hash is another: `of` says whose."""
    listed = bundle.manifest.get("artifacts", []) if isinstance(bundle.manifest, dict) else []
    uid = str(artifact.uid)
    return any(
        each.get("included")
        and (each.get("of") == uid or (not each.get("of") and each.get("path") == artifact.path))
        for each in listed
        if isinstance(each, dict)
    )


def withhold(
    mission: Mission, artifact: Artifact, *, why: str, audiences: Iterable[str] = BOTH,
    erase: bool = False,
) -> list[str]:  # fmt: skip
    """In the transaction that takes the file away, with the mission held. To erase, the bytes of
    such bundles go too. Answers whose bundle has to be made anew."""
    rows = Bundle.objects.select_for_update(of=("self",)).filter(
        mission=mission, audience__in=list(audiences), stored_at__isnull=False
    )
    anew: list[str] = []
    for row in rows.exclude(storage_key="").order_by("pk"):
        if not holds(row, artifact):
            continue
        row.mission = mission
        now = clock.now()
        said: dict[str, Any] = {"withheld_at": row.withheld_at or now, "withheld_why": why[:300]}
        if row.status == Bundle.Status.STORED:
            anew.append(row.audience)
            advance(row, "superseded", actor=PORTAL, changes={"superseded_at": now, **said})
        else:
            Bundle.objects.filter(pk=row.pk).update(**said)
        if erase and not is_held(mission):
            let_go(row)
    return anew


def gone_since(bundle: Bundle, manifest: dict[str, Any]) -> bool:
    """Whether something that was packed was taken away while it was packed."""
    packed = {
        each["of"]: each
        for each in manifest.get("artifacts", [])
        if each.get("included") and each.get("of")
    }
    rows = Artifact.objects.filter(mission_id=bundle.mission_id, uid__in=list(packed))
    if bundle.audience == Bundle.Audience.EXTERNAL:
        rows = rows.exclude(redaction=Artifact.Redaction.PENDING)
        # Cleared when it was packed, and not cleared any more.
        for uid, redaction in rows.values_list("uid", "redaction"):
            if packed[str(uid)].get("as_it_is") and redaction != Artifact.Redaction.NOT_REQUIRED:
                return True
    standing_now = rows.exclude(status__in=["deleted", "failed"]).count()
    return standing_now != len(packed)
