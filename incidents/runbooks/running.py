"""Working through a runbook: each try of each step is a row, whoever does it.

A try is a row before anything happens, and no transaction is open while the world answers: what
hangs is ended by its limit, and a portal that is stopped meanwhile leaves a row that says so.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.db.utils import DatabaseError, OperationalError
from psycopg.errors import LockNotAvailable, QueryCanceled

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record, record_denied
from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError, NotAllowed, NotFound
from controlplane.lib.given import refuse, text
from controlplane.lib.redaction import redact_text
from incidents.models import Action, Incident, Runbook, RunbookRun, RunbookStep
from incidents.records.noting import note
from incidents.runbooks import acting, numbers, reading, using
from incidents.runbooks.reading import Step

logger = logging.getLogger(__name__)
ACTION = "runbook.run"
State = RunbookStep.State
OVER = (State.DONE, State.SKIPPED)
_LOST = "The portal was stopped while it ran. What it did is not known: look before trying again."


@transaction.atomic
def begin(
    runbook: Runbook,
    *,
    actor: Actor,
    incident: Incident | None = None,
    workspace: Workspace | None = None,
    purpose: str = "real",
) -> RunbookRun:
    """Begin to work through it; where that is done for an incident already, go on with that."""
    here = incident.workspace if incident is not None else workspace or runbook.workspace
    if here is None:
        raise refuse("workspace", "Say where it is worked through.")
    policy.require(actor, ACTION, here)
    if runbook.workspace_id not in {None, here.pk}:
        raise NotFound("There is no such runbook here.")
    if runbook.archived_at is not None or runbook.current is None:
        raise Conflict("It is put away: take the one that replaces it.")
    if purpose not in RunbookRun.Purpose.values:
        raise refuse("purpose", f"One of {', '.join(RunbookRun.Purpose.values)}.")
    if incident is not None:
        Incident.objects.select_for_update(of=("self",), no_key=True).get(pk=incident.pk)
        there: RunbookRun | None = RunbookRun.objects.filter(
            incident=incident, runbook=runbook, status=RunbookRun.Status.RUNNING
        ).first()
        if there is not None:
            return there
    run = RunbookRun.objects.create(
        workspace=here, runbook=runbook, text=runbook.current, incident=incident,
        purpose=purpose, started_by=actor.ref[:80],
    )  # fmt: skip
    record(
        actor, ACTION, run,
        after={"status": run.status, "runbook": runbook.slug, "version": run.text.number,
               "purpose": purpose},
    )  # fmt: skip
    if incident is not None:
        using.note_use(runbook, actor=actor, incident=incident)
        note(
            incident, ACTION, actor=actor, after={"runbook": runbook.slug, "run": str(run.uid)},
            said=f"Runbook {runbook.slug} is being worked through.",
        )  # fmt: skip
    return run


def steps_of(run: RunbookRun) -> list[Step]:
    return reading.steps_of(run.text.steps)


def step_of(run: RunbookRun, number: int) -> Step:
    for step in steps_of(run):
        if step.number == number:
            return step
    raise NotFound(f"It has no step {number}.")


# --- One step -----------------------------------------------------------------------------------


def run_step(
    run: RunbookRun,
    number: int,
    *,
    actor: Actor,
    given: Mapping[str, str] | None = None,
    confirmed: bool = False,
    reason: str = "",
    action: Action | None = None,
) -> RunbookStep:
    """Do what the step says, once, now. `given`: what its braces ask for. One that changes
    something wants `confirmed` and a reason. `action`: what asked for it on its incident; it is
    run once for that."""
    policy.require(actor, ACTION, run)
    step = step_of(run, number)
    if not step.acts:
        raise Conflict(f"Step {number} is done by hand: tick it, and say what you saw.")
    values = _values(step, given or {}, run)
    reason = text("reason", reason, 500, required=step.changes)
    if step.changes and not confirmed:
        raise refuse("confirmed", "It changes something: say that you mean it.")
    row = _claim(run, step, actor, values, action)
    call = acting.Call(step, actor, run.workspace, reason, values)
    return _finish(row, *_outcome(call), actor=actor, reason=reason)


def _values(step: Step, given: Mapping[str, str], run: RunbookRun) -> dict[str, str]:
    known = dict(given)
    if run.incident is not None and run.incident.service is not None:
        known.setdefault("service", run.incident.service.slug)
    values = {name: str(known.get(name, "")).strip()[:200] for name in step.asked}
    missing = {name: "Needed." for name, value in values.items() if not value or "\x00" in value}
    if missing:
        name, sentence = next(iter(missing.items()))
        raise refuse(name, sentence)
    return values


def _outcome(call: acting.Call) -> tuple[str, str]:
    try:
        return State.DONE, acting.perform(call)
    except acting.TimeUp as error:
        return State.TIMED_OUT, f"{error}\nIt did not end within its limit.".strip()
    except NotAllowed as error:
        record_denied(error)
        return State.REFUSED, error.message
    except ControlPlaneError as error:
        return State.FAILED, error.message
    except (OperationalError, DatabaseError) as error:
        if isinstance(error.__cause__, (QueryCanceled, LockNotAvailable)):
            return State.TIMED_OUT, "The database did not answer within its limit."
        logger.exception("a step of a runbook failed", extra={"kind": call.step.kind})
        return State.FAILED, f"The database refused: {str(error).splitlines()[0][:300]}"
    except Exception:  # whatever it was, the row must not stay open
        logger.exception("a step of a runbook broke", extra={"kind": call.step.kind})
        return State.FAILED, "It broke: the log of the portal says why."


@transaction.atomic
def _claim(
    run: RunbookRun,
    step: Step,
    actor: Actor,
    values: dict[str, str],
    action: Action | None = None,
) -> RunbookStep:
    """The try as a row, before anything happens. Of two who press at once one is too late."""
    _open(run)
    settle_lost(run)
    now = clock.now()
    limit = acting.limit_of(step) if step.acts else 0
    made = RunbookStep(
        run=run, action=action, number=step.number, attempt=_next(run, step), kind=step.kind,
        title=step.title, user_id=actor.user_id, actor_ref=actor.ref[:80],
        given={name: redact_text(value) for name, value in values.items()},
        started_at=now, ends_by=now + timedelta(seconds=limit + numbers.GRACE_S.value),
    )  # fmt: skip
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(f"Somebody is running step {step.number} already.") from error
    return made


def _open(run: RunbookRun) -> RunbookRun:
    held: RunbookRun = RunbookRun.objects.select_for_update(of=("self",), no_key=True).get(
        pk=run.pk
    )
    if held.status != RunbookRun.Status.RUNNING:
        raise Conflict("This run is over: begin another one.")
    return held


def _next(run: RunbookRun, step: Step) -> int:
    rows = RunbookStep.objects.filter(run=run, number=step.number)
    return int(rows.aggregate(last=Max("attempt"))["last"] or 0) + 1


def settle_lost(run: RunbookRun) -> int:
    """Tries whose portal was stopped: nobody will write what came of them."""
    now = clock.now()
    return int(
        RunbookStep.objects.filter(run=run, state=State.RUNNING, ends_by__lt=now).update(
            state=State.TIMED_OUT, output=_LOST, ended_at=now
        )
    )


@transaction.atomic
def _finish(
    row: RunbookStep, state: str, output: str, *, actor: Actor, reason: str = ""
) -> RunbookStep:
    now = clock.now()
    row.state, row.output, row.note = state, capped(output), reason
    row.ended_at = now
    row.duration_ms = max(0, int((now - row.started_at).total_seconds() * 1000))
    changed = RunbookStep.objects.filter(pk=row.pk, state=State.RUNNING).update(
        state=row.state, output=row.output, note=row.note, ended_at=now,
        duration_ms=row.duration_ms,
    )  # fmt: skip
    if not changed:
        raise Conflict("It took so long that it was counted as lost.")
    _tell(row, actor, reason)
    return row


def capped(output: str) -> str:
    """Without secrets, and no longer than is kept."""
    most = numbers.OUTPUT_MOST.value
    said = redact_text(output.replace("\x00", "").strip())
    return said if len(said) <= most else f"{said[:most]}\n… {len(said) - most:,} more characters."


def _tell(row: RunbookStep, actor: Actor, reason: str) -> None:
    run = row.run
    outcome = "done" if row.state in OVER else "failed"
    told: dict[str, Any] = {"step": row.number, "title": row.title, "state": row.state}
    record(actor, ACTION, run, after=told, reason=reason, outcome=outcome,
           details={"attempt": row.attempt, "duration_ms": row.duration_ms})  # fmt: skip
    if run.incident is None:
        return
    loud = row.kind in reading.CHANGES or outcome == "failed"
    if row.action_id is not None:
        loud = False  # the action tells it
    words = f"{run.runbook.slug}, step {row.number} “{row.title}”: {State(row.state).label}."
    note(run.incident, ACTION, actor=actor, after=told, reason=reason, said=words if loud else "")


@transaction.atomic
def tick(
    run: RunbookRun, number: int, *, actor: Actor, note: str, skipped: bool = False
) -> RunbookStep:
    """A step was done by hand, or is left out: with what was seen, or why."""
    policy.require(actor, ACTION, run)
    step = step_of(run, number)
    if step.acts and not skipped:
        raise Conflict(f"Step {number} is run, or left out with a reason.")
    said = text("note", note, 2_000, required=True)
    row = _claim(run, step, actor, {})
    return _finish(
        row, State.SKIPPED if skipped else State.DONE, "", actor=actor, reason=redact_text(said)
    )


# --- Its end ------------------------------------------------------------------------------------


def standing(run: RunbookRun) -> dict[int, RunbookStep]:
    """The last try of each step that was tried."""
    rows = RunbookStep.objects.filter(run=run).select_related("user").order_by("number", "attempt")
    return {row.number: row for row in rows}


@transaction.atomic
def end(
    run: RunbookRun, *, actor: Actor, reason: str = "", version: int | None = None
) -> RunbookRun:
    """All is done. What is left open is left out by saying why it is."""
    held = _open(run)
    last = standing(held)
    left = [s for s in steps_of(held) if s.number not in last or last[s.number].state not in OVER]
    reason = text("reason", reason, 500)
    if left and not reason:
        numbers_ = ", ".join(str(step.number) for step in left)
        raise refuse("reason", f"Not done: {numbers_}. Say why they are left.")
    return _over(held, "done", actor, reason, version)


@transaction.atomic
def abandon(
    run: RunbookRun, *, actor: Actor, reason: str, version: int | None = None
) -> RunbookRun:
    """It led nowhere, or was not needed any more."""
    held = _open(run)
    return _over(held, "abandoned", actor, text("reason", reason, 500, required=True), version)


def _over(run: RunbookRun, to: str, actor: Actor, reason: str, version: int | None) -> RunbookRun:
    if version is not None and run.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.")
    advance(run, to, actor=actor, reason=reason,
            changes={"ended_at": clock.now(), "ended_why": reason})  # fmt: skip
    if run.incident is not None:
        word = "was worked through" if to == "done" else "was abandoned"
        note(run.incident, ACTION, actor=actor, after={"run": str(run.uid), "status": to},
             reason=reason, said=f"Runbook {run.runbook.slug} {word}.")  # fmt: skip
    return run
