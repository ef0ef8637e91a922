"""What every decision leaves behind: an event with its numbers, an audit row, talk on the work
item, news for the packages above. What others' locks could delay goes by the outbox."""

from __future__ import annotations

from typing import Any

from controlplane.audit.refs import subject_ref
from controlplane.audit.services import record
from controlplane.base import signals
from controlplane.lib import actors, context
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError
from controlplane.lib.ids import uuid7
from controlplane.notify import outbox
from controlplane.notify.channels.base import Outcome
from controlplane.notify.models import OutboxMessage
from controlplane.work import services as work
from deployments.models import Rollout, RolloutEvent, RolloutStep
from telemetry import telling

JUDGE = actors.job("canary")
TOPIC = "canary.said"
BREACH = "canary.breach"


def decide(
    rollout: Rollout,
    what: str,
    *,
    actor: Actor,
    step: RolloutStep | None = None,
    rule: str = "",
    reason: str = "",
    numbers: dict[str, Any] | None = None,
) -> RolloutEvent:
    """The row of the rollout's own history, and what charts mark of it."""
    row = RolloutEvent.objects.create(
        rollout=rollout,
        step=step,
        what=what,
        rule=rule,
        reason=reason[:500],
        numbers=numbers or {},
        by=actor.ref[:80],
    )
    _tell_charts(row, rollout, step)
    return row


def _tell_charts(row: RolloutEvent, rollout: Rollout, step: RolloutStep | None) -> None:
    said = {"rollout": str(rollout.ref), "flag": rollout.flag.flag_name}
    if row.what == "began" and step is not None:
        before = rollout.steps.filter(position__lt=step.position).order_by("-position").first()
        from_stage = f"{before.percent} %" if before is not None else "0 %"
        name = "rollout_stage_promoted"
        said |= {"from_stage": from_stage, "to_stage": f"{step.percent} %"}
    elif row.what == "rolled_back":
        name, said = "rollout_rolled_back", {**said, "reason": row.reason}
    else:
        return
    telling.tell(
        rollout.workspace_id, name, said, key=f"rollout:{row.uid}", env=rollout.environment.slug
    )


def note(rollout: Rollout, action: str, *, actor: Actor, **told: Any) -> None:
    record(actor, action, rollout, label=rollout.ref, **told)


def say(rollout: Rollout, text: str, *, actor: Actor, **more: Any) -> None:
    """A comment on the rollout's work item. `block` is the title of an item that blocks it from now
    on, `done` closes the step's item, `steps` those of all steps, `close` its own; with `blocker`
    it is said on the item that blocks it, if that is open still."""
    outbox.enqueue(
        TOPIC,
        {
            "rollout": str(rollout.uid),
            "text": text[:20_000],
            "name": actor.label,
            "source": context.current().source,
            **more,
        },
        key=f"canary-said:{uuid7()}",
        workspace_id=rollout.workspace_id,
        subject=subject_ref(rollout),
    )


def breach(rollout: Rollout, event: RolloutEvent) -> None:
    """News of a rollback that the figures asked for."""
    signals.emit(
        BREACH,
        key=str(event.uid),
        payload={
            "rollout": str(rollout.uid),
            "ref": rollout.ref,
            "flag": rollout.flag.flag_name,
            "environment": rollout.environment.slug,
            "deployment": rollout.deployment.ref if rollout.deployment else None,
            "rule": event.rule,
            "reason": event.reason,
            "numbers": event.numbers,
            "severity": "critical" if event.rule == "safeguard" else "warning",
        },
        workspace_id=rollout.workspace_id,
    )


@outbox.topic(TOPIC)
def tell_items(message: OutboxMessage) -> Outcome:
    told = message.payload
    rows = Rollout.objects.select_related("item__project", "blocker", "deployment__item")
    rollout = rows.filter(uid=told["rollout"]).first()
    if rollout is None or rollout.item is None:
        return Outcome("rejected", "there is no work item to say it on")
    signed = {"actor": JUDGE, "name": told["name"], "source": told["source"]}
    where = rollout.blocker if told.get("blocker") else rollout.item
    if where is None or (told.get("blocker") and where.category == "done"):
        return Outcome("rejected", "nothing is in its way any more")
    work.comment(where, told["text"], origin=message.key, **signed)
    try:
        if told.get("block"):
            _block(rollout, told)
        if told.get("done"):
            _close(rollout.steps.get(position=told["done"]), told)
        if told.get("steps"):
            for step in rollout.steps.exclude(item=None).select_related("item"):
                _close(step, told)
        if told.get("close"):
            _close(rollout, told)
    except ControlPlaneError as error:
        refused = f"The work items could not follow: {error.message}"
        work.comment(rollout.item, refused, actor=JUDGE, origin=f"{message.key}:refused"[:80])
    return Outcome("accepted")


def _block(rollout: Rollout, told: dict[str, Any]) -> None:
    """The item that stands in the way of trying again, of the rollout and of its deployment."""
    assert rollout.item is not None
    made = work.ensure(
        rollout.item.project,
        f"canary-breach:{rollout.uid}",
        actor=JUDGE,
        title=told["block"],
        item_type="bug",
        priority=1,
        labels=["canary", "regression"],
        description=told["text"],
    )
    blocked = [rollout.item]
    if rollout.deployment is not None and rollout.deployment.item is not None:
        blocked.append(rollout.deployment.item)
    for item in blocked:
        if item.category != "done":
            work.block(item, by=made.item, actor=JUDGE)
    Rollout.objects.filter(pk=rollout.pk, blocker=None).update(blocker=made.item)


def _close(owner: Rollout | RolloutStep, told: dict[str, Any]) -> None:
    if owner.item is not None and owner.item.category != "done":
        work.close_item(owner.item, actor=JUDGE, reason=told["text"][:300], name=told["name"])
