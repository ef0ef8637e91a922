"""One look at each rollout a minute: read, count, judge, and do what follows.

The figures are read before the row is locked, for a source may be slow, and counted under the
lock if nobody counted them meanwhile. Two workers, or a worker that died and came back, cannot
count a minute twice: `read_until` moves with the figures, in one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError
from deployments.canary import judge as judging
from deployments.canary import seen as seeing
from deployments.canary import sources
from deployments.canary.judge import Ruling, Situation, Verdict
from deployments.canary.limits import Limits
from deployments.canary.numbers import settled
from deployments.canary.plans import is_for_everybody
from deployments.canary.seen import Seen
from deployments.canary.services import going, leaving, moving, noting
from deployments.canary.services.figures import keep_looks, look_of
from deployments.canary.services.holding import current_step, hold, state_of
from deployments.canary.services.telling import tell
from deployments.canary.sources import Reading
from deployments.models import Rollout, RolloutStep

logger = logging.getLogger(__name__)
# At most that much is caught up in one look, after a time without workers.
MOST_AT_ONCE = timedelta(hours=1)
LOOKED = ("state", "held_since", "seen", "checked_at", "verdict", "rule", "reason", "numbers")


def window(rollout: Rollout, now: datetime) -> tuple[datetime, datetime]:
    """What is read next."""
    end = sources.readable_until(now)
    start = rollout.read_until or end
    return start, min(end, start + MOST_AT_ONCE)


def tick(
    rollout: Rollout,
    *,
    now: datetime | None = None,
    reading: Reading | None = None,
    trouble: str = "",
) -> str:
    """The verdict, or why there was none. `reading` is of this rollout's window, where it was read
    together with others'; `trouble` why it could not be."""
    now = now or clock.now()
    start, end = window(rollout, now)
    if reading is None and not trouble:
        reading, trouble = read(rollout, start, end)
    with transaction.atomic():
        row = hold(rollout)
        step = current_step(row)
        if not row.is_watched or step is None:
            return "ended"
        if row.read_until != rollout.read_until:
            return "counted"
        if reading is not None and end > start:
            row.read_until = end
            row.save(update_fields=["read_until"])
        return judge_now(row, step, reading, at=end, now=now, trouble=trouble)


def read(rollout: Rollout, start: datetime, end: datetime) -> tuple[Reading | None, str]:
    """What came in, or the sentence why nothing could be read: a source that is down, or answers
    what nobody expected, is no figures, and that is judged too."""
    try:
        return sources.read(rollout, start, end), ""
    except ControlPlaneError as error:
        logger.warning("rollout %s: %s", rollout.ref, error.message)
        return None, error.message
    except Exception:
        logger.exception("the source of rollout %s could not be read", rollout.ref)
        return None, "its source could not be read; the portal's log says why"


def judge_now(
    rollout: Rollout,
    step: RolloutStep,
    reading: Reading | None,
    *,
    at: datetime,
    now: datetime,
    trouble: str = "",
) -> str:
    """Count these figures and do what follows: the verdict. The rollout is held. Of a flag that
    somebody switched off what came before counts, and may still be what it is rolled back for;
    nothing else follows."""
    off = _is_off(rollout, step)
    if reading is not None:
        keep_looks([look_of(step, at, reading)])
        if off:
            bare = replace(reading.figures, on=None, off=None, people=None)
            reading = replace(reading, figures=bare)
    holds = list(rollout.steps.values_list("hold_minutes", flat=True))
    # What keeps the next step back is only asked when it could begin.
    waiting = _waiting(rollout) if is_through(step, now) else ()
    seen, ruling = weigh(rollout, step, reading, at=at, now=now, holds=holds, waiting=waiting)
    if trouble and ruling.rule == "no_data":
        ruling = replace(ruling, reason=f"{ruling.reason}: {trouble}"[:500])
    if off and ruling.verdict != Verdict.ROLLBACK:
        step.seen, step.numbers, step.checked_at = seen.written(), ruling.numbers, now
        step.save(update_fields=["seen", "numbers", "checked_at"])
        return "off"
    before = step.verdict, step.rule
    note(step, seen, ruling, now)
    if ruling.verdict == Verdict.ADVANCE and (refusal := _refused(rollout, step)):
        # Told, and not tried in vain each minute with the figures lost.
        ruling = replace(ruling, verdict=Verdict.HOLD, rule="waiting", reason=refusal)
        note(step, seen, ruling, now)
    fresh = before != (ruling.verdict.value, ruling.rule)
    _follow(rollout, step, ruling, fresh=fresh)
    return ruling.verdict.value


