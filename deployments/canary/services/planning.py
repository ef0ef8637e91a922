"""Planning a rollout, and looking at how things are before it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.services.saving import save_checked
from controlplane.approvals.models import Request
from controlplane.audit.refs import subject_ref
from controlplane.base import refs
from controlplane.base.states import advance
from controlplane.catalog.models import Environment
from controlplane.lib import actors, clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet
from controlplane.work import services as work
from controlplane.work.models import Item
from controlplane.work.services import graph
from deployments.canary import plans, sources
from deployments.canary.limits import Limits
from deployments.canary.services import noting, reporters
from deployments.canary.services.figures import snapshot
from deployments.canary.services.holding import hold, require_status, state_of
from deployments.flags.models import Flag
from deployments.models import Deployment, Rollout, RolloutStep, Snapshot
from deployments.services import reading

PORTAL = actors.job("canary")
# Consent that is asked for, or given.
STANDING = (Request.Status.OPEN, Request.Status.APPROVED)
UNDONE = ("rolled_back", "cancelled")
TAKEN = "This flag has a rollout there already."


@transaction.atomic
def plan(
    flag: Flag,
    environment: Environment,
    *,
    actor: Actor,
    title: str = "",
    deployment: Deployment | None = None,
    preset: str = "standard",
    steps: Any = None,
    limits: dict[str, Any] | None = None,
    source: str = "telemetry",
    asking: dict[str, Any] | None = None,
    automatic: bool = True,
    reporter: str | None = None,
) -> Rollout:
    """A rollout with its steps and their work items. Nothing happens to the flag yet. `reporter`:
    the agent that posts its figures, by name; unsaid, the agent that plans it."""
    policy.require(actor, "rollout.plan", flag)
    graph.lock(flag.workspace_id)  # its items are made with it
    reading.same_workspace(flag.workspace_id, environment=environment, deployment=deployment)
    if flag.is_archived:
        raise Conflict("The flag is archived.")
    fits(flag, environment, deployment)
    chosen = plans.steps_of(reading.choice("preset", preset, Rollout.Preset.values), steps)
    rollout = Rollout(
        workspace=flag.workspace,
        title=reading.line("title", title, 200) or f"{flag.flag_name} in {environment}",
        flag=flag,
        environment=environment,
        deployment=deployment,
        preset=preset,
        automatic=bool(automatic),
        limits=Limits.read(limits or {}).written(),
        source=reading.choice("source", source, Rollout.Source.values),
        asking=sources.checked(source, asking or {}),
        created_by=actor.ref[:80],
    )
    rollout.reporter = reporters.of_plan(rollout, reporter, actor=actor)
    rollout.ref = str(refs.allocate(flag.workspace_id, "CAN"))
    save_checked(rollout, conflict=TAKEN)
    made = [
        RolloutStep(rollout=rollout, position=place, percent=percent, hold_minutes=minutes)
        for place, (percent, minutes) in enumerate(chosen, 1)
    ]
    open_items(rollout, made)
    rollout.save(update_fields=["item"])
    RolloutStep.objects.bulk_create(made)
    noting.decide(rollout, "planned", actor=actor)
    noting.note(rollout, "rollout.plan", actor=actor, after=content(rollout, chosen))
    return rollout


def fits(flag: Flag, environment: Environment, deployment: Deployment | None) -> None:
    """The deployment that brought the code: to that environment, for this flag, and not undone."""
    if deployment is None:
        return
    ref = deployment.ref
    if deployment.environment_id != environment.pk:
        said = f"{ref} goes to {deployment.environment}, not to {environment}."
        raise reading.refuse("deployment", said)
    if deployment.flag_id not in (None, flag.pk):
        raise reading.refuse("deployment", f"{ref} brings another flag's code.")
    if deployment.kind == Deployment.Kind.ROLLBACK or deployment.status in UNDONE:
        raise reading.refuse("deployment", f"{ref} brings nothing that could be rolled out.")


def open_items(rollout: Rollout, steps: list[RolloutStep]) -> None:
    """The rollout's own, under the deployment's, and one under it for each cohort. Each waits for
    the one before: what is ready to be done is the next step, and not all of them."""
    project = work.ensure_operations_project(rollout.workspace, actor=PORTAL)
    parent = rollout.deployment.item if rollout.deployment else None
    if rollout.item is None:
        about = subject_ref(rollout)
        rollout.item = _item(project, rollout.title, parent=parent, subject=about)
    before = rollout.steps.select_related("item").order_by("position").last() if steps else None
    for step in steps:
        step.item = _item(project, step_title(rollout, step), parent=rollout.item)
        if before is not None and before.item is not None and before.item.category != "done":
            work.block(step.item, by=before.item, actor=PORTAL)
        before = step


def step_title(rollout: Rollout, step: RolloutStep) -> str:
    return f"{rollout.ref}: {step.percent} % for {step.hold_minutes} minutes"


def move_item(rollout: Rollout) -> None:
    """The rollout's own item under the item of the deployment that it is planned for now."""
    if rollout.item is None:
        return
    wanted = rollout.deployment.item if rollout.deployment is not None else None
    parent = _takes_children(rollout.item.project, wanted)
    if rollout.item.parent_id != (parent.pk if parent is not None else None):
        rollout.item = work.set_parent(rollout.item, parent, actor=PORTAL)


