"""May this step be taken now? Asked by the executor before each action, and answered under the
mission's lock: a mission that is paused a moment earlier lets nothing go.

What else must hold before a step is let go is registered by the part that knows it:

    from missions.services.dispatching import asked_first

    @asked_first("toolkit_approved")
    def approved(asked: Asked) -> str: ...        # why not; empty: it may
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition, RateLimited, Unavailable
from controlplane.lib.redaction import redact
from missions import numbers_plans as numbers
from missions.execution import breakers, merging
from missions.execution.types import type_allowed
from missions.execution.watching import on_watch
from missions.models import Mission, PlayStep, Run, RunStep, UndoPlan, UndoRun, UndoStep
from missions.services import reading, reading_plans
from missions.services.executing import hold_run, require, require_executing
from missions.services.noting import note, tell
from missions.services.outstanding import extend
from missions.services.reading_steps import arguments

WINDOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to do, with the mission held."""

    mission: Mission
    run: Run
    toolkit: str
    action: str
    mutating: bool
    play_step: PlayStep | None


@dataclass(frozen=True, slots=True)
class Dispatched:
    """Go on. `undo_step` takes it back, until `undo_until` counted from its end; the report of a
    call with a `trial` decides about the breaker."""

    step: RunStep
    undo_plan: UndoPlan | None
    window_minutes: int
    trial: str = ""


Check = Callable[[Asked], str]
CHECKS: dict[str, Check] = {}
# (mission, toolkit) -> how many calls a minute; None: no word on it. The smallest counts.
LIMITS: list[Callable[[Mission, str], int | None]] = []


def asked_first(name: str) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        if CHECKS.setdefault(name, check) is not check:
            raise ValueError(f"two answer {name} before a step is let go")
        return check

    return register


@transaction.atomic
def dispatch(run: Run, *, actor: Actor, **given: Any) -> Dispatched:
    """Let one step go, or refuse with the reason. Asked again for a step that was let go, it says
    the same once more, as long as the mission may still act."""
    policy.require(actor, "mission.execute", run.mission)
    wanted = _wanted(given)
    row = hold_run(run)
    mission = row.mission
    require_executing(mission)
    if not row.is_open:
        raise InvalidTransition(f"{row} is {row.get_status_display().lower()}.",
                                details={"status": row.status, "legal": "running"})  # fmt: skip
    steps = RunStep.objects.select_related("play_step", "undo_step")
    known = steps.filter(mission=mission, external_id=wanted["external_id"]).first()
    if known is not None:
        _require_own(known, row)
    asked = _asked(row, wanted)
    if known is not None:
        _require_same(known, asked, wanted)
    undo = UndoPlan.objects.filter(play=row.play_id).first()
    cover = _cover(asked, undo)
    _require_allowed(asked, undo, cover)
    if known is not None and known.dispatched_at is not None:
        return Dispatched(known, undo, undo.window_minutes if undo is not None else 0)
    trial = _require_breaker(asked)
    _take(asked)
    step = _let_go(asked, wanted, known, cover, actor)
    if asked.mutating and undo is not None:
        extend(undo, clock.now())  # from here on it may be done, whether or not anybody says so
        _tell_undo(mission, undo, actor)
        note(
            mission,
            "mission.execute",
            actor=actor,
            after={"step": step.external_id, "action": asked.action, "toolkit": asked.toolkit},
            details={"transition": "-> step"},
        )
    return Dispatched(step, undo, undo.window_minutes if undo is not None else 0, trial)


def _wanted(given: dict[str, Any]) -> dict[str, Any]:
    place = given.get("play_step")
    return {
        "external_id": reading.kept_line(
            "external_id", given.get("external_id", ""), 100, required=True
        ),
        "toolkit": reading.line("toolkit", given.get("toolkit", ""), 50).lower(),
        "action": reading.kept_line("action", given.get("action", ""), 120),
        "mutating": reading_plans.truth("mutating", given.get("mutating", False)),
        "play_step": None
        if place is None
        else reading_plans.whole("play_step", place, 1, numbers.MOST_STEPS),
        "raw": arguments(given.get("arguments")),
        "agent": reading.kept_line("agent", given.get("agent", ""), 80),
    }


