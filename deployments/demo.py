"""The demo's deployments: one in staging, one being prepared for production, a freeze to come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.base import demo
from controlplane.catalog.models import Component, Environment
from controlplane.lib import clock
from deployments import services
from deployments.canary import demo as _canaries  # noqa: F401
from deployments.demo_history import settle
from deployments.maintenance import demo as _maintenance  # noqa: F401
from deployments.models import Deployment, Step

RELEASE = "4.2.0"
_WAIVED = "Staging of a demo goes without."
_FACTS: dict[str, Any] = {
    "commit_sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
    "ci_url": "https://ci.example.com/runs/4211",
    "image_tag": "v4.2.0",
    "image_digest": "sha256:" + "4d" * 32,
    "release_notes": "Missions are planned by the second planner where its flag is on.",
    "rollback_plan": "Deploy v4.1.3 again; two minutes, no migration to undo.",
    "evidence_path": "docs/readiness/4.2.0/",
}


@demo.step("deployments", order=70)
def deployments(scene: demo.Scene) -> None:
    if Deployment.objects.of(scene.workspace).filter(release=RELEASE).exists():
        return
    agents = Component.objects.of(scene.workspace).filter(kind="agent", is_active=True)[:1]
    if not agents:
        return
    _staged(scene, list(agents))
    row = _plan(scene, "production", list(agents), planned_at=clock.now() + timedelta(days=1))
    services.prepare(row, actor=scene.actor("release_manager"))
    services.make_freeze(
        scene.workspace,
        actor=scene.actor("release_manager"),
        title="End of the quarter",
        reason="Customers close their books.",
        environments=[row.environment],
        starts_at=clock.now() + timedelta(days=20),
        ends_at=clock.now() + timedelta(days=24),
    )
    _launch(scene)


def _plan(scene: demo.Scene, place: str, parts: list[Component], **given: Any) -> Deployment:
    return services.create_deployment(
        scene.workspace,
        actor=scene.actor("release_manager"),
        environment=Environment.objects.get(workspace=scene.workspace, slug=place),
        release=RELEASE,
        components=parts,
        **_FACTS,
        **given,
    )


def _staged(scene: demo.Scene, parts: list[Component]) -> None:
    """All the way to being watched."""
    manager = scene.actor("release_manager")
    row = services.prepare(_plan(scene, "staging", parts), actor=manager)
    settle(scene, row, "before", _WAIVED)
    row = services.declare_ready(row, actor=manager)
    services.start(row, actor=manager)
    for step in Step.objects.filter(deployment=row).order_by("position"):
        services.finish_step(step, actor=manager, exit_code=0, output="done")
    settle(scene, row, "after", _WAIVED)
    services.begin_watch(Deployment.objects.get(pk=row.pk), actor=manager)


def _launch(scene: demo.Scene) -> None:
    """Its first two lines are shown to hold."""
    manager = scene.actor("release_manager")
    row = services.plan_launch(
        scene.workspace,
        actor=manager,
        title="The second planner for everybody",
        about="Missions of all customers are planned by the second planner.",
        launch_at=clock.now() + timedelta(days=12),
    )
    for line in row.lines.select_related("launch").order_by("position")[:2]:
        shown = [{"label": "Report of last week", "link": "https://ci.example.com/runs/4211"}]
        services.settle_line(line, actor=manager, state="done", evidence=shown)
