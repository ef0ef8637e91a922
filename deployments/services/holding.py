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

RELATED = ("workspace", "environment", "item__project", "approval", "previous", "reverses", "flag")


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


def _hold_owner(deployment: Deployment) -> None:
    """A hotfix owes papers, and its last step or a waiver opens the items for them."""
    if deployment.kind == Deployment.Kind.HOTFIX:
        hold_with_work(deployment)
    else:
        hold(deployment)


def require_status(deployment: Deployment, *statuses: str) -> None:
    if deployment.status not in statuses:
        wanted = " or ".join(statuses)
        raise InvalidTransition(
            f"{deployment.ref} is {deployment.get_status_display().lower()}; "
            f"this is for one that is {wanted}.",
            details={"status": deployment.status, "legal": ", ".join(statuses)},
        )


def hold_gate(gate: Gate) -> Gate:
    _hold_owner(gate.deployment)
    rows = Gate.objects.select_for_update(of=("self",), no_key=True)
    found: Gate = rows.select_related(*(f"deployment__{name}" for name in RELATED)).get(pk=gate.pk)
    return found


def hold_step(step: Step) -> Step:
    _hold_owner(step.deployment)
    rows = Step.objects.select_for_update(of=("self",), no_key=True)
    related = ("adapter", "component", *(f"deployment__{name}" for name in RELATED))
    found: Step = rows.select_related(*related).get(pk=step.pk)
    return found
