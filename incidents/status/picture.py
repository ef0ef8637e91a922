"""What a status page says: how each public component is, what is known of incidents, what is worked
on, and the last ninety days. Of an incident only what was told to customers leaves the house."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, Q

from controlplane.catalog.models import Component, DownInterval
from controlplane.lib import clock, defaults
from deployments.models import MaintenanceWindow, Notice
from incidents.models import Incident, IncidentReview, StatusPage, Update
from incidents.reviews import report

DAYS = 90
UNKNOWN = "unknown"  # before it stood on the page
PRODUCTION = "production"
AHEAD = defaults.define(
    "status.maintenance_ahead_days",
    30,
    unit="days",
    why="Maintenance is announced two weeks before; what is planned later may still move.",
)
_MOST = 200
# From the lightest to the gravest.
STATES = (
    "operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage",
)  # fmt: skip
LABELS = {
    "operational": "Works", "under_maintenance": "Being worked on",
    "degraded_performance": "Works worse", "partial_outage": "Partly out", "major_outage": "Out",
}  # fmt: skip
IMPACT = {"sev1": "critical", "sev2": "major", "sev3": "minor", "sev4": "minor"}
PHASES = {
    "detected": "investigating", "triaged": "investigating", "mitigating": "identified",
    "mitigated": "monitoring", "monitoring": "monitoring",
}  # fmt: skip
_OF_KIND = {"initial": "investigating", "update": "identified", "recovery": "resolved"}
WINDOWS = {
    "in_progress": "in_progress", "monitoring": "verifying", "completed": "completed",
    "rolled_back": "completed", "cancelled": "cancelled", "missed": "cancelled",
}  # fmt: skip
OVER = ("completed", "cancelled")
WORK_LABELS = {
    "scheduled": "Planned", "in_progress": "Being worked on", "verifying": "Done, and watched",
    "completed": "Over", "cancelled": "Called off",
}  # fmt: skip


_LEARNED: dict[int, tuple[tuple[int, int, str], Sequence[Any]]] = {}


def worst(states: Iterable[str]) -> str:
    return max(states, key=STATES.index, default="operational")


@dataclass(frozen=True, slots=True)
class Day:
    date: str
    state: str
    down_minutes: int

    @property
    def label(self) -> str:
        if self.state == UNKNOWN:
            return f"{self.date}: not known"
        down = f", out for {self.down_minutes} min" if self.down_minutes else ""
        return f"{self.date}: {LABELS[self.state]}{down}"


@dataclass(slots=True)
class Part:
    """One public component."""

    uid: str
    name: str
    about: str
    state: str
    since: datetime
    days: list[Day] = field(default_factory=list)
    uptime: float | None = None  # percent of the days that are known

    @property
    def label(self) -> str:
        return LABELS[self.state]

    @property
    def known(self) -> int:
        return sum(day.state != UNKNOWN for day in self.days)

    @property
    def up(self) -> str:
        """As people read it: 100 %, 99.95 %."""
        return "" if self.uptime is None else f"{self.uptime:.3f}".rstrip("0").rstrip(".") + " %"


@dataclass(frozen=True, slots=True)
class Said:
    uid: str
    phase: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """An incident as the public knows it."""

    uid: str
    title: str
    phase: str
    impact: str
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    parts: Sequence[Part]
    said: Sequence[Said]  # the newest first
    learned: Sequence[Any] = ()  # blocks of the public report

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None


@dataclass(frozen=True, slots=True)
class Work:
    """A maintenance window that users notice."""

    uid: str
    title: str
    about: str
    phase: str
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    parts: Sequence[Part]

    @property
    def is_over(self) -> bool:
        return self.phase in OVER

    @property
    def label(self) -> str:
        return WORK_LABELS[self.phase]


@dataclass(frozen=True, slots=True)
class Picture:
    page: StatusPage
    parts: Sequence[Part]
    events: Sequence[Event]  # open ones first, then the newest
    works: Sequence[Work]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.page.time_zone)

    @property
    def burning(self) -> list[Event]:
        return [each for each in self.events if not each.is_over]

    @property
    def over(self) -> list[Event]:
        return [each for each in self.events if each.is_over]

    @property
    def ahead(self) -> list[Work]:
        return [each for each in self.works if not each.is_over]

    @property
    def worked(self) -> list[Work]:
        """The latest first."""
        return [each for each in reversed(self.works) if each.is_over]

    @property
    def state(self) -> str:
        return worst(each.state for each in self.parts)

    @property
    def indicator(self) -> str:
        """As Statuspage says it."""
        impacts = [each.impact for each in self.burning]
        for grave in ("critical", "major", "minor"):
            if grave in impacts:
                return grave
        told = {"major_outage": "critical", "partial_outage": "major",
                "degraded_performance": "minor"}  # fmt: skip
        return told.get(self.state, "none")

    @property
    def sentence(self) -> str:
        if self.indicator == "none" and not self.parts:
            return "No incident is known"  # nothing was said to be watched
        if self.indicator == "none":
            return "Being worked on" if self.state == "under_maintenance" else "Everything works"
        return {"critical": "Out", "major": "Partly out", "minor": "Works worse"}[self.indicator]


def draw(page: StatusPage, now: datetime) -> Picture:
    components = list(
        Component.objects.filter(workspace=page.workspace_id, is_public=True, is_active=True)
        .select_related("service")
        .order_by("order", "name")
    )
    by_service: dict[int, list[Part]] = defaultdict(list)
    parts = []
    for row in components:
        part = Part(str(row.uid), row.name, row.description, "operational", row.created_at)
        parts.append(part)
        if row.service_id is not None:
            by_service[row.service_id].append(part)
    since = now - timedelta(days=DAYS)
    events = _events(page, by_service, since)
    works = _works(page, by_service, now)
    down = _down(by_service, since)
    for service, found in by_service.items():
        for part in found:
            _judge(part, down.get(service, ()), events, works, now)
    return Picture(page, parts, events, works)


def _events(page: StatusPage, by_service: Mapping[int, list[Part]], since: datetime) -> list[Event]:
    told = Update.objects.filter(audience="customers", status="posted").order_by("-posted_at")
    rows = (
        Incident.objects.filter(workspace=page.workspace_id, updates__in=told)
        .exclude(origin="drill")
        .filter(Q(resolved_at=None, closed_at=None) | Q(opened_at__gte=since))
        .select_related("review__incident")
        .prefetch_related(Prefetch("updates", queryset=told, to_attr="told"))
        .distinct()
        .order_by("-opened_at")
    )
    found = [_event(row, by_service.get(row.service_id or 0, [])) for row in rows[:_MOST]]
    return sorted(found, key=lambda each: (each.is_over, -each.started_at.timestamp()))


def _event(row: Incident, parts: Sequence[Part]) -> Event:
    told = row.told  # type: ignore[attr-defined]  # prefetched
    ended = row.resolved_at or row.closed_at if row.status not in PHASES else None
    review: IncidentReview | None = getattr(row, "review", None)
    if review is not None and not (review.is_public and review.status == "published"):
        review = None
    phase = PHASES.get(row.status, "postmortem" if review is not None else "resolved")
    said = [Said(str(each.uid), _phase_of(each, phase), each.text, each.posted_at) for each in told]
    if ended is not None and (not said or said[0].phase != "resolved"):
        said.insert(0, Said(str(row.uid), "resolved", "It is over.", ended))
    return Event(
        uid=str(row.uid),
        title=told[-1].subject.removeprefix(f"{row.ref}: "),  # as customers were told first
        phase=phase,
        impact=IMPACT.get(row.severity, "minor"),
        started_at=row.started_at or row.opened_at,
        updated_at=max(each.at for each in said),
        ended_at=ended,
        parts=parts,
        said=said,
        learned=_learned(review) if review is not None else (),
    )


def _learned(review: IncidentReview) -> Sequence[Any]:
    """A page is drawn every few seconds, and what was learned costs a dozen questions. Whether an
    action is done is read anew each hour, what people write at once."""
    incident = review.incident
    mark = (review.version, incident.version, f"{clock.now():%Y%m%d%H}")
    known = _LEARNED.get(review.pk)
    if known is None or known[0] != mark:
        if len(_LEARNED) >= _MOST:
            _LEARNED.clear()
        known = _LEARNED[review.pk] = (mark, tuple(report.public_blocks(review)))
    return known[1]


def _phase_of(update: Update, phase: str) -> str:
    known = _OF_KIND.get(update.kind, "investigating")
    return "monitoring" if update.kind == "update" and phase == "monitoring" else known


def _works(page: StatusPage, by_service: Mapping[int, list[Part]], now: datetime) -> list[Work]:
    soon, lately = now + timedelta(days=AHEAD.value), now - timedelta(days=7)
    said = Notice.objects.filter(channel=Notice.Channel.STATUS, state__in=["sent", "late"])
    called_off = said.filter(kind__in=["cancelled", "missed"], sent_at__gte=lately)
    rows = (
        MaintenanceWindow.objects.filter(workspace=page.workspace_id, user_facing=True)
        .filter(
            Q(status__in=["announced", "approved"], starts_at__lte=soon)
            | Q(status__in=["in_progress", "monitoring"])
            | Q(status__in=["completed", "rolled_back"], finished_at__gte=lately)
            | Q(status__in=["cancelled", "missed"], notices__in=called_off)
        )
        .select_related("environment")
        .prefetch_related("parts", Prefetch("notices", queryset=said, to_attr="said"))
        .distinct()
        .order_by("starts_at")
    )
    return [
        Work(
            uid=str(row.uid), title=row.title, about=row.about,
            phase=WINDOWS.get(row.status, "scheduled"),
            starts_at=row.starts_at, ends_at=row.ends_at,
            updated_at=_last_change(row), parts=_parts_of(row, by_service),
        )
        for row in rows[:_MOST]
    ]  # fmt: skip


def _last_change(row: MaintenanceWindow) -> datetime:
    said = [each.sent_at for each in row.said]  # type: ignore[attr-defined]  # prefetched
    known: list[datetime | None] = [row.created_at, row.started_at, row.finished_at, *said]
    return max(at for at in known if at is not None)


def _parts_of(row: MaintenanceWindow, by_service: Mapping[int, list[Part]]) -> list[Part]:
    """None named: all that users see of production is worked on."""
    named = [each.service_id for each in row.parts.all()]
    if not named and row.environment.slug == PRODUCTION:
        named = list(by_service)
    return [part for service in named for part in by_service.get(service, [])]


def _down(by_service: Mapping[int, Any], since: datetime) -> dict[int, list[DownInterval]]:
    found: dict[int, list[DownInterval]] = defaultdict(list)
    rows = DownInterval.objects.filter(
        service__in=list(by_service), environment__slug=PRODUCTION
    ).filter(Q(ends_at=None) | Q(ends_at__gte=since))
    for row in rows.order_by("starts_at"):
        found[row.service_id].append(row)
    return found


def _judge(
    part: Part,
    down: Sequence[DownInterval],
    events: Sequence[Event],
    works: Sequence[Work],
    now: datetime,
) -> None:
    """How it is now, and how it was each day that it is known."""
    mine = [each for each in events if part in each.parts]
    states = [_state_of(each) for each in mine if not each.is_over]
    states += ["major_outage" for row in down if row.ends_at is None]
    if any(part in each.parts and each.phase == "in_progress" for each in works):
        states = ["under_maintenance"]  # what is announced to be worked on is not out
    part.state = worst(states)
    spans = _union([(row.starts_at, row.ends_at or now) for row in down])
    first = (now - timedelta(days=DAYS - 1)).date()
    start = datetime(first.year, first.month, first.day, tzinfo=now.tzinfo)
    while start.date() < part.since.date():
        part.days.append(Day(f"{start:%Y-%m-%d}", UNKNOWN, 0))
        start += timedelta(days=1)
    known = out = 0.0
    while start <= now:
        end = min(start + timedelta(days=1), now)
        seconds = sum(max((min(end, b) - max(start, a)).total_seconds(), 0.0) for a, b in spans)
        touched = [_state_of(each) for each in mine
                   if each.started_at < end and (each.ended_at or now) >= start]  # fmt: skip
        if seconds:
            touched.append("partial_outage" if seconds < 3600 else "major_outage")
        part.days.append(Day(f"{start:%Y-%m-%d}", worst(touched), round(seconds / 60)))
        known += (end - start).total_seconds()
        out += seconds
        start += timedelta(days=1)
    part.uptime = round(100 * (1 - out / known), 3) if known else None


def _state_of(event: Event) -> str:
    return {"critical": "major_outage", "major": "partial_outage"}.get(
        event.impact, "degraded_performance"
    )


def _union(spans: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Two probes that see one outage count it once."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found
