"""Everything with a due time, what ran, what is alive, and what people owe regularly."""

from controlplane.jobs.models.obligations import Obligation, ObligationRecord
from controlplane.jobs.models.runs import JobRun, ScheduledJob
from controlplane.jobs.models.timers import Timer
from controlplane.jobs.models.watch import EngineCycle, Heartbeat, WatchAlarm

__all__ = [
    "EngineCycle",
    "Heartbeat",
    "JobRun",
    "Obligation",
    "ObligationRecord",
    "ScheduledJob",
    "Timer",
    "WatchAlarm",
]
