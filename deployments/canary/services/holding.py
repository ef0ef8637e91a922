"""Rows, locked and as they are now. The deployment before the rollout, the rollout before the
flag: whoever promotes and whoever rolls back in the same second come one after the other, and the
second sees what the first did."""

from __future__ import annotations

from controlplane.lib.errors import Conflict, InvalidTransition
from deployments.flags.models import FlagState
from deployments.models import Rollout, RolloutStep
from deployments.services.holding import hold as hold_deployment

RELATED = (
    "workspace",
    "environment",
    "flag__workspace",
    "flag__item",
    "item__project",
    "approval",
)


def hold(rollout: Rollout, *, version: int | None = None) -> Rollout:
    """The rollout as it is now, locked until the transaction ends, after its deployment."""
    before = rollout.deployment and hold_deployment(rollout.deployment)
    rows = Rollout.objects.select_for_update(of=("self",), no_key=True)
    row: Rollout = rows.select_related(*RELATED).get(pk=rollout.pk)
    if row.deployment_id != rollout.deployment_id:
        # What was locked before it is no longer the one that stands before it.
        raise Conflict("It was planned for another deployment since you looked. Look again.")
    row.deployment = before
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version, "status": row.status},
        )
    return row


def require_status(rollout: Rollout, *statuses: str) -> None:
    if rollout.status not in statuses:
        raise InvalidTransition(
            f"{rollout.ref} is {rollout.get_status_display().lower()}; "
            f"this is for one that is {' or '.join(statuses)}.",
            details={"status": rollout.status, "legal": ", ".join(statuses)},
        )


def current_step(rollout: Rollout) -> RolloutStep | None:
    found: RolloutStep | None = rollout.steps.filter(state__in=["running", "held"]).first()
    return found


def next_step(rollout: Rollout) -> RolloutStep | None:
    found: RolloutStep | None = rollout.steps.filter(state="pending").first()
    return found


def state_of(rollout: Rollout) -> FlagState:
    """How the flag stands where the rollout goes; not held."""
    rows = FlagState.objects.select_related("flag__workspace", "flag__item", "environment")
    found: FlagState = rows.get(flag=rollout.flag_id, environment=rollout.environment_id)
    return found
