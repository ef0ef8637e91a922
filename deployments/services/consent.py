"""Consent to a deployment: who is asked by tier, what they sign, what becomes of their answer.

The packet says what is brought, what will be done and what was waived. It leaves out what the
portal looks up by itself: that is looked at again when it starts, and a backup that got an hour
older must not take back anybody's signature.
"""

from __future__ import annotations

import json
from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.approvals import packets
from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.approvals.numbers import FRESH_FACTOR
from controlplane.approvals.shipped import ship, slot
from controlplane.base.states import advance
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.work.services.referring import refer
from deployments import links
from deployments.gates import table
from deployments.models import Adapter, Deployment, Step
from deployments.services.holding import hold, require_status
from deployments.services.noting import PORTAL, emit, note

OWNER = "deployments.release"
_RELEASE = slot("release", "Release manager", "release_manager")
_LATE = {"escalate_to": ["vp_engineering", "cto"]}

ship(
    "deployment_tier_1",
    "Deployment, tier 1",
    about="The Engineering Lead signs, and the Release Manager as for every push to production.",
    slots=[slot("engineering", "Engineering lead", "engineering_lead"), _RELEASE],
    **_LATE,
)
ship(
    "deployment_tier_2",
    "Deployment, tier 2",
    about="Product, Engineering and UX sign, and the Release Manager.",
    slots=[
        slot("product", "Product manager", "product_manager"),
        slot("engineering", "Engineering lead", "engineering_lead"),
        slot("ux", "UX", "ux"),
        _RELEASE,
    ],
    **_LATE,
)
ship(
    "deployment_tier_3",
    "Deployment, tier 3",
    about="Product VP, VP Engineering, Security and Operations sign, and the Release Manager.",
    slots=[
        slot("product", "Product VP", "product_vp"),
        slot("engineering", "VP engineering", "vp_engineering"),
        slot("security", "Security", "security_lead"),
        slot("operations", "Operations", "operations_command", "primary_operator"),
        _RELEASE,
    ],
    escalate_to=["cto"],
    fresh_factor_minutes=FRESH_FACTOR.value,
)
ship(
    "deployment_hotfix",
    "Deployment of a hotfix",
    about="The Engineering Lead or the senior on call signs; the Engineering Lead is asked first.",
    slots=[slot("lead", "Engineering lead or on-call", "engineering_lead", "primary_operator")],
    target_minutes=30,
    expires_minutes=24 * 60,
    escalate_to=["vp_engineering", "cto"],
    fresh_factor_minutes=FRESH_FACTOR.value,
)


def policy_for(deployment: Deployment) -> str:
    if deployment.kind == Deployment.Kind.HOTFIX:
        return "deployment_hotfix"
    return f"deployment_tier_{deployment.tier}"


def packet_of(deployment: Deployment) -> dict[str, Any]:
    row = deployment
    # What is asked at the start is passed over at the start, by those who may, and not signed.
    late = [gate.slug for gate in table.GATES.values() if gate.at_start]
    waived = row.gates.filter(phase="before", state="waived").exclude(slug__in=late)
    waived = waived.order_by("position")
    steps = row.steps.select_related("adapter").order_by("position")
    return {
        "deployment": row.ref,
        "release": row.release,
        "kind": row.kind,
        "tier": row.tier,
        "environment": row.environment.slug,
        "summary": row.title,
        "components": list(
            row.parts.order_by("position").values_list("component__slug", flat=True)
        ),
        "commit": row.commit_sha,
        "image": {"tag": row.image_tag, "digest": row.image_digest},
        "artifacts": row.artifacts,
        "release_notes": row.release_notes,
        "flag": row.flag.flag_name if row.flag is not None else "",
        "rollback_plan": row.rollback_plan,
        "hotfix": _hotfix(row),
        "planned_at": row.planned_at.isoformat() if row.planned_at else None,
        "waived": [{"check": gate.title, "why": gate.reason} for gate in waived],
        "steps": [signed_of(step) for step in steps],
    }


def signed_of(step: Step, adapter: Adapter | None = None) -> dict[str, Any]:
    """What is signed of a step: with the adapter's own words for what it runs or calls, so that
    the adapter can't become another one under a name that was consented to."""
    by = adapter or step.adapter
    return {
        "step": str(step.uid),
        "title": step.title,
        "command": step.command,
        "address": step.url,
        "adapter": by.slug if by is not None else "",
        "runs": (by.argv or by.url) if by is not None else "",
    }


def _hotfix(row: Deployment) -> dict[str, str]:
    if row.kind != Deployment.Kind.HOTFIX:
        return {}
    return {
        "trigger": row.hotfix_trigger,
        "branch": row.branch,
        "base": row.base_sha,
        "scope": row.scope_note,
    }


@transaction.atomic
def declare_ready(
    deployment: Deployment, *, actor: Actor, version: int | None = None
) -> Deployment:
    """Everything before it holds. Consent is asked for where the environment wants it; elsewhere
    it is approved with that."""
    from deployments.services.checking import require_gates

    policy.require(actor, "deployment.change", deployment)
    refer(deployment.item_id)  # the question names it too
    row = hold(deployment, version=version)
    require_status(row, "preparing")
    gates = require_gates(row, "before")
    advance(row, "ready", actor=actor)
    told = [f"- {gate.title}: {gate.get_state_display().lower()}. {gate.detail}" for gate in gates]
    note(
        row,
        "deployment.change",
        actor=actor,
        said="\n".join([f"{row.ref} is ready. Validations:", *told]),
        after={"status": "ready"},
        details={"ready": True},
    )
    emit(row, "ready")
    if needs_consent(row):
        _ask(row, actor)
    else:
        advance(row, "approved", actor=PORTAL, reason="Nobody has to consent.")
    _show(row)
    return row


