"""Copies of production for testing: that one was made, and who vouches that nobody is in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Q

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid
from controlplane.privacy.models import DataRefresh

_FUTURE = timedelta(minutes=5)  # clocks of other machines


@transaction.atomic
def report_copy(
    workspace: Workspace | None,
    *,
    actor: Actor,
    system: str,
    target: str,
    taken_at: datetime,
    rules: str,
    sanitised_by: str = "",
    sha256: str = "",
    size: int | None = None,
    proof: Mapping[str, Any] | None = None,
) -> DataRefresh:
    """Take note of one. Whoever reports vouches for it, unless they name who does."""
    policy.require(actor, "privacy.copy", workspace)
    for name, text in (("system", system), ("target", target), ("rules", rules)):
        if not text.strip():
            raise Invalid("Say which copy, for what, by which rules.", details={name: ["Empty."]})
    if taken_at > clock.now() + _FUTURE:
        raise Invalid("It is not taken yet.", details={"taken_at": ["In the future."]})
    row = DataRefresh.objects.create(
        workspace=workspace,
        system=system.strip(),
        target=target.strip(),
        taken_at=taken_at,
        rules=rules.strip(),
        sanitised_by=sanitised_by.strip()[:200] or str(actor)[:200],
        sha256=sha256.lower(),
        size=size,
        proof=dict(proof or {}),
    )
    record(
        actor,
        "privacy.copy",
        row,
        after={"system": row.system, "target": row.target, "taken_at": taken_at.isoformat()},
    )
    return row


def copied_at(workspace_id: int) -> datetime | None:
    """When the newest was taken: of this workspace's systems, or of the portal itself."""
    rows = DataRefresh.objects.filter(Q(workspace=workspace_id) | Q(workspace=None))
    newest: datetime | None = rows.aggregate(at=Max("taken_at"))["at"]
    return newest
