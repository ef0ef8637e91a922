"""What the catalogue knows of each workspace's services and integrations."""

from __future__ import annotations

from collections.abc import Iterable

from controlplane.catalog.models import Integration, Probe
from telemetry.collectors.table import MINUTELY, Figure, gauge


@gauge("service_up", unit="", every=MINUTELY)
def service_up() -> Iterable[Figure]:
    """1 where all its probes see it, 0 where one does not. What nobody has looked at lately has
    no figure: unknown is neither."""
    silent = Probe.objects.silent().values("pk")
    looked = (
        Probe.objects.on()
        .exclude(health=Probe.Health.UNKNOWN)
        .exclude(pk__in=silent)
        .values_list("workspace_id", "service__slug", "health")
        .order_by("workspace_id", "service__slug")
    )
    up: dict[tuple[int, str], bool] = {}
    for workspace_id, slug, health in looked.iterator():
        key = (workspace_id, slug)
        up[key] = up.get(key, True) and health == Probe.Health.UP
    for (workspace_id, slug), is_up in up.items():
        yield Figure(float(is_up), of=slug, workspace_id=workspace_id, service=slug)


@gauge("breaker_open", unit="", every=MINUTELY)
def breaker_open() -> Iterable[Figure]:
    """1 while calls are held back, a trial included."""
    rows = Integration.objects.filter(is_active=True, workspace__archived_at=None)
    for workspace_id, slug, status in rows.values_list("workspace_id", "slug", "status"):
        value = float(status != Integration.Status.CLOSED)
        yield Figure(value, of=slug, workspace_id=workspace_id)
