"""How soon calls are answered, and which nobody answered: by severity and by month, from the rows.

Tickets somebody is called for count like incidents. Drills, false alarms, spam and duplicates don't
count. A page is missed when it called somebody and nobody, neither they nor anybody else, had
acknowledged the incident or ticket within the time its level gives, or when it reached nobody at
all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import (
    Case,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models import DurationField as Duration
from django.db.models.functions import Coalesce

from controlplane.access.models import Workspace
from controlplane.lib.actors import Actor
from incidents.models import Incident, Page
from incidents.paging.calls import level_words
from incidents.paging.matters import CALLED
from incidents.records import levels
from incidents.reviews import figures as promises

MONTHS = 12
LISTED = 50
_ASIDE = ("merged", "cancelled")
_TICKETS_ASIDE = ("duplicate", "spam")

_BY = """
    WITH goal AS (
        SELECT * FROM unnest(%(spaces)s::bigint[], %(codes)s::text[], %(goals)s::int[])
            AS goal(workspace_id, severity, ack_s)
    ), told AS (
        SELECT i.severity, i.opened_at,
            extract(epoch FROM i.first_acknowledged_at - i.opened_at) AS acked,
            extract(epoch FROM i.opened_at - coalesce(i.started_at, i.detected_at)) AS found,
            extract(epoch FROM coalesce(i.restored_at, i.resolved_at) - i.opened_at) AS mended,
            i.first_acknowledged_at AS acked_at,
            i.opened_at + make_interval(secs => goal.ack_s) AS due_at
        FROM incidents_incident i
        JOIN goal USING (workspace_id, severity)
        WHERE i.opened_at >= %(since)s AND i.origin <> 'drill'
          AND i.status <> ALL(%(aside)s)
        UNION ALL
        -- A ticket is promised in hours that are covered.
        SELECT t.priority, t.opened_at, extract(epoch FROM t.acknowledged_at - t.opened_at), NULL,
            extract(epoch FROM t.resolved_at - t.opened_at), t.acknowledged_at,
            coalesce(t.acknowledge_due_at, t.opened_at + make_interval(secs => goal.ack_s))
        FROM incidents_ticket t
        JOIN goal ON goal.workspace_id = t.workspace_id AND goal.severity = t.priority
        WHERE t.opened_at >= %(since)s AND t.status <> ALL(%(tickets_aside)s)
    )
    SELECT {key} AS key, count(*),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY acked), avg(acked), max(acked),
        count(*) FILTER (WHERE acked_at <= due_at),
        count(*) FILTER (WHERE coalesce(acked_at, %(now)s) > due_at),
        avg(found), avg(mended)
    FROM told GROUP BY 1 ORDER BY 1
"""
_KEYS = {
    "severity": "severity",
    "month": "to_char(opened_at AT TIME ZONE 'UTC', 'YYYY-MM')",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One severity, or one month. Seconds; None: there is nothing to tell it from."""

    key: str
    label: str
    incidents: int
    median_s: float | None
    mtta_s: float | None
    longest_s: float | None
    in_time: int
    late: int
    mttd_s: float | None
    mttr_s: float | None
    missed: int = 0
    goal_s: int | None = None

    @property
    def in_time_percent(self) -> int | None:
        known = self.in_time + self.late
        return round(100 * self.in_time / known) if known else None

    @property
    def meets(self) -> bool | None:
        """Whether the mean keeps the goal of its level."""
        if self.goal_s is None or self.mtta_s is None:
            return None
        return self.mtta_s <= self.goal_s


@dataclass(frozen=True, slots=True)
class Figures:
    since: datetime
    by_severity: Sequence[Figure]
    by_month: Sequence[Figure]
    missed: int
    latest: Sequence[Page]  # those that were missed last
    promises: Sequence[promises.Month]  # of reviews and updates