def _refused(rollout: Rollout, step: RolloutStep) -> str:
    """Go on; or the sentence of what refuses it that nobody looked for."""
    step.save()
    try:
        with transaction.atomic():
            going.go_on(rollout, step, actor=noting.JUDGE)
    except ControlPlaneError as error:
        rollout.refresh_from_db(fields=["status", "version"])
        step.refresh_from_db()
        return error.message
    return ""


def is_through(step: RolloutStep, now: datetime) -> bool:
    """Its time is over."""
    assert step.started_at is not None
    return now >= step.started_at + timedelta(minutes=step.hold_minutes)


def weigh(
    rollout: Rollout,
    step: RolloutStep,
    reading: Reading | None,
    *,
    at: datetime,
    now: datetime,
    holds: Sequence[int],
    waiting: Sequence[str] = (),
) -> tuple[Seen, Ruling]:
    """What the step knows with this reading, and what follows. Nothing is kept."""
    assert step.started_at is not None
    limits, seen = Limits.read(rollout.limits), Seen.read(step.seen)
    if reading is not None:
        figures = reading.figures
        if at < settled(step.started_at) or not is_for_everybody(rollout.base):
            figures = replace(figures, on=None, off=None, people=None)
        seen = seeing.look(seen, figures, at=at, limits=limits)
    situation = Situation(
        now=now,
        started_at=step.started_at,
        dwell=timedelta(minutes=step.hold_minutes),
        percent=step.percent,
        held_since=step.held_since,
        held_for=step.rule if step.held_since is not None else "",
        steps=len(holds),
        planned=timedelta(minutes=sum(holds)),
        waiting_for=waiting,
    )
    return seen, judging.judge(seen, situation, limits)


def note(step: RolloutStep, seen: Seen, ruling: Ruling, now: datetime) -> None:
    step.seen, step.checked_at = seen.written(), now
    step.verdict, step.rule = ruling.verdict.value, ruling.rule
    step.reason, step.numbers = ruling.reason[:500], ruling.numbers
    step.held_since = ruling.held_since


def _waiting(rollout: Rollout) -> tuple[str, ...]:
    waiting = going.in_the_way(rollout)
    if rollout.status == "paused":
        waiting.append("It is paused.")
    if not rollout.automatic:
        waiting.append("Somebody is to promote it.")
    return tuple(waiting)


def _follow(rollout: Rollout, step: RolloutStep, ruling: Ruling, *, fresh: bool) -> None:
    match ruling.verdict:
        case Verdict.ROLLBACK:
            step.save()
            leaving.take_back(
                rollout, step, actor=noting.JUDGE, reason=ruling.reason, ruling=ruling
            )
        case Verdict.KEEP:
            _stand(rollout, step, RolloutStep.State.RUNNING)
        case Verdict.HOLD | Verdict.ASK:
            _stand(rollout, step, RolloutStep.State.HELD)
            if fresh:
                _tell_held(rollout, step, ruling)


def _stand(rollout: Rollout, step: RolloutStep, state: RolloutStep.State) -> None:
    step.state = state
    step.save(update_fields=LOOKED)
    wanted = "held" if state == RolloutStep.State.HELD else "running"
    if rollout.status in ("running", "held") and rollout.status != wanted:
        advance(rollout, wanted, actor=noting.JUDGE, reason=step.reason)


def _tell_held(rollout: Rollout, step: RolloutStep, ruling: Ruling) -> None:
    """Once, when it begins to hold for this reason, and once more when a person must decide."""
    noting.decide(
        rollout,
        ruling.verdict.value,
        actor=noting.JUDGE,
        step=step,
        rule=ruling.rule,
        reason=ruling.reason,
        numbers=ruling.numbers,
    )
    noting.say(rollout, f"Held at {step.percent} %: {ruling.reason}", actor=noting.JUDGE)
    tell(rollout, ruling.verdict.value, ruling.reason)


def _is_off(rollout: Rollout, step: RolloutStep) -> bool:
    """Whoever changes the flag in the middle knows something: stay where it is and say so. As long
    as it is on for somebody the judge goes on looking."""
    state = state_of(rollout)
    off = not state.flag.enabled or not state.settings["on"]
    if rollout.status != "paused" and (off or state.settings != moving.expected(rollout, step)):
        reason = "The flag was switched off by hand." if off else "The flag was changed by hand."
        advance(rollout, "paused", actor=noting.JUDGE, reason=reason)
        noting.decide(
            rollout, "paused", actor=noting.JUDGE, step=step, rule="by_hand", reason=reason
        )
        noting.say(rollout, f"Paused: {reason}", actor=noting.JUDGE)
        tell(rollout, "paused", reason)
    return off
