"""That runbooks work: who tried which version where, drills of them, and what a go-live asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.base.states import advance
from controlplane.jobs import obligations
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import line, refuse, text
from controlplane.lib.redaction import redact_text
from incidents.models import Drill, Runbook, RunbookRun, RunbookStep, RunbookValidation
from incidents.runbooks import books, running
from incidents.runbooks.numbers import VALID_DAYS

ACTION = "runbook.validate"
Result = RunbookValidation.Result
obligations.register(
    "runbooks.validation",
    title="Try every runbook, and say whether it works",
    owner_role="sre_liaison",
    cadence="quarterly",
    evidence="The validation log of each runbook: who tried it when, where, with what result.",
    why="A runbook nobody tried in a quarter fails in the incident it was written for.",
)


@transaction.atomic
def validate(
    runbook: Runbook,
    *,
    actor: Actor,
    environment: str,
    result: str,
    note: str = "",
    workspace: Workspace | None = None,
    run: RunbookRun | None = None,
) -> RunbookValidation:
    """Say what came of trying the version in force. What did not work at once says what."""
    here = workspace or runbook.workspace
    if here is None:
        raise refuse("workspace", "Say where it was tried.")
    policy.require(actor, ACTION, here)
    if runbook.current is None:
        raise Conflict("It has no text.")
    if result not in Result.values:
        raise refuse("result", f"One of {', '.join(Result.values)}.")
    if run is not None and (run.workspace_id != here.pk or run.runbook.slug != runbook.slug):
        raise refuse("run", "It is a run of another runbook.")
    said = redact_text(text("note", note, 2_000, required=result != Result.WORKS))
    made = RunbookValidation.objects.create(
        workspace=here, slug=runbook.slug, text=run.text if run is not None else runbook.current,
        run=run, environment=line("environment", environment, 60, required=True), result=result,
        note=said, user_id=actor.user_id, actor_ref=actor.ref[:80],
    )  # fmt: skip
    record(
        actor, ACTION, runbook, workspace_id=here.pk,
        after={"result": result, "environment": made.environment, "version": made.text.number},
    )  # fmt: skip
    return made


# --- Drills -------------------------------------------------------------------------------------


@transaction.atomic
def begin_drill(
    runbook: Runbook, workspace: Workspace, *, actor: Actor, reason: str = ""
) -> RunbookRun:
    """Work through it for practice: a run, and its place among the drills."""
    policy.require(actor, "paging.drill", workspace)
    run = running.begin(runbook, actor=actor, workspace=workspace, purpose="drill")
    steps = running.steps_of(run)
    drill = Drill.objects.create(
        workspace=workspace, kind=Drill.Kind.RUNBOOK, title=f"Runbook: {runbook.title}"[:200],
        runbook=runbook.slug, started_by=actor.ref[:80], asked={"steps": len(steps)},
    )  # fmt: skip
    advance(drill, "running", actor=actor, reason=text("reason", reason, 500),
            changes={"started_at": clock.now()})  # fmt: skip
    RunbookRun.objects.filter(pk=run.pk).update(drill=drill)
    run.drill = drill
    return run


@transaction.atomic
def end_drill(run: RunbookRun, *, actor: Actor, reason: str = "") -> RunbookRun:
    """The run is over, and its drill with it: its score is the share of steps that were done."""
    policy.require(actor, "paging.drill", run)
    done = running.end(run, actor=actor, reason=reason)
    if done.drill is not None:
        seen = measure(done)
        whole = seen["steps"] or 1
        changes = {
            "ended_at": clock.now(), "seen": seen, "score": round(100 * seen["done"] / whole),
        }  # fmt: skip
        advance(done.drill, "done", actor=actor, changes=changes, reason=reason)
    return done


@transaction.atomic
def abandon_drill(run: RunbookRun, *, actor: Actor, reason: str) -> RunbookRun:
    policy.require(actor, "paging.drill", run)
    done = running.abandon(run, actor=actor, reason=reason)
    if done.drill is not None:
        advance(done.drill, "cancelled", actor=actor, reason=reason)
    return done


def measure(run: RunbookRun) -> dict[str, Any]:
    last = running.standing(run)
    states = [row.state for row in last.values()]
    begun = [row.started_at for row in last.values()]
    took = (clock.now() - run.started_at).total_seconds() if begun else 0.0
    return {
        "steps": len(running.steps_of(run)),
        "done": states.count(RunbookStep.State.DONE),
        "left_out": states.count(RunbookStep.State.SKIPPED),
        "failed": len(states)
        - states.count(RunbookStep.State.DONE)
        - states.count(RunbookStep.State.SKIPPED),
        "took_s": round(took, 1),
        "people": sorted({row.actor_ref for row in last.values()}),
    }


# --- What holds ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """How a runbook stands in a workspace: whether it was tried lately, and drilled."""

    slug: str
    title: str
    required: bool
    published: bool
    version: int | None = None
    validated_at: datetime | None = None
    same_text: bool = False  # as the one that was tried
    result: str = ""
    due_at: datetime | None = None
    drilled_at: datetime | None = None
    score: int | None = None

    @property
    def state(self) -> str:
        """One word: what is wrong is said before what is due."""
        if not self.published:
            return "missing"
        if self.validated_at is None:
            return "never tried"
        if self.result == Result.FAILED:
            return "does not work"
        if not self.same_text:
            return "changed since"
        if self.due_at is not None and self.due_at <= clock.now():
            return "due"
        return "works"

    @property
    def missing(self) -> list[str]:
        """What a go-live still asks of it."""
        if not self.published:
            return ["it is not published"]
        found = [] if self.state == "works" else [f"validation: {self.state}"]
        return found if self.drilled_at is not None else [*found, "it was never drilled"]


def standings(workspace_id: int) -> list[Standing]:
    """Every runbook that holds here, and those that should and do not."""
    every = books.every(workspace_id)
    rows = [row for row in every if row.archived_at is None]
    put_away = [row for row in every if row.archived_at is not None]
    tried = {row.slug: row for row in _newest_validations(workspace_id)}
    drills = {row.runbook: row for row in _newest_drills(workspace_id)}
    found = [_standing(row, tried.get(row.slug), drills.get(row.slug)) for row in rows]
    # One that was put away counts by what replaces it.
    names = {name for row in rows for name in (row.slug, *row.aliases)}
    replaced = {
        row.slug
        for row in put_away
        if row.replaced_by is not None and row.replaced_by.slug in names
    }
    gone = [slug for slug in books.REQUIRED if slug not in names | replaced]
    return [*found, *(Standing(slug, slug, True, published=False) for slug in gone)]


def _newest_validations(workspace_id: int) -> Any:
    rows = RunbookValidation.objects.filter(workspace=workspace_id)
    return rows.order_by("slug", "-id").distinct("slug").select_related("text")


def _newest_drills(workspace_id: int) -> Any:
    rows = Drill.objects.filter(
        workspace=workspace_id, kind=Drill.Kind.RUNBOOK, status=Drill.Status.DONE
    )
    return rows.order_by("runbook", "-id").distinct("runbook")


def _standing(row: Runbook, tried: RunbookValidation | None, drilled: Drill | None) -> Standing:
    version = row.current.number if row.current is not None else None
    # Numbers of a shipped one and of the workspace's own count apart, so texts are compared.
    same = tried is not None and row.current is not None and tried.text.mark == row.current.mark
    return Standing(
        slug=row.slug,
        title=row.title,
        required=row.slug in books.REQUIRED,
        published=True,
        version=version,
        validated_at=tried.at if tried is not None else None,
        same_text=same,
        result=tried.result if tried is not None else "",
        due_at=tried.at + timedelta(days=VALID_DAYS.value) if tried is not None else None,
        drilled_at=drilled.ended_at if drilled is not None else None,
        score=drilled.score if drilled is not None else None,
    )


def not_ready(workspace_id: int) -> list[Standing]:
    """Of what the playbooks require: what is not published, validated and drilled."""
    return unready(standings(workspace_id))


def unready(found: Iterable[Standing]) -> list[Standing]:
    return [each for each in found if each.required and each.missing]
