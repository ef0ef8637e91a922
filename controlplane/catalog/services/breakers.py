"""The breaker of an integration: opened by failures in a row or by hand, tried, closed.

Reports only count. A change of state is a compare-and-set with an audit row, made while the row
is locked, so of any number of agents that report the third failure at once exactly one opens the
breaker. In half-open state one caller at a time holds the trial, by a token with an end; only its
report decides, so that neither a crowd of callers nor a late report of an old call does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.base import signals
from controlplane.base.states import advance, plain
from controlplane.catalog import vocabulary
from controlplane.catalog.models import Integration
from controlplane.catalog.services import telling
from controlplane.jobs import timers
from controlplane.lib import clock
from controlplane.lib.actors import Actor, job
from controlplane.lib.errors import Conflict, Invalid
from controlplane.lib.redaction import redact_text

TRIAL = "catalog.breaker_trial"
NO_TRIAL: dict[str, Any] = {"trial_token": None, "trial_until": None}
CALM: dict[str, Any] = {
    "cause": "",
    "opened_by": "",
    "opened_at": None,
    "reason": "",
    "retry_at": None,
    "trials": 0,
    "failures_in_a_row": 0,
    "half_open_at": None,
    **NO_TRIAL,
}
# Successes are written this often at most: they come with every call and change nothing.
SUCCESS_EVERY = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to "may I call now?". With a token, the report of this call decides."""

    may_call: bool
    state: str
    reason: str = ""
    token: UUID | None = None
    until: datetime | None = None


# --- By hand ------------------------------------------------------------------------------------


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
    somebody closes it. One that failures opened is held open, so that no trial closes it."""
    if not reason.strip():
        raise Invalid("Say why nobody may call it.", details={"reason": "Required."})
    if cause not in {Integration.Cause.HAND, Integration.Cause.INCIDENT}:
        raise Invalid("Unknown cause.", details={"cause": "hand or incident."})
    now = clock.now()
    if retry_at is not None and not now < retry_at < now + LONGEST_PAUSE:
        raise Invalid(
            "The pause ends in the future.", details={"retry_at": "Within a year from now."}
        )
    _open(integration, actor, "catalog.trip", cause=cause, reason=reason, retry_at=retry_at)
    return integration


@transaction.atomic
def half_open(integration: Integration, *, actor: Actor, reason: str = "") -> Integration:
    """Let one caller try. Its report decides."""
    timers.cancel_timer(_key(integration))
    _let_one_try(integration, actor, reason)
    return integration


@transaction.atomic
def close(integration: Integration, *, actor: Actor, reason: str = "") -> Integration:
    _close(integration, actor, "catalog.trip", reason)
    return integration


# --- By callers ---------------------------------------------------------------------------------


def ask(integration: Integration, *, actor: Actor) -> Admission:
    """May this caller call now? In half-open state the first to ask gets the trial, and nobody
    else does until it reported or its time is over."""
    policy.require(actor, "catalog.report", integration)
    token = uuid4()
    won = (
        Integration.objects.filter(pk=integration.pk, is_active=True)
        .filter(status=Integration.Status.HALF_OPEN)
        .filter(Q(trial_until=None) | Q(trial_until__lte=Now()))
        .update(
            trial_token=token,
            trial_until=Now() + timedelta(seconds=vocabulary.thresholds(integration).trial_lasts_s),
        )
    )
    integration.refresh_from_db()
    state = integration.status
    if won and integration.trial_token == token:
        return Admission(True, state, "the trial is yours", token, integration.trial_until)
    if not integration.is_active:
        return Admission(False, state, "switched off")
    if state == Integration.Status.HALF_OPEN:
        return Admission(False, state, "somebody is trying", until=integration.trial_until)
    return Admission(integration.may_call, state, integration.reason, until=integration.retry_at)


def report_outcome(
    integration: Integration,
    *,
    actor: Actor,
    ok: bool,
    error: str = "",
    operation: str = "",
    trial: UUID | None = None,
) -> Integration:
    """What came of one call. The third failure in a row opens the breaker; in half-open state
    the report that carries the trial's token decides."""
    policy.require(actor, "catalog.report", integration)
    if operation and integration.kind == "tool_router" and not vocabulary.is_operation(operation):
        raise Invalid(
            "Not an operation of the Tool Router.",
            details={"operation": f"One of {', '.join(vocabulary.OPERATIONS)}."},
        )
    if ok:
        _success(integration, actor, trial)
    else:
        _failure(integration, actor, redact_text(error)[:300], operation, trial)
    integration.refresh_from_db()
    return integration


