"""Who may do what to which deployment, beside the table of roles."""

from __future__ import annotations

from typing import Any

from controlplane.access import policy
from controlplane.lib.actors import Actor
from deployments.models import Deployment


@policy.rule("deployment.start", "deployment.close")
def people_go_to_production(actor: Actor, obj: Any) -> str | None:
    """A pipeline may bring staging up to date. Where consent is asked for, a person starts and
    closes; undoing is free to whoever may roll back."""
    if not isinstance(obj, Deployment) or actor.kind == "person":
        return None
    if not obj.is_guarded or obj.kind == Deployment.Kind.ROLLBACK:
        return None
    return f"a person does this in {obj.environment}"
