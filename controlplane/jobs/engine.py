"""The engine: one tick that runs every module that turns due rows into effects.

Modules register here (`module(name, …)`): timers and scheduled jobs by this package, signals by
`base`, the sender by `notify`, and so on; `after` keeps the order. Three hands turn the same
crank: a beat tick each second, a thread in every worker each five, and a nudge after commits.
`manage.py engine` turns it with no broker at all. Overlap is harmless, because modules claim
rows with SKIP LOCKED; a missed, doubled or killed tick loses nothing, because rows are the truth.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from controlplane.jobs import leases
from controlplane.jobs.models import EngineCycle
from controlplane.lib import context, defaults, kept, prepared

logger = logging.getLogger(__name__)

BUDGET = defaults.define(
    "jobs.tick_budget_s", 5.0, unit="seconds", why="A tick yields its worker after this long."
)
WORST_PAUSE = defaults.define(
    "jobs.module_pause_cap_s",
    60.0,
    unit="seconds",
    why="Longest pause of a module that keeps failing; the others go on meanwhile.",
)


class Incomplete(Exception):
    """Some of what a module works on failed, and the rest is done. It counts as a failure, but the
    module keeps its rhythm: a pause would keep back the rest."""


# Works until nothing is due or `deadline` (of time.monotonic) has come; returns rows done.
Work = Callable[[float], int]


@dataclass(frozen=True, slots=True)
class Module:
    name: str
    work: Work
    every: timedelta
    rows: type[leases.Leased] | None
    order: int


MODULES: dict[str, Module] = {}


def module(
    name: str,
    work: Work,
    *,
    every: timedelta = timedelta(0),
    rows: type[leases.Leased] | None = None,
    order: int = 50,
) -> None:
    """Add a module to the tick. `every` zero: at each tick, in every process that ticks. Longer:
    one process at a time, by compare-and-set. `rows`: the leased table it works off, so that its
    backlog and dead rows are watched and measured. Lower `order` runs first; senders run last."""
    known = MODULES.get(name)
    if known is not None and known.work is not work:
        raise ValueError(f"engine module {name} is registered twice")
    MODULES[name] = Module(name, work, every, rows, order)


def leased_tables() -> dict[str, type[leases.Leased]]:
    return {m.name: m.rows for m in MODULES.values() if m.rows is not None}


def tick(*, budget: float | None = None, instance: str = "") -> dict[str, int]:
    """Run every module that is due once, each until nothing is left or the budget is spent."""
    deadline = time.monotonic() + (BUDGET.value if budget is None else budget)
    done: dict[str, int] = {}
    due = _due()
    idle = []
    for entry in sorted(MODULES.values(), key=lambda m: (m.order, m.name)):
        if entry.name in due and _begin(entry):
            count = _run(entry, deadline, instance)
            done[entry.name] = count or 0
            if count == 0 and not due[entry.name]:
                idle.append(entry.name)
    if idle:
        prepared.rows(_IDLE, {"modules": sorted(idle), "instance": instance})
    return done


def _due() -> dict[str, bool]:
    """Modules that may run now, one query for all, and whether each told within a second that it
    is well. Rows of new modules are made on the way."""
    known = {name: rest for name, *rest in kept.ask(_cycles, sorted(MODULES))}
    missing = MODULES.keys() - known.keys()
    if missing:
        EngineCycle.objects.bulk_create(
            [EngineCycle(module=name) for name in sorted(missing)], ignore_conflicts=True
        )
    ready = {name: bool(told) for name, (may_run, told) in known.items() if may_run}
    return dict.fromkeys(missing, False) | ready


def _cycles(names: Sequence[str]) -> QuerySet[EngineCycle, tuple[str, bool, bool]]:
    return (
        EngineCycle.objects.filter(module__in=names)
        .annotate(may_run=Q(not_before__lte=Now()), told=~_UNTOLD)
        .values_list("module", "may_run", "told")
    )


def _begin(entry: Module) -> bool:
    """For a module with a rhythm: take this turn, or leave it to whoever just did."""
    return not entry.every or bool(
        prepared.rows(_BEGIN, {"module": entry.name, "every": entry.every})
    )


_BEGIN = """
    UPDATE jobs_enginecycle
    SET not_before = statement_timestamp() + %(every)s::interval,
        started_at = statement_timestamp()
    WHERE module = %(module)s AND not_before <= statement_timestamp() RETURNING 1
"""


def _run(entry: Module, deadline: float, instance: str) -> int | None:
    """One module. Its error is noted and pauses it alone: the tick goes on with the others."""
    started = time.monotonic()
    try:
        with context.bind(source="job"):
            count = entry.work(deadline)
    except Exception as error:
        logger.exception("engine module %s failed", entry.name)
        _note_failure(entry, error, instance)
        return None
    if count:
        took = int((time.monotonic() - started) * 1000)
        prepared.rows(
            _WORKED,
            {"module": entry.name, "took": took, "count": count, "instance": instance},
        )
    return count


_WORKED = """
    UPDATE jobs_enginecycle
    SET ok_at = statement_timestamp(), duration_ms = %(took)s::int, done = done + %(count)s::bigint,
        failures = 0, last_error = '', instance = %(instance)s
    WHERE module = %(module)s
"""
# An idle module says that it is well once a second at most, however many hands turn the crank; all
# that are say so together.
_UNTOLD = Q(ok_at=None) | Q(ok_at__lt=Now() - timedelta(seconds=1)) | Q(failures__gt=0)
_IDLE = """
    UPDATE jobs_enginecycle
    SET ok_at = statement_timestamp(), failures = 0, last_error = '', instance = %(instance)s
    WHERE module = ANY(%(modules)s::text[])
      AND (ok_at IS NULL OR ok_at < statement_timestamp() - interval '1 second' OR failures > 0)
"""


def _note_failure(entry: Module, error: Exception, instance: str) -> None:
    if connection.needs_rollback and not connection.in_atomic_block:
        connection.close()
    with transaction.atomic():
        cycle = EngineCycle.objects.select_for_update().get(module=entry.name)
        pause = min(WORST_PAUSE.value, 2.0 ** min(cycle.failures, 10))
        if isinstance(error, Incomplete):
            pause = entry.every.total_seconds()
        EngineCycle.objects.filter(pk=cycle.pk).update(
            failures=F("failures") + 1,
            last_error=leases.describe(error),
            not_before=Now() + timedelta(seconds=pause),
            instance=instance,
        )
