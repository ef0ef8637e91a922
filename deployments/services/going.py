"""A deployment on its way: started, verified, watched, blocked, given up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.audit.refs import subject_ref
from controlplane.base.states import advance
from controlplane.jobs import timers
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import GateNotMet
from controlplane.lib.redaction import redact_text
from deployments import freezing, numbers
from deployments.models import Deployment
from deployments.services import reading, telling
from deployments.services.checking import require_gates
from deployments.services.holding import hold, hold_with_work, require_status
from deployments.services.noting import PORTAL, emit, note, say
from deployments.watch import snapshots
from deployments.watch.timers import set_watch


@transaction.atomic
def start(
    deployment: Deployment,
    *,
    actor: Actor,
    version: int | None = None,
    override: bool = False,
    reason: str = "",
) -> Deployment:
    """Let it go. Everything is looked at once more: what was green an hour ago may not be.
    `override`: in spite of a freeze, for those who may."""
    policy.require(actor, "deployment.start", deployment)
    row = hold(deployment, version=version)
    require_status(row, "approved")
    passed = _pass_freeze(row, actor, override, reason)
    if row.kind != Deployment.Kind.ROLLBACK:
        require_gates(row, "before", starting=True)
    _nothing_under_way(row)
    now = clock.now()
    before = running_before(row)
    advance(
        row,
        "deploying",
        actor=actor,
        reason=reason,
        changes={"started_at": now, "changed_at": now, "previous": before},
    )
    snapshots.take(row.workspace, "before", actor=actor, deployment=row)
    if passed:
        note(row, "freeze.override", actor=actor, reason=reason, after=passed)
    say(row, f"{row.ref} started. {passed.get('overrode', '')}".strip(), actor=actor)
    emit(row, "started")
    telling.tell_state(row, reason)
    return row


def running_before(row: Deployment) -> Deployment | None:
    """What runs there at this moment; planned last week, something else may have come since. Of
    its own components rather than of others: it is what a rollback brings back."""
    from deployments.services.planning import running_in

    return running_in(row.environment, beneath=row) or running_in(row.environment)


def _pass_freeze(row: Deployment, actor: Actor, override: bool, reason: str) -> dict[str, str]:
    if row.kind in {Deployment.Kind.HOTFIX, Deployment.Kind.ROLLBACK}:
        return {}
    freeze = freezing.in_the_way(row)
    if freeze is None or not override:
        return {}
    why = reading.reason(redact_text(reason))
    policy.require(actor, "freeze.override", row)
    gate = row.gates.filter(slug="no-freeze").exclude(state="waived").first()
    if gate is not None:
        row.gates.filter(pk=gate.pk).update(
            state="waived",
            waived_by=actor.ref[:80],
            by=actor.ref[:80],
            at=clock.now(),
            reason=why,
            version=F("version") + 1,
        )
    return {"overrode": f"In spite of the freeze “{freeze.title}”.", "why": why}


def _nothing_under_way(row: Deployment) -> None:
    """Under a lock of the environment: of two that start in one moment the second sees the
    first, which the gate alone could not."""
    from controlplane.catalog.models import Environment

    Environment.objects.select_for_update(no_key=True).get(pk=row.environment_id)
    rows = Deployment.objects.into(row.environment)
    if row.kind == Deployment.Kind.ROLLBACK:  # it waits only for what has its hands on the same
        same = row.parts.values("component")
        rows = rows.in_the_way("deploying").filter(parts__component__in=same)
    else:
        rows = rows.in_the_way("deploying", "verifying")
    other = rows.exclude(pk__in=[row.pk, row.reverses_id or 0]).first()
    if other is not None:
        raise GateNotMet(
            f"{other.ref} is {other.get_status_display().lower()} there.",
            details={"conditions": [f"{other.ref} is done"]},
        )
    _nothing_forbids(row)


def _nothing_forbids(row: Deployment) -> None:
    """The checks looked before the lock; a window that began in between, or a freeze, holds too."""
    if row.kind == Deployment.Kind.ROLLBACK:
        return
    now = clock.now()
    waived = set(row.gates.filter(state="waived").values_list("slug", flat=True))
    said = "" if "no-other" in waived else freezing.other_window(row, at=now)
    if not said and row.kind != Deployment.Kind.HOTFIX and "no-freeze" not in waived:
        freeze = freezing.in_the_way(row, at=now)
        said = f"{freeze.title} until {freeze.ends_at:%Y-%m-%d %H:%M} UTC." if freeze else ""
    if said:
        raise GateNotMet(said, details={"conditions": [said]})


@transaction.atomic
def steps_done(deployment: Deployment, *, actor: Actor, version: int | None = None) -> Deployment:
    """Everything was brought out; now it is verified. The papers of a hotfix are owed from here."""
    lock = hold_with_work if deployment.kind == Deployment.Kind.HOTFIX else hold
    row = lock(deployment, version=version)
    require_status(row, "deploying")
    still = row.steps.exclude(state__in=["done", "skipped"]).order_by("position")
    if still:
        titles = [step.title for step in still]
        raise GateNotMet(f"{len(titles)} steps are open.", details={"conditions": titles})
    now = clock.now()
    changes: dict[str, Any] = {"deployed_at": now, "changed_at": now}
    if row.kind == Deployment.Kind.HOTFIX:
        changes["docs_due_at"] = now + timedelta(hours=numbers.DOCS_HOURS.value)
        changes["documented_at"] = None
    advance(row, "verifying", actor=actor, changes=changes)
    if row.kind == Deployment.Kind.HOTFIX:
        from deployments.services.papers import owe

        owe(row, actor=actor)
    if row.reverses is not None:
        _reversed(row, actor)
    say(row, f"{row.ref} is deployed; it is being verified.", actor=actor)
    emit(row, "deployed")
    _tell_gates(row)
    return row


def _reversed(row: Deployment, actor: Actor) -> None:
    """What it undid is undone."""
    assert row.reverses is not None
    bad = hold(row.reverses)
    if bad.status == "rolled_back":
        return
    changes = {"closed_at": bad.closed_at or clock.now(), "blocked_from": ""}
    changes["close_reason"] = bad.close_reason or f"Rolled back by {row.ref}."
    why = f"Reversed by {row.ref}."
    advance(bad, "rolled_back", actor=PORTAL, changes=changes, reason=why)
    timers.cancel_timers(subject=subject_ref(bad), kind="deployments.watch")
    say(bad, f"{bad.ref} was rolled back.", actor=actor, close=f"Rolled back by {row.ref}.")
    emit(bad, "rolled_back", by=row.ref)
    telling.tell_state(bad, why)


@transaction.atomic
def begin_watch(deployment: Deployment, *, actor: Actor, version: int | None = None) -> Deployment:
    """Health is green: the watch begins, and counts from when it was deployed."""
    policy.require(actor, "deployment.start", deployment)
    row = hold(deployment, version=version)
    require_status(row, "verifying")
    gates = {gate.slug: gate for gate in require_health(row)}
    assert row.deployed_at is not None
    minutes = watch_minutes(row)
    until = row.deployed_at + timedelta(minutes=minutes)
    advance(row, "monitoring", actor=actor, changes={"monitor_until": until})
    set_watch(row)
    say(
        row,
        f"{row.ref} is verified ({gates['health'].detail}) and watched until "
        f"{until:%Y-%m-%d %H:%M} UTC.",
        actor=actor,
    )
    emit(row, "monitoring")
    _tell_gates(row)
    return row


def _tell_gates(row: Deployment) -> None:
    from deployments.services.checking import look_at_gates

    look_at_gates(row, phase="after")


def require_health(row: Deployment) -> list[Any]:
    from deployments.gates.looking import Look
    from deployments.services.checking import _look

    gates = _look(row, Look(row), "after")
    health = next((gate for gate in gates if gate.slug == "health"), None)
    if health is not None and not health.is_settled:
        words = f"{health.title}: {health.detail or 'nobody said so yet'}"
        raise GateNotMet(words, details={"conditions": [words], "gates": ["health"]})
    return gates


def watch_minutes(row: Deployment) -> int:
    tier_3 = row.tier == Deployment.Tier.THREE
    return numbers.WATCH_TIER_3.value if tier_3 else numbers.WATCH.value


@transaction.atomic
def block(
    deployment: Deployment, *, actor: Actor, reason: str, version: int | None = None
) -> Deployment:
    """Nothing goes on until what is in the way is away. A command that runs runs on."""
    why = reading.reason(redact_text(reason))
    return block_held(hold(deployment, version=version), actor=actor, why=why)


def block_held(row: Deployment, *, actor: Actor, why: str) -> Deployment:
    advance(row, "blocked", actor=actor, reason=why, changes={"blocked_from": row.status})
    say(row, f"{row.ref} is blocked: {why}", actor=actor, status="blocked")
    emit(row, "blocked", why=why)
    telling.tell_state(row, why)
    return row


@transaction.atomic
def unblock(
    deployment: Deployment, *, actor: Actor, reason: str = "", version: int | None = None
) -> Deployment:
    """Back to where it was."""
    row = hold(deployment, version=version)
    require_status(row, "blocked")
    why = reading.line("reason", redact_text(reason), reading.REASON)
    to = row.blocked_from
    advance(row, to, actor=actor, reason=why, changes={"blocked_from": ""})
    if to == "monitoring":
        set_watch(row)
    say(row, f"{row.ref} goes on. {why}".strip(), actor=actor, status="in_progress")
    emit(row, "unblocked")
    return row


def stop_steps(row: Deployment, actor: Actor, why: str) -> None:
    """Of what ends, nothing goes on in a worker."""
    from deployments.services.holding import hold_step
    from deployments.services.steps import stop_held

    for step in row.steps.filter(state="running"):
        stop_held(hold_step(step), actor=actor, reason=why)


@transaction.atomic
def give_up(
    deployment: Deployment, *, actor: Actor, reason: str, version: int | None = None
) -> Deployment:
    """It failed. What is out there stays until it is rolled back or tried again."""
    why = reading.reason(redact_text(reason))
    row = hold(deployment, version=version)
    if row.started_at is None:
        require_status(row, "deploying", "verifying", "monitoring")
    now = clock.now()
    changes = {"closed_at": now, "close_reason": why, "blocked_from": "", "changed_at": now}
    advance(row, "failed", actor=actor, reason=why, changes=changes)
    stop_steps(row, actor, "it was given up")
    timers.cancel_timers(subject=subject_ref(row), kind="deployments.watch")
    say(row, f"{row.ref} failed: {why}", actor=actor, status="blocked")
    emit(row, "failed", why=why)
    telling.tell_state(row, why)
    return row
