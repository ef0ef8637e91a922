"""The demo's maintenance: the quarter's window, which waits for consent, and a partner's."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from controlplane.access.models import User
from controlplane.base import demo
from controlplane.catalog.models import Environment, Service
from controlplane.lib import clock
from controlplane.oncall import duty
from deployments.maintenance import plans, services
from deployments.models import MaintenanceWindow


@demo.step("maintenance", order=72)
def maintenance(scene: demo.Scene) -> None:
    if MaintenanceWindow.objects.of(scene.workspace).exists():
        return
    manager: Any = scene.actor("release_manager")
    place = Environment.objects.get(workspace=scene.workspace, slug="production")
    known = Service.objects.filter(workspace=scene.workspace, status="active").order_by("pk")
    start, _ = plans.next_quiet_hours(clock.now())
    row = services.plan_window(
        scene.workspace,
        actor=manager,
        title="Upgrade PostgreSQL to its newest minor version",
        environment=place,
        services=list(known[:2]),
        starts_at=start,
        ends_at=start + timedelta(hours=2),
        about="The database is restarted once. Pages answer with an error for about two minutes; "
        "missions that are under way go on by themselves.",
        rollback_plan="1. Stop the workers.\n2. Start the old server on the old files.\n"
        "3. Start the workers.\nFour minutes in staging.",
        templates=["database-upgrade"],
        watcher=_on_duty(scene, start),
    )
    row = services.record_test(
        row, actor=scene.actor("engineering_lead"), evidence="Run 12 in staging: four minutes."
    )
    row = services.schedule(row, actor=manager)
    row = services.announce(row, actor=manager)
    services.ask_consent(row, actor=manager)
    _partners(scene, place, manager)


def _on_duty(scene: demo.Scene, at: datetime) -> User | None:
    found = duty.on_duty("primary_operator", at, workspace=scene.workspace)
    return found[0].person if found else scene.people.get("primary_operator")


def _partners(scene: demo.Scene, place: Environment, manager: Any) -> None:
    start = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=9)
    row = services.plan_window(
        scene.workspace,
        actor=manager,
        title="Their mail servers move to another region",
        partner="Composio",
        environment=place,
        starts_at=start,
        ends_at=start + timedelta(hours=3),
        about="Tool calls through them may be refused for some minutes; they are tried again.",
    )
    services.schedule(row, actor=manager)
