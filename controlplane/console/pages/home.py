"""Home: what needs this person now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.access import policy
from controlplane.base import cache
from controlplane.base.registries import HomeRow, Kpi, Waiting, home_rows, kpis
from controlplane.base.web import actor_of, workspace_of
from controlplane.console.pages.common import console, part, show
from controlplane.console.shell import survive
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor

HOME_ROWS = defaults.define(
    "console.home_rows", 8, unit="rows", why="each section shows this many and links to the rest"
)
KPI_S = defaults.define(
    "console.kpi_s", 60, unit="seconds", why="key figures on the home page may be this old"
)
KPI_DAYS = 7


@dataclass(frozen=True, slots=True)
class Section:
    entry: HomeRow
    rows: Sequence[Waiting]
    count: int
    failed: bool = False
    last: datetime | None = None

    @property
    def others(self) -> list[Waiting]:
        """What of it is nobody's in particular: one's own stands apart, before all sections."""
        return [row for row in self.rows if not row.mine]

    @property
    def more(self) -> int:
        return max(0, self.count - len(self.rows))


@dataclass(frozen=True, slots=True)
class Figure:
    kpi: Kpi
    value: float | None
    link: str = ""

    @property
    def met(self) -> bool | None:
        if self.value is None or self.kpi.target is None:
            return None
        if self.kpi.better == "higher":
            return self.value >= self.kpi.target
        return self.value <= self.kpi.target

    @property
    def target(self) -> str:
        if self.kpi.target is None:
            return ""
        sign = "≥" if self.kpi.better == "higher" else "≤"
        return f"{sign} {self.kpi.target:g} {self.kpi.unit}"


@require_safe
@console
def home(request: HttpRequest) -> HttpResponse:
    actor, workspace = actor_of(request), workspace_of(request)
    workspace_id = workspace.pk if workspace is not None else None
    shown = sections(actor, workspace_id)
    context: dict[str, Any] = {
        "mine": yours(shown),
        "waiting": [section for section in shown if section.others or section.failed],
        "calm": [section for section in shown if not section.rows and not section.failed],
    }
    if request.GET.get("_part") == "waiting":
        return part(request, "console/_waiting.html", context)
    known = figures(actor, workspace_id)
    context |= {
        "title": "Home",
        "figures": [figure for figure in known if figure.value is not None],
        "unmeasured": [figure for figure in known if figure.value is None],
    }
    return show(request, "console/home.html", context)


@require_safe
@console
def nav(request: HttpRequest) -> HttpResponse:
    """The sidebar's entries alone, as the page at `?at=` shows them."""
    request.path = request.GET.get("at", "")[:300]
    return part(request, "console/_nav.html", {})


def sections(actor: Actor, workspace_id: int | None) -> list[Section]:
    permitted = [entry for entry in home_rows if policy.can(actor, entry.action)]
    ordered = sorted(permitted, key=lambda entry: entry.order)
    return [_section(entry, actor, workspace_id) for entry in ordered]


def _section(entry: HomeRow, actor: Actor, workspace_id: int | None) -> Section:
    def ask() -> Section:
        rows = list(entry.rows(actor, workspace_id))
        counted = entry.count(actor, workspace_id) if entry.count is not None else len(rows)
        asked = entry.last if not rows else None
        last = asked(actor, workspace_id) if asked is not None else None
        return Section(entry, rows[: HOME_ROWS.value], max(counted, len(rows)), last=last)

    return survive(ask, Section(entry, [], 0, failed=True), f"home section {entry.slug}")


def yours(shown: Sequence[Section]) -> list[tuple[HomeRow, Waiting]]:
    """What waits for this very person, whatever it is about, the soonest first."""
    found = [(section.entry, row) for section in shown for row in section.rows if row.mine]
    never = datetime.max.replace(tzinfo=UTC)
    return sorted(found, key=lambda pair: pair[1].due or pair[1].since or never)


def figures(actor: Actor, workspace_id: int | None) -> list[Figure]:
    if workspace_id is None:
        return []
    end = clock.now()
    begin = end - timedelta(days=KPI_DAYS)

    def produce() -> dict[str, float | None]:
        return {
            kpi.slug: survive(
                lambda kpi=kpi: kpi.compute(workspace_id, begin, end),  # type: ignore[misc]
                None,
                f"figure {kpi.slug}",
            )
            for kpi in kpis
        }

    values = cache.cached(f"figures:{workspace_id}", KPI_S.value, produce)
    return [Figure(kpi, values.get(kpi.slug), _explained(kpi, actor)) for kpi in kpis]


def _explained(kpi: Kpi, actor: Actor) -> str:
    return kpi.link if kpi.link and policy.can(actor, kpi.action) else ""
