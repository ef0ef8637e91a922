"""Rows, locked and as they are now, in one order, so that nobody waits in a circle:

1. the graph of work (`hold_with_work`) where items will be made or linked, or the item
   (`work.refer`) where a row will name it: whoever deletes an item holds both and comes for the
   deployments that name it;
2. the deployment that undoes, then the one that is undone;
3. its gates, its steps, the adapter, its request for consent;
4. the environment.
"""

from __future__ import annotations

from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.work.services import graph
from deployments.models import Deployment, Gate, Step

# What nearly every caller looks at. The release before it, the one it takes back and its flag are
# left out: most have none, and two more wide joins cost each look more than the few who ask.
RELATED = ("workspace", "environment", "item__project", "approval")


def hold(deployment: Deployment, *, version: int | None = None) -> Deployment:
    """The deployment as it is now, locked until the transaction ends. With a version: only if
    nobody changed it since."""
    rows = Deployment.objects.select_for_update(of=("self",), no_key=True)
    row: Deployment = rows.select_related(*RELATED).get(pk=deployment.pk)
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version, "status": row.status},
        )
    return row


def hold_with_work(deployment: Deployment, *, version: int | None = None) -> Deployment:
    """For what opens work items: after the graph's own turn."""
    graph.lock(deployment.workspace_id)
    return hold(deployment, version=version)


def _hold_owner(deployment: Deployment) -> Deployment:
    """A hotfix owes papers, and its last step or a waiver opens the items for them."""
    if deployment.kind == Deployment.Kind.HOTFIX:
        return hold_with_work(deployment)
    return hold(deployment)


def require_status(deployment: Deployment, *statuses: str) -> None:
    if deployment.status not in statuses:
        wanted = " or ".join(statuses)
        raise InvalidTransition(
            f"{deployment.ref} is {deployment.get_status_display().lower()}; "
            f"this is for one that is {wanted}.",
            details={"status": deployment.status, "legal": ", ".join(statuses)},
        )


def hold_gate(gate: Gate) -> Gate:
    owner = _hold_owner(gate.deployment)
    found: Gate = Gate.objects.select_for_update(no_key=True).get(pk=gate.pk)
    found.deployment = owner
    return found


def hold_step(step: Step) -> Step:
    owner = _hold_owner(step.deployment)
    rows = Step.objects.select_for_update(of=("self",), no_key=True)
    found: Step = rows.select_related("adapter", "component").get(pk=step.pk)
    found.deployment = owner
    return found
