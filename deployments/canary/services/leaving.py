"""The ends of a rollout: done, taken back, given up."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from controlplane.access import policy
from controlplane.base.states import advance
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import GateNotMet
from deployments.canary.judge import Ruling
from deployments.canary.services import consent, moving, noting
from deployments.canary.services.holding import current_step, hold, require_status
from deployments.canary.services.telling import tell
from deployments.flags import services as flags
from deployments.models import Deployment, Rollout, RolloutStep
from deployments.querysets import ROLLOUT_ENDED
from deployments.services import going as deploying
from deployments.services import reading

REMOVE_DAYS = defaults.define(
    "canary.remove_flag_days",
    30,
    unit="days",
    why="a flag that everybody has is code to take out, before nobody knows what it was for",
)


@transaction.atomic
def roll_back(
    rollout: Rollout, *, actor: Actor, reason: str, version: int | None = None
) -> Rollout:
    """Off for everybody, now. One transaction with the flag; nothing stands in its way."""
    policy.require(actor, "rollout.rollback", rollout)
    row = hold(rollout, version=version)
    require_status(row, "running", "held", "paused", "stabilizing")
    said = reading.reason(reason)
    return take_back(row, current_step(row), actor=actor, reason=said)


def take_back(
    rollout: Rollout,
    step: RolloutStep | None,
    *,
    actor: Actor,
    reason: str,
    ruling: Ruling | None = None,
    blocks: bool = True,
) -> Rollout:
    """By the judge with its ruling, or by hand. The rollout is held. Without `blocks` its
    deployment is left as it is: it is on its way back already."""
    moving.take_back(rollout, actor=actor, reason=f"{rollout.ref}: {reason}")
    now = clock.now()
    if step is not None:
        step.state, step.ended_at = RolloutStep.State.FAILED, now
        step.save()
    changes = {"ended_at": now, "outcome": reason[:500]}
    rollout = advance(rollout, "rolled_back", actor=actor, reason=reason, changes=changes)
    numbers: dict[str, Any] = ruling.numbers if ruling else {}
    event = noting.decide(
        rollout,
        "rolled_back",
        actor=actor,
        step=step,
        rule=ruling.rule if ruling else "by_hand",
        reason=reason,
        numbers=numbers,
    )
    if ruling is not None:
        noting.breach(rollout, event)
    noting.say(
        rollout,
        f"Rolled back{f' at {step.percent} %' if step else ''}: {reason}",
        actor=actor,
        block=f"{rollout.flag.flag_name} was rolled back in {rollout.environment}",
        steps=True,
    )
    tell(rollout, "rolled_back", reason)
    if blocks:
        _block_deployment(rollout, reason=reason)
    return rollout


def along(deployment: Deployment, actor: Actor, why: str) -> None:
    """The deployment that brought the code goes back, and so do its rollouts: those on their way,
    those that were to come, and the flag of those that are done, which would come up for everybody
    with the code of the next release. What they left in the way is told. The deployment is held."""
    rows = _of(deployment)
    for found in rows.exclude(status__in=ROLLOUT_ENDED):
        row = hold(found)
        if row.started_at is None:
            _give_up(row, actor=noting.JUDGE, reason=why)
        elif row.is_open:
            take_back(row, current_step(row), actor=noting.JUDGE, reason=why, blocks=False)
    for found in rows.filter(status="completed"):
        row = hold(found)
        if moving.take_back(row, actor=noting.JUDGE, reason=f"{row.ref}: {why}"):
            noting.decide(row, "switched_off", actor=noting.JUDGE, reason=why)
            noting.say(row, f"Switched off: {why}", actor=noting.JUDGE)
    for found in rows.exclude(blocker=None):
        noting.say(found, why, actor=actor, blocker=True)


def _of(deployment: Deployment) -> QuerySet[Rollout]:
    """Those that name it, and of its flag there those that began since and name no other."""
    of_it = Q(deployment=deployment)
    if deployment.flag_id is not None and deployment.started_at is not None:
        of_it |= Q(
            deployment=None,
            flag=deployment.flag_id,
            environment=deployment.environment_id,
            started_at__gte=deployment.started_at,
        )
    return Rollout.objects.filter(of_it).order_by("pk")


def _block_deployment(rollout: Rollout, *, reason: str) -> None:
    """A release that is still watched stops being on its way to done."""
    deployment = rollout.deployment
    if deployment is None:
        return
    deployment.refresh_from_db()
    if deployment.status == "monitoring":
        why = f"{rollout.ref} was rolled back: {reason}"[:500]
        deploying.block_held(deployment, actor=noting.JUDGE, why=why)


@transaction.atomic
def complete(
    rollout: Rollout,
    *,
    actor: Actor,
    metrics_note: str,
    remove_by: date | None = None,
    version: int | None = None,
) -> Rollout:
    """How it went is documented, and the flag has a day by which it is taken out."""
    policy.require(actor, "rollout.promote", rollout)
    row = hold(rollout, version=version)
    require_status(row, "stabilizing")
    noted = reading.text("metrics_note", metrics_note, 20_000, required=True)
    today = clock.now().date()
    due = remove_by or today + timedelta(days=REMOVE_DAYS.value)
    if due < today:
        raise reading.refuse("remove_by", "A day to come.")
    # A day somebody named before stays, unless another one is named now.
    flag = row.flag
    if not (flag.permanent or flag.is_archived) and (
        remove_by is not None or flag.remove_by is None
    ):
        flags.change_flag(flag, actor=noting.JUDGE, remove_by=due, reason=row.ref)
    changes = {"ended_at": clock.now(), "metrics_note": noted, "outcome": "On for everybody."}
    row = advance(row, "completed", actor=actor, changes=changes)
    noting.decide(row, "completed", actor=actor, reason=noted[:500])
    noting.say(row, f"Completed. {noted}", actor=actor, steps=True, close=True)
    return row


@transaction.atomic
def cancel(rollout: Rollout, *, actor: Actor, reason: str, version: int | None = None) -> Rollout:
    """Give up a plan that never began."""
    row = hold(rollout, version=version)
    if row.started_at is not None:
        raise GateNotMet("It has begun: roll it back instead.")
    return _give_up(row, actor=actor, reason=reading.reason(reason))


def _give_up(row: Rollout, *, actor: Actor, reason: str) -> Rollout:
    changes = {"ended_at": clock.now(), "outcome": reason}
    row = advance(row, "cancelled", actor=actor, reason=reason, changes=changes)
    consent.withdraw(row, actor=actor, why=reason)
    noting.decide(row, "cancelled", actor=actor, reason=reason)
    noting.say(row, f"Cancelled: {reason}", actor=actor, steps=True, close=True)
    return row
