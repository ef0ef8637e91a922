"""Starting, going on, pausing."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.base.states import advance
from controlplane.lib import clock, moments
from controlplane.lib.actors import Actor
from controlplane.lib.errors import GateNotMet
from deployments.canary.services import consent, moving, noting
from deployments.canary.services.holding import (
    current_step,
    hold,
    next_step,
    require_status,
    state_of,
)
from deployments.flags.services import gates
from deployments.models import Rollout, RolloutStep
from deployments.services import reading

LANDED = ("monitoring", "completed")


def in_the_way(rollout: Rollout) -> list[str]:
    """What keeps the next step from beginning, whatever the figures say."""
    found = []
    if rollout.flag.is_archived:
        found.append(f"{rollout.flag.flag_name} is archived.")
    frozen = gates.frozen(rollout.flag, rollout.environment_id)
    if frozen:
        found.append(frozen)
    if consent.is_needed(rollout) and not consent.is_given(rollout):
        found.append(consent.missing(rollout))
    deployment = rollout.deployment
    if deployment is not None and deployment.status not in LANDED:
        found.append(f"{deployment.ref} is {deployment.get_status_display().lower()}.")
    return found


def before_start(rollout: Rollout, *, baseline: bool = True) -> list[str]:
    """The same, and what only the first step asks: everywhere, and off. Without `baseline` of one
    whose turn it is to be taken."""
    found = in_the_way(rollout)
    if baseline and rollout.baseline is None:
        found.append("No baseline was taken.")
    if not rollout.flag.enabled:
        found.append(f"{rollout.flag.flag_name} is switched off everywhere: enable it first.")
    if state_of(rollout).settings["on"]:
        found.append(f"{rollout.flag.flag_name} is on in {rollout.environment} already.")
    return found


def _pass(rollout: Rollout, found: list[str], *, actor: Actor, override: str) -> None:
    """Refuse, unless somebody who may passes over a freeze and says why. Consent and a deployment
    that has not landed are passed over by nobody."""
    frozen = gates.frozen(rollout.flag, rollout.environment_id)
    hard = [each for each in found if each != frozen]
    if hard or (found and not override):
        raise GateNotMet(" ".join(hard or found), details={"conditions": found})
    if found:
        policy.require(actor, "rollout.override", rollout)


@transaction.atomic
def start(
    rollout: Rollout, *, actor: Actor, version: int | None = None, override: str = ""
) -> Rollout:
    """The first step: the flag is deployed everywhere, off, and the baseline is taken."""
    policy.require(actor, "rollout.promote", rollout)
    row = hold(rollout, version=version)
    require_status(row, "baseline_taken")
    why = reading.line("override", override, 500)
    _pass(row, before_start(row), actor=actor, override=why)
    changes = {"base": state_of(row).settings, "started_at": clock.now()}
    row = advance(row, "running", actor=actor, changes=changes)
    step = next_step(row)
    assert step is not None
    moving.begin(row, step, actor=actor, override_reason=why)
    return row


@transaction.atomic
def promote(
    rollout: Rollout,
    *,
    actor: Actor,
    version: int | None = None,
    override: str = "",
    step: int | None = None,
) -> Rollout:
    """On to the next step, or out of the last. Before its hold is over, without figures, or in a
    freeze, only by those who may, with the reason. `step` is the position somebody looks at: a
    button pressed twice goes on once."""
    policy.require(actor, "rollout.promote", rollout)
    row = hold(rollout, version=version)
    require_status(row, "running", "held")
    now_running = current_step(row)
    assert now_running is not None
    if step is not None and now_running.position != step:
        raise GateNotMet(f"{row.ref} is past that step already: {now_running.percent} % runs.")
    why = reading.line("override", override, 500)
    blocked, early = in_the_way(row), too_early(now_running)
    _pass(row, blocked, actor=actor, override=why)
    if early:
        if not why:
            raise GateNotMet(" ".join(early), details={"conditions": early})
        policy.require(actor, "rollout.override", row)
    # A reason that nobody needed is no word about being early.
    return go_on(row, now_running, actor=actor, override=why if blocked or early else "")


def too_early(step: RolloutStep) -> list[str]:
    """What of the step itself speaks against going on; passed over with a reason."""
    found = []
    if step.earliest_next_at is not None and clock.now() < step.earliest_next_at:
        found.append(f"{step.percent} % is to run until {moments.utc(step.earliest_next_at)}.")
    if step.rule in ("few", "no_data", "above", "split") and step.verdict in ("hold", "ask"):
        found.append(f"The judge holds: {step.reason}.")
    if not step.samples.exists():
        found.append("Nothing was measured in this step yet.")
    return found


def go_on(rollout: Rollout, step: RolloutStep, *, actor: Actor, override: str = "") -> Rollout:
    """Pass the step and begin the next one. The rollout is held."""
    moving.passed(rollout, step, actor=actor, note=override)
    following = next_step(rollout)
    if following is None:
        rollout = advance(rollout, "stabilizing", actor=actor, reason=override)
        noting.decide(rollout, "stabilizing", actor=actor, reason=override)
        noting.say(rollout, "It is on for everybody. Document how it went to end it.", actor=actor)
        return rollout
    if rollout.status == "held":
        rollout = advance(rollout, "running", actor=actor, reason=override)
    moving.begin(rollout, following, actor=actor, override_reason=override)
    noting.note(
        rollout,
        "rollout.promote",
        actor=actor,
        before={"percent": step.percent},
        after={"percent": following.percent},
        reason=override,
    )
    return rollout


@transaction.atomic
def pause(rollout: Rollout, *, actor: Actor, reason: str, version: int | None = None) -> Rollout:
    """Stay where it is. The judge goes on looking: a pause never switches rollback off."""
    row = hold(rollout, version=version)
    said = reading.reason(reason)
    row = advance(row, "paused", actor=actor, reason=said)
    noting.decide(row, "paused", actor=actor, step=current_step(row), reason=said)
    noting.say(row, f"Paused: {said}", actor=actor)
    return row


def changed_by_hand(rollout: Rollout) -> str:
    """Whether the flag still stands as the step left it; why not."""
    step = current_step(rollout)
    assert step is not None
    if rollout.flag.enabled and state_of(rollout).settings == moving.expected(rollout, step):
        return ""
    return "The flag was changed by hand since. Roll back, or set it as it was."


@transaction.atomic
def resume(rollout: Rollout, *, actor: Actor, version: int | None = None) -> Rollout:
    """Go on from a pause, if the flag still stands as the step left it."""
    row = hold(rollout, version=version)
    require_status(row, "paused")
    step = current_step(row)
    if changed := changed_by_hand(row):
        raise GateNotMet(changed)
    row = advance(row, "running", actor=actor)
    noting.decide(row, "resumed", actor=actor, step=step)
    noting.say(row, "Goes on.", actor=actor)
    return row