@transaction.atomic
def _success(integration: Integration, actor: Actor, trial: UUID | None) -> None:
    if trial is not None and _spent(integration, trial):
        return
    now = clock.now()
    # The condition stands in the statement: what the caller read may be old, and a success that
    # went by unseen would make failures "in a row" that were none.
    news = Q(failures_in_a_row__gt=0) | Q(last_success_at=None)
    news |= Q(last_success_at__lt=now - SUCCESS_EVERY)
    Integration.objects.filter(news, pk=integration.pk).update(
        failures_in_a_row=0, last_success_at=now
    )
    if trial is not None:
        row = Integration.objects.get(pk=integration.pk)
        _close(row, actor, "catalog.report", "the trial succeeded")


@transaction.atomic
def _failure(
    integration: Integration, actor: Actor, error: str, operation: str, trial: UUID | None
) -> None:
    if trial is not None and _spent(integration, trial):
        return
    Integration.objects.filter(pk=integration.pk).update(
        failures_in_a_row=F("failures_in_a_row") + 1,
        last_failure_at=clock.now(),
        last_error=error,
    )
    # Read after the update: the row is ours now until the end of the transaction.
    row = Integration.objects.get(pk=integration.pk)
    # Else it only counts; a call that was on its way when the breaker opened changes nothing.
    if trial is not None or _had_enough(row):
        _give_up(row, actor, error, tried=trial is not None, operation=operation)


def _had_enough(row: Integration) -> bool:
    enough = row.failures_in_a_row >= vocabulary.thresholds(row).break_after
    return enough and row.status == Integration.Status.CLOSED


def _give_up(
    row: Integration, actor: Actor, error: str, *, tried: bool, operation: str = ""
) -> None:
    trials = row.trials + 1 if tried else 0
    what = f" of {operation}" if operation else ""
    text = "the trial failed" if tried else f"{row.failures_in_a_row} failures in a row"
    _open(
        row,
        actor,
        "catalog.report",
        cause=Integration.Cause.FAILURES,
        reason=f"{text}{what}: {error}" if error else f"{text}{what}",
        retry_at=clock.now() + timedelta(seconds=vocabulary.thresholds(row).pause(trials)),
        trials=trials,
    )


def _spent(integration: Integration, trial: UUID) -> bool:
    """Whether this trial is decided, or was given to another: its report says nothing any more,
    not even one failure more. Otherwise the row is ours until the end of the transaction."""
    row = Integration.objects.select_for_update().get(pk=integration.pk)
    waits = row.status == Integration.Status.HALF_OPEN and row.trial_token == trial
    return not waits