def _require_own(step: RunStep, run: Run) -> None:
    if step.run_id != run.pk:
        raise Conflict("This step is of another run.", details={"external_id": "Taken."})
    if step.has_ended:
        raise Conflict(
            f"The step is {step.get_status_display().lower()}: another try has an id of its own.",
            details={"external_id": "It has ended.", "status": step.status},
        )


def _require_same(step: RunStep, asked: Asked, wanted: dict[str, Any]) -> None:
    """Asked again, or reported before, it is the same step: another has an id of its own."""
    place = asked.play_step.position if asked.play_step is not None else None
    was = step.play_step.position if step.play_step is not None else None
    let_go = step.dispatched_at is not None
    pairs = [
        ("toolkit", step.toolkit, asked.toolkit),
        ("action", step.action, asked.action),
        ("play_step", was, place),
        ("arguments", _digest(step), digest_of(step.uid, wanted["raw"]) if wanted["raw"] else ""),
    ]
    differs = [name for name, before, now in pairs if before != now and (before or let_go)]
    if let_go and not wanted["raw"]:
        differs = [name for name in differs if name != "arguments"]
    if step.mutating and not asked.mutating:
        differs.append("mutating")
    if differs:
        what = "let go" if let_go else "reported"
        raise Conflict(
            f"This step was {what} with another {differs[0]}: another one has an id of its own.",
            details=dict.fromkeys(differs, "It is another."),
        )


def _digest(step: RunStep) -> str:
    mark = step.marks.get("arguments")
    return str(mark[3]) if mark is not None and mark[0] == merging.LET_GO else ""


