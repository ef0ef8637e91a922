"""Done against an incident, and taken back: asked for once, carried out once, and kept whatever
came of it.

Asking writes the row and a promise to carry it out, in one transaction under the incident's lock:
of two who press at once the second finds what the first asked for. Carrying out holds the row of
the action alone, and its effect commits together with `done`; whoever dies between the two leaves
the promise, which does it then. A target that is gone or refuses leaves a row with the code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.audit.refs import subject_ref
from controlplane.base.states import advance
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError, Invalid, InvalidTransition
from controlplane.lib.given import text
from controlplane.lib.redaction import redact_text
from incidents.models import Action, Incident, RunbookStep
from incidents.querysets import ENDED
from incidents.records import clocks, moving
from incidents.records.holding import hold, require_burning
from incidents.records.noting import PORTAL, note
from incidents.response.kinds import Ask, Came, Kind, kind_of

TIMER = "incident.act"
RESUMED = defaults.define(
    "incidents.action_resumed_s",
    30.0,
    unit="seconds",
    why="Longer than any of them takes; whoever died before that is stood in for.",
)
AGAIN = defaults.define(
    "incidents.action_again_s",
    60.0,
    unit="seconds",
    why="Two who wake the same agent within a minute mean the same; later it is another time.",
)
UNTAKEN = defaults.define(
    "incidents.action_untaken_s",
    600.0,
    unit="seconds",
    why="Offered twenty times by then: what no worker began is not there to help any more.",
)
_TRIES = 3
_TOLD = frozenset({"minutes", "prompt", "of", "title"})
_UNDER_WAY = (Action.Status.PLANNED, Action.Status.RUNNING)


def act(
    incident: Incident,
    kind: str,
    target: str = "",
    *,
    actor: Actor,
    reason: str,
    given: Mapping[str, Any] | None = None,
    version: int | None = None,
) -> Action:
    """Do it now, through the service that owns the target. Asked for again while it is under way,
    or after it was done, it is the same; after it was refused or taken back it is done anew."""
    row = _ask(incident, kind_of(kind), target, actor, reason, given or {}, version)
    return carry_out(row, actor=actor)


@transaction.atomic
def plan(
    incident: Incident,
    kind: str,
    target: str = "",
    *,
    actor: Actor,
    reason: str,
    given: Mapping[str, Any] | None = None,
) -> Action:
    """As `act`, carried out by a worker at once: for what happens by itself."""
    row = _ask(incident, kind_of(kind), target, actor, reason, given or {}, None)
    if row.status == Action.Status.PLANNED:
        _promise(row, seconds=0)
    return row


@transaction.atomic
def _ask(
    incident: Incident,
    kind: Kind,
    target: str,
    actor: Actor,
    reason: str,
    given: Mapping[str, Any],
    version: int | None,
) -> Action:
    row = hold(incident, version=version)
    policy.require(actor, "incident.mitigate", row)
    require_burning(row)
    why = redact_text(text("reason", reason, 500, required=True))
    refused: ControlPlaneError | None = None
    try:
        with transaction.atomic():
            target, how = kind.read(row, target, given, actor)
    except Invalid:
        raise
    except ControlPlaneError as error:
        refused, target, how = error, str(target)[:200], {}
    key = _key(kind, target, how)
    same = _same(row, kind, key)
    if same is not None:
        return same
    made = _made(row, kind.slug, target, how, key, why, actor)
    if refused is not None:
        return _settle(made, actor, Action.Status.REFUSED, refused.message, code=refused.code)
    _promise(made)
    return made


def _made(
    row: Incident, kind: str, target: str, how: Any, key: str, why: str, actor: Actor,
    undoes: Action | None = None,
) -> Action:  # fmt: skip
    made = Action(
        workspace=row.workspace, incident=row, kind=kind, target=target, given=how, key=key,
        reason=why, asked_by=actor.ref[:80], undoes=undoes,
    )  # fmt: skip
    made.save(force_insert=True)
    return made


def _key(kind: Kind, target: str, how: Mapping[str, Any]) -> str:
    """The same thing to the same target. How long a limit lasts doesn't make it another one, nor
    by which name it was meant; how tight it is does."""
    told = {name: value for name, value in how.items() if name not in _TOLD}
    digest = hashlib.sha256(json.dumps([target, told], sort_keys=True).encode()).hexdigest()
    return f"{kind.slug}:{digest[:40]}"


def _same(row: Incident, kind: Kind, key: str) -> Action | None:
    rows = row.actions.filter(key=key, undoes=None)
    under_way: Action | None = rows.under_way().first()
    if under_way is not None:
        return under_way
    done: Action | None = rows.to_take_back().order_by("-pk").first()
    if done is None or done.ended_at is None:
        return None
    recent = clock.now() - done.ended_at < timedelta(seconds=AGAIN.value)
    return done if recent or not kind.repeats else None


# --- Taking back ----------------------------------------------------------------------------------


def take_back(action: Action, *, actor: Actor, reason: str) -> Action:
    """What it did is undone, as far as it still can be. Never by itself: somebody asks."""
    return carry_out(_ask_back(action, actor, reason), actor=actor)


@transaction.atomic
def _ask_back(action: Action, actor: Actor, reason: str) -> Action:
    row = hold(action.incident)
    policy.require(actor, "incident.mitigate", row)
    if row.status in ENDED and row.status != Incident.Status.CLOSED:
        raise InvalidTransition(f"{row.ref} is {row.get_status_display().lower()}.")
    kind = kind_of(action.kind)
    if kind.undo is None or action.undoes_id is not None:
        raise Conflict("There is nothing to take back of this.")
    why = redact_text(text("reason", reason, 500, required=True))
    known: Action | None = action.undone_by.exclude(status__in=["refused", "failed"]).first()
    if known is not None:
        return known
    first: Action = Action.objects.get(pk=action.pk)
    if first.status != Action.Status.DONE:
        raise Conflict(f"It is {first.get_status_display().lower()}.")
    key = f"undo:{action.uid}"
    made = _made(row, action.kind, action.target, action.given, key, why, actor, undoes=first)
    _promise(made)
    return made


# --- Carrying out ---------------------------------------------------------------------------------


def carry_out(action: Action, *, actor: Actor) -> Action:
    """Until it is over: what comes in parts commits each of them. Whoever finds it over, or in
    somebody else's hands, returns what came of it."""
    row = _part(action.pk, actor)
    while row.status == Action.Status.RUNNING:
        outside = kind_of(row.kind).outside
        if outside is not None:
            _alone()
            try:
                if not outside(_meant(row), actor):
                    return _left(row)
            except ControlPlaneError as error:
                return _refuse(row.pk, actor, error)
        row = _part(action.pk, actor)
    return row


