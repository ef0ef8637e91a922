"""Moving the flag from step to step. Every change of the flag goes through the services of flags,
so it has its version, its history and its news there like anybody's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet
from controlplane.lib.text import counted
from deployments.canary.plans import settings_at
from deployments.canary.services import noting
from deployments.canary.services.figures import of_step, snapshot
from deployments.canary.services.holding import state_of
from deployments.flags.forms.settings import clean
from deployments.flags.models import FlagState
from deployments.flags.services.holding import hold_state
from deployments.flags.services.settings import put
from deployments.models import Rollout, RolloutStep, Snapshot


def expected(rollout: Rollout, step: RolloutStep) -> dict[str, Any]:
    """The flag's settings while this step runs."""
    made = settings_at(rollout.base, step.percent, title=rollout.ref)
    return clean(made, value_type=rollout.flag.value_type)


def begin(rollout: Rollout, step: RolloutStep, *, actor: Actor, override_reason: str = "") -> None:
    """Bring the flag to the step's percentage. The rollout is held, and so is nothing else yet."""
    row = hold_state(state_of(rollout))
    before = rollout.steps.filter(position=step.position - 1).first()
    stands = expected(rollout, before) if before is not None else rollout.base
    if row.settings != stands:
        raise Conflict("Somebody changed the flag by hand since. Look at it, then plan anew.")
    if not row.flag.enabled:
        raise GateNotMet(f"{row.flag.flag_name} is switched off everywhere.")
    reason = f"{rollout.ref}: {step.percent} %"
    put(row, expected(rollout, step), "edit", actor=actor, reason=reason, item=_item(step))
    now = clock.now()
    step.state = RolloutStep.State.RUNNING
    step.started_at, step.held_since = now, None
    step.earliest_next_at = now + timedelta(minutes=step.hold_minutes)
    step.promoted_by, step.override_reason = actor.ref[:80], override_reason[:500]
    step.save()
    if before is None:  # later steps go on reading where the one before stopped
        rollout.read_until = now.replace(second=0, microsecond=0)
        rollout.save(update_fields=["read_until"])
    noting.decide(rollout, "began", actor=actor, step=step, reason=override_reason)
    noting.say(
        rollout,
        f"{step.percent} % since {now:%Y-%m-%d %H:%M} UTC, for {step.hold_minutes} minutes."
        + (f" Earlier than planned: {override_reason}" if override_reason else ""),
        actor=actor,
    )


def _item(step: RolloutStep) -> str:
    return str(step.item.key) if step.item is not None else ""


def passed(rollout: Rollout, step: RolloutStep, *, actor: Actor, note: str = "") -> Snapshot:
    """End a step well, with the playbook's snapshot on the record."""
    found = of_step(step)
    taken = snapshot(
        rollout, found, actor=actor, phase=Snapshot.Phase.STAGE, start=step.started_at, note=note
    )
    step.snapshot = taken
    if step.rule == "waiting":  # what it waited for is over, and says nothing of how it went
        step.rule, step.reason = "passed", found.words()
    step.state, step.ended_at, step.held_since = RolloutStep.State.PASSED, clock.now(), None
    step.save()
    noting.decide(
        rollout, "passed", actor=actor, step=step, reason=step.reason, numbers=step.numbers
    )
    ready = ", ".join(each["key"] for each in taken.figures["ready"]) or "nothing"
    noting.say(
        rollout,
        f"{step.percent} % passed: {found.words()},"
        f" {counted(found.violations, 'safeguard violation')}; ready: {ready}.",
        actor=actor,
        done=step.position,
    )
    return taken


def take_back(rollout: Rollout, *, actor: Actor, reason: str) -> bool:
    """Switch the flag off where it was rolled out. True when that changed anything: somebody may
    have been quicker. What people changed by hand besides stays as it is."""
    row: FlagState = hold_state(state_of(rollout), archived=True)
    if not row.settings["on"]:
        return False
    put(row, {**row.settings, "on": False}, "edit", actor=actor, reason=reason[:300])
    return True
