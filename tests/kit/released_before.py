"""A history of releases, written as rows: walking each through its services would measure them,
and they know no time but now."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.db.models import F

from controlplane.lib import clock
from deployments.models import Deployment, DeploymentComponent
from tests.kit.deployments import World, again

_numbers = count(10_001)
MINUTES = 30


def landed(
    world: World,
    release: str,
    at: datetime,
    *,
    where: str = "production",
    kinds: tuple[str, ...] = ("agent",),
    status: str = "completed",
    **given: Any,
) -> Deployment:
    """One that became live then, and how it stands now."""
    values: dict[str, Any] = {
        "title": f"Deploy {release} to {where}", "created_by": world.actor.ref,
        "created_at": at - timedelta(hours=2), **given,
    }  # fmt: skip
    row = Deployment(
        workspace=world.workspace,
        environment=world.place(where),
        release=release,
        ref=f"DEP-{next(_numbers)}",
        **values,
    )
    row.save(force_insert=True)
    DeploymentComponent.objects.bulk_create(
        DeploymentComponent(
            deployment=row, component=world.component(kind), kind=kind, position=place
        )
        for place, kind in enumerate(kinds)
    )
    times = {"started_at": at - timedelta(minutes=MINUTES), "deployed_at": at, "changed_at": at}
    if status in {"completed", "rolled_back", "failed"}:
        times["closed_at"] = at + timedelta(minutes=MINUTES)
    Deployment.objects.filter(pk=row.pk).update(status=status, version=F("version") + 1, **times)
    return again(row)


def undone(world: World, bad: Deployment, at: datetime, **given: Any) -> Deployment:
    """The rollback that brought back what was before."""
    row = landed(
        world,
        f"{bad.release}-rollback",
        at,
        where=bad.environment.slug,
        kind="rollback",
        reverses=bad,
        kinds=tuple(bad.parts.order_by("position").values_list("kind", flat=True)),
        **given,
    )
    Deployment.objects.filter(pk=bad.pk).update(
        status="rolled_back", closed_at=at, version=F("version") + 1
    )
    return row


def stopped(world: World, release: str, at: datetime, **given: Any) -> Deployment:
    """One that was given up on the way: it never became live."""
    row = landed(world, release, at, status="draft", **given)
    Deployment.objects.filter(pk=row.pk).update(
        status="failed", started_at=at, deployed_at=None, closed_at=at, version=F("version") + 1
    )
    return again(row)


def ago(**parts: float) -> datetime:
    return clock.now() - timedelta(**parts)