def _alone() -> None:
    """What waits for the world must not keep rows locked meanwhile: a mistake of the caller's."""
    with transaction.atomic(durable=True):
        pass


def _meant(row: Action) -> Ask:
    before = row.undoes.made if row.undoes is not None else {}
    made = {**before, **row.made}
    return Ask(row.incident, row.target, row.given, row.reason, made, row)


def _held(pk: int) -> Action:
    rows = Action.objects.select_for_update(of=("self",), no_key=True)
    row: Action = rows.select_related("incident__workspace", "incident__item", "undoes").get(pk=pk)
    return row


@transaction.atomic
def _left(row: Action) -> Action:
    """Somebody else has it in hand; it is looked at again in case they die."""
    held = _held(row.pk)
    if held.status in _UNDER_WAY:
        _promise(held)
    return held


@transaction.atomic
def _refuse(pk: int, actor: Actor, error: ControlPlaneError) -> Action:
    row = _held(pk)
    if row.status not in _UNDER_WAY:
        return row
    return _settle(row, actor, Action.Status.REFUSED, error.message, code=error.code)


@transaction.atomic
def _part(pk: int, actor: Actor) -> Action:
    row = _held(pk)
    if row.status not in _UNDER_WAY:
        return row
    kind = kind_of(row.kind)
    ask = _meant(row)
    do = kind.do if row.undoes is None else kind.undo
    assert do is not None
    try:
        with transaction.atomic():
            came = do(ask, actor)
    except ControlPlaneError as error:
        return _settle(row, actor, Action.Status.REFUSED, error.message, code=error.code)
    if came.more:
        return _go_on(row, came, actor)
    if came.failed:
        return _settle(
            row, actor, Action.Status.FAILED, came.said, code=came.failed, made=came.made
        )
    row = _settle(row, actor, Action.Status.DONE, came.said, made=came.made)
    if row.undoes is None:
        _began(row.incident, actor)
    return row


