"""Another plan in the place of the one that stands, until it begins."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.errors import GateNotMet
from controlplane.work import services as work
from controlplane.work.services import graph
from deployments.canary import plans, sources
from deployments.canary.limits import Limits
from deployments.canary.services import noting, reporters
from deployments.canary.services.holding import hold, require_status
from deployments.canary.services.planning import (
    PORTAL,
    STANDING,
    fits,
    move_item,
    open_items,
    plan_of,
    slow_from,
    step_title,
)
from deployments.canary.sources.prometheus import with_kept_token
from deployments.models import Rollout, RolloutStep
from deployments.services import reading

FIELDS = [
    *("title", "automatic", "limits", "source", "asking", "preset", "deployment", "item"),
    *("baseline", "slow_ms", "reporter"),
]
ANY_TIME = {"automatic", "title", "reporter"}


@transaction.atomic
def change_rollout(
    rollout: Rollout, *, actor: Actor, version: int | None = None, **changes: Any
) -> Rollout:
    """Before it starts everything but the flag and where; afterwards whether it goes on by itself,
    and who posts its figures. What was consented to does not change under the consent."""
    policy.require(actor, "rollout.plan", rollout)
    graph.lock(rollout.workspace_id)  # its items change with it; whoever undoes both begins there
    row = hold(rollout, version=version)
    require_status(row, "planned", "baseline_taken", "running", "held", "paused")
    before = plan_of(row)
    _may_change(row, changes)
    _read(row, changes)
    if changes.get("reporter") is not None:
        row.reporter = reporters.of_change(row, changes["reporter"], actor=actor)
    if "deployment" in changes:
        move_item(row)
    if {"preset", "steps"} & set(changes):
        chosen = reading.choice("preset", changes.get("preset", row.preset), Rollout.Preset.values)
        row.preset = chosen
        _lay_out(row, plans.steps_of(chosen, changes.get("steps")))
    row.version += 1
    row.save(update_fields=[*FIELDS, "version"])
    noting.note(row, "rollout.plan", actor=actor, before=before, after=plan_of(row))
    return row


def _may_change(row: Rollout, changes: dict[str, Any]) -> None:
    names = set(changes)
    if row.started_at is not None and names - ANY_TIME:
        said = "only whether it goes on by itself, and who posts its figures, can change"
        raise GateNotMet(f"It has begun: {said}.")
    asked = row.approval is not None and row.approval.status in STANDING
    if asked and row.started_at is None and names - {"title"}:
        raise GateNotMet("Consent was asked for this plan. Cancel it and plan another.")
    if asked and changes.get("automatic") and not row.automatic:
        raise GateNotMet("It was consented to with somebody who promotes each step.")


def _read(row: Rollout, changes: dict[str, Any]) -> None:
    if "title" in changes:
        row.title = reading.line("title", changes["title"], 200, required=True)
    if "automatic" in changes:
        row.automatic = bool(changes["automatic"])
    if "limits" in changes:
        limits = Limits.read(changes["limits"])
        row.limits, row.slow_ms = limits.written(), slow_from(row.baseline, limits)
    if "source" in changes or "asking" in changes:
        _ask_elsewhere(row, changes)
    if "deployment" in changes:
        reading.same_workspace(row.workspace_id, deployment=changes["deployment"])
        fits(row.flag, row.environment, changes["deployment"])
        row.deployment = changes["deployment"]


def _ask_elsewhere(row: Rollout, changes: dict[str, Any]) -> None:
    """What another source says is no baseline for this one: it is taken anew."""
    before = row.source, row.asking
    row.source = reading.choice("source", changes.get("source", row.source), Rollout.Source.values)
    if row.source != before[0] or "asking" in changes:
        asked = sources.checked(row.source, changes.get("asking") or {})
        row.asking = with_kept_token(asked, before[1])
    if row.source != Rollout.Source.POSTED:
        row.reporter = ""
    if (row.source, row.asking) != before:
        row.baseline, row.slow_ms = None, None


def _lay_out(row: Rollout, chosen: plans.Steps) -> None:
    """The steps as they are now planned, each with its work item. Those of the old plan keep
    theirs; what is too many goes, and its item is closed."""
    known = list(row.steps.select_related("item").order_by("position"))
    for step, (percent, minutes) in zip(known, chosen, strict=False):
        if (step.percent, step.hold_minutes) == (percent, minutes):
            continue
        step.percent, step.hold_minutes = percent, minutes
        step.save(update_fields=["percent", "hold_minutes"])
        if step.item is not None and step.item.category != "done":
            work.update_item(step.item, actor=PORTAL, title=step_title(row, step))
    for step in known[len(chosen) :]:
        if step.item is not None and step.item.category != "done":
            said = f"{row.ref} is planned without this step."
            work.close_item(step.item, actor=PORTAL, reason=said, force=True)
        step.delete()
    more = [
        RolloutStep(rollout=row, position=place, percent=percent, hold_minutes=minutes)
        for place, (percent, minutes) in enumerate(chosen, 1)
        if place > len(known)
    ]
    open_items(row, more)
    RolloutStep.objects.bulk_create(more)
