"""Is the portal itself alive? What is silent, late or stuck, as findings.

The verdict is computed from rows, so any process can give it: a silent beat cannot report
itself. Packages add what only they can know with `probe`:

    @watch.probe("notify.channels")
    def failing_channels() -> Iterable[Finding]: ...

`alarms` turns findings into alarms that are told once; `/ready`, `/metrics` and the console read
the same verdict.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.text import capfirst

from controlplane.jobs import direct, engine, heartbeats, leases
from controlplane.jobs.models import EngineCycle, ScheduledJob
from controlplane.jobs.registry import JOBS
from controlplane.lib import clock, defaults

logger = logging.getLogger(__name__)

EXPECTED = defaults.define(
    "jobs.expected_components",
    "web,stream,worker,beat",
    unit="names",
    why="Components whose silence is an alarm; shorten it where one is not run on purpose.",
)
ENGINE_STALE = defaults.define(
    "jobs.engine_stale_s",
    15.0,
    unit="seconds",
    why="Three turns of the slowest hand: nobody turns the engine.",
)
LAG = defaults.define(
    "jobs.lag_s", 30.0, unit="seconds", why="Due rows older than this mean the engine falls behind."
)


@dataclass(frozen=True, slots=True)
class Finding:
    kind: str  # component | engine | lag | dead | job | the probe's own word
    subject: str
    message: str
    # Critical findings make `/ready` answer 503 and stop the outward dead-man ping.
    critical: bool = True


Probe = Callable[[], Iterable[Finding]]
PROBES: dict[str, Probe] = {}


def probe(name: str) -> Callable[[Probe], Probe]:
    """Register findings only the package itself can make. Must be quick: two or three queries."""

    def register(function: Probe) -> Probe:
        if PROBES.setdefault(name, function) is not function:
            raise ValueError(f"watch probe {name} is registered twice")
        return function

    return register


def expected() -> tuple[str, ...]:
    names = tuple(name.strip() for name in EXPECTED.value.split(",") if name.strip())
    return (*names, "tick") if "beat" in names else names


def verdict() -> list[Finding]:
    """Everything that is wrong now. Raises when the database does not answer: see `alarms.look`."""
    found = [*silent_components(), *stalled_engine(), *backlogs(), *silent_jobs(), *deaf_outside()]
    for name, function in PROBES.items():
        found.extend(_ask(name, function))
    return found


def _ask(name: str, function: Probe) -> list[Finding]:
    """A broken probe is a finding, not the end of the watch."""
    try:
        with transaction.atomic():
            return list(function())
    except Exception as error:
        logger.exception("watch probe %s failed", name)
        return [Finding("probe", name, f"The check {name} fails: {leases.describe(error)}", False)]


def silent_components() -> Iterator[Finding]:
    ages = heartbeats.ages()
    for name in expected():
        age = ages.get(name)
        if age is None:
            yield Finding("component", name, f"No sign of life from {_called(name)} yet.")
        elif age > heartbeats.STALE.value:
            said = capfirst(f"{_called(name)} is silent for {age:.0f} s.")
            yield Finding("component", name, said)


def _called(component: str) -> str:
    if component == "tick":
        return "the beat's tick (sent by beat, run by a worker)"
    return f"the {component} process"


def stalled_engine() -> Iterator[Finding]:
    cycles = {c.module: c for c in EngineCycle.objects.annotate(now=Now())}
    for entry in engine.MODULES.values():
        cycle = cycles.get(entry.name)
        allowed = timedelta(seconds=ENGINE_STALE.value) + 3 * entry.every
        if cycle is None or cycle.ok_at is None:
            yield Finding("engine", entry.name, f"Engine module {entry.name} has not run yet.")
        elif cycle.now - cycle.ok_at > allowed:
            age = (cycle.now - cycle.ok_at).total_seconds()
            why = f" Last error: {cycle.last_error}" if cycle.last_error else ""
            yield Finding(
                "engine", entry.name, f"Engine module {entry.name} last ran {age:.0f} s ago.{why}"
            )


def backlogs() -> Iterator[Finding]:
    for name, model in engine.leased_tables().items():
        behind = leases.backlog(model)
        if behind["lag_s"] > LAG.value:
            yield Finding(
                "lag",
                name,
                f"{behind['due']:.0f} due rows of {name}, the oldest for {behind['lag_s']:.0f} s.",
            )
        if behind["dead"]:
            rows = f"{behind['dead']:.0f} {'row' if behind['dead'] == 1 else 'rows'} of {name}"
            yield Finding("dead", name, f"{rows} given up.", critical=False)


def silent_jobs(now: datetime | None = None) -> Iterator[Finding]:
    moment = now or clock.now()
    for row in ScheduledJob.objects.filter(name__in=JOBS):
        quiet = moment - (row.last_ok_at or row.first_seen_at)
        if quiet > JOBS[row.name].silence_after:
            said = "has not succeeded yet" if row.last_ok_at is None else "last succeeded"
            off = "" if row.enabled else " It is switched off."
            yield Finding(
                "job", row.name, f"Job {row.name} {said}; silent for {_span(quiet)}.{off}", False
            )


def deaf_outside() -> Iterator[Finding]:
    """Signs of life are sent, and whoever is to hear them does not take them: that alarm would be
    about the address, not about the portal."""
    rows = EngineCycle.objects.filter(module=direct.OUTWARD).exclude(last_error="")
    row = rows.annotate(now=Now()).first() if settings.DEADMAN_URL else None
    if row is None:
        return
    allowed = timedelta(seconds=3 * direct.PING_EVERY.value)
    if row.ok_at is None or row.now - row.ok_at > allowed:
        since = f"since {row.ok_at:%Y-%m-%d %H:%M} UTC" if row.ok_at is not None else "ever"
        said = f"No outward sign of life was taken {since}. {row.last_error}"
        yield Finding("outside", direct.OUTWARD, said, critical=False)


def _span(quiet: timedelta) -> str:
    hours, rest = divmod(int(quiet.total_seconds()), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min"
