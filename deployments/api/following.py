"""The next step of a deployment, as the API tells it: with the route that takes it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from controlplane.lib.actors import Actor
from deployments.models import Deployment
from deployments.services import Next, next_action


class NextStep(StrictSerializer):
    """What this caller may do next; where `action` is empty there is nothing to do but wait."""

    action = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    why = serializers.CharField()
    allowed = serializers.BooleanField()
    refusal = serializers.CharField()
    waits_for = serializers.ListField(child=serializers.CharField())
    due_at = serializers.DateTimeField(allow_null=True)
    gate = serializers.CharField()
    step = serializers.UUIDField(allow_null=True)
    method = serializers.CharField()
    path = serializers.CharField()


_OF_STEPS = frozenset({"run", "finish", "retry"})


def next_of(deployment: Deployment, actor: Actor) -> dict[str, Any]:
    found = next_action(deployment, actor)
    method, path = _route(deployment, found)
    return {
        "action": found.verb,
        "label": found.label,
        "why": found.why,
        "allowed": found.allowed,
        "refusal": found.refusal,
        "waits_for": list(found.waits_for),
        "due_at": found.due,
        "gate": found.gate,
        "step": found.step,
        "method": method,
        "path": path,
    }


def _route(deployment: Deployment, found: Next) -> tuple[str, str]:
    one = f"/api/v1/deployments/{deployment.ref}"
    if not found.verb:
        return "", ""
    if found.verb == "change":
        return "PATCH", one
    if found.verb == "look":
        return "POST", f"{one}/gates"
    if found.verb == "tick":
        return "POST", f"{one}/gates/{found.gate}/tick"
    if found.verb == "sign":
        assert deployment.approval is not None
        return "POST", f"/api/v1/approvals/{deployment.approval.uid}/decide"
    if found.verb in _OF_STEPS:
        return "POST", f"{one}/steps/{found.step}/{found.verb}"
    return "POST", f"{one}/{found.verb}"
