"""Maintenance with its notices: planned, tested and consented to; said two weeks, a week, a day and
an hour before, each once; begun, done, watched and closed. The portal's clock is moved."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from deployments.models import MaintenanceWindow, Notice
from tests.day.town import Town
from tests.kit import maintenance
from tests.kit.deployments import deliver, fire

BEFORE = (timedelta(days=14), timedelta(days=7), timedelta(days=1), timedelta(0))


def kept(town: Town) -> None:
    world = maintenance.World(town.workspace, town.person("release_manager"))
    watcher, service = world.watcher(), world.service()
    span = world.span()
    manager = town.sits("release_manager")
    ref = manager.post("maintenance", **{
        "title": "Upgrade of the database", "environment": "production",
        "services": [service.slug], "rollback_plan": "The old server on the old files.",
        "templates": ["reindex"], "watcher": str(watcher.uid),
        **{name: moment.isoformat() for name, moment in span.items()},
    })["ref"]  # fmt: skip
    at = f"maintenance/{ref}"
    manager.post(f"{at}/tested", evidence="Run 12 in staging.")
    assert manager.post(f"{at}/schedule")["status"] == "scheduled"
    assert manager.post(f"{at}/announce")["status"] == "announced"
    asked = town.sits("secondary_operator").post(f"{at}/ask")["approval"]
    assert town.sign(asked) == "approved"
    row = MaintenanceWindow.objects.get(workspace=town.workspace, ref=ref)
    for ahead in BEFORE:
        with town.later(row.starts_at - ahead + timedelta(seconds=1)):
            fire()
    _worked(town, at, row)
    row.refresh_from_db()
    assert row.status == "completed"
    _said_once(row)


def _worked(town: Town, at: str, row: MaintenanceWindow) -> None:
    with town.later(row.starts_at + timedelta(minutes=2)):
        begun = town.at_live("release_manager").post(f"{at}/start")
        assert begun["status"] == "in_progress"
    with town.later(row.ends_at - timedelta(minutes=10)):
        done = town.at_live("release_manager").post(f"{at}/finish", outcome="Indexes are new.")
    with town.later(_moment(done["monitor_until"]) + timedelta(minutes=1)):
        fire()
        manager = town.at_live("release_manager")
        assert manager.refused(f"{at}/close", reason="Done.") == "GATE_NOT_MET"
        for task in manager.get(f"{at}/tasks")["tasks"]:
            manager.post(f"{at}/tasks/{task['key']}/move", to="done", remark="exit 0")
        manager.post(f"{at}/close", reason="All is well.")
        deliver()


def _moment(told: Any) -> datetime:
    return datetime.fromisoformat(str(told))


def _said_once(row: MaintenanceWindow) -> None:
    """Each kind of notice left at each of its places, or there is no such place here."""
    states = Notice.objects.filter(window=row, revision=row.revision).values_list("kind", "state")
    assert set(states) <= {(kind, state) for kind, _ in states for state in ("sent", "nowhere")}
    assert len({kind for kind, _ in states}) >= 4