def _show(row: Deployment) -> None:
    """The gates tell what has become of the question."""
    from deployments.services.checking import look_at_gates

    look_at_gates(row, phase="before")


def needs_consent(deployment: Deployment) -> bool:
    return deployment.is_guarded and deployment.kind != Deployment.Kind.ROLLBACK


def _ask(row: Deployment, actor: Actor) -> None:
    """Asked anew, or as the next revision of what was sent back or became void: the clock of that
    question goes on."""
    request = approvals.ask_again(
        row.approval,
        row.workspace,
        policy=policy_for(row),
        owner=OWNER,
        subject=subject(row),
        title=row.title,
        packet=packet_of(row),
        actor=actor,
        producers=[row.created_by, actor],
        item=row.item,
    )
    _point_to(row, request)


def subject(row: Deployment) -> str:
    return f"deployments.deployment:{row.uid}"


def _point_to(row: Deployment, request: Request) -> None:
    Deployment.objects.filter(pk=row.pk).update(approval=request, version=F("version") + 1)
    row.approval = request
    row.version += 1


def packet_moved(deployment: Deployment, *, actor: Actor, why: str) -> None:
    """What was asked consent for has changed: what was signed counts for nothing, and it goes
    back to being prepared. Callers hold the deployment."""
    row = Deployment.objects.select_related("environment", "flag", "approval", "workspace").get(
        pk=deployment.pk
    )
    request = row.approval
    if row.phase not in {"ready", "approved"}:
        return
    if request is not None and stands(row, request):
        return
    if request is not None and request.status in {"open", "approved"}:
        approvals.void(request, actor=actor, reason=why)  # its end brings the deployment back
    _back(row, why)
    deployment.refresh_from_db(fields=["status", "version", "blocked_from"])


def stands(row: Deployment, request: Request) -> bool:
    """Whether what was asked is what would be done now, of those whom its tier asks."""
    if request.policy_snapshot["slug"] != policy_for(row):
        return False
    return approvals.stands(request, packet_of(row))


def was_signed(step: Step, adapter: Adapter) -> bool:
    """Whether those who consented saw this step run by this."""
    request = step.deployment.approval
    if request is None:
        return not needs_consent(step.deployment)
    now = json.loads(packets.clean(signed_of(step, adapter)))
    return now in request.packet.get("steps", [])


def withdraw(row: Deployment, *, actor: Actor, why: str) -> None:
    """The question falls with what it is about."""
    approvals.take_back(row.approval, actor=actor, reason=why)


# --- What the approvals kernel calls ------------------------------------------------------------


def hold_for(request: Request) -> None:
    row = _of(request)
    if row is not None:
        hold(row)


def current_packet(request: Request) -> dict[str, Any] | None:
    row = _of(request)
    if row is None or row.phase not in {"ready", "approved"}:
        return None
    return packet_of(row)


def on_decided(request: Request, actor: Actor) -> None:
    row = _of(request)
    if row is None or row.phase != "ready":
        return
    if request.status == Request.Status.APPROVED:
        if row.status == "blocked":  # it goes on as approved once it is unblocked
            Deployment.objects.filter(pk=row.pk).update(
                blocked_from="approved", version=F("version") + 1
            )
            return
        advance(row, "approved", actor=PORTAL, reason=f"{request.ref} is approved.")
        emit(row, "approved")
        _show(row)
        return
    _back(row, f"{request.ref} is {request.get_status_display().lower()}.")


def on_closed(request: Request, actor: Actor) -> None:
    row = _of(request)
    if row is not None:
        _back(row, f"{request.ref} is {request.get_status_display().lower()}. {request.reason}")


def _back(row: Deployment, why: str) -> None:
    """To being prepared. One that is blocked stays so, and goes on from there."""
    row.refresh_from_db(fields=["status", "version", "blocked_from"])
    if row.phase not in {"ready", "approved"}:
        return
    if row.status == "blocked":
        Deployment.objects.filter(pk=row.pk).update(
            blocked_from="preparing", version=F("version") + 1
        )
        return
    advance(row, "preparing", actor=PORTAL, reason=why[:500])


def link_for(request: Request) -> str:
    row = _of(request)
    return links.page_of(row) if row is not None else ""


def _of(request: Request) -> Deployment | None:
    rows = Deployment.objects.select_related("environment", "flag", "approval", "workspace")
    found: Deployment | None = rows.filter(approval=request).first()
    return found


@transaction.atomic
def back_to_preparing(
    deployment: Deployment, *, actor: Actor, reason: str, version: int | None = None
) -> Deployment:
    """Think again, before it starts. Consent that was given or asked for falls."""
    policy.require(actor, "deployment.change", deployment)
    row = hold(deployment, version=version)
    require_status(row, "ready", "approved")
    if not reason.strip():
        raise Conflict("Say why.", details={"reason": "Missing."})
    withdraw(row, actor=actor, why=reason)
    _back(row, reason)
    row.refresh_from_db()
    note(
        row,
        "deployment.change",
        actor=actor,
        said=f"{row.ref} goes back to being prepared: {reason}",
        after={"status": row.status},
        reason=reason,
        details={"back": True},
    )
    return row
