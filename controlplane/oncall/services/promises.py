"""What is promised for later: the next hand-over, the word the day before, a look at the gaps.

Shifts follow from rows, so a promise only says when to look again. One that comes late, after
hours without a worker, finds who is on duty by then, and tells that.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from controlplane.base import cache
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.oncall import arithmetic, duty, numbers, plans
from controlplane.oncall.arithmetic import Plan
from controlplane.oncall.models import Schedule, Wish
from controlplane.oncall.services import gaps, handing, telling

HAND_OVER = "oncall.hand_over"
HEADS_UP = "oncall.heads_up"
# A turn that is shorter than this is known by heart: no word the day before.
KNOWN = timedelta(days=2)


def renew(schedule: Schedule, at: datetime | None = None) -> None:
    """Promise the next hand-over as the rows say it now, and look for gaps."""
    at = at or clock.now()
    cache.forget("oncall:")
    far = timedelta(weeks=numbers.ROSTER_WEEKS.value) + duty.window()
    plan = plans.plan_of(schedule, at - duty.window(), at + far)
    _promise(schedule, plan, at)
    gaps.look(schedule, plan, at)


def forget(schedule: Schedule) -> None:
    cache.forget("oncall:")
    for kind in (HAND_OVER, HEADS_UP):
        timers.cancel_timer(_key(schedule, kind))


def _key(schedule: Schedule, kind: str) -> str:
    return f"{kind}:{schedule.uid}"


def _promise(schedule: Schedule, plan: Plan, at: datetime) -> None:
    now = arithmetic.shift_at(plan, at)
    later = arithmetic.next_change(plan, at, at + arithmetic.reach(plan) + duty.window())
    if later is None:
        forget(schedule)
        return
    payload = {"schedule": schedule.pk, "was": now.person}
    _set(schedule, HAND_OVER, later.since, payload)
    hours, wished = _hours_before(later.person)
    word = later.since - timedelta(hours=hours)
    known = not wished and later.until - later.since < KNOWN
    if later.person is None or not hours or word <= at or known:
        timers.cancel_timer(_key(schedule, HEADS_UP))
    else:
        _set(schedule, HEADS_UP, word, payload)


def _hours_before(person: int | None) -> tuple[int, bool]:
    """How long before the shift they want to hear of it, and whether they said so themselves."""
    wish = Wish.objects.filter(person=person).first() if person is not None else None
    if wish is None:
        return numbers.HEADS_UP_HOURS.value, False
    return wish.hours_before, True


def _set(schedule: Schedule, kind: str, due: datetime, payload: dict[str, int | None]) -> None:
    timers.set_timer(
        kind,
        key=_key(schedule, kind),
        due_at=due,
        subject=f"oncall.schedule:{schedule.pk}",
        workspace_id=schedule.workspace_id,
        payload=payload,
    )


def _schedule(timer: Timer) -> Schedule | None:
    rows = Schedule.objects.active().filter(pk=timer.payload.get("schedule"))
    found: Schedule | None = rows.select_for_update(of=("self",), no_key=True).first()
    return found


@timers.on(HAND_OVER)
def hand_over(timer: Timer) -> None:
    """Tell who came on and who went off, as it stands by now; then promise the next."""
    schedule = _schedule(timer)
    if schedule is None:
        return
    at = max(clock.now(), timer.due_at)
    [now] = duty.standings([schedule], at)
    was = timer.payload.get("was")
    person = now.duty.person.pk if now.duty is not None else None
    if now.duty is not None and person != was:
        telling.came_on(now.duty)
    if was is not None and person != was:
        telling.went_off(schedule, was, timer.due_at, now.duty)
        handing.hand_over(schedule, was, timer.due_at, now.duty)
    renew(schedule, at)


@timers.on(HEADS_UP)
def heads_up(timer: Timer) -> None:
    """The day before. After hours without a worker it may be over: then nothing is said."""
    schedule = _schedule(timer)
    if schedule is None:
        return
    [now] = duty.standings([schedule], max(clock.now(), timer.due_at))
    if now.next is not None and (now.duty is None or now.duty.person.pk == timer.payload["was"]):
        telling.comes_next(now.next)