@transaction.atomic
def report_calls(
    integration: Integration,
    *,
    actor: Actor,
    succeeded: bool,
    failures: int,
    last_at: datetime,
    error: str = "",
) -> Integration:
    """What came of many calls, told afterwards: whether one succeeded, and how many failed since.

    Nobody of these asked for the trial. While nobody has it, a call that was made after the
    breaker became half open decides all the same: where agents only report and never ask, it
    would stay half open for ever."""
    policy.require(actor, "catalog.report", integration)
    row = Integration.objects.select_for_update().get(pk=integration.pk)
    now = clock.now()
    news: dict[str, Any] = {
        "failures_in_a_row": failures if succeeded else row.failures_in_a_row + failures
    }
    if succeeded:
        news["last_success_at"] = now
    if failures:
        news |= {"last_failure_at": now, "last_error": redact_text(error)[:300]}
    Integration.objects.filter(pk=row.pk).update(**news)
    row.refresh_from_db()
    tried = _made_a_trial(row, last_at)
    if tried and not failures:
        _close(row, actor, "catalog.report", "calls succeed again")
    elif failures and (tried or _had_enough(row)):
        _give_up(row, actor, row.last_error, tried=tried)
    integration.refresh_from_db()
    return integration


def _made_a_trial(row: Integration, at: datetime) -> bool:
    if row.status != Integration.Status.HALF_OPEN or row.half_open_at is None:
        return False
    taken = row.trial_until is not None and row.trial_until > clock.now()
    return not taken and at > row.half_open_at


# --- By itself ----------------------------------------------------------------------------------


@transaction.atomic
def try_again(integration_id: int, *, promised: datetime) -> None:
    """The pause is over: let one try, unless somebody decided otherwise meanwhile. What is due
    is told by the timer, whose clock is the database's: a look at our own might find it early,
    and nobody would come again."""
    rows = Integration.objects.select_for_update()
    integration = rows.filter(pk=integration_id, status=Integration.Status.OPEN).first()
    if integration is None or integration.retry_at is None or integration.retry_at > promised:
        return
    _let_one_try(integration, job(TRIAL), "the pause is over")


# --- Moves --------------------------------------------------------------------------------------


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
        "opened_by": actor.ref[:200],
        "reason": reason[:300],
        "retry_at": retry_at,
        "trials": trials,
    }
    first = integration.status == Integration.Status.CLOSED
    if integration.status == Integration.Status.OPEN:
        _hold(integration, actor, action, changes)
    else:
        changes |= {"opened_at": clock.now(), "half_open_at": None, **NO_TRIAL}
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
    _emit(integration, "catalog.breaker_opened")
    if first:
        telling.breaker_opened(integration)


def _hold(integration: Integration, actor: Actor, action: str, changes: dict[str, Any]) -> None:
    """Open already: another cause, another end."""
    policy.require(actor, action, integration)
    before = {name: plain(getattr(integration, name)) for name in changes}
    rows = Integration.objects.filter(
        pk=integration.pk, status=Integration.Status.OPEN, version=integration.version
    )
    if not rows.update(**changes, version=F("version") + 1):
        raise Conflict("Somebody changed it since you looked. Look again.")
    integration.refresh_from_db()
    after = {name: plain(getattr(integration, name)) for name in changes}
    record(actor, action, integration, before=before, after=after, reason=str(changes["reason"]))


def _let_one_try(integration: Integration, actor: Actor, reason: str) -> None:
    changes = {"retry_at": None, "half_open_at": clock.now(), **NO_TRIAL}
    advance(integration, "half_open", actor=actor, reason=reason, changes=changes)
    _emit(integration, "catalog.breaker_half_opened")


def _close(integration: Integration, actor: Actor, action: str, reason: str) -> None:
    timers.cancel_timer(_key(integration))
    advance(integration, "closed", actor=actor, action=action, reason=reason, changes=CALM)
    _emit(integration, "catalog.breaker_closed")
    telling.breaker_closed(integration, reason)


def _emit(integration: Integration, kind: str) -> None:
    """News for apps above: an open breaker may become an alert."""
    signals.emit(
        kind,
        key=f"{integration.uid}:{integration.version}",
        payload={
            "integration": str(integration.uid),
            "slug": integration.slug,
            "state": integration.status,
            "cause": integration.cause,
            "reason": integration.reason,
        },
        workspace_id=integration.workspace_id,
    )


def _key(integration: Integration) -> str:
    return f"breaker:{integration.uid}"