def _takes_children(project: Any, parent: Item | None) -> Item | None:
    """A closed deployment's item does not, nor one of another project."""
    if parent is None or parent.category == "done" or parent.project_id != project.pk:
        return None
    return parent


def _item(project: Any, title: str, *, parent: Item | None, **given: Any) -> Item:
    return work.create_item(
        project,
        actor=PORTAL,
        title=title[:200],
        parent=_takes_children(project, parent),
        item_type="task",
        priority=1,
        labels=["canary"],
        **given,
    )


def content(rollout: Rollout, steps: Any) -> dict[str, Any]:
    """The plan, as it is audited and as it is consented to."""
    return {
        "flag": rollout.flag.flag_name,
        "environment": rollout.environment.slug,
        "deployment": rollout.deployment.ref if rollout.deployment else None,
        "steps": [list(each) for each in steps],
        "limits": rollout.limits,
        "source": rollout.source,
        "asking": {name: told for name, told in rollout.asking.items() if name != "token"},
        "reporter": rollout.reporter,
        "automatic": rollout.automatic,
    }


def plan_of(rollout: Rollout) -> dict[str, Any]:
    return content(rollout, rollout.steps.values_list("percent", "hold_minutes"))


def take_baseline(
    rollout: Rollout, *, actor: Actor, given: dict[str, Any] | None = None
) -> Rollout:
    """How it is without the flag: read from the rollout's source, or `given` where the source is
    what people post. What lies ahead is compared with it. Taken again until the start."""
    policy.require(actor, "rollout.plan", rollout)
    end = clock.now()
    found = sources.baseline(rollout, end=end, given=given)
    with transaction.atomic():
        row = hold(rollout)
        require_status(row, "planned", "baseline_taken")
        if (row.source, row.asking) != (rollout.source, rollout.asking):
            raise Conflict("Its source was changed meanwhile: these figures are another's.")
        if state_of(row).settings["on"]:
            raise GateNotMet("The flag is on there: this would be no baseline of being without it.")
        limits = Limits.read(row.limits)
        row.baseline = snapshot(row, found, actor=actor, phase=Snapshot.Phase.BEFORE)
        row.slow_ms = slow_from(row.baseline, limits)
        changes = {"baseline": row.baseline, "slow_ms": row.slow_ms}
        if row.status == "planned":
            row = advance(row, "baseline_taken", actor=actor, changes=changes)
        else:
            row.version += 1
            row.save(update_fields=[*changes, "version"])
            noting.note(row, "rollout.plan", actor=actor, after={"baseline": found.told()})
        noting.decide(row, "baseline", actor=actor, numbers=found.told(), reason=found.words())
        noting.say(row, f"Baseline: {found.words()}", actor=actor)
    return row


def slow_from(baseline: Snapshot | None, limits: Limits) -> float | None:
    """Slower than this counts as slow. None: the baseline has no p95, so latency is not judged."""
    p95 = baseline.figures.get("p95_ms") if baseline is not None else None
    return p95 * limits.max_latency_ratio if p95 else None
