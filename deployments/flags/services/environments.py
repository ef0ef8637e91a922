"""What holds for all flags of an environment."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from deployments.flags.models import FlagEnvironment
from deployments.flags.services.noting import lock_workspace, short_reason


@transaction.atomic
def set_needs_approval(
    place: FlagEnvironment,
    needed: bool,
    *,
    actor: Actor,
    reason: str = "",
    version: int | None = None,
) -> FlagEnvironment:
    """Whether changes there are asked for first. Kills never are."""
    policy.require(actor, "flag.govern", place)
    reason = short_reason(reason)
    lock_workspace(place.workspace_id)
    row: FlagEnvironment = (
        FlagEnvironment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("environment")
        .get(pk=place.pk)
    )
    if version is not None and row.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.")
    if row.needs_approval == needed:
        return row
    row.needs_approval = needed
    row.version += 1
    row.save(update_fields=["needs_approval", "version"])
    record(
        actor,
        "flag.govern:on" if needed else "flag.govern:off",
        row,
        before={"needs_approval": not needed},
        after={"needs_approval": needed},
        reason=reason,
    )
    return row
