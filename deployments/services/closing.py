"""The end of a deployment that went well, and the undoing of one that did not."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.audit.refs import subject_ref
from controlplane.base.states import advance
from controlplane.jobs import timers
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet
from controlplane.lib.redaction import redact_text
from controlplane.lib.text import counted
from controlplane.work import services as work
from deployments.models import Deployment
from deployments.services import consent, planning, reading, telling
from deployments.services.checking import require_gates
from deployments.services.going import start, stop_steps
from deployments.services.holding import hold, hold_with_work, require_status
from deployments.services.noting import PORTAL, emit, note, say
from deployments.watch import snapshots

# (deployment, actor, why) -> what goes back along with it, in the same transaction.
ALONG: list[Callable[[Deployment, Actor, str], None]] = []


@transaction.atomic
def close(
    deployment: Deployment,
    *,
    actor: Actor,
    reason: str,
    early: bool = False,
    version: int | None = None,
) -> Deployment:
    """It is live and stays. Refused while a check after it is open, before the watch is over
    unless `early` (the reason says why), and while its work item waits for something."""
    policy.require(actor, "deployment.close", deployment)
    why = reading.reason(redact_text(reason))
    row = hold(deployment, version=version)
    require_status(row, "monitoring")
    now = clock.now()
    if row.monitor_until is not None and now < row.monitor_until:
        if not early:
            until = f"{row.monitor_until:%Y-%m-%d %H:%M} UTC"
            raise GateNotMet(
                f"It is watched until {until}. Say why it is closed before that.",
                details={"conditions": [f"watched until {until}"]},
            )
        from deployments.watch.timers import end_watch

        end_watch(row)
    _announce(row)
    require_gates(row, "after")
    _papers_done(row)
    _item_free(row)
    changes = {"closed_at": now, "close_reason": why, "changed_at": now}
    advance(row, "completed", actor=actor, reason=why, changes=changes)
    timers.cancel_timers(subject=subject_ref(row))
    say(row, f"{row.ref} is completed: {why}", actor=actor, close=why)
    emit(row, "completed", verdict=row.verdict)
    telling.tell_state(row, why)
    return row


def _announce(row: Deployment) -> None:
    """What got worse is not announced by itself. Once somebody has taken that on, it is."""
    if not row.is_guarded or row.kind == Deployment.Kind.ROLLBACK:
        return
    if row.gates.filter(slug="watched", state="waived").exists():
        telling.announce(row, snapshots.newest(row, "after"))


def _papers_done(row: Deployment) -> None:
    if row.docs_due_at is not None and row.documented_at is None:
        raise GateNotMet(
            "Its documentation is owed.",
            details={"conditions": ["evidence, review and timeline are written down"]},
        )


def _item_free(row: Deployment) -> None:
    if row.item is None:
        return
    row.item.refresh_from_db(fields=["category", "open_blockers", "blocked"])
    if row.item.category != "done" and row.item.open_blockers:
        raise GateNotMet(
            f"{row.item.key} waits for {counted(row.item.open_blockers, 'open blocker')}.",
            details={"conditions": [f"the blockers of {row.item.key} are done"]},
        )


@transaction.atomic
def roll_back(deployment: Deployment, *, actor: Actor, reason: str) -> Deployment:
    """One click: a deployment of the kind rollback that is made, prepared and started at once.
    No consent, no freeze and no open check stands in its way; what was there before comes back,
    step by step. Clicked twice it is one."""
    policy.require(actor, "deployment.rollback", deployment)
    why = reading.reason(redact_text(reason))
    bad = hold_with_work(deployment)
    under_way = bad.rollbacks.exclude(status__in=["cancelled", "failed"]).first()
    if under_way is not None:
        found: Deployment = under_way
        return found
    if bad.started_at is None or bad.status in {"draft", "preparing", "ready", "approved"}:
        raise Conflict(f"{bad.ref} brought nothing out yet: cancel it.")
    why_not = not_undone(bad)
    if why_not:
        later = on_top(bad)
        raise Conflict(why_not, details={"on_top": later.ref} if later is not None else {})
    row = planning.create_deployment(
        bad.workspace,
        actor=PORTAL,
        environment=bad.environment,
        release=_name(bad),
        kind="rollback",
        components=[part.component for part in bad.parts.select_related("component")],
        tier=bad.tier,
        title=f"Roll back {bad.release} in {bad.environment}"[:200],
        rollback_plan=f"It is one: it brings back what {bad.ref} replaced.",
        reverses=bad,
        made_by=actor,
    )
    Deployment.objects.filter(pk=row.pk).update(watcher=bad.watcher, version=F("version") + 1)
    if bad.item is not None and row.item is not None:
        work.add_dependency(row.item, bad.item, actor=PORTAL, kind="related")
    planning.prepare(row, actor=PORTAL)
    _waive(row, actor, why)
    row.refresh_from_db()
    consent.declare_ready(row, actor=PORTAL)
    row.refresh_from_db()
    started = start(row, actor=PORTAL, reason=why)
    _stop(bad, actor, why, started)
    note(
        started,
        "deployment.rollback",
        actor=actor,
        after={"reverses": bad.ref, "brings_back": started.running_release},
        reason=why,
    )
    return started


def not_undone(bad: Deployment) -> str:
    """Why it can't be rolled back, whoever asks; the page asks for its button."""
    if bad.kind == Deployment.Kind.ROLLBACK:
        return f"{bad.ref} is a rollback itself: deploy {bad.release} forward again."
    later = on_top(bad)
    if later is None:
        return ""
    return f"{later.ref} ({later.release}) came on top of it: roll that back first."


def on_top(bad: Deployment) -> Deployment | None:
    """Beneath another release nothing can be pulled out: what was before it is not what would be
    missed. Where they share no component, they don't lie on each other."""
    if bad.deployed_at is None:
        return None
    rows = Deployment.objects.into(bad.environment).landed().exclude(pk=bad.pk)
    rows = rows.filter(deployed_at__gt=bad.deployed_at).exclude(kind="rollback")
    rows = rows.exclude(status__in=["rolled_back", "cancelled"])
    rows = rows.filter(parts__component__in=bad.parts.values("component"))
    later: Deployment | None = rows.order_by("-deployed_at", "-pk").first()
    return later


def _name(bad: Deployment) -> str:
    """A release of its own, since one comes to an environment once."""
    tried = bad.rollbacks.count()
    name = f"{bad.release[:85]}-rollback"
    return f"{name}-{tried + 1}" if tried else name


def _waive(row: Deployment, actor: Actor, why: str) -> None:
    """Undoing waits for nothing: what is open is passed over and stands on the record."""
    now = clock.now()
    row.gates.filter(phase="before", state__in=["waiting", "failed"]).update(
        state="waived",
        waived_by=actor.ref[:80],
        reason=f"Rolling back: {why}"[:500],
        by=actor.ref[:80],
        at=now,
        version=F("version") + 1,
    )


def _stop(bad: Deployment, actor: Actor, why: str, row: Deployment) -> None:
    """What is undone goes on no more."""
    note(
        bad,
        "deployment.rollback",
        actor=actor,
        said=f"{row.ref} rolls {bad.ref} back: {why}",
        after={"rolled_back_by": row.ref},
        reason=why,
    )
    stop_steps(bad, actor, f"{row.ref} rolls it back")
    timers.cancel_timers(subject=subject_ref(bad), kind="deployments.watch")
    for follow in ALONG:
        follow(bad, actor, f"{row.ref} rolls {bad.ref} back: {why}"[:500])
    emit(bad, "rolling_back", by=row.ref, why=why)
