"""A step of a runbook, run against an incident: once, by whoever makes its try first.

The run is begun or joined in a transaction. The step itself waits for the world, so it is run
between two transactions: its try is a row that names the action, of which there is one, so that of
two workers one does it. What it prints is masked and kept with the run; what hangs is ended by its
limit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotFound
from controlplane.lib.given import line, refuse
from controlplane.lib.redaction import redact_text
from incidents.models import Incident, Runbook, RunbookRun, RunbookStep
from incidents.response.kinds import Ask, Came, Kind, Made, register
from incidents.runbooks import books, reading, rights, running, using
from incidents.runbooks.reading import Step

_TARGET = re.compile(r"([a-z0-9_]{1,60})/([1-9][0-9]?)\Z")
_SAID = 200
State = RunbookStep.State


def named(slug: str, step: Step) -> str:
    return f"{slug}/{step.number}"


def offered(incident: Incident) -> list[tuple[str, list[tuple[str, str]]]]:
    """Every step that the portal runs itself, by its runbook; those that help first."""
    near = [each.runbook.slug for each in using.for_incident(incident)]
    rows = books.in_force(incident.workspace_id).filter(archived_at=None).select_related("current")
    found = []
    for row in sorted(rows, key=lambda each: (_place(near, each.slug), each.title)):
        steps = reading.steps_of(row.current.steps) if row.current is not None else []
        known = [(named(row.slug, step), _label(step)) for step in steps if step.acts]
        if known:
            found.append((row.title, known))
    return found


def _place(near: list[str], slug: str) -> int:
    return near.index(slug) if slug in near else len(near)


def _label(step: Step) -> str:
    asked = f", asks for {', '.join(step.asked)}" if step.asked else ""
    return f"{step.number}. {step.title} ({reading.KINDS[step.kind].lower()}{asked})"


def _split(target: str) -> tuple[str, int]:
    found = _TARGET.match(target)
    if found is None:
        raise refuse("target", "A runbook and the number of a step: postgres_pool/3.")
    return found[1], int(found[2])


def _step(incident: Incident, target: str) -> tuple[Runbook, Step]:
    slug, number = _split(target)
    row = books.find(incident.workspace_id, slug)
    if row is None or row.current is None or row.archived_at is not None:
        raise NotFound(f"There is no runbook {slug} here.")
    for step in reading.steps_of(row.current.steps):
        if step.number == number:
            return row, step
    raise NotFound(f"{slug} has no step {number}.")


def _read(
    incident: Incident, target: str, given: Mapping[str, Any], actor: Actor
) -> tuple[str, Made]:
    row, step = _step(incident, line("target", target, 200, required=True))
    policy.require(actor, running.ACTION, incident)
    if not step.acts:
        raise Conflict(f"Step {step.number} is done by hand: tick it in the runbook.")
    rights.require(step, actor, incident.workspace)
    values = given.get("values") or given
    if not isinstance(values, Mapping):
        raise refuse("values", "What the step asks for, by name.")
    known = {name: line("values", str(values[name]), 200) for name in step.asked if name in values}
    if incident.service is not None:
        known.setdefault("service", incident.service.slug)
    missing = [name for name in step.asked if not known.get(name)]
    if missing and incident.pk is not None:
        raise refuse("values", f"The step asks for {', '.join(missing)}.")
    filled = {name: redact_text(known[name]) for name in step.asked if name in known}
    how: Made = {"title": step.title}
    return named(row.slug, step), {**how, "values": filled} if filled else how


def _do(ask: Ask, actor: Actor) -> Came:
    """First the run is begun; when the step was run, what came of it."""
    assert ask.action is not None
    tried = RunbookStep.objects.filter(action=ask.action).select_related("run").first()
    if tried is not None and tried.state != State.RUNNING:
        return _came(ask, tried)
    runbook, step = _step(ask.incident, ask.target)
    purpose = "drill" if ask.incident.origin == "drill" else "real"
    run = running.begin(runbook, actor=actor, incident=ask.incident, purpose=purpose)
    if step != running.step_of(run, step.number):
        raise Conflict(
            "The run that is under way is of another version: end it, or run the step there."
        )
    return Came("", {"run": str(run.uid)}, more=True)


def _run(ask: Ask, actor: Actor) -> bool:
    action = ask.action
    assert action is not None
    run: RunbookRun = RunbookRun.objects.get(uid=ask.made["run"])
    running.settle_lost(run)
    tried = RunbookStep.objects.filter(action=action).first()
    if tried is not None:
        return bool(tried.state != State.RUNNING)
    try:
        running.run_step(
            run, _split(ask.target)[1], actor=actor, given=ask.given.get("values") or {},
            confirmed=True, reason=ask.why, action=action,
        )  # fmt: skip
    except Conflict:
        if not RunbookStep.objects.filter(action=action).exists():
            raise
        return False  # another worker was first
    return True


def _came(ask: Ask, tried: RunbookStep) -> Came:
    slug, number = _split(ask.target)
    made = {"run": str(tried.run.uid), "page": _page(tried.run)}
    words = str(State(tried.state).label)
    first = next((one.strip() for one in tried.output.splitlines() if one.strip()), "")
    said = f"{slug}, step {number} “{tried.title}”: {words}. {first[:_SAID]}".strip()
    failed = {State.FAILED: "STEP_FAILED", State.TIMED_OUT: "TIMED_OUT", State.REFUSED: "FORBIDDEN"}
    return Came(said, made, failed=failed.get(State(tried.state), ""))


def _page(run: RunbookRun) -> str:
    return reverse("admin:incidents_runbookrun_change", args=(run.uid,))


register(Kind("runbook_step", "Run a step of a runbook", "ran", running.ACTION,
              _read, _do, repeats=True, icon="book", outside=_run))  # fmt: skip