def _go_on(row: Action, came: Came, actor: Actor) -> Action:
    if row.status == Action.Status.PLANNED:
        advance(row, "running", actor=actor, changes={"made": came.made})
    else:
        Action.objects.filter(pk=row.pk).update(made=came.made)
        row.made = came.made
    _promise(row)
    return row


def _settle(
    row: Action, actor: Actor, status: str, said: str, *, code: str = "", made: Any = None
) -> Action:
    changes = {
        "result": redact_text(said)[:500], "code": code[:40], "ended_at": clock.now(),
        "made": made if made is not None else row.made,
    }  # fmt: skip
    advance(row, status, actor=actor, changes=changes)
    timers.cancel_timer(_timer(row))
    _note(row, actor)
    return row


def _note(row: Action, actor: Actor) -> None:
    kind = kind_of(row.kind)
    done = row.status == Action.Status.DONE
    words = f"act:{row.kind}" if done else "act:refused"
    if row.undoes is not None and done:
        words = "act:undo"
    incident = row.incident
    what = kind.undo_label.lower() if row.undoes is not None else kind.label.lower()
    told = row.result if done else f"{row.get_status_display()}: {what} {row.target}. {row.result}"
    note(
        incident, f"incident.{words}", actor=actor, reason=row.reason,
        said=f"{incident.ref}: {told}",
        after={"action": str(row.uid), "kind": row.kind, "target": row.target,
               "status": row.status, "result": row.result, "code": row.code},
        details={"asked_by": row.asked_by},
    )  # fmt: skip


def _began(incident: Incident, actor: Actor) -> None:
    """With the first thing that is done the mitigation has begun."""
    row = hold(incident)
    if row.status == Incident.Status.TRIAGED:
        moving.mitigate(row, actor=actor, reason="Something was done against it.")
    elif row.mitigation_started_at is None:
        Incident.objects.filter(pk=row.pk).update(mitigation_started_at=clock.now())
        clocks.stop(row, "incident.start_missed")


# --- What was left --------------------------------------------------------------------------------


def _timer(row: Action) -> str:
    return f"{TIMER}:{row.uid}"


def _promise(row: Action, *, seconds: float | None = None) -> None:
    wait = RESUMED.value if seconds is None else seconds
    timers.set_timer(
        TIMER,
        key=_timer(row),
        due_at=clock.now() + timedelta(seconds=wait),
        subject=subject_ref(row.incident),
        workspace_id=row.workspace_id,
        payload={"action": row.pk},
    )


@timers.on(TIMER)
def resume(timer: Timer) -> None:
    """Whoever asked was allowed to when they asked; it is the portal that does it now. What broke
    each time is given up, and says so."""
    row = Action.objects.filter(pk=timer.payload["action"]).first()
    if row is None or row.status not in _UNDER_WAY:
        return
    if timer.attempts > _TRIES:
        with transaction.atomic():
            said = f"It broke {_TRIES} times: {timer.last_error}"
            _settle(row, PORTAL, Action.Status.FAILED, said)
        return
    if kind_of(row.kind).outside is None:
        carry_out(row, actor=PORTAL)
    else:
        _hand_on(row)


def _hand_on(row: Action) -> None:
    """A timer is one transaction: what waits for the world goes to a worker, by a message that may
    come twice or never. The promise stands until somebody says what came of it."""
    tried = RunbookStep.objects.filter(action=row).exists()
    if not tried and clock.now() - row.asked_at > timedelta(seconds=UNTAKEN.value):
        with transaction.atomic():
            _settle(row, PORTAL, Action.Status.FAILED, "No worker took it in hand.")
        return
    _promise(row)
    transaction.on_commit(partial(_send, row.pk), robust=True)


def _send(pk: int) -> None:
    from incidents.tasks import send_action

    send_action(pk)
