"""Home: what needs this person now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.access import policy
from controlplane.base import cache
from controlplane.base.registries import Calm, HomeRow, Kpi, Waiting, home_rows, kpis
from controlplane.base.web import actor_of, workspace_of
from controlplane.console import counting
from controlplane.console.kernel import pressing
from controlplane.console.pages import first_steps
from controlplane.console.pages.common import console, part, show
from controlplane.console.surviving import survive
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from telemetry.kpis import newest
from telemetry.models import KpiValue

HOME_ROWS = defaults.define(
    "console.home_rows", 8, unit="rows", why="each section shows this many and links to the rest"
)
KPI_S = defaults.define(
    "console.kpi_s", 60, unit="seconds", why="key figures on the home page may be this old"
)
KPI_DAYS = 7
NOTHING = Calm("")
Told = tuple[float | None, bool | None, str]  # value, whether met, why not judged


@dataclass(frozen=True, slots=True)
class Section:
    entry: HomeRow
    rows: Sequence[Waiting]
    count: int
    failed: bool = False
    last: datetime | None = None
    calm: Calm = NOTHING

    @property
    def others(self) -> list[Waiting]:
        """What of it is nobody's in particular: one's own stands apart."""
        return [row for row in self.rows if not row.mine]

    @property
    def more(self) -> int:
        return max(0, self.count - len(self.rows))


@dataclass(frozen=True, slots=True)
class Card:
    """A card of what waits. One's own turn is one of them: it stands before its equals, but what
    is broken stands before what is merely due."""

    title: str
    rows: Sequence[tuple[str, Waiting]]  # with what it is about, where the title does not say it
    count: int
    link: str = ""
    more: int = 0
    failed: bool = False
    above: int = 0  # of those counted, how many wait for this person and stand on their card

    @property
    def rank(self) -> int:
        ranks = [pressing.rank(row) for _, row in self.rows]
        return min(ranks, default=pressing.BROKEN)


@dataclass(frozen=True, slots=True)
class Figure:
    kpi: Kpi
    value: float | None
    link: str = ""
    met: bool | None = None
    unjudged: str = ""  # why there is no verdict

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
    quiet = [section for section in shown if not section.rows and not section.failed]
    context: dict[str, Any] = {
        "cards": cards(shown),
        "calm": [section for section in quiet if section.calm.known],
        "unknown": [section for section in quiet if not section.calm.known],
    }
    if request.GET.get("_part") == "waiting":
        return part(request, "console/_waiting.html", context)
    known = figures(actor, workspace_id)
    measured = any(figure.value is not None for figure in known)
    context |= {
        "title": "Home",
        "steps": [] if measured else first_steps.steps(actor, workspace),
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
    return _dated([_section(entry, actor, workspace_id) for entry in ordered], actor, workspace_id)


def _section(entry: HomeRow, actor: Actor, workspace_id: int | None) -> Section:
    def ask() -> Section:
        found = [pressing.calmed(row) for row in entry.rows(actor, workspace_id)]
        rows = sorted(found, key=lambda row: (not row.mine, pressing.rank(row)))
        counted = len(rows)
        if entry.count is not None and rows and counted >= entry.most:
            counted = entry.count(actor, workspace_id)
        if rows:
            return Section(entry, rows[: HOME_ROWS.value], max(counted, len(rows)))
        said = entry.calm(actor, workspace_id) if entry.calm is not None else Calm(entry.empty)
        return Section(entry, rows, counted, calm=said)

    return survive(ask, Section(entry, [], 0, failed=True), f"home section {entry.slug}")


def _dated(shown: list[Section], actor: Actor, workspace_id: int | None) -> list[Section]:
    """When each that is quiet last was not."""
    asked = {
        section.entry.slug: _last(section.entry)
        for section in shown
        if section.entry.last is not None and section.calm.known
        if not section.rows and not section.failed
    }
    known = counting.newest(asked, actor, workspace_id)
    return [replace(section, last=known.get(section.entry.slug)) for section in shown]


_lasts: dict[str, tuple[HomeRow, ForReader[Any]]] = {}


def _last(entry: HomeRow) -> ForReader[Any]:
    known = _lasts.get(entry.slug)
    if known is None or known[0] is not entry:
        last: Any = entry.last
        known = entry, ForReader(lambda actor, workspace_id: last(actor, workspace_id)[:1])
        _lasts[entry.slug] = known
    return known[1]


def cards(shown: Sequence[Section]) -> list[Card]:
    """The most pressing first, by the worst that stands in each."""
    own = yours(shown)
    found = [Card("Waiting for you", own, len(own))] if own else []
    found += [
        Card(
            section.entry.title,
            [("", row) for row in section.others],
            section.count,
            section.entry.link,
            section.more,
            section.failed,
            sum(row.mine for row in section.rows),
        )
        for section in shown
        if section.others or section.failed
    ]
    return sorted(found, key=lambda card: card.rank)


def yours(shown: Sequence[Section]) -> list[tuple[str, Waiting]]:
    """What waits for this very person, whatever it is about: what is broken, then the soonest.
    Of what is broken the sections' order decides: what burns before a paper, however late."""
    found = [(section.entry, row) for section in shown for row in section.rows if row.mine]
    never = datetime.max.replace(tzinfo=UTC)

    def order(pair: tuple[HomeRow, Waiting]) -> tuple[int, int, datetime]:
        entry, row = pair
        rank = pressing.rank(row)
        return rank, entry.order if rank == pressing.BROKEN else 0, row.due or row.since or never

    return [(entry.title, row) for entry, row in sorted(found, key=order)]


def figures(actor: Actor, workspace_id: int | None) -> list[Figure]:
    """As they are kept, for those that are: a whole period is judged, half of one is not. What
    nobody has kept yet is computed."""
    if workspace_id is None:
        return []
    here = KpiValue(workspace_id=workspace_id)  # a figure of this workspace, whichever
    shown = [kpi for kpi in kpis if kpi.on_home]
    values = cache.cached(
        f"figures:{workspace_id}", KPI_S.value, lambda: _values(shown, workspace_id)
    )
    return [
        _figure(kpi, values.get(kpi.slug)) for kpi in shown if policy.can(actor, kpi.action, here)
    ]


def _values(shown: Sequence[Kpi], workspace_id: int) -> dict[str, Told]:
    end = clock.now()
    nothing: dict[str, KpiValue] = {}
    kept = survive(lambda: newest(workspace_id), nothing, "key figures that are kept")
    found = {slug: _told(row, end) for slug, row in kept.items()}
    begin = end - timedelta(days=KPI_DAYS)
    for kpi in shown:
        if kpi.slug not in found:
            compute = partial(kpi.compute, workspace_id, begin, end)
            value = survive(compute, None, f"figure {kpi.slug}")
            found[kpi.slug] = value, _is_met(kpi, value), ""
    return found


def _told(row: KpiValue, now: datetime) -> Told:
    """What is not met while its period runs is not missed yet."""
    if row.state == KpiValue.State.MET:
        return row.value, True, ""
    if row.state == KpiValue.State.LOW_SAMPLE:
        return row.value, None, "too few to judge"
    if row.end > now:
        return row.value, None, "so far"
    return row.value, False if row.state == KpiValue.State.MISSED else None, ""


def _is_met(kpi: Kpi, value: float | None) -> bool | None:
    if value is None or kpi.target is None:
        return None
    return value >= kpi.target if kpi.better == "higher" else value <= kpi.target


def _figure(kpi: Kpi, told: Told | None) -> Figure:
    value, met, unjudged = told or (None, None, "")
    return Figure(kpi, value, kpi.link, met, unjudged)
