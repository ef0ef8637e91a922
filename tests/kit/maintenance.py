"""A workspace that maintains what it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import time_machine

from controlplane.access.models import User
from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.catalog import services as catalog
from controlplane.catalog.models import Service
from controlplane.lib import clock
from deployments.maintenance import plans, services
from deployments.models import MaintenanceWindow, Notice
from tests import make
from tests.kit import deployments, oncall
from tests.kit.deployments import fire

EMERGENCY = {
    "kind": "emergency",
    "trigger": "cve",
    "urgency": "It is exploited already.",
    "impact": "Anybody may read missions of others.",
}


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """The portal's clock stands at this instant."""
    with time_machine.travel(moment, tick=False):
        yield


class World(deployments.World):
    """Somebody who plans, somebody on duty, and a service to work on."""

    def watcher(self) -> User:
        if not hasattr(self, "_watcher"):
            person = make.person(self.workspace, "primary_operator", name="Olu Grant")
            rota = oncall.schedule(self.workspace, "windows", title="Nights", time_zone="UTC")
            oncall.layer(rota, [person], starts_on=(clock.now() - timedelta(days=8)).date())
            self._watcher = person
        return self._watcher

    def service(self, slug: str = "api") -> Service:
        found = Service.objects.filter(workspace=self.workspace, slug=slug).first()
        return found or catalog.register_service(
            self.workspace, actor=make.JOB, slug=slug, name=slug.upper(), kind="other"
        )

    def span(self, weeks: int = 0) -> dict[str, Any]:
        start, _ = plans.next_quiet_hours(clock.now())
        start += timedelta(weeks=weeks)
        return {"starts_at": start, "ends_at": start + timedelta(hours=2)}

    def plan(self, where: str = "production", **given: Any) -> MaintenanceWindow:
        values: dict[str, Any] = {
            "title": "Upgrade of the database",
            "rollback_plan": "Start the old server on the old files.",
            "templates": ["reindex"],
            "watcher": self.watcher(),
            **self.span(),
            **given,
        }
        values.setdefault("actor", self.actor)
        values.setdefault("services", [self.service()])
        return services.plan_window(self.workspace, environment=self.place(where), **values)

    def tested(self, **given: Any) -> MaintenanceWindow:
        row = self.plan(**given)
        return services.record_test(row, actor=self.actor, evidence="Run 12 in staging.")

    def scheduled(self, **given: Any) -> MaintenanceWindow:
        return services.schedule(self.tested(**given), actor=self.actor)

    def emergency(self, **given: Any) -> MaintenanceWindow:
        now = clock.now()
        values: dict[str, Any] = {
            **EMERGENCY, "starts_at": now, "ends_at": now + timedelta(hours=1), "templates": [],
            "rollback_plan": "", "title": "Close the hole", **given,
        }  # fmt: skip
        return services.schedule(self.plan(**values), actor=self.actor)

    def partners(self, **given: Any) -> MaintenanceWindow:
        now = clock.now()
        values: dict[str, Any] = {
            "partner": "Northwind Mail", "title": "Their mail servers", "templates": [],
            "rollback_plan": "", "starts_at": now + timedelta(days=3),
            "ends_at": now + timedelta(days=3, hours=5), **given,
        }  # fmt: skip
        return services.schedule(self.plan(**values), actor=self.actor)

    def sign_window(self, row: MaintenanceWindow) -> MaintenanceWindow:
        """Everybody who is asked says yes."""
        request = services.ask_consent(again(row), actor=self.someone("secondary_operator"))
        for slot in request.slots.order_by("position"):
            request = Request.objects.get(pk=request.pk)
            signer = self.someone(slot.roles[0])
            approvals.decide(request, "approved", actor=signer, sha256=request.sha256)
        return again(row)

    def approved_window(self, **given: Any) -> MaintenanceWindow:
        """Its first notice has left; the others leave in their time."""
        row = services.announce(self.scheduled(**given), actor=self.actor)
        return self.sign_window(row)

    def begun(self, row: MaintenanceWindow | None = None, **given: Any) -> MaintenanceWindow:
        """Started at its time, when every notice has left. Callers stand at that time."""
        row = row or self.approved_window(**given)
        tell_in_time(row)
        return services.start(again(row), actor=self.actor)


def tell_in_time(row: MaintenanceWindow) -> None:
    """The portal was awake whenever a notice was due."""
    for days in (7, 1, 0):
        with at(row.starts_at - timedelta(days=days)):
            fire()


def again(row: MaintenanceWindow) -> MaintenanceWindow:
    found: MaintenanceWindow = MaintenanceWindow.objects.select_related(
        "environment", "workspace", "item__project", "approval", "watcher", "review"
    ).get(pk=row.pk)
    return found


def states(row: MaintenanceWindow, kind: str, revision: int | None = None) -> set[str]:
    rows = Notice.objects.filter(window=row, kind=kind)
    return set(
        rows.filter(revision=revision or again(row).revision).values_list("state", flat=True)
    )


def finish_tasks(row: MaintenanceWindow, actor: Any) -> None:
    from deployments.maintenance import standing

    for item in standing.tasks(row):
        services.move_task(row, item, actor=actor, to="done", remark="exit 0")
