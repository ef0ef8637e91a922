"""The demo's releases of the last weeks: four that stayed, and one that was taken back.

Told through the services, each moment with the clock set back to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.base import demo
from controlplane.catalog.models import Component, Environment
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from deployments import services
from deployments.gates import table
from deployments.models import Deployment, Step


@dataclass(frozen=True, slots=True)
class Past:
    release: str
    days: int
    notes: str
    undone: str = ""


RELEASES = (
    Past("4.0.3", 33, "Retries of toolkits wait longer each time."),
    Past("4.1.0", 30, "The review desk shows what changed since the last signature."),
    Past("4.1.1", 23, "Plans say what each step costs."),
    Past("4.1.2", 16, "Evidence is bundled while a mission runs.", "Bundles of large missions"
         " fill the disk; the release before builds them afterwards."),
    Past("4.1.3", 9, "Evidence is bundled while a mission runs, piece by piece."),
)  # fmt: skip


@demo.step("releases", order=69)
def releases(scene: demo.Scene) -> None:
    if Deployment.objects.of(scene.workspace).exists():
        return
    part = Component.objects.of(scene.workspace).filter(kind="agent", is_active=True).first()
    if part is not None:
        for past in RELEASES:
            _tell(scene, past, part)


def _tell(scene: demo.Scene, past: Past, part: Component) -> None:
    ago = timedelta(days=past.days)
    operator = scene.actor("primary_operator")
    with clock.set_back(ago):
        row = _live(scene, _plan(scene, past, part, operator), operator)
    if past.undone:
        with clock.set_back(ago - timedelta(minutes=18)):
            back = services.roll_back(row, actor=operator, reason=past.undone)
            row = _verified(scene, back, operator)
    with clock.set_back(ago - timedelta(minutes=75)):
        _watched(scene, row)
        services.close(row, actor=operator, reason="Live and stable.", early=True)


def _watched(scene: demo.Scene, row: Deployment) -> None:
    """By people: the demo's telemetry begins later."""
    for gate in services.look_at_gates(row, phase="after"):
        if gate.slug == "watched" and not gate.is_settled:
            lead = scene.actor("engineering_lead")
            services.waive_gate(gate, actor=lead, reason="Watched on the dashboards of then.")


def _plan(scene: demo.Scene, past: Past, part: Component, operator: Actor) -> Deployment:
    made = sha256(past.release.encode()).hexdigest()
    return services.create_deployment(
        scene.workspace,
        actor=operator,
        environment=Environment.objects.get(workspace=scene.workspace, slug="production"),
        release=past.release,
        components=[part],
        commit_sha=made[:40],
        ci_url=f"https://ci.example.com/runs/{4100 + past.days}",
        image_tag=f"v{past.release}",
        image_digest=f"sha256:{made}",
        release_notes=past.notes,
        rollback_plan="Deploy the release before again; two minutes, no migration to undo.",
        evidence_path=f"docs/readiness/{past.release}/",
        backup_ref="backup of 03:15",
    )


def _live(scene: demo.Scene, row: Deployment, operator: Actor) -> Deployment:
    """From its plan to being watched."""
    row = services.prepare(row, actor=operator)
    settle(scene, row, "before")
    row = services.declare_ready(_again(row), actor=operator)
    _sign(scene, row)
    return _verified(scene, services.start(_again(row), actor=operator), operator)


def _verified(scene: demo.Scene, row: Deployment, operator: Actor) -> Deployment:
    """Its steps are done, and somebody looked."""
    for step in Step.objects.filter(deployment=row).order_by("position"):
        services.finish_step(step, actor=operator, exit_code=0, output="done")
    settle(scene, row, "after")
    return services.begin_watch(_again(row), actor=operator)


def _sign(scene: demo.Scene, row: Deployment) -> None:
    request = _again(row).approval
    if request is None or request.status != "open":
        return
    for slot in request.slots.order_by("position"):
        asked = Request.objects.get(pk=request.pk)
        signer = replace(scene.actor(slot.roles[0]), second_factor_at=clock.now().timestamp())
        approvals.decide(asked, "approved", actor=signer, sha256=asked.sha256)


def settle(
    scene: demo.Scene,
    row: Deployment,
    phase: str,
    reason: str = "Seen by hand, before CI reported here.",
) -> None:
    """What the portal can't know is waived, what people are asked is ticked."""
    lead = scene.actor("engineering_lead")
    for gate in services.look_at_gates(row, phase=phase):
        definition = table.GATES[gate.slug]
        if gate.is_settled or definition.at_start or gate.slug == "watched":
            continue
        if gate.computed:
            services.waive_gate(gate, actor=lead, reason=reason)
        else:
            services.tick_gate(gate, actor=lead, detail="Looked at.")


def _again(row: Deployment) -> Any:
    related = ("environment", "workspace", "item", "approval", "flag", "reverses", "previous")
    return Deployment.objects.select_related(*related).get(pk=row.pk)
