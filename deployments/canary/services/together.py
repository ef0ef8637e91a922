"""The look at many rollouts at once, as long as nothing happens to them.

Nearly every look ends with "go on as before": figures counted, evidence noted. Done one by one
that is a dozen questions and a commit for each rollout and each minute. Here some hundred share
four questions and one commit. Whatever is more than that (a step that is through, a hold that
begins or ends, a rollback, a flag that somebody touched, figures that could not be read) is left
alone and answered to the caller, who looks at it by itself.
"""

from __future__ import annotations

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from controlplane.lib.errors import ControlPlaneError
from deployments.canary.judge import Verdict
from deployments.canary.services.figures import keep_looks, look_of
from deployments.canary.services.looking import is_through, note, weigh, window
from deployments.canary.services.moving import expected
from deployments.canary.sources import Reading
from deployments.flags.models import FlagState
from deployments.models import Rollout, RolloutSample, RolloutStep

logger = logging.getLogger(__name__)
_NOTE = """
UPDATE deployments_rolloutstep AS step
SET seen = told.seen, numbers = told.numbers, verdict = told.verdict, rule = told.rule,
    reason = told.reason, held_since = told.held, checked_at = %(now)s
FROM jsonb_to_recordset(%(told)s::jsonb) AS told(
    id bigint, seen jsonb, numbers jsonb, verdict text, rule text, reason text, held timestamptz)
WHERE step.id = told.id
"""
NOTED = ("id", "seen", "numbers", "verdict", "rule", "reason")


@dataclass(slots=True)
class Looked:
    counts: Counter[str] = field(default_factory=Counter)
    # Those that need a look of their own.
    rest: list[Rollout] = field(default_factory=list)


def look_together(
    rollouts: Sequence[Rollout], readings: Mapping[int, Reading], now: datetime
) -> Looked:
    """All or nothing of it is committed. What fails here is looked at one by one."""
    try:
        with transaction.atomic():
            return _look(rollouts, readings, now)
    except Exception:
        logger.exception("%s rollouts could not be looked at together", len(rollouts))
        return Looked(rest=list(rollouts))


def _look(rollouts: Sequence[Rollout], readings: Mapping[int, Reading], now: datetime) -> Looked:
    found = Looked()
    posted = Rollout.Source.POSTED
    known = [each for each in rollouts if each.pk in readings or each.source == posted]
    held = _held([each.pk for each in known])
    steps = _steps(list(held))
    states = _states(list(held.values()))
    looks: list[RolloutSample] = []
    noted: list[RolloutStep] = []
    until: dict[datetime, list[int]] = defaultdict(list)
    for rollout in rollouts:
        row = held.get(rollout.pk)
        if row is None:
            found.rest.append(rollout)
        elif row.read_until != rollout.read_until:
            found.counts["counted"] += 1
        else:
            row.flag = rollout.flag
            state = states.get((row.flag_id, row.environment_id))
            plan = steps.get(row.pk, [])
            start, end = window(row, now)
            reading = readings.get(row.pk)
            step = _quiet(row, plan, state, reading, end, now)
            if step is None:
                found.rest.append(rollout)
                continue
            noted.append(step)
            if reading is not None:
                looks.append(look_of(step, end, reading))
                if start < end:
                    until[end].append(row.pk)
            found.counts[step.verdict] += 1
    keep_looks(looks)
    _note(noted, now)
    for end, keys in until.items():
        Rollout.objects.filter(pk__in=keys).update(read_until=end)
    return found


def _held(keys: list[int]) -> dict[int, Rollout]:
    """Locked; who is busy with one already keeps it, and it is looked at after them."""
    rows = Rollout.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
    return {row.pk: row for row in rows.filter(pk__in=keys).order_by("pk")}


def _steps(keys: list[int]) -> dict[int, list[RolloutStep]]:
    found: dict[int, list[RolloutStep]] = defaultdict(list)
    for step in RolloutStep.objects.filter(rollout__in=keys).order_by("rollout", "position"):
        found[step.rollout_id].append(step)
    return found


def _states(rows: list[Rollout]) -> dict[tuple[int, int], FlagState]:
    flags, places = {row.flag_id for row in rows}, {row.environment_id for row in rows}
    states = FlagState.objects.filter(flag__in=flags, environment__in=places)
    return {(each.flag_id, each.environment_id): each for each in states.select_related("flag")}


def _quiet(
    row: Rollout,
    plan: list[RolloutStep],
    state: FlagState | None,
    reading: Reading | None,
    end: datetime,
    now: datetime,
) -> RolloutStep | None:
    """The running step with what this look adds to it, if that is all there is to it."""
    step = next((each for each in plan if each.state in ("running", "held")), None)
    if step is None or state is None or not row.is_watched or is_through(step, now):
        return None
    if not state.flag.enabled or state.settings != expected(row, step):
        return None
    before = step.verdict, step.rule
    holds = [each.hold_minutes for each in plan]
    try:
        seen, ruling = weigh(row, step, reading, at=end, now=now, holds=holds)
    except (ControlPlaneError, LookupError, TypeError, ValueError, ArithmeticError):
        return None  # looked at by itself, it says what is wrong with it
    goes_on = ruling.verdict == Verdict.KEEP and step.state == "running" and row.status != "held"
    still = (
        ruling.verdict in (Verdict.HOLD, Verdict.ASK)
        and (ruling.verdict.value, ruling.rule) == before
        and step.state == "held"
        and step.held_since is not None
        and row.status != "running"
    )
    if not goes_on and not still:
        return None
    note(step, seen, ruling, now)
    return step


def _note(steps: list[RolloutStep], now: datetime) -> None:
    if not steps:
        return
    told = [{**{name: getattr(each, name) for name in NOTED}, "held": _iso(each)} for each in steps]
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, {"told": json.dumps(told), "now": now})


def _iso(step: RolloutStep) -> str | None:
    """To the microsecond, which the stock encoder cuts off: every hold would begin anew."""
    return step.held_since.isoformat() if step.held_since is not None else None
