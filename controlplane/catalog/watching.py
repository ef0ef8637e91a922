"""The dead-man check of probes: one that should look and was not heard of is a finding."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.catalog.models import Probe
from controlplane.jobs import watch

SHOWN = 50


@watch.probe("catalog.probes")
def silent_probes() -> Iterator[watch.Finding]:
    """Not critical: the portal is up, one of its eyes is not."""
    rows = Probe.objects.silent().filter(workspace__archived_at=None)
    for probe in rows.select_related("service", "environment", "workspace").order_by("pk")[:SHOWN]:
        who = "Nobody reports" if probe.pushed else "Nobody sees"
        said = f" Last: {probe.last_error}" if probe.last_error else ""
        where = f"{probe.workspace.slug}/{probe.service.slug}/{probe.environment.slug}"
        since = "never yet" if probe.last_at is None else f"since {probe.last_at:%Y-%m-%d %H:%M}"
        yield watch.Finding(
            "silence",
            where[:100],
            f"{who} how {probe} fares, {since}{' UTC' if probe.last_at else ''}.{said}",
            critical=False,
        )
