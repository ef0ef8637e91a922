"""Consent to a whole rollout, where the environment asks for it: once, for the plan as it stands,
with every percentage it will come to and what will be served. It is held against what stands when
the rollout starts. Rolling back never waits for anybody."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.approvals import owners
from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.work.services.referring import refer
from deployments.canary.links import page_of
from deployments.canary.plans import settings_at
from deployments.canary.services import noting
from deployments.canary.services.holding import hold, require_status, state_of
from deployments.canary.services.planning import STANDING, plan_of
from deployments.canary.terms import in_words
from deployments.flags.services.gates import needs_consent
from deployments.flags.services.meaning import meaning
from deployments.models import Rollout

OWNER = "deployments.rollout"
POLICY = "flag_change"


def register() -> None:
    owners.register(
        OWNER,
        label="Canary rollout",
        on_decided=_decided,
        current_packet=_current,
        hold=_hold,
        link=_link,
        terms=in_words,
    )


def is_needed(rollout: Rollout) -> bool:
    return needs_consent(rollout.environment_id)


def is_given(rollout: Rollout) -> bool:
    """And to what would be started now; what runs was compared when it began."""
    approval = rollout.approval
    if approval is None or approval.status != Request.Status.APPROVED:
        return False
    return rollout.started_at is not None or stands(rollout)


def missing(rollout: Rollout) -> str:
    approval = rollout.approval
    if approval is not None and approval.status == Request.Status.APPROVED:
        return f"What {approval.ref} consented to has changed since. Ask anew."
    return "Consent to the plan is not there."


def stands(rollout: Rollout) -> bool:
    """Whether what was asked about is what would be rolled out."""
    return approvals.stands(rollout.approval, packet_of(rollout))


@transaction.atomic
def ask_consent(rollout: Rollout, *, actor: Actor) -> Request:
    policy.require(actor, "rollout.plan", rollout)
    refer(rollout.item_id)  # the request will name it
    row = hold(rollout)
    require_status(row, "planned", "baseline_taken")
    if not is_needed(row):
        raise Conflict(f"Nobody is asked about changes in {row.environment}.")
    if row.approval is not None and row.approval.status in STANDING:
        if stands(row):
            return row.approval
        why = "What would be rolled out is no longer what was asked about."
        approvals.void(row.approval, actor=actor, reason=why)
    row.approval = approvals.ask(
        row.workspace,
        policy=POLICY,
        owner=OWNER,
        subject=f"deployments.rollout:{row.uid}",
        title=f"Roll out {row.flag.flag_name} in {row.environment}",
        packet=packet_of(row),
        actor=actor,
        producers=[actor],
        item=row.item,
    )
    row.version += 1
    row.save(update_fields=["approval", "version"])
    noting.decide(row, "asked", actor=actor, reason=f"{row.approval.ref} asks for consent.")
    return row.approval


def withdraw(rollout: Rollout, *, actor: Actor, why: str) -> None:
    """The question falls with what it is about. The rollout is held."""
    approvals.take_back(rollout.approval, actor=actor, reason=why)


def packet_of(rollout: Rollout) -> dict[str, Any]:
    """What is signed: the plan, the flag's settings of every step, word for word, and what they
    come to."""
    state = state_of(rollout)
    base = state.settings
    steps = rollout.steps.values_list("percent", flat=True)
    return {
        **plan_of(rollout),
        "before": base,
        "after": [settings_at(base, percent, title=rollout.ref) for percent in steps],
        **meaning(state, base),
    }


def _of(request: Request) -> Rollout | None:
    uid = request.subject.removeprefix("deployments.rollout:")
    rows = Rollout.objects.select_related("flag__workspace", "environment", "deployment")
    found: Rollout | None = rows.filter(workspace=request.workspace_id, uid=uid).first()
    return found


def _hold(request: Request) -> None:
    rollout = _of(request)
    if rollout is not None:
        hold(rollout)


def _current(request: Request) -> dict[str, Any] | None:
    rollout = _of(request)
    return packet_of(rollout) if rollout is not None and rollout.is_open else None


def _decided(request: Request, actor: Actor) -> None:
    rollout = _of(request)
    if rollout is not None:
        what = {"approved": "consented", "rejected": "refused"}.get(request.status, "sent back")
        noting.decide(rollout, what, actor=actor, reason=f"{request.ref}: {request.status}")


def _link(request: Request) -> str:
    rollout = _of(request)
    return page_of(rollout) if rollout is not None else ""
