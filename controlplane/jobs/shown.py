"""What the console's pages of this package show: words and plain data, drawn by its kit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings

from controlplane.audit.models import AuditEvent
from controlplane.audit.refs import names_one
from controlplane.jobs import leases
from controlplane.jobs.models import JobRun, ScheduledJob, Timer, WatchAlarm
from controlplane.jobs.registry import JOBS
from controlplane.jobs.schedules import Every, Schedule
from controlplane.jobs.timers import HANDLERS
from controlplane.lib import clock, lasting
from controlplane.lib.actors import Actor
from controlplane.lib.lasting import Lasting

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
RUNS_SHOWN = 50
_LINE = re.compile(r"^(\d+) (\d+) (\S+) \* (\S+)$")


# --- Jobs ---------------------------------------------------------------------------------------


def schedule_words(schedule: Schedule) -> str:
    """ "every 15 minutes", "Mondays at 06:00 UTC"; a cron line that is no such thing, as it is."""
    if isinstance(schedule, Every):
        return f"every {length(schedule.interval)}"
    line, zone = schedule.line, schedule.zone
    if ":" in line:
        return f"daily at {line} {zone}"
    found = _LINE.match(line)
    if found is None:
        return f"{line} ({zone})"
    at = f"at {int(found[2]):02}:{int(found[1]):02} {zone}"
    days, weekdays = found[3], found[4]
    if days == weekdays == "*":
        return f"daily {at}"
    if days == "*" and weekdays.isdigit():
        return f"{DAYS[int(weekdays) % 7]}s {at}"
    if weekdays == "*" and days.isdigit():
        return f"on day {days} of each month {at}"
    return f"{line} ({zone})"


def length(span: timedelta) -> str:
    """The interval in its largest whole unit."""
    seconds = int(span.total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return unit if count == 1 else f"{count} {unit}s"
    return f"{seconds} seconds"


def words_of(name: str, schedule: str) -> str:
    return schedule_words(JOBS[name].schedule) if name in JOBS else schedule


def next_times(job: ScheduledJob, count: int = 3) -> list[Any]:
    """Its next due times. The first is the row's; the others follow the code's schedule."""
    entry = JOBS.get(job.name)
    if entry is None or not job.enabled:
        return []
    times = [job.next_run_at]
    while len(times) < count:
        times.append(entry.schedule.after(times[-1], times[-1]))
    return times


def job_health(job: ScheduledJob) -> str:
    """One word for how a job fares: what is silent for too long is worse than one failure."""
    entry = JOBS.get(job.name)
    if entry is None:
        return "removed"
    if not job.enabled:
        return "off"
    if clock.now() - (job.last_ok_at or job.first_seen_at) > entry.silence_after:
        return "silent"
    failed, well = job.last_failed_at, job.last_ok_at
    if failed is not None and (well is None or failed > well):
        return "failing"
    return "new" if well is None else "ok"


def runs_of(name: str) -> list[JobRun]:
    """The newest runs of a job, newest first."""
    return list(JobRun.objects.filter(name=name).order_by("-id")[:RUNS_SHOWN])


def durations(runs: Sequence[JobRun]) -> dict[str, Any]:
    """How long the runs took, oldest first, those that failed apart."""
    told = [run for run in reversed(runs) if run.duration_ms is not None]
    well = [_seconds(run, run.state != leases.DEAD) for run in told]
    failed = [_seconds(run, run.state == leases.DEAD) for run in told]
    return {
        "kind": "bar",
        "title": "How long it took",
        "period": f"last {len(told)} runs" if len(told) != 1 else "last run",
        "unit": "s",
        "size": "small",
        "horizontal": False,
        "stacked": True,
        "empty": "It has not run yet.",
        "categories": [f"{run.due_at:%d %b %H:%M}" for run in told],
        "series": [
            {"name": "done", "values": well},
            {"name": "failed", "values": failed},
        ],
    }


def _seconds(run: JobRun, counted: bool) -> float:
    return (run.duration_ms or 0) / 1000 if counted else 0.0


def run_figures(runs: Sequence[JobRun]) -> dict[str, Any]:
    over = [run for run in runs if run.state in {leases.DONE, leases.DEAD}]
    took = sorted(run.duration_ms for run in over if run.duration_ms is not None)
    failed = sum(run.state == leases.DEAD for run in over)
    return {
        "over": len(over),
        "failed": failed,
        "success": 100 * (len(over) - failed) / len(over) if over else None,
        "typical_s": took[len(took) // 2] / 1000 if took else None,
        "longest_s": took[-1] / 1000 if took else None,
    }


def run_rows(runs: Sequence[JobRun], url: Any) -> list[dict[str, Any]]:
    return [
        {
            "due_at": run.due_at,
            "state": run.get_state_display(),
            "took": None if run.duration_ms is None else run.duration_ms / 1000,
            "told": _told(run),
            "_url": url(run),
        }
        for run in runs
    ]


def _told(run: JobRun) -> str:
    told = run.last_error or counts_words(run.counts) or "no counts"
    return told if run.asked_by == "schedule" else f"{told} (asked by {run.asked_by})"


def counts_words(counts: dict[str, Any]) -> str:
    return ", ".join(f"{str(name).replace('_', ' ')} {value}" for name, value in counts.items())


# --- Timers -------------------------------------------------------------------------------------


def timer_effect(timer: Timer) -> str:
    """What happens when it comes due, by the words of its handler."""
    handler = HANDLERS.get(timer.kind)
    if handler is None:
        return "Nothing in this release handles this kind: it waits for code that does."
    words = (handler.__doc__ or "").strip().split("\n\n", 1)[0]
    return " ".join(words.split()) or handler.__name__.strip("_").replace("_", " ").capitalize()


# --- Alarms -------------------------------------------------------------------------------------

_INNER_LINK = re.compile(r"\[([^\]]+)\]\((?!https?://)[^)]*\)")
_TABLE_MARK = re.compile(r"<!--.*?-->", re.DOTALL)


@cache
def runbook(kind: str) -> str:
    """The section of docs/runbooks.md for this kind of alarm, as Markdown; "" where the documents
    are not installed or know nothing of it. Links inside the documents lead nowhere here."""
    path = settings.BASE_DIR / "docs" / "runbooks.md"
    if not re.fullmatch(r"[a-z_.-]{1,40}", kind) or not path.is_file():
        return ""
    _, found, rest = path.read_text(encoding="utf-8").partition(f"\n### alarm: {kind}\n")
    if not found:
        return ""
    section = re.split(r"\n#{2,3} ", rest, maxsplit=1)[0]
    return _INNER_LINK.sub(r"\1", _TABLE_MARK.sub("", section)).strip()


def earlier(alarm: WatchAlarm, count: int = 10) -> list[WatchAlarm]:
    """The same alarm, before: what comes back was not mended."""
    rows = WatchAlarm.objects.filter(kind=alarm.kind, subject=alarm.subject)
    return list(rows.exclude(pk=alarm.pk).order_by("-id")[:count])


def lasted(alarm: WatchAlarm) -> timedelta | Lasting:
    return lasting.lasted(alarm.opened_at, alarm.closed_at)


# --- Whose --------------------------------------------------------------------------------------


def about(subject: str, actor: Actor, count: int = 5) -> list[AuditEvent]:
    """The newest events of a thing that is only known by its ref."""
    if not names_one(subject):
        return []
    rows = AuditEvent.objects.visible_to(actor).filter(subject_ref=subject)
    return list(rows.order_by("-id")[:count])


def span(milliseconds: int | None) -> timedelta | None:
    return None if milliseconds is None else timedelta(milliseconds=milliseconds)
