"""Steps done: by hand, by an adapter, skipped, stopped, tried again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.jobs import nudges
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet
from controlplane.lib.redaction import redact_text
from controlplane.lib.text import counted, short
from deployments.models import Adapter, Deployment, Step
from deployments.services import consent, reading
from deployments.services.checking import by_a_person
from deployments.services.going import steps_done
from deployments.services.holding import hold_step, require_status
from deployments.services.noting import PORTAL, note
from deployments.steps import moving
from deployments.steps.output import bounded, redacted


@transaction.atomic
def begin_step(step: Step, *, actor: Actor, version: int | None = None) -> Step:
    """By hand, from now: so that the record says how long it took."""
    row = _held(step, actor, version)
    _in_turn(row)
    _backed_up(row)
    moved = moving.move(
        row,
        "running",
        from_="pending",
        attempt=row.attempt + 1,
        started_at=clock.now(),
        by=actor.ref[:80],
        **_EMPTY,
    )
    _note(moved, actor, f"Began: {row.title}.")
    return moved


_EMPTY: dict[str, Any] = {"finished_at": None, "exit_code": None, "output": "", "outcome": ""}


@transaction.atomic
def finish_step(
    step: Step,
    *,
    actor: Actor,
    worked: bool = True,
    output: str = "",
    exit_code: int | None = None,
    outcome: str = "",
    version: int | None = None,
) -> Step:
    """By hand: it was done, and this is what came of it. Pasted output is redacted and bounded
    like any other."""
    row = _held(step, actor, version)
    if row.token is not None:
        raise Conflict("A worker runs it: wait for its end, or stop it.")
    if row.state == "pending":
        _in_turn(row)
        _backed_up(row)
    text = reading.text("output", output, 1_000_000)
    if exit_code is not None:
        if isinstance(exit_code, bool) or not -1 <= exit_code <= 255:
            raise reading.refuse("exit_code", "A whole number from 0 to 255.")
        if worked and exit_code != 0:
            raise reading.refuse("exit_code", "It is not 0: then it did not work.")
    said = reading.line("outcome", redact_text(outcome), reading.REASON)
    moved = moving.end(
        row,
        "done" if worked else "failed",
        from_=row.state,
        started_at=row.started_at or clock.now(),
        by=actor.ref[:80],
        output=bounded(redacted(text)),
        exit_code=exit_code,
        outcome=said,
    )
    after_step(moved, actor)
    return moved


@transaction.atomic
def run_step(
    step: Step, *, actor: Actor, adapter: Adapter | None = None, version: int | None = None
) -> Step:
    """Give it to a worker: by the adapter, or as a look at a health address. It is run once; what
    becomes of it when the worker dies is said, and decided by a person."""
    row = _held(step, actor, version)
    _in_turn(row)
    _backed_up(row)
    _item_free(row.deployment)
    changes: dict[str, Any] = {}
    chosen = adapter or row.adapter
    if row.kind != Step.Kind.HEALTH_CHECK and chosen is not None:
        chosen = _as_listed(row, chosen)
        changes = {"adapter": chosen, "kind": chosen.kind}
    why = why_by_hand(row, chosen)
    if why:
        raise Conflict(why, details={"adapter": chosen.slug} if chosen is not None else {})
    moved = moving.move(
        row,
        "running",
        from_="pending",
        attempt=row.attempt + 1,
        asked_at=clock.now(),
        started_at=None,
        by=actor.ref[:80],
        token=moving.fresh_token(),
        **_EMPTY,
        **changes,
    )
    _note(moved, actor, f"Given to a worker: {row.title}.")
    nudges.after_commit()
    return moved


def why_by_hand(row: Step, adapter: Adapter | None) -> str:
    """Why no worker may do this step, if none may. The page asks for its button, the service
    before it runs."""
    if row.kind == Step.Kind.HEALTH_CHECK:
        return "" if row.url else "It has no address to look at: set one, or tick it by hand."
    if row.deployment.brings_back_nothing:
        return "Nothing is known that ran before: do it by hand."
    if adapter is None:
        return "No adapter is set for it: do it by hand."
    return _barred(row, adapter) or unsigned(row, adapter)


def _barred(row: Step, adapter: Adapter) -> str:
    if not adapter.enabled:
        return f"The adapter {adapter.slug} is switched off."
    if not adapter.environments.filter(pk=row.deployment.environment_id).exists():
        return f"The adapter {adapter.slug} is not allowed in {row.deployment.environment}."
    if adapter.for_step not in {"", row.slug}:
        return f"The adapter {adapter.slug} is for another step: {adapter.for_step}."
    return ""


def _as_listed(row: Step, adapter: Adapter) -> Adapter:
    """Read anew: the list is what is allowed now."""
    reading.same_workspace(row.deployment.workspace_id, adapter=adapter)
    standing: Adapter = Adapter.objects.select_for_update(no_key=True).get(pk=adapter.pk)
    return standing


def _may_run(row: Step, adapter: Adapter) -> Adapter:
    standing = _as_listed(row, adapter)
    if why := _barred(row, standing):
        raise Conflict(why)
    return standing


def unsigned(row: Step, adapter: Adapter) -> str:
    """What was consented to is what runs: this command, by this adapter as it was then."""
    if consent.was_signed(row, adapter):
        return ""
    return f"Nobody consented to “{row.title}” by {adapter.slug} as it is now: do it by hand."


@transaction.atomic
def skip_step(step: Step, *, actor: Actor, reason: str, version: int | None = None) -> Step:
    """Not done, and why. In a hotfix it is owed."""
    row = _held(step, actor, version)
    if row.state not in {"pending", "failed"}:
        raise Conflict(f"It is {row.get_state_display().lower()}.")
    if not row.optional and row.deployment.is_guarded:
        hotfix = row.deployment.kind in {Deployment.Kind.HOTFIX, Deployment.Kind.ROLLBACK}
        action = "deployment.tick" if hotfix else "deployment.override"
        policy.require(actor, action, row.deployment)
        by_a_person(row.deployment, actor, action, "A person leaves a step out.")
    why = reading.reason(redact_text(reason))
    if row.state == "failed":
        row = _again(row)
    moved = moving.end(row, "skipped", from_="pending", by=actor.ref[:80], outcome=why)
    after_step(moved, actor)
    return moved


@transaction.atomic
def try_again(step: Step, *, actor: Actor, reason: str = "", version: int | None = None) -> Step:
    """It failed, or nobody knows: somebody looked, and it may be done once more."""
    row = _held(step, actor, version)
    if row.state != "failed":
        raise Conflict("Only what failed is tried again.")
    why = reading.line("reason", redact_text(reason), reading.REASON)
    moved = _again(row)
    _note(moved, actor, f"To be tried again: {row.title}. {why}".strip())
    return moved


def _again(row: Step) -> Step:
    return moving.move(
        row, "pending", from_="failed", started_at=None, asked_at=None, by="", **_EMPTY
    )


@transaction.atomic
def stop_step(step: Step, *, actor: Actor, reason: str) -> Step:
    """Take it from the worker. Its command is killed as soon as the worker looks, at most a
    moment later; what it did until then is for a person to find out."""
    policy.require(actor, "deployment.start", step.deployment)
    row = hold_step(step)
    return stop_held(row, actor=actor, reason=reading.reason(redact_text(reason)))


def stop_held(row: Step, *, actor: Actor, reason: str) -> Step:
    if row.state != "running":
        raise Conflict("It does not run.")
    moved = moving.end(row, "failed", from_="running", outcome=f"Stopped: {reason}"[:500])
    _note(moved, actor, f"Stopped: {row.title}. {reason}")
    return moved


@transaction.atomic
def set_step(
    step: Step,
    *,
    actor: Actor,
    adapter: Adapter | None = None,
    by_hand: bool = False,
    url: str | None = None,
    command: str | None = None,
    version: int | None = None,
) -> Step:
    """By which adapter it is run, or by hand; which address is looked at; what is shown."""
    policy.require(actor, "deployment.change", step.deployment)
    row = hold_step(step)
    require_status(row.deployment, "preparing", "ready", "approved", "deploying", "blocked")
    if row.state != "pending" or (version is not None and row.version != version):
        raise Conflict("Somebody changed the step since you looked. Look again.")
    changes: dict[str, Any] = {}
    if adapter is not None:
        changes |= {"adapter": _may_run(row, adapter), "kind": adapter.kind}
    elif by_hand:
        changes |= {"adapter": None, "kind": Step.Kind.MANUAL}
    if url is not None:
        changes["url"] = reading.web_address("url", url)
    if command is not None:
        changes["command"] = redact_text(reading.text("command", command, 4_000))
    _still_open_to(row, changes, by_hand=by_hand)
    moved = moving.move(row, "pending", from_="pending", **changes)
    _note(moved, actor, "", details={"set": sorted(changes)})
    if row.deployment.phase in {"ready", "approved"}:
        why = f"The step “{row.title}” was changed."
        consent.packet_moved(row.deployment, actor=actor, why=why)
    return moved


def _still_open_to(row: Step, changes: dict[str, Any], *, by_hand: bool) -> None:
    """Under way, what was signed stays: it may be done by hand instead, and an address that
    nobody had named may be."""
    under_way = row.deployment.phase not in {"preparing", "ready", "approved"}
    if row.deployment.approval is None or not under_way:
        return
    named = {name for name, value in changes.items() if getattr(row, name) != value}
    named -= {"adapter", "kind"} if by_hand else set()
    named -= {"url"} if not row.url else set()
    if named:
        raise Conflict(
            f"{row.deployment.ref} is under way: “{row.title}” stays what was consented to.",
            details={"status": row.deployment.status},
        )


# --- What they share ----------------------------------------------------------------------------


def _held(step: Step, actor: Actor, version: int | None) -> Step:
    policy.require(actor, "deployment.start", step.deployment)
    row = hold_step(step)
    require_status(row.deployment, "deploying")
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed the step since you looked. Look again.",
            details={"seen_version": version, "version": row.version},
        )
    return row


def _in_turn(row: Step) -> None:
    """One after the other: what comes first must not be forgotten, nor two things run at once."""
    if row.state != "pending":
        raise Conflict(f"It is {row.get_state_display().lower()}.", details={"state": row.state})
    before = row.deployment.steps.filter(position__lt=row.position)
    still = before.exclude(state__in=["done", "skipped"]).order_by("position").first()
    if still is not None:
        raise GateNotMet(
            f"“{still.title}” comes first.", details={"conditions": [f"{still.title} is done"]}
        )


def _backed_up(row: Step) -> None:
    if row.needs_backup and not row.deployment.backup_ref:
        raise GateNotMet(
            "Name the backup that was made before this: the deployment's backup reference.",
            details={"conditions": ["a backup reference"]},
        )


def _item_free(deployment: Deployment) -> None:
    """What blocks the work item holds the next automatic step; what a hand did is recorded."""
    item = deployment.item
    if item is not None and item.open_blockers:
        raise GateNotMet(
            f"{item.key} waits for {counted(item.open_blockers, 'open blocker')}.",
            details={"conditions": [f"the blockers of {item.key} are done"]},
        )


def after_step(step: Step, actor: Actor) -> None:
    """The record on the work item, with time and command; after the last one it is verified."""
    _note(step, actor, told(step))
    deployment = step.deployment
    if step.state == "failed":
        return
    deployment.refresh_from_db(fields=["status", "version"])
    open_steps = deployment.steps.exclude(state__in=["done", "skipped"])
    if deployment.status == "deploying" and not open_steps.exists():
        steps_done(deployment, actor=actor if actor.kind != "job" else PORTAL)


def told(step: Step) -> str:
    """As the playbook wants it: what, when, with which command, with which end."""
    at = f"{step.finished_at:%Y-%m-%d %H:%M:%S} UTC" if step.finished_at else ""
    parts = [f"{step.get_state_display()}: {step.title}, {at}."]
    if step.outcome:
        parts.append(step.outcome)
    if step.exit_code is not None:
        parts.append(f"Exit code {step.exit_code}.")
    if step.command and step.state != "skipped":
        parts.append(f"\n    {step.command.replace(chr(10), chr(10) + '    ')}")
    if step.output:
        last: Sequence[str] = step.output.strip().splitlines()[-5:]
        parts.append("\n" + "\n".join(f"> {short(line, 300)}" for line in last))
    return " ".join(parts)


def _note(step: Step, actor: Actor, said: str, details: dict[str, Any] | None = None) -> None:
    note(
        step.deployment,
        "deployment.step",
        actor=actor,
        said=said,
        after={"step": step.title, "state": step.state, "attempt": step.attempt},
        details=details,
    )
