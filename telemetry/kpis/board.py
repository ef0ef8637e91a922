"""What the board shows of each key figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.registries import Kpi, kpis
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from telemetry.kpis.periods import Period, before, period_of
from telemetry.models import KpiValue

TREND = 12  # periods


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: the period that runs, the last whole one, and those before it."""

    kpi: Kpi
    period: Period
    now: KpiValue | None
    last: KpiValue | None
    trend: tuple[float | None, ...]  # oldest first, of whole periods

    @property
    def state(self) -> str:
        """Of the last whole period; of the running one while there is no other."""
        for row in (self.last, self.now):
            if row is not None:
                return row.state
        return KpiValue.State.NO_DATA


def shown_to(actor: Actor, workspace: Workspace) -> list[Kpi]:
    """The figures this reader may see: each says which action that takes."""
    return [kpi for kpi in kpis if policy.can(actor, kpi.action, workspace)]


def board(workspace: Workspace, actor: Actor, now: datetime | None = None) -> list[Line]:
    """Every registered figure that the reader may see, the business's first. One query."""
    moment = now or clock.now()
    shown = shown_to(actor, workspace)
    frames = {kpi.slug: _frame(kpi, moment) for kpi in shown}
    oldest = min((frame[0].start for frame in frames.values()), default=moment)
    rows = KpiValue.objects.of(workspace.pk).filter(start__gte=oldest, kpi__in=frames)
    known = {(row.kpi, row.start): row for row in rows}
    lines = [_line(kpi, frames[kpi.slug], known) for kpi in shown]
    return sorted(lines, key=lambda line: line.kpi.group != "business")


def _frame(kpi: Kpi, now: datetime) -> Sequence[Period]:
    """The running period and those before it, oldest first."""
    frame = [period_of(kpi.cadence, now)]
    for _ in range(TREND):
        frame.append(before(kpi.cadence, frame[-1]))
    return frame[::-1]


def _line(kpi: Kpi, frame: Sequence[Period], known: dict[tuple[str, datetime], KpiValue]) -> Line:
    rows = [known.get((kpi.slug, period.start)) for period in frame]
    return Line(
        kpi=kpi,
        period=frame[-1],
        now=rows[-1],
        last=rows[-2],
        trend=tuple(row.value if row is not None else None for row in rows[:-1]),
    )
