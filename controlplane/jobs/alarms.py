"""Findings become alarms: opened once, told once, reminded of, closed when the finding is gone.

Every process of every kind looks, since whatever died cannot look after itself, and every step is
a compare-and-set, since only one may speak. What is found together is told together. Told in two
ways. The registered handlers write notifications like everybody else. When the engine that would
send those does not turn, or the database is away, a mail goes out directly from the process that
noticed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from controlplane.jobs import direct
from controlplane.jobs.models import EngineCycle, WatchAlarm
from controlplane.jobs.watch import Finding, verdict
from controlplane.lib import defaults

logger = logging.getLogger(__name__)

LOOK_EVERY = defaults.define(
    "jobs.watch_s", 5.0, unit="seconds", why="One process looks this often, whichever comes first."
)
CALM = defaults.define(
    "jobs.alarm_calm_s", 20.0, unit="seconds", why="Gone this long: over. Shorter would flap."
)
REMIND = defaults.define(
    "jobs.alarm_remind_s", 3600.0, unit="seconds", why="An open critical alarm is told again."
)
KEEP = defaults.define(
    "jobs.keep_alarms_days", 90, unit="days", why="A quarter of alarms shows what keeps failing."
)
TOGETHER = defaults.define(
    "jobs.alarm_together_s",
    60.0,
    unit="seconds",
    why="What follows a told alarm of the engine within this time is told in one notice after it.",
)
_TELLING = timedelta(seconds=60)
_NAMED = 20
_FOLLOWING = ("engine", "lag")
_WATCH = "watch"

Moment = Literal["opened", "reminded", "closed"]
Handler = Callable[[Sequence[WatchAlarm], Moment], None]
HANDLERS: list[Handler] = []


def on_alarm(handler: Handler) -> Handler:
    """Register who passes alarms on: all of one moment in one notice, the likely cause first.
    Called in a transaction; must be safe to call twice for one first alarm and moment (use its
    `uid` and `tellings` as the key)."""
    if handler not in HANDLERS:
        HANDLERS.append(handler)
    return handler


def look() -> list[Finding] | None:
    """One look of the watch, at most each `LOOK_EVERY` seconds over all processes.

    None when another process has just looked. Raises when the database is away.
    """
    if not _my_turn():
        return None
    findings = verdict()
    settle(findings)
    EngineCycle.objects.filter(module=_WATCH).update(ok_at=Now())
    return findings


def last_look() -> datetime | None:
    """When the watch last got through a look, whoever took it."""
    rows = EngineCycle.objects.filter(module=_WATCH)
    found: datetime | None = rows.values_list("ok_at", flat=True).first()
    return found


def critical_open() -> bool:
    """What any process knows of the last look, whoever took it."""
    return WatchAlarm.objects.open().filter(critical=True).exists()


def _my_turn() -> bool:
    wait = timedelta(seconds=LOOK_EVERY.value)
    turn = EngineCycle.objects.filter(module=_WATCH, not_before__lte=Now())
    if turn.update(not_before=Now() + wait, started_at=Now()):
        return True
    if EngineCycle.objects.filter(module=_WATCH).exists():
        return False
    EngineCycle.objects.bulk_create([EngineCycle(module=_WATCH)], ignore_conflicts=True)
    return _my_turn()


def settle(findings: Sequence[Finding]) -> None:
    """Bring alarms in line with the findings, and tell what is untold: all of one look at once,
    since seven notices about one dead process are read worse than one."""
    for finding in findings:
        _keep_open(finding)
    _close_gone()
    stalled = any(_stops_sending(finding) for finding in findings)
    tell(stalled=stalled)


def _stops_sending(finding: Finding | WatchAlarm) -> bool:
    """Whether what the handlers write would lie about: nobody turns the engine, or it has fallen
    behind. A worker's silence is seen seconds before that of the engine it turned."""
    return finding.kind in _FOLLOWING or _turns_the_engine(finding)


def _turns_the_engine(finding: Finding | WatchAlarm) -> bool:
    return (finding.kind, finding.subject) == ("component", "worker")


def _keep_open(finding: Finding) -> None:
    known = WatchAlarm.objects.open().filter(kind=finding.kind, subject=finding.subject)
    if known.update(seen_at=Now(), message=finding.message, critical=finding.critical):
        return
    WatchAlarm.objects.bulk_create(
        [
            WatchAlarm(
                kind=finding.kind,
                subject=finding.subject,
                message=finding.message,
                critical=finding.critical,
            )
        ],
        ignore_conflicts=True,
    )


