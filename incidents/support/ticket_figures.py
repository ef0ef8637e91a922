"""How promises of tickets were kept: by priority, by month, and how many wait. Spam and duplicates
don't count; nor does what was promised for a time that is still to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection

from controlplane.base.registries import Kpi, Parts, kpis
from controlplane.lib import clock
from incidents.models import Ticket

WEEK = timedelta(days=7)
PAGE = "/admin/support/figures/"
VIEW = "ticket.view"
CLOCKS = ("acknowledge", "triage", "respond")
_KEPT = {"acknowledge": "acknowledged_at", "triage": "triaged_at", "respond": "responded_at"}


def _counts(name: str) -> str:
    due, kept = f"{name}_due_at", _KEPT[name]
    return f"""
        count(*) FILTER (WHERE {kept} <= {due}),
        count(*) FILTER (WHERE {due} < coalesce({kept}, %(now)s)),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM {kept} - opened_at))
            FILTER (WHERE {due} IS NOT NULL)
    """


_BY = f"""
    SELECT {{key}} AS key, count(*), {", ".join(_counts(name) for name in CLOCKS)},
        percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM resolved_at - opened_at)),
        count(*) FILTER (WHERE status <> ALL(%(over)s))
    FROM incidents_ticket
    WHERE workspace_id = ANY(%(spaces)s::bigint[]) AND opened_at >= %(since)s
      AND opened_at < %(until)s AND status NOT IN ('spam', 'duplicate')
    GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - the names above
_KEYS = {
    "priority": "priority",
    "month": "to_char(opened_at AT TIME ZONE 'UTC', 'YYYY-MM')",
    "all": "'all'::text",
}


@dataclass(frozen=True, slots=True)
class Share:
    """Of one clock. `median_s`: as the wall counts, nights included."""

    kept: int
    late: int
    median_s: float | None

    @property
    def percent(self) -> int | None:
        """None where nothing was due: that is no hundred."""
        return round(100 * self.kept / (self.kept + self.late)) if self.kept + self.late else None


@dataclass(frozen=True, slots=True)
class Line:
    key: str
    label: str
    opened: int
    acknowledge: Share
    triage: Share
    respond: Share
    resolve_s: float | None
    waiting: int


@dataclass(frozen=True, slots=True)
class Told:
    since: datetime
    by_priority: Sequence[Line]
    by_month: Sequence[Line]
    backlog: int
    unacknowledged: int
    breaching: int
    oldest: datetime | None


def lines(spaces: Sequence[int], by: str, since: datetime, until: datetime) -> list[Line]:
    values: dict[str, Any] = {
        "spaces": list(spaces), "since": since, "until": until, "now": clock.now(),
        "over": ["resolved", "closed", "duplicate", "spam"],
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_BY.format(key=_KEYS[by]), values)
        rows = cursor.fetchall()
    return [_line(row) for row in rows]


def _line(row: Sequence[Any]) -> Line:
    key, opened, *told = row
    acknowledge, triage, respond = (Share(*told[at : at + 3]) for at in (0, 3, 6))
    label = key.upper() if key in Ticket.Priority.values else key
    return Line(key, label, opened, acknowledge, triage, respond, told[9], told[10])


def told(spaces: Sequence[int], since: datetime, until: datetime) -> Told:
    rows: Any = Ticket.objects.filter(workspace__in=spaces).open()
    return Told(
        since,
        lines(spaces, "priority", since, until),
        list(reversed(lines(spaces, "month", since, until))),
        rows.count(),
        rows.unacknowledged().count(),
        rows.breaching().count(),
        rows.order_by("opened_at").values_list("opened_at", flat=True).first(),
    )


# --- Key figures ----------------------------------------------------------------------------------


def share(
    name: str, workspace_id: int, start: datetime, end: datetime, *, priority: str = ""
) -> Parts:
    rows = lines([workspace_id], "priority", start, end)
    picked = [getattr(row, name) for row in rows if priority in {"", row.key}]
    kept, due = sum(one.kept for one in picked), sum(one.kept + one.late for one in picked)
    return Parts(100 * kept / due if due else None, kept, due)


def _value(
    name: str, priority: str, workspace_id: int, start: datetime, end: datetime
) -> float | None:
    return share(name, workspace_id, start, end, priority=priority).value


_KPIS: tuple[tuple[str, str, str, str, str], ...] = (
    ("acknowledged", "Tickets acknowledged in time", "acknowledge", "", "15 covered minutes"),
    ("triaged", "Tickets triaged in time", "triage", "", "30 covered minutes"),
    ("responded_p1", "P1 tickets answered in time", "respond", "p1", "15 covered minutes"),
    ("responded_p2", "P2 tickets answered in time", "respond", "p2", "4 covered hours"),
)


def register() -> None:
    for slug, title, name, priority, within in _KPIS:
        kpis.register(
            Kpi(
                slug=f"support.{slug}",
                title=title,
                unit="%",
                formula=f"tickets kept within {within} / tickets whose promise was due, of those"
                " that came in; no spam, no duplicates",
                compute=partial(_value, name, priority),
                parts=partial(share, name, priority=priority),
                cadence=WEEK,
                link=PAGE,
                action=VIEW,
                source="a ticket of support",
                on_home=False,
            )
        )
