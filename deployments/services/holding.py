"""Rows, locked and as they are now. Always the deployment before its gates, its steps, its request
for consent and its work item: so nobody waits in a circle."""

from __future__ import annotations

from controlplane.lib.errors import Conflict, InvalidTransition
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


def require_status(deployment: Deployment, *statuses: str) -> None:
    if deployment.status not in statuses:
        wanted = " or ".join(statuses)
        raise InvalidTransition(
            f"{deployment.ref} is {deployment.get_status_display().lower()}; "
            f"this is for one that is {wanted}.",
            details={"status": deployment.status, "legal": ", ".join(statuses)},
        )


def hold_gate(gate: Gate) -> Gate:
    hold(gate.deployment)
    rows = Gate.objects.select_for_update(of=("self",), no_key=True)
    found: Gate = rows.select_related(*(f"deployment__{name}" for name in RELATED)).get(pk=gate.pk)
    return found


def hold_step(step: Step) -> Step:
    hold(step.deployment)
    rows = Step.objects.select_for_update(of=("self",), no_key=True)
    related = ("adapter", "component", *(f"deployment__{name}" for name in RELATED))
    found: Step = rows.select_related(*related).get(pk=step.pk)
    return found
