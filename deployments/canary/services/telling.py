"""People told of a rollout: those who plan it and those who answer for releases."""

from __future__ import annotations

from controlplane.access.models import User
from controlplane.audit.refs import subject_ref
from controlplane.notify import wording
from controlplane.notify.models import Urgency
from controlplane.notify.services import To, notify
from deployments.canary.links import page_of
from deployments.models import Rollout

STAKEHOLDERS = ("release_manager", "engineering_lead")
_WORDS = {
    "rolled_back": "was rolled back",
    "hold": "is held",
    "ask": "needs a decision",
    "paused": "is paused",
}

wording.register(
    "canary.event",
    "A canary rollout was held or rolled back",
    subject="{ref} {what}: {flag} in {environment}",
    body="{why}",
)


def tell(rollout: Rollout, what: str, why: str) -> None:
    """Once for each thing that happened: the version rises with each."""
    planner = rollout.created_by.removeprefix("user:")
    users = [int(planner)] if planner.isdigit() and _exists(int(planner)) else []
    notify(
        workspace_id=rollout.workspace_id,
        kind="canary.event",
        to=To(users=users, roles=STAKEHOLDERS),
        key=f"canary:{rollout.uid}:{what}:{rollout.events.count()}",
        values={
            "ref": rollout.ref,
            "what": _WORDS[what],
            "flag": rollout.flag.flag_name,
            "environment": str(rollout.environment),
            "why": why,
        },
        urgency=Urgency.CRITICAL if what == "rolled_back" else Urgency.NORMAL,
        link=page_of(rollout),
        about=subject_ref(rollout),
    )


def _exists(pk: int) -> bool:
    return User.objects.filter(pk=pk, is_active=True).exists()
