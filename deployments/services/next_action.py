"""The next step of a deployment: one question, asked by the page for its button and by the API for
`next`. Nothing is looked up anew here: it answers from what the last look at the gates found, and
the step itself looks once more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from controlplane.access import policy
from controlplane.approvals import signing
from controlplane.approvals.models import Request
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.text import counted
from deployments.models import Deployment, Gate, Step
from deployments.services import papers
from deployments.services.checking import SECOND_EYES, open_gates
from deployments.services.closing import not_undone
from deployments.services.consent import needs_consent
from deployments.services.going import watch_minutes
from deployments.services.steps import why_by_hand

# Groups of checks in the order of the playbook's loop, as people go through them.
GROUPS = ("dependency", "environment", "schema", "telemetry", "release", "people", "smoke")
CHANGE, START, TICK = "deployment.change", "deployment.start", "deployment.tick"
CLOSE, ROLLBACK = "deployment.close", "deployment.rollback"
# Gates that the form of the deployment itself mends.
PAPERS = frozenset({"release-facts", "rollback-plan", "evidence-folder", "hotfix-scope", "watcher"})
_NAMED = 3
# What may be rolled back while it is still so.
_UNDONE = frozenset({"deploying", "verifying", "monitoring", "blocked", "failed"})


@dataclass(frozen=True, slots=True)
class Next:
    """`verb` is what the doors call the step; without one there is nothing to do but wait.
    `refusal` says why this actor may not take it. `waits_for`: what is open, in words."""

    verb: str
    label: str
    why: str
    action: str = ""  # what policy calls it
    refusal: str = ""
    waits_for: Sequence[str] = ()
    due: datetime | None = None
    gate: str = ""
    step: UUID | None = None

    @property
    def allowed(self) -> bool:
        return bool(self.verb) and not self.refusal


class _Around:
    """What the answer rests on, read once."""

    def __init__(
        self,
        row: Deployment,
        actor: Actor,
        gates: Iterable[Gate] | None,
        steps: Iterable[Step] | None,
    ) -> None:
        self.row, self.actor = row, actor
        if gates is not None:
            self.gates = list(gates)
        if steps is not None:
            self.steps = list(steps)

    @cached_property
    def gates(self) -> list[Gate]:
        return list(self.row.gates.order_by("position"))

    @cached_property
    def steps(self) -> list[Step]:
        rows = self.row.steps.select_related("adapter").defer("output")
        return list(rows.order_by("position"))

    def open(self, phase: str, *, starting: bool = False) -> list[Gate]:
        """In the order in which people go through them."""
        rows = [gate for gate in self.gates if gate.phase == phase]
        found = open_gates(rows, starting=starting)
        return sorted(found, key=lambda gate: (GROUPS.index(gate.group), gate.position))

    def may(self, action: str) -> bool:
        return bool(policy.can(self.actor, action, self.row))

    def tickable(self, gates: Iterable[Gate]) -> Gate | None:
        """The first that this reader may tick."""
        own = self.actor.ref == self.row.created_by
        for gate in gates:
            if not gate.computed and not (own and gate.slug in SECOND_EYES):
                return gate
        return None


def next_action(
    deployment: Deployment,
    actor: Actor,
    *,
    gates: Iterable[Gate] | None = None,
    steps: Iterable[Step] | None = None,
) -> Next:
    """The next thing this actor may do, or what it waits for. Who has gates and steps at hand
    gives them."""
    around = _Around(deployment, actor, gates, steps)
    undo = undoing(deployment) if deployment.status in _UNDONE else None
    if undo is not None:
        return Next("", "", f"{undo.ref} rolls it back.", waits_for=(undo.ref,))
    found: Next = _BY_STATUS[deployment.status](around)
    if not found.action:
        return found
    decision = policy.can(actor, found.action, deployment)
    return found if decision else replace(found, refusal=decision.reason)


# --- Before it goes -----------------------------------------------------------------------------


def _draft(around: _Around) -> Next:
    if not around.row.parts.exists():
        why = "Which components it brings is not said yet."
        return Next("change", "Say what it brings", why, CHANGE, waits_for=("components",))
    return Next("prepare", "Prepare", "Checks and steps are laid out, and on-call is told.", CHANGE)


def _preparing(around: _Around) -> Next:
    still = around.open("before")
    if not still:
        asked = " Whoever must consent is asked then." if needs_consent(around.row) else ""
        return Next("ready", "Declare ready", f"Every check holds.{asked}", CHANGE)
    return _mend(around, still, f"{_checks(still)} open.")


def _mend(around: _Around, still: list[Gate], why: str) -> Next:
    """What this reader can do about checks that are open."""
    words = tuple(f"{gate.title}: {gate.detail or 'nobody said so yet'}" for gate in still)
    paper = next((gate for gate in still if gate.slug in PAPERS), None)
    early = around.row.phase in {"preparing", "ready", "approved"}
    if paper is not None and early and around.may(CHANGE):
        missing = paper.detail or paper.title
        return Next(
            "change", "Fill in the papers", f"{why} {missing}", CHANGE, "", words, gate=paper.slug
        )
    asked = around.tickable(still)
    if asked is not None and around.may(TICK):
        label = f"Tick: {asked.title}"
        return Next("tick", label, why, TICK, "", words, gate=asked.slug)
    seen = [gate for gate in still if gate.computed] or (still if asked is not None else [])
    if not seen:
        who = f"{why} Not yours to say, for you opened it: {still[0].title}."
        return Next("", "", who, waits_for=words, gate=still[0].slug)
    return Next("look", "Look again", f"{why} {_first(seen)}", TICK, "", words, gate=seen[0].slug)


def _checks(gates: Sequence[Gate]) -> str:
    return "1 check is" if len(gates) == 1 else f"{len(gates)} checks are"


def _first(gates: Sequence[Gate]) -> str:
    gate = gates[0]
    return f"{gate.title}: {gate.detail or 'nobody said so yet.'}"


def _ready(around: _Around) -> Next:
    request = around.row.approval
    if request is None:
        return Next("back", "Back to preparing", "Nobody was asked for consent.", CHANGE)
    views = signing.slots_for(around.actor, request)
    asked = [" or ".join(view.roles) for view in views if view.slot.waiting]
    waits = ", ".join(asked) or "those who are asked"
    mine = any(view.may for view in views)
    if mine:
        verb, said = ("sign", f"Sign {request.ref}"), f"It waits for {waits}."
    else:
        verb, said = ("", ""), _waiting(request, waits)
    return Next(*verb, said, "", "", (waits,), request.due_at)


def _waiting(request: Request, waits: str) -> str:
    """Whoever waits is told when nobody can come: two people never sign as one, nor for oneself."""
    lacking = signing.without_anybody(request)
    if not lacking:
        return f"It waits for {waits}."
    return (
        f"It waits for {waits}. Nobody here may sign as {' or '.join(lacking)}: whoever asked does"
        " not. Give somebody else the role."
    )


def _approved(around: _Around) -> Next:
    row = around.row
    # Consent was given, or it would not be approved: the gate may still tell of before.
    still = [gate for gate in around.open("before", starting=True) if gate.slug != "approval"]
    if row.kind == Deployment.Kind.ROLLBACK:
        still = []
    if [gate.slug for gate in still] == ["no-freeze"]:
        why = f"A freeze is in force. {still[0].detail}"
        waits = (f"{still[0].title}: {still[0].detail}",)
        return Next(
            "start", "Start in spite of the freeze", why, "freeze.override", "", waits,
            gate="no-freeze",
        )  # fmt: skip
    if still:
        return _mend(around, still, f"{_checks(still)} open.")
    planned = row.planned_at
    if planned is not None and planned > clock.now():
        why = f"Everybody consented. Planned for {planned:%Y-%m-%d %H:%M} UTC."
        return Next("start", "Start", why, START, due=planned)
    return Next("start", "Start", "Everything holds. It is looked at once more.", START)


# --- On its way ---------------------------------------------------------------------------------


def _deploying(around: _Around) -> Next:
    step = next((each for each in around.steps if not each.is_over), None)
    if step is None:
        return Next("deployed", "All steps are done", "Nothing is left to do.", START)
    place = f"Step {around.steps.index(step) + 1} of {len(around.steps)}"
    if step.state == Step.State.RUNNING:
        return _running(step, place)
    if step.state == Step.State.FAILED:
        why = f"{place} failed. {step.outcome}".strip()
        return Next("retry", f"Try again: {step.title}", why, START, step=step.uid)
    if step.needs_backup and not around.row.backup_ref:
        why = f"{place} needs a backup. Name the one that was made."
        return Next("change", "Name the backup", why, CHANGE, step=step.uid)
    by_hand = _by_hand(step)
    if not by_hand:
        item = around.row.item
        if item is not None and item.open_blockers:
            blockers = counted(item.open_blockers, "open blocker")
            why = f"{item.key} waits for {blockers}; till then nothing runs."
            return Next("", "", why, waits_for=(f"the blockers of {item.key}",), step=step.uid)
        return Next("run", f"Run: {step.title}", f"{place}.", START, step=step.uid)
    why = f"{place}, by hand."
    if step.adapter is not None:
        why = f"{why} {by_hand}"
    return Next("finish", f"Do: {step.title}", why, START, step=step.uid)


def by_itself(step: Step) -> bool:
    """A worker may do it: by its adapter, or a look at an address."""
    return not _by_hand(step)


def _by_hand(step: Step) -> str:
    """Remembered with the row, as `undoing`."""
    if "_by_hand" not in step.__dict__:
        step.__dict__["_by_hand"] = why_by_hand(step, step.adapter)
    found: str = step.__dict__["_by_hand"]
    return found


def _running(step: Step, place: str) -> Next:
    if step.token is None:
        why = f"{place} was begun by hand."
        return Next("finish", f"Done: {step.title}", why, START, step=step.uid)
    return Next("", "", f"{place} runs: {step.title}.", waits_for=(step.title,), step=step.uid)


def _verifying(around: _Around) -> Next:
    health = [gate for gate in around.open("after") if gate.slug == "health"]
    if health:
        return _mend(around, health, "Whether it is healthy is not known yet.")
    minutes = watch_minutes(around.row)
    why = f"It is healthy. Watched for {minutes} minutes from when it was deployed."
    return Next("watch", "Begin the watch", why, START)


def _monitoring(around: _Around) -> Next:
    row = around.row
    if row.verdict == Deployment.Verdict.DEGRADED and not _taken_on(around):
        return _undo(row, f"It got worse. {row.verdict_words}")
    over = row.monitor_until is None or clock.now() >= row.monitor_until
    still = around.open("after")
    asked = around.tickable([gate for gate in still if gate.slug != "watched"])
    if asked is not None or (over and still):
        return _mend(around, still, f"{_checks(still)} open.")
    if not over:
        words = tuple(gate.title for gate in still)
        return Next("", "", "It is watched.", waits_for=words, due=row.monitor_until)
    if row.docs_due_at is not None and row.documented_at is None:
        return _papers(row)
    item = row.item
    if item is not None and item.category != "done" and item.open_blockers:
        why = f"{item.key} waits for {counted(item.open_blockers, 'open blocker')}."
        return Next("", "", why, waits_for=(f"the blockers of {item.key}",))
    return Next("close", "Close", "The watch is over and every check holds.", CLOSE)


def _taken_on(around: _Around) -> bool:
    """Somebody who may has said that it stays. What undoes another is not undone itself: it is
    closed, or brought forward again."""
    if around.row.kind == Deployment.Kind.ROLLBACK:
        return True
    return any(gate.slug == "watched" and gate.state == "waived" for gate in around.gates)


def _undo(row: Deployment, why: str) -> Next:
    held = stays(row)
    if held:
        return Next("", "", f"{why} {held}", waits_for=(held,))
    return Next("rollback", "Roll back", why, ROLLBACK)


def _papers(row: Deployment) -> Next:
    owed = papers.owed(row)
    if not owed:
        why = "Everything it owed is closed."
        return Next("documented", "Documentation is complete", why, CLOSE, due=row.docs_due_at)
    more = f" and {len(owed) - _NAMED} more" if len(owed) > _NAMED else ""
    why = f"Its documentation is owed: {', '.join(owed[:_NAMED])}{more}."
    return Next("", "", why, waits_for=tuple(owed), due=row.docs_due_at)


# --- To the side, and over ----------------------------------------------------------------------


def _blocked(around: _Around) -> Next:
    was = Deployment.Status(around.row.blocked_from).label.lower()
    why = f"It is blocked while {was}. Let it go on when what was in the way is away."
    return Next("unblock", "Go on", why, CHANGE)


def _failed(around: _Around) -> Next:
    began = any(step.attempt or step.started_at for step in around.steps)
    if not began:
        return Next("prepare", "Prepare again", "Nothing of it was brought out.", CHANGE)
    if around.row.kind == Deployment.Kind.ROLLBACK:
        why = "It stopped halfway: what its steps brought back is there."
        return Next("prepare", "Prepare again", why, CHANGE)
    why = "What it brought out is there until it is rolled back or tried again."
    found = _undo(around.row, why)
    return found if found.verb else Next("prepare", "Prepare again", found.why, CHANGE)


def undoing(row: Deployment) -> Deployment | None:
    """The deployment that rolls this one back, under way or done. Remembered with the row: a page
    asks for each of its buttons."""
    if "_undoing" not in row.__dict__:
        rows = row.rollbacks.exclude(status__in=["cancelled", "failed"])
        row.__dict__["_undoing"] = rows.first()
    found: Deployment | None = row.__dict__["_undoing"]
    return found


def stays(row: Deployment) -> str:
    """Why it can't be rolled back, remembered in the same way."""
    if "_stays" not in row.__dict__:
        row.__dict__["_stays"] = not_undone(row)
    found: str = row.__dict__["_stays"]
    return found


def _over(around: _Around) -> Next:
    return Next("", "", f"It is {around.row.get_status_display().lower()}.")


_BY_STATUS: dict[str, Any] = {
    "draft": _draft,
    "preparing": _preparing,
    "ready": _ready,
    "approved": _approved,
    "deploying": _deploying,
    "verifying": _verifying,
    "monitoring": _monitoring,
    "blocked": _blocked,
    "failed": _failed,
    "completed": _over,
    "rolled_back": _over,
    "cancelled": _over,
}