def figures(actor: Actor, workspace_id: int | None, now: datetime, months: int = MONTHS) -> Figures:
    """Of one workspace, or of all the actor sees, since the beginning of a month."""
    year, month = divmod(now.year * 12 + now.month - months, 12)
    since = now.replace(year=year, month=month + 1, day=1, hour=0, minute=0, second=0,
                        microsecond=0)  # fmt: skip
    spaces = _spaces(actor, workspace_id)
    goals = _goals(spaces)
    missed = missed_pages(spaces, goals, now).filter(created_at__gte=since)
    level = Coalesce("incident__severity", "ticket__priority")
    rows = list(missed.values_list(level, "created_at"))
    strict = {code: min(ack for (_, one), ack in goals.items() if one == code)
              for code in {code for _, code in goals}}  # fmt: skip
    severities = [
        _figure(row, _label(row[0]), sum(one == row[0] for one, _ in rows), strict[row[0]])
        for row in _grouped("severity", goals, since, now)
    ]
    per_month = [
        _figure(row, row[0], sum(f"{at:%Y-%m}" == row[0] for _, at in rows), None)
        for row in _grouped("month", goals, since, now)
    ]
    latest = missed.select_related("incident", "ticket", "user", "contact")
    latest = latest.order_by("-created_at", "-pk")
    return Figures(
        since, severities, per_month[::-1], len(rows), list(latest[:LISTED]),
        promises.by_month(spaces, since, now),
    )  # fmt: skip


def _goals(spaces: Sequence[int]) -> dict[tuple[int, str], int]:
    """Of each level that calls somebody, the seconds in which somebody is to answer."""
    asked = {
        (space, code): level
        for space in spaces
        for code, level in (
            *((code, each) for code, each in levels.of(space).items() if each.pages),
            *((code, each) for code, each in levels.of(space, "support").items() if code in CALLED),
        )
    }
    return {key: level.ack_s or level.respond_s or 0 for key, level in asked.items()}


def _label(code: str) -> str:
    words = level_words(code)
    return f"{words} tickets" if code in CALLED else words


def _spaces(actor: Actor, workspace_id: int | None) -> list[int]:
    if workspace_id is not None:
        seen = actor.sees_all or workspace_id in actor.workspace_ids
        return [workspace_id] if seen else []
    if actor.sees_all:
        return list(Workspace.objects.order_by("pk").values_list("pk", flat=True))
    return sorted(actor.workspace_ids)


def missed_pages(
    spaces: Sequence[int], goals: dict[tuple[int, str], int], now: datetime
) -> QuerySet[Any]:
    limit = Case(
        *(
            When(
                Q(incident__severity=code) | Q(ticket__priority=code),
                workspace=space,
                then=Value(timedelta(seconds=ack)),
            )
            for (space, code), ack in goals.items()
        ),
        default=None,
        output_field=Duration(),
    )
    by = ExpressionWrapper(F("created_at") + F("limit"), output_field=DateTimeField())
    counted = Incident.objects.filter(pk=OuterRef("incident_id")).exclude(origin="drill")
    late = Q(answered_at=None) & Q(
        by__lt=Coalesce(
            F("incident__first_acknowledged_at"), F("ticket__acknowledged_at"), Value(now)
        )
    )
    asked = Q(Exists(counted.exclude(status__in=_ASIDE)))
    asked |= Q(ticket__isnull=False) & ~Q(ticket__status__in=_TICKETS_ASIDE)
    rows: QuerySet[Any] = (
        Page.objects.filter(asked, workspace__in=spaces)
        .filter(Q(user__isnull=False) | Q(contact__isnull=False) | Q(status="unreached"))
        .annotate(limit=limit)
        .annotate(by=by)
        .filter(late | Q(status=Page.Status.UNREACHED))
    )
    return rows


def _grouped(
    by: str, goals: dict[tuple[int, str], int], since: datetime, now: datetime
) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            _BY.format(key=_KEYS[by]),
            {
                "spaces": [space for space, _ in goals],
                "codes": [code for _, code in goals],
                "goals": list(goals.values()),
                "since": since,
                "now": now,
                "aside": list(_ASIDE),
                "tickets_aside": list(_TICKETS_ASIDE),
            },
        )
        return list(cursor.fetchall())


def _figure(row: tuple[Any, ...], label: str, missed: int, goal: int | None) -> Figure:
    key, count, median, mean, longest, in_time, late, found, mended = row
    return Figure(
        key=key,
        label=label,
        incidents=count,
        median_s=_number(median),
        mtta_s=_number(mean),
        longest_s=_number(longest),
        in_time=in_time,
        late=late,
        mttd_s=_number(found),
        mttr_s=_number(mended),
        missed=missed,
        goal_s=goal,
    )


def _number(value: Any) -> float | None:
    return None if value is None else round(max(0.0, float(value)), 1)
