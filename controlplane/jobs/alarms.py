"""Findings become alarms: opened once, told once, reminded of, closed when the finding is gone.

Every process of every kind looks, since whatever died cannot look after itself, and every step is
a compare-and-set, since only one may speak. Told in two ways. The registered handlers write
notifications like everybody else. When the engine that would send those does not turn, or the
database is away, a mail goes out directly from the process that noticed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
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
_TELLING = timedelta(seconds=60)
_WATCH = "watch"

Moment = Literal["opened", "reminded", "closed"]
Handler = Callable[[WatchAlarm, Moment], None]
HANDLERS: list[Handler] = []


def on_alarm(handler: Handler) -> Handler:
    """Register who passes alarms on. Called in a transaction; must be safe to call twice for one
    alarm and moment (use `alarm.uid` and `alarm.tellings` as the key)."""
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
    """Bring alarms in line with the findings, and tell what is untold."""
    for finding in findings:
        _keep_open(finding)
    _close_gone()
    stalled = any(_stops_sending(finding) for finding in findings)
    for alarm in WatchAlarm.objects.open().filter(_due_for_telling()):
        tell(alarm, stalled=stalled)


def _stops_sending(finding: Finding) -> bool:
    """Whether what the handlers write would lie about: nobody turns the engine, or it has fallen
    behind. A worker's silence is seen seconds before that of the engine it turned."""
    return finding.kind in {"engine", "lag"} or (finding.kind, finding.subject) == (
        "component",
        "worker",
    )


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
    for alarm in gone:
        with transaction.atomic():
            if WatchAlarm.objects.open().filter(pk=alarm.pk).update(closed_at=Now()):
                alarm.refresh_from_db()
                if alarm.told_at is not None:
                    _hand_on(alarm, "closed")


def _due_for_telling() -> Q:
    untold = Q(told_at=None)
    again = Q(critical=True, told_at__lt=Now() - timedelta(seconds=REMIND.value))
    return untold | again


def tell(alarm: WatchAlarm, *, stalled: bool) -> bool:
    """Tell one alarm, if no other process is at it. The teller has a lease: if it dies while
    speaking, somebody else speaks. `stalled`: nobody would send what the handlers write."""
    mine = WatchAlarm.objects.open().filter(
        Q(teller_until=None) | Q(teller_until__lt=Now()), _due_for_telling(), pk=alarm.pk
    )
    if not mine.update(teller_until=Now() + _TELLING):
        return False
    moment: Moment = "opened" if alarm.told_at is None else "reminded"
    with transaction.atomic():
        handed = _hand_on(alarm, moment)
        WatchAlarm.objects.filter(pk=alarm.pk).update(
            told_at=Now(), tellings=F("tellings") + 1, teller_until=None
        )
    if (stalled or not handed) and alarm.critical:
        _tell_directly(alarm)
    return True


def _hand_on(alarm: WatchAlarm, moment: Moment) -> bool:
    """False when a handler failed or there is none: then the direct way is taken."""
    well = bool(HANDLERS)
    for handler in HANDLERS:
        try:
            with transaction.atomic():
                handler(alarm, moment)
        except Exception:
            logger.exception("alarm %s was not handed on", alarm)
            well = False
    return well


def _tell_directly(alarm: WatchAlarm) -> None:
    if direct.mail(f"{alarm.kind}: {alarm.subject}", alarm.message):
        WatchAlarm.objects.filter(pk=alarm.pk).update(told_directly_at=Now())


def delete_old() -> int:
    horizon = Now() - timedelta(days=KEEP.value)
    deleted, _ = WatchAlarm.objects.filter(closed_at__lt=horizon).delete()
    return deleted
