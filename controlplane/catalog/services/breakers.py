"""The breaker of an integration: opened by failures in a row or by hand, tried, closed.

Reports only count. A change of state is a compare-and-set with an audit row, so of any number of
agents that report the third failure at once exactly one opens the breaker.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.base import signals
from controlplane.base.states import advance
from controlplane.catalog import vocabulary
from controlplane.catalog.models import Integration
from controlplane.jobs import timers
from controlplane.lib import clock
from controlplane.lib.actors import Actor, job
from controlplane.lib.errors import Conflict, Invalid
from controlplane.lib.redaction import redact_text

TRIAL = "catalog.breaker_trial"
CALM: dict[str, Any] = {
    "cause": "",
    "opened_by": "",
    "opened_at": None,
    "reason": "",
    "retry_at": None,
    "trials": 0,
    "failures_in_a_row": 0,
}
# Successes are written this often at most: they come with every call and change nothing.
SUCCESS_EVERY = timedelta(seconds=30)


@transaction.atomic
def trip(
    integration: Integration,
    *,
    actor: Actor,
    reason: str,
    cause: str = Integration.Cause.HAND,
    retry_at: datetime | None = None,
) -> Integration:
    """Open the breaker by hand, or for an incident. It stays open until `retry_at`, or until
    somebody closes it."""
    if not reason.strip():
        raise Invalid("Say why nobody may call it.", details={"reason": "Required."})
    if cause not in {Integration.Cause.HAND, Integration.Cause.INCIDENT}:
        raise Invalid("Unknown cause.", details={"cause": "hand or incident."})
    _open(integration, actor, "catalog.trip", cause=cause, reason=reason, retry_at=retry_at)
    return integration


@transaction.atomic
def half_open(integration: Integration, *, actor: Actor, reason: str = "") -> Integration:
    """Let callers try. The next report decides."""
    timers.cancel_timer(_key(integration))
    advance(integration, "half_open", actor=actor, reason=reason, changes={"retry_at": None})
    return integration


@transaction.atomic
def close(
    integration: Integration, *, actor: Actor, reason: str = "", action: str | None = None
) -> Integration:
    timers.cancel_timer(_key(integration))
    advance(integration, "closed", actor=actor, action=action, reason=reason, changes=CALM)
    _tell(integration, "catalog.breaker_closed")
    return integration


def report_outcome(
    integration: Integration, *, actor: Actor, ok: bool, error: str = "", operation: str = ""
) -> Integration:
    """What came of one call. The third failure in a row opens the breaker; in half-open state
    one report decides."""
    policy.require(actor, "catalog.report", integration)
    if operation and integration.kind == "tool_router" and not vocabulary.is_operation(operation):
        raise Invalid(
            "Not an operation of the Tool Router.",
            details={"operation": f"One of {', '.join(vocabulary.OPERATIONS)}."},
        )
    try:
        with transaction.atomic():
            if ok:
                _success(integration, actor)
            else:
                _failure(integration, actor, redact_text(error)[:300], operation)
    except Conflict:
        # Somebody else moved the breaker on the same news. Theirs stands.
        pass
    integration.refresh_from_db()
    return integration


def _success(integration: Integration, actor: Actor) -> None:
    now = clock.now()
    recent = integration.last_success_at
    if integration.failures_in_a_row or recent is None or now - recent >= SUCCESS_EVERY:
        Integration.objects.filter(pk=integration.pk).update(
            failures_in_a_row=0, last_success_at=now
        )
    if integration.status == Integration.Status.HALF_OPEN:
        close(integration, actor=actor, action="catalog.report", reason="the trial succeeded")


def _failure(integration: Integration, actor: Actor, error: str, operation: str) -> None:
    Integration.objects.filter(pk=integration.pk).update(
        failures_in_a_row=F("failures_in_a_row") + 1,
        last_failure_at=clock.now(),
        last_error=error,
    )
    integration.refresh_from_db()
    if integration.status == Integration.Status.OPEN:
        return  # a call that was on its way when the breaker opened
    trial = integration.status == Integration.Status.HALF_OPEN
    if not trial and integration.failures_in_a_row < vocabulary.BREAK_AFTER.value:
        return
    trials = integration.trials + 1 if trial else 0
    what = f" of {operation}" if operation else ""
    text = "the trial failed" if trial else f"{integration.failures_in_a_row} failures in a row"
    _open(
        integration,
        actor,
        "catalog.report",
        cause=Integration.Cause.FAILURES,
        reason=f"{text}{what}: {error}" if error else f"{text}{what}",
        retry_at=clock.now() + timedelta(seconds=vocabulary.cool_down(trials)),
        trials=trials,
    )


def _open(
    integration: Integration,
    actor: Actor,
    action: str,
    *,
    cause: str,
    reason: str,
    retry_at: datetime | None,
    trials: int = 0,
) -> None:
    changes = {
        "cause": str(cause),
        "opened_by": str(actor)[:200],
        "opened_at": clock.now(),
        "reason": reason[:300],
        "retry_at": retry_at,
        "trials": trials,
    }
    advance(integration, "open", actor=actor, action=action, reason=reason, changes=changes)
    if retry_at is None:
        timers.cancel_timer(_key(integration))
    else:
        timers.set_timer(
            TRIAL,
            key=_key(integration),
            due_at=retry_at,
            subject=f"catalog.integration:{integration.pk}",
            workspace_id=integration.workspace_id,
            payload={"integration": integration.pk},
        )
    _tell(integration, "catalog.breaker_opened")


def try_again(integration_id: int) -> None:
    """The pause is over: let one try, unless somebody decided otherwise meanwhile."""
    integration = Integration.objects.filter(pk=integration_id, status="open").first()
    if integration is None or integration.retry_at is None or integration.retry_at > clock.now():
        return
    advance(
        integration,
        "half_open",
        actor=job("catalog.breaker_trial"),
        reason="the pause is over",
        changes={"retry_at": None},
    )


def _tell(integration: Integration, kind: str) -> None:
    """News for apps above: an open breaker may become an alert."""
    signals.emit(
        kind,
        key=f"{integration.uid}:{integration.version}",
        payload={
            "integration": str(integration.uid),
            "slug": integration.slug,
            "cause": integration.cause,
            "reason": integration.reason,
        },
        workspace_id=integration.workspace_id,
    )


def _key(integration: Integration) -> str:
    return f"breaker:{integration.uid}"
