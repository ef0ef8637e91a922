"""What the watch over the portal hears of the rotas: that somebody should answer now, and nobody
does."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.jobs import watch
from controlplane.lib import clock
from controlplane.oncall.models import Gap

MOST = 50


@watch.probe("oncall.gaps")
def nobody_on_duty() -> Iterator[watch.Finding]:
    """Not critical: the portal is up. Whoever would be called is missing, and the next step of an
    escalation is taken at once."""
    now = clock.now()
    rows = Gap.objects.open(now).filter(since__lte=now, schedule__retired_at=None)
    for gap in rows.select_related("schedule__workspace").order_by("since")[:MOST]:
        schedule = gap.schedule
        yield watch.Finding(
            "on_call",
            f"{schedule.workspace.slug}/{schedule.slug}"[:100],
            f"Nobody is on duty for {schedule.title} since {gap.since:%Y-%m-%d %H:%M} UTC.",
            critical=False,
        )
