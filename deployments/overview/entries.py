"""What stands in the calendar and on the timeline. Whoever has something with a time in it puts a
provider here; each is one question (and its prefetches) for any stretch of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.oncall import plans
from controlplane.oncall.links import page_of as schedule_page
from controlplane.oncall.models import Schedule
from controlplane.oncall.shown.bands import pieces_of
from deployments import links
from deployments.canary.links import page_of as rollout_page
from deployments.models import Deployment, Freeze, Rollout

MOST = 500  # of each kind, in one stretch of time
LASTS = timedelta(minutes=30)  # a deployment that says only when it begins
SCHEDULES = 12
NO_GAP = timedelta(minutes=5)  # a rota that was just being made leaves nobody alone


@dataclass(frozen=True, slots=True)
class Entry:
    """`starts` and `ends` are instants; `planned` is what has not begun."""

    kind: str
    key: str  # the same for as long as it is that thing
    starts: datetime
    ends: datetime
    title: str
    url: str
    ref: str = ""
    state: str = ""  # as its row has it, for the colour; and in words
    words: str = ""
    environments: tuple[str, ...] = ()  # slugs; none is all of them
    planned: bool = False
    lasting: bool = False  # begun, and nobody knows until when
    text: str = ""
    brief: str = ""  # in a few letters, where its ref stands beside it

    def holds_in(self, slug: str) -> bool:
        return not self.environments or slug in self.environments


@dataclass(frozen=True, slots=True)
class Asked:
    workspace: Workspace
    start: datetime
    end: datetime
    environment: Environment | None = None
    at: datetime | None = None

    @property
    def now(self) -> datetime:
        return self.at or clock.now()


Provide = Callable[[Asked], Sequence[Entry]]


@dataclass(frozen=True, slots=True)
class Provider:
    kind: str
    label: str
    action: str  # what lets one see it
    entries: Provide
    blocks: bool = False  # nothing goes out meanwhile


PROVIDERS: dict[str, Provider] = {}


def provide(
    kind: str, label: str, action: str, *, blocks: bool = False
) -> Callable[[Provide], Provide]:
    def keep(entries: Provide) -> Provide:
        made = Provider(kind, label, action, entries, blocks)
        if PROVIDERS.setdefault(kind, made).entries is not entries:
            raise ValueError(f"two providers of {kind}")
        return entries

    return keep


@dataclass(frozen=True, slots=True)
class Found:
    entries: list[Entry]
    cut: tuple[str, ...]  # kinds of which there is more than is shown


def found(actor: Actor, asked: Asked, kinds: Sequence[str] = ()) -> Found:
    """Everything of these kinds that touches the time and that this reader may see."""
    every: list[Entry] = []
    cut = []
    for provider in PROVIDERS.values():
        if kinds and provider.kind not in kinds:
            continue
        if not policy.can(actor, provider.action, asked.workspace):
            continue
        rows = list(provider.entries(asked))
        if len(rows) > MOST:
            cut.append(provider.label.lower())
        every += rows[:MOST]
    if asked.environment is not None:
        every = [one for one in every if one.holds_in(asked.environment.slug)]
    every = [one for one in every if one.starts < asked.end and one.ends >= asked.start]
    return Found(sorted(every, key=lambda one: (one.starts, one.kind, one.key)), tuple(cut))


# --- Providers ----------------------------------------------------------------------------------


@provide("deployment", "Deployments", "deployment.view")
def deployments(asked: Asked) -> list[Entry]:
    rows = Deployment.objects.of(asked.workspace).within(asked.start, asked.end)
    if asked.environment is not None:
        rows = rows.into(asked.environment)
    rows = rows.exclude(status="cancelled").select_related("environment")
    rows = rows.defer("release_notes", "rollback_plan", "scope_note")
    return [_deployment(row, asked.now) for row in rows.order_by("-pk")[: MOST + 1]]


def _deployment(row: Deployment, now: datetime) -> Entry:
    starts = row.started_at or row.planned_at or row.created_at
    planned = row.started_at is None
    ends = row.closed_at or row.monitor_until or row.planned_until
    lasting = not planned and row.closed_at is None
    if lasting:
        ends = max(ends or now, now)
    return Entry(
        kind="deployment",
        key=str(row.uid),
        starts=starts,
        ends=max(ends or starts + LASTS, starts),
        title=row.title,
        url=links.page_of(row),
        ref=row.ref,
        state=row.status,
        words=row.get_status_display(),
        environments=(row.environment.slug,),
        planned=planned,
        lasting=lasting,
        brief=f"{row.release} {row.environment.name}",
        text=f"{row.release} to {row.environment.name}, {row.get_kind_display().lower()}, "
        f"tier {row.tier}.",
    )


@provide("freeze", "Freezes", "freeze.view", blocks=True)
def freezes(asked: Asked) -> list[Entry]:
    rows = Freeze.objects.of(asked.workspace).within(asked.start, asked.end)
    rows = rows.prefetch_related("environments").order_by("-starts_at", "-pk")
    # One that was ended before it began never was.
    rows = rows.exclude(ended_at__lte=F("starts_at"))
    return [_freeze(row, asked.now) for row in rows[: MOST + 1]]


def _freeze(row: Freeze, now: datetime) -> Entry:
    """One that was ended early held until then."""
    ends = min(row.ended_at, row.ends_at) if row.ended_at is not None else row.ends_at
    state = "ended" if row.ended_at is not None else "over"
    if row.ended_at is None and row.ends_at > now:
        state = "in_force" if row.starts_at <= now else "planned"
    return Entry(
        kind="freeze",
        key=str(row.uid),
        starts=row.starts_at,
        ends=max(ends, row.starts_at),
        title=row.title,
        url=links.row(row),
        state=state,
        words=state.replace("_", " ").capitalize(),
        environments=tuple(sorted(each.slug for each in row.environments.all())),
        planned=row.starts_at > now,
        text=row.reason,
    )


@provide("rollout", "Canaries", "rollout.view")
def rollouts(asked: Asked) -> list[Entry]:
    rows = Rollout.objects.of(asked.workspace).filter(started_at__lt=asked.end)
    rows = rows.exclude(ended_at__lt=asked.start).exclude(status="cancelled")
    rows = rows.select_related("environment").order_by("-pk")
    return [
        Entry(
            kind="rollout",
            key=str(row.uid),
            starts=row.started_at,
            ends=max(row.ended_at or asked.now, row.started_at),
            title=row.title,
            url=rollout_page(row),
            ref=row.ref,
            state=row.status,
            words=row.get_status_display(),
            environments=(row.environment.slug,),
            lasting=row.ended_at is None,
        )
        for row in rows[: MOST + 1]
        if row.started_at is not None
    ]


@provide("shift", "On call", "oncall.view")
def shifts(asked: Asked) -> list[Entry]:
    """Who takes over when. A shift stands where it begins; whole bands are on the board of the
    rotas."""
    schedules = list(
        Schedule.objects.filter(workspace=asked.workspace).active().order_by("id")[:SCHEDULES]
    )
    if not schedules:
        return []
    known = plans.plans_of(schedules, asked.start, asked.end)
    taken = [
        (schedule, one)
        for schedule in schedules
        for one in pieces_of(known[schedule.pk], asked.start, asked.end, schedule.created_at)
        if asked.start < one.since < asked.end
        and not (one.is_gap and one.until - one.since < NO_GAP)
    ]
    people = User.objects.in_bulk({one.person for _, one in taken if one.person})
    return [
        Entry(
            kind="shift",
            key=f"{schedule.uid}:{one.since.isoformat()}",
            starts=one.since,
            ends=one.since,
            title=f"{_name(people.get(one.person or 0))}: {schedule.title}",
            url=schedule_page(schedule),
            state="nobody" if one.is_gap else "",
            words="Nobody on duty" if one.is_gap else "Takes over",
            planned=one.since > asked.now,
        )
        for schedule, one in taken
    ][: MOST + 1]


def _name(user: User | None) -> str:
    return "Nobody" if user is None else user.name or user.email
