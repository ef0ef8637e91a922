"""Who may do what to which deployment, beside the table of roles."""

from __future__ import annotations

from typing import Any

from controlplane.access import policy
from controlplane.lib.actors import Actor
from deployments.flags.services.gates import needs_consent
from deployments.models import Deployment, Rollout


@policy.rule("deployment.start", "deployment.close")
def people_go_to_production(actor: Actor, obj: Any) -> str | None:
    """A pipeline may bring staging up to date. Where consent is asked for, a person starts and
    closes; undoing is free to whoever may roll back."""
    if not isinstance(obj, Deployment) or actor.kind == "person":
        return None
    if not obj.is_guarded or obj.kind == Deployment.Kind.ROLLBACK:
        return None
    return f"a person does this in {obj.environment}"


@policy.rule("rollout.promote")
def people_bring_it_to_production(actor: Actor, obj: Any) -> str | None:
    """The same of a canary. Where its plan was consented to, people have said so already."""
    if not isinstance(obj, Rollout) or actor.kind == "person":
        return None
    if not obj.environment.needs_approval or needs_consent(obj.environment_id):
        return None
    return f"a person does this in {obj.environment}, where nobody consents to the plan"


@policy.rule("rollout.report")
def only_its_reporter_posts(actor: Actor, obj: Any) -> str | None:
    """Figures roll back and bring on: of machines only the one that the plan names posts them."""
    if not isinstance(obj, Rollout) or actor.kind == "person" or actor.ref == obj.reporter:
        return None
    if not obj.reporter:
        return "people post the figures of this rollout; its plan names no agent"
    return "its plan names another agent that posts its figures"
