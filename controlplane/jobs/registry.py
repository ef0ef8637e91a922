"""Jobs by name: what runs regularly, how long it may take, when its silence is an alarm.

    @job("access.purge_sessions", every=timedelta(hours=1), time_limit=60, doc="…")
    def purge_sessions() -> dict[str, int]:
        return {"deleted": n}

The function takes nothing, is safe to run twice, and returns counts for its `JobRun`. Registered
when its app's `tasks.py` is imported, which `JobsConfig.ready` does for every installed app.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from controlplane.jobs.schedules import Cron, Every, Schedule

Function = Callable[[], Mapping[str, Any] | None]

JOBS: dict[str, Job] = {}


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    function: Function
    schedule: Schedule
    time_limit: int
    silence_after: timedelta
    attempts: int
    doc: str

    @property
    def lease_seconds(self) -> float:
        """Longer than the hard time limit: a lease that ends first would start a second run."""
        return self.time_limit + 30.0


def job(
    name: str,
    *,
    every: timedelta | None = None,
    at: str | None = None,
    tz: str = "UTC",
    time_limit: int,
    silence_after: timedelta | None = None,
    attempts: int | None = None,
    doc: str = "",
) -> Callable[[Function], Function]:
    """Register a function as a job. Exactly one of `every` and `at` (`"03:15"` or a cron line).

    `silence_after`: how long without a good run until the watch says so; by default three
    intervals, at least five minutes. `attempts`: tries per due time; a frequent job's next run
    is its retry, a rare one is retried.
    """
    if (every is None) == (at is None):
        raise ValueError(f"job {name}: give one of every and at")
    schedule: Schedule = Every(every) if every is not None else Cron(str(at), tz)

    def register(function: Function) -> Function:
        if name in JOBS and JOBS[name].function is not function:
            raise ValueError(f"job {name} is registered twice")
        gap = schedule.longest_gap
        JOBS[name] = Job(
            name=name,
            function=function,
            schedule=schedule,
            time_limit=time_limit,
            silence_after=silence_after or _silence(gap, time_limit),
            attempts=attempts or (1 if gap <= timedelta(minutes=5) else 3),
            doc=doc or (function.__doc__ or "").strip().split("\n", 1)[0],
        )
        return function

    return register


def _silence(gap: timedelta, time_limit: int) -> timedelta:
    slack = timedelta(seconds=time_limit) + timedelta(minutes=5)
    return gap + slack if gap >= timedelta(hours=12) else 3 * gap + slack
