"""The demo's approvals: what waits for whom, what was said, who signs for whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from controlplane.approvals import services
from controlplane.approvals.models import Request
from controlplane.approvals.shipped import slot
from controlplane.base import demo
from controlplane.lib import clock
from controlplane.lib.actors import Actor


@demo.step("approvals", order=55)
def approvals(scene: demo.Scene) -> None:
    if Request.objects.of(scene.workspace).exists():
        return
    _plan_packet(scene)
    _push(scene)
    _hotfix(scene)
    _sent_back(scene)
    _with_a_partner(scene)
    services.delegate(
        None,
        scene.people["engineering_lead"],
        workspace=scene.workspace,
        actor=scene.actor("release_manager"),
        reason="On leave for four days",
        starts=clock.now() + timedelta(days=2),
        until=clock.now() + timedelta(days=6),
    )


def _plan_packet(scene: demo.Scene) -> None:
    """Two people on the same packet: one has signed."""
    services.define_policy(
        scene.workspace,
        "plan_packet",
        actor=scene.actor("workspace_admin"),
        name="Plan packet of a mission",
        about="Two people of different roles sign the same packet.",
        slots=[
            slot("gv", "Governance Validator", "governance_validator"),
            slot("oc", "Operations Command", "operations_command"),
        ],
        escalate_to=["cto"],
    )
    request = services.ask(
        scene.workspace,
        policy="plan_packet",
        owner="by_hand",
        subject="demo:plan",
        title="Enrich 200 dormant accounts and draft their mails",
        actor=scene.actor("mission_owner"),
        packet={
            "summary": "Read 200 accounts, add what is public, put drafts into Gmail.",
            "affected": {"records": 200, "segments": ["dormant, EU"], "sources": ["CRM", "Gmail"]},
            "safeguards": [
                {"title": "Nothing is sent", "severity": "high"},
                {"title": "At most 60 calls a minute", "severity": "medium"},
            ],
            "undo_plan": {"label": "Delete the drafts", "window_minutes": 15, "steps": 2},
            "permissions": {"gmail": ["drafts.write"], "crm": ["contacts.read"]},
        },
    )
    services.decide(
        request,
        "approved",
        actor=scene.actor("governance_validator"),
        sha256=request.sha256,
        comment="Safeguards match the templates.",
    )


def _push(scene: demo.Scene) -> None:
    request = services.ask(
        scene.workspace,
        policy="production_push",
        owner="by_hand",
        subject="demo:release",
        title="Push agent-service 4.2.0 to production",
        actor=scene.actor("engineering_lead"),
        packet={"service": "agent-service", "version": "4.2.0", "risk": "medium"},
    )
    services.decide(
        request, "approved", actor=_signer(scene, "release_manager"), sha256=request.sha256
    )


def _signer(scene: demo.Scene, role: str) -> Actor:
    """As who signs what reaches production has to be: with a code of just now."""
    return replace(scene.actor(role), second_factor_at=clock.now().timestamp())


def _hotfix(scene: demo.Scene) -> None:
    request = services.ask(
        scene.workspace,
        policy="hotfix",
        owner="by_hand",
        subject="demo:hotfix",
        title="Hotfix: retries of the Tool Router never end",
        actor=scene.actor("release_manager"),
        packet={"trigger": "outage", "change": "Stop after five tries", "skipped": ["canary"]},
    )
    services.comment(
        request,
        "Which tries count: those of the run, or those of the tool?",
        actor=scene.actor("engineering_lead"),
    )


def _sent_back(scene: demo.Scene) -> None:
    """Sent back, and asked again with another packet."""
    asker = scene.actor("release_manager")
    packet = {"window": "Sunday 02:00 UTC", "tasks": ["Raise the pool", "Restart"], "undo": ""}
    request = services.ask(
        scene.workspace,
        policy="hotfix",
        owner="by_hand",
        subject="demo:maintenance",
        title="Maintenance of the mission database",
        actor=asker,
        packet=packet,
        due_at=clock.now() + timedelta(hours=6),
    )
    services.decide(
        request,
        "changes_requested",
        actor=_signer(scene, "engineering_lead"),
        sha256=request.sha256,
        comment="Say how to undo it.",
    )
    packet["undo"] = "Set the pool back to 60 and restart; two minutes."
    services.revise(request, packet, actor=asker, reason="How to undo it")


def _with_a_partner(scene: demo.Scene) -> None:
    """Somebody of another house signs too, on the desk; one has signed what has changed since."""
    services.define_policy(
        scene.workspace,
        "partner_change",
        actor=scene.actor("workspace_admin"),
        name="Change that a partner feels",
        about="The partner signs as well as the Release Manager.",
        slots=[
            slot("release", "Release manager", "release_manager"),
            slot("partner", "Product partner", "product_partner"),
        ],
        escalate_to=["product_vp"],
    )
    asker = scene.actor("engineering_lead")
    packet = {
        "what": "Mails to your customers leave by the **new gateway**, a quarter of them first.",
        "before": {"gateway": "old", "percent": 0},
        "after": {"gateway": "new", "percent": 50},
        "affected": {"records": 1_200, "segments": ["partners, EU"]},
        "safeguards": [{"title": "Nothing is sent at night", "severity": "high"}],
        "undo": {"label": "Switch it back", "window_minutes": 2},
    }
    request = services.ask(
        scene.workspace,
        policy="partner_change",
        owner="by_hand",
        subject="demo:gateway",
        title="Send partners' mails by the new gateway",
        actor=asker,
        packet=packet,
    )
    services.decide(
        request, "approved", actor=_signer(scene, "release_manager"), sha256=request.sha256
    )
    packet["after"] = {"gateway": "new", "percent": 25}
    services.revise(request, packet, actor=asker, reason="Half was too much to begin with")