def digest_of(step_uid: Any, given: Mapping[str, Any]) -> str:
    """Of arguments as they were given, before secrets are taken out of them."""
    text = json.dumps(given, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{step_uid}:{text}".encode()).hexdigest()


def _asked(run: Run, wanted: dict[str, Any]) -> Asked:
    """What the play says of a step counts more than what the caller does."""
    step = None
    if wanted["play_step"] is not None:
        step = PlayStep.objects.filter(play=run.play_id, position=wanted["play_step"]).first()
        if step is None:
            raise reading.refuse("play_step", f"The play has no step {wanted['play_step']}.")
        if step.toolkit and wanted["toolkit"] and step.toolkit != wanted["toolkit"]:
            raise reading.refuse("toolkit", f"Step {step.position} goes through {step.toolkit}.")
    toolkit = wanted["toolkit"] or (step.toolkit if step is not None else "")
    action = wanted["action"] or (step.action if step is not None else "")
    if not action:
        raise reading.refuse("action", "Missing.")
    mutating = wanted["mutating"] or (step is not None and step.mutating)
    return Asked(run.mission, run, toolkit, action, mutating, step)


def _cover(asked: Asked, undo: UndoPlan | None) -> UndoStep | None:
    if undo is None or asked.play_step is None or not asked.mutating:
        return None
    rows = UndoStep.objects.standing().filter(plan=undo, play_step=asked.play_step)
    return rows.order_by("alternate", "position").first()


def _require_allowed(asked: Asked, undo: UndoPlan | None, cover: UndoStep | None) -> None:
    """Everything but breaker and throttle, told at once."""
    mission = asked.mission
    kind, watch = type_allowed(mission), on_watch(mission)
    points = [
        ("type_enabled", kind.allowed, kind.words),
        ("duty_window", bool(watch), watch.words),
        *objections(asked, undo, cover),
    ]
    if undo is not None and UndoRun.objects.open().filter(plan=undo, drill=False).exists():
        points.append(("undo", False, "It is being taken back: nothing more is done."))
    require(*points)


def objections(
    asked: Asked, undo: UndoPlan | None, cover: UndoStep | None
) -> list[tuple[str, bool, str]]:
    """What is said of the step itself, whenever it is asked."""
    points = [(name, not why, why) for name, why in ((n, c(asked)) for n, c in CHECKS.items())]
    return points + (_mutating(asked, undo, cover) if asked.mutating else [])


def _mutating(
    asked: Asked, undo: UndoPlan | None, cover: UndoStep | None
) -> list[tuple[str, bool, str]]:
    if asked.play_step is None:
        return [("play", False, "It changes something that the play does not name.")]
    if not asked.play_step.mutating:
        words = f"Step {asked.play_step.position} of the play changes nothing, and this does."
        return [("play", False, words)]
    ready = undo is not None and undo.status == UndoPlan.Status.READY
    return [
        ("undo_ready", ready, "The undo plan is not ready."),
        ("undo_ready", cover is not None, "Nothing in the undo plan takes this step back."),
    ]


def _require_breaker(asked: Asked) -> str:
    if not asked.toolkit:
        return ""
    said = breakers.ask(asked.mission, asked.toolkit)
    if not said.may_call:
        raise Unavailable(
            said.reason or f"{asked.toolkit} is not to be called now.",
            details={"gates": [{"gate": "breaker", "detail": said.reason}]},
            retry_after=said.retry_after or 30,
        )
    return said.trial


def limit_of(mission: Mission, toolkit: str) -> int:
    told = [limit for each in LIMITS if (limit := each(mission, toolkit)) is not None]
    return max(1, min([numbers.CALLS_PER_MINUTE.value, *told]))


def _take(asked: Asked) -> None:
    """Counted in rows, under the lock: exact, whatever happens to a counter elsewhere."""
    if not asked.toolkit:
        return
    now, limit = clock.now(), limit_of(asked.mission, asked.toolkit)
    recent: list[datetime | None] = list(
        RunStep.objects.filter(
            mission=asked.mission, toolkit=asked.toolkit, dispatched_at__gt=now - WINDOW
        )
        .order_by("-dispatched_at")
        .values_list("dispatched_at", flat=True)[:limit]
    )
    if len(recent) >= limit:
        oldest = recent[-1]
        assert oldest is not None
        raise RateLimited(
            f"{asked.mission.ref} calls {asked.toolkit} at most {limit} times a minute.",
            details={"limit": limit, "toolkit": asked.toolkit},
            retry_after=max((oldest + WINDOW - now).total_seconds(), 1.0),
        )


def _let_go(
    asked: Asked,
    wanted: dict[str, Any],
    known: RunStep | None,
    cover: UndoStep | None,
    actor: Actor,
) -> RunStep:
    now = clock.now()
    values: dict[str, Any] = {
        "play_step": asked.play_step,
        "undo_step": cover,
        "toolkit": asked.toolkit,
        "action": asked.action,
        "mutating": asked.mutating,
        "dispatched_at": now,
    }
    if wanted["raw"]:
        values["arguments"] = redact(wanted["raw"])
    if known is not None:  # reported before it was asked for
        values |= {"marks": known.marks | _pins(known, asked, wanted), "version": known.version + 1}
        RunStep.objects.filter(pk=known.pk).update(**values)
        known.refresh_from_db()
        return known
    step = RunStep(
        mission=asked.mission,
        run=asked.run,
        external_id=wanted["external_id"],
        agent=wanted["agent"],
        reported_by=actor.ref[:80],
        first_at=now,
        reported_at=now,
        **values,
    )
    step.marks = _pins(step, asked, wanted)
    step.save(force_insert=True)
    return step


def _pins(step: RunStep, asked: Asked, wanted: dict[str, Any]) -> dict[str, merging.Mark]:
    """No report says better what it was let go for."""
    place = asked.play_step.position if asked.play_step is not None else None
    told = {"toolkit": asked.toolkit, "action": asked.action, "play_step": place}
    pins = {name: merging.pinned(value) for name, value in told.items()}
    if wanted["raw"]:
        pins["arguments"] = merging.pinned(digest_of(step.uid, wanted["raw"]))
    return pins


def _tell_undo(mission: Mission, undo: UndoPlan, actor: Actor) -> None:
    said = {
        "undo_plan_id": str(undo.uid),
        "time_remaining_seconds": undo.window_minutes * 60,
        "impact_summary": undo.impact or undo.label,
    }
    tell(mission, "undo_available", said, actor=actor)
