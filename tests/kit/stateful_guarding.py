"""How the walk over every transition table gets what guards missions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models

from controlplane.lib import clock
from missions import services
from missions.models import Finding, Mission, MissionToolkit, Override, Violation
from tests.kit.guarding import SCOPES, World
from tests.kit.stateful import NEEDS, builds


def _decided(row: models.Model, to: str) -> dict[str, Any]:
    return {"decided_at": clock.now(), "decided_by": "walk", "reason": "walk"}


@builds("missions.safeguard")
def safeguard() -> models.Model:
    found = World().started().safeguards.first()
    assert found is not None
    return found


NEEDS["missions.safeguard"] = _decided


@builds("missions.finding")
def finding() -> models.Model:
    world = World()
    return world.found(world.started(), severity="low")


def _finding(row: models.Model, to: str) -> dict[str, Any]:
    assert isinstance(row, Finding)
    if to == "open":
        Override.objects.filter(finding=row, status="granted").update(
            status="revoked", ended_at=clock.now(), ended_by="walk"
        )
        return {"decided_at": None, "decided_by": ""}
    if to == "excepted" and not row.overrides.filter(status="granted").exists():
        asked = Override.objects.create(
            mission=row.mission, kind="finding", subject=str(row.uid), finding=row, reason="walk",
            requested_by="somebody",
        )  # fmt: skip
        Override.objects.filter(pk=asked.pk).update(status="granted", **_granted())
    return {"decided_at": clock.now(), "decided_by": "walk", "resolution": "walk"}


def _granted() -> dict[str, Any]:
    now = clock.now()
    return {"decided_at": now, "decided_by": "walk", "role": "governance_validator",
            "expires_at": now + timedelta(days=1)}  # fmt: skip


NEEDS["missions.finding"] = _finding


@builds("missions.violation")
def violation() -> models.Model:
    return Violation.objects.create(mission=World().started(), severity="high", paused=False)


NEEDS["missions.violation"] = lambda row, to: {"settled_at": clock.now(), "settled_by": "walk"}


@builds("missions.override")
def override() -> models.Model:
    world = World()
    return services.ask_override(
        world.started(), actor=world.actor, kind="gate", subject="data_coverage", reason="walk"
    )


def _override(row: models.Model, to: str) -> dict[str, Any]:
    if to in {"granted", "denied"}:
        return _granted()
    return {"ended_at": clock.now(), "ended_by": "walk"}


NEEDS["missions.override"] = _override


def _kit(world: World, row: Mission) -> MissionToolkit:
    return world.toolkit(row)


@builds("missions.missiontoolkit")
def toolkit() -> models.Model:
    world = World()
    return _kit(world, world.started())


def _toolkit(row: models.Model, to: str) -> dict[str, Any]:
    if to == "undecided":
        return {"approved_scopes": [], "decided_at": None, "decided_by": "", "decision": ""}
    given: dict[str, Any] = {"decided_at": clock.now(), "decided_by": "walk", "decision": "walk"}
    return given | {"approved_scopes": SCOPES if to == "approved" else []}


NEEDS["missions.missiontoolkit"] = _toolkit


@builds("missions.toolkitconnection")
def connection() -> models.Model:
    world = World()
    kit = _kit(world, world.started())
    world.inspected(kit)
    world.approved(kit)
    return world.begun(kit)


def _connection(row: models.Model, to: str) -> dict[str, Any]:
    now = clock.now()
    if to == "approved":
        return {"granted_scopes": SCOPES, "connected_at": now, "verified_at": now}
    return {"ended_at": now, "ended_by": "walk"}


NEEDS["missions.toolkitconnection"] = _connection


@builds("missions.agentsession")
def session() -> models.Model:
    world = World()
    agent = world.agent("executor")
    return services.write_session(world.started(), "executor", actor=agent).session


NEEDS["missions.agentsession"] = lambda row, to: {
    "ended_at": clock.now() if to == "terminated" else None
}