def _close_gone() -> None:
    gone = WatchAlarm.objects.open().filter(seen_at__lt=Now() - timedelta(seconds=CALM.value))
    with transaction.atomic():
        closed = [
            alarm
            for alarm in gone.order_by("pk")
            if WatchAlarm.objects.open().filter(pk=alarm.pk).update(closed_at=Now())
        ]
        for alarm in closed:
            alarm.refresh_from_db()
        told = [alarm for alarm in closed if alarm.told_at is not None]
        if told:
            _hand_on(_ordered(told), "closed")


def _due_for_telling() -> Q:
    untold = Q(told_at=None)
    again = Q(critical=True, told_at__lt=Now() - timedelta(seconds=REMIND.value))
    return untold | again


def tell(*, stalled: bool) -> bool:
    """Tell what is due, if no other process is at it. The teller has a lease: if it dies while
    speaking, somebody else speaks. `stalled`: nobody would send what the handlers write."""
    mine = _claim()
    if not mine:
        return False
    moment: Moment = "opened" if any(alarm.told_at is None for alarm in mine) else "reminded"
    with transaction.atomic():
        handed = _hand_on(mine, moment)
        WatchAlarm.objects.filter(pk__in=[alarm.pk for alarm in mine]).update(
            told_at=Now(), tellings=F("tellings") + 1, teller_until=None
        )
    critical = [alarm for alarm in mine if alarm.critical]
    if (stalled or not handed) and critical:
        _tell_directly(critical)
    return True


def _claim() -> list[WatchAlarm]:
    free = Q(teller_until=None) | Q(teller_until__lt=Now())
    with transaction.atomic():
        due = WatchAlarm.objects.open().filter(free, _due_for_telling())
        found = list(due.select_for_update(skip_locked=True).order_by("pk"))
        if not any(alarm.told_at for alarm in found):  # a reminder names what has come of it
            found = _without_followers(found)
        of_these = WatchAlarm.objects.filter(pk__in=[alarm.pk for alarm in found])
        of_these.update(teller_until=Now() + _TELLING)
    return _ordered(found)


def _without_followers(found: list[WatchAlarm]) -> list[WatchAlarm]:
    """Modules that stand still and rows that wait follow from one cause, but each is seen at its
    own second. While the worker's silence is told they say nothing new; without it, those that
    come after the first wait until they can be told together. Once the cause is over, what is
    still open is told."""
    causes = Q(kind="component", subject="worker")
    causes |= Q(kind__in=_FOLLOWING, told_at__gt=Now() - timedelta(seconds=TOGETHER.value))
    if not WatchAlarm.objects.open().exclude(told_at=None).filter(causes).exists():
        return found
    return [alarm for alarm in found if alarm.kind not in _FOLLOWING]


def _ordered(found: Sequence[WatchAlarm]) -> list[WatchAlarm]:
    """The likely cause first: it gives the notice its name."""
    return sorted(
        found,
        key=lambda alarm: (
            not alarm.critical,
            not _turns_the_engine(alarm),
            alarm.kind in _FOLLOWING,
            alarm.opened_at,
            alarm.pk,
        ),
    )


def summary(found: Sequence[WatchAlarm], between: str = " ") -> str:
    """What a notice about these is called."""
    first = f"{found[0].kind}{between}{found[0].subject}"
    return first if len(found) == 1 else f"{first} and {len(found) - 1} more"


def listing(found: Sequence[WatchAlarm]) -> str:
    """What it says: the sentence of the one, or a line for each."""
    if len(found) == 1:
        return found[0].message
    lines = [f"- {alarm.kind} {alarm.subject}: {alarm.message}" for alarm in found[:_NAMED]]
    if len(found) > _NAMED:
        lines.append(f"and {len(found) - _NAMED} more, in the console")
    return "\n".join(lines)


def _hand_on(found: Sequence[WatchAlarm], moment: Moment) -> bool:
    """False when a handler failed or there is none: then the direct way is taken."""
    well = bool(HANDLERS)
    for handler in HANDLERS:
        try:
            with transaction.atomic():
                handler(found, moment)
        except Exception:
            logger.exception("alarm %s was not handed on", summary(found))
            well = False
    return well


def _tell_directly(found: Sequence[WatchAlarm]) -> None:
    if direct.mail(summary(found, ": "), listing(found)):
        told = WatchAlarm.objects.filter(pk__in=[alarm.pk for alarm in found])
        told.update(told_directly_at=Now())


def delete_old() -> int:
    horizon = Now() - timedelta(days=KEEP.value)
    deleted, _ = WatchAlarm.objects.filter(closed_at__lt=horizon).delete()
    return deleted
