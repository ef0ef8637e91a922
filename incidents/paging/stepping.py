"""The engine's module: runs whose next step is due, taken set by set.

One transaction for a batch: the runs are claimed (SKIP LOCKED, so that any number of engines may
work), who stands behind their targets is asked once for all, pages and what is sent for them are
written, and the runs move on. Killed at any point it has done all of that or nothing.

The next step is due counted from when this one was, not from when it was taken: nothing drifts.
Only where the engine stood still is whoever comes next given time of their own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from controlplane.audit.refs import subject_ref
from controlplane.audit.services import record
from controlplane.jobs import engine, leases
from controlplane.lib import collecting, prepared
from controlplane.lib.ids import uuid7_texts
from controlplane.notify import wording
from controlplane.notify.services import To, notify
from incidents import links
from incidents.models import EscalationRun, Page, PolicyVersion
from incidents.paging import calls, matters, numbers, turning
from incidents.paging.calls import Call
from incidents.paging.policies import PORTAL
from incidents.paging.pouring import pour
from incidents.paging.shipped import SHIPPED
from incidents.paging.targets import Target
from incidents.paging.who import Finder, Missing

logger = logging.getLogger(__name__)
UNANSWERED = "paging.unanswered"
wording.register(
    UNANSWERED,
    "Nobody answered a call",
    subject="{ref}: nobody answered: {title}",
    body="{why} Nobody is called for it any more until somebody opens it and calls again.",
)
_OBJECTS = 20  # so many are made for each run of a batch, and refer to each other in no circle
_ADMINS = Target("role", SHIPPED[0]["catch_all"][0]["ref"])


@dataclass(frozen=True, slots=True)
class Step:
    targets: tuple[Target, ...]
    wait_s: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """A version as the engine reads it. The step after the last is the catch-all."""

    steps: tuple[Step, ...]
    repeats: int

    @classmethod
    def of(cls, version: PolicyVersion) -> Ladder:
        steps = [
            Step(tuple(map(Target.of, each["targets"])), int(each["wait_s"]))
            for each in version.steps
        ]
        last = tuple(map(Target.of, version.catch_all)) or (_ADMINS,)
        return cls((*steps, Step(last, numbers.CATCH_ALL_S.value)), version.repeats)


@dataclass(slots=True)
class Turn:
    """What one run does now."""

    run: EscalationRun
    calls: list[Call] = field(default_factory=list)
    missing: list[tuple[int, int, Missing]] = field(default_factory=list)  # step, round
    step: int = 0
    round: int = 0
    next_at: datetime | None = None
    status: str = "running"
    why: str = ""


_ladders: dict[int, Ladder] = {}


def ladders_of(keys: Iterable[int]) -> dict[int, Ladder]:
    """Versions never change, so that each process reads one once."""
    unknown = set(keys) - _ladders.keys()
    for version in PolicyVersion.objects.filter(pk__in=unknown):
        _ladders[version.pk] = Ladder.of(version)
    return _ladders


# Whether anything may be due, and whether anybody is being called: mostly not.
_ANYTHING = """
    SELECT EXISTS (SELECT 1 FROM incidents_escalationrun
                   WHERE status = 'running' AND next_at <= statement_timestamp())
        OR EXISTS (SELECT 1 FROM incidents_page WHERE next_at <= statement_timestamp())
        OR EXISTS (SELECT 1 FROM incidents_page WHERE status = 'calling')
"""


def work(deadline: float) -> int:
    """Take what is due until nothing is, or until `deadline` (of `time.monotonic`)."""
    if not prepared.one(_ANYTHING, {})[0]:
        return 0
    done = 0
    while time.monotonic() < deadline:
        taken = step_batch() + turning.turn_batch()
        if not taken:
            break
        done += taken
    return done + turning.settle()


def step_batch() -> int:
    """One batch. What fails together is taken one by one: a run that can't be stepped waits
    alone, and says why."""
    try:
        with collecting.waits(numbers.BATCH.value * _OBJECTS), transaction.atomic():
            return _step(_claim(numbers.BATCH.value))
    except Exception as error:
        if isinstance(error, DatabaseError) and connection.needs_rollback:
            raise
        logger.exception("a batch of escalations failed; each is tried alone")
        return _singly()


def _due() -> QuerySet[Any]:
    return EscalationRun.objects.filter(status="running", next_at__lte=Now())


# Of runs and what they call for what a step says; the rest is read where somebody asks for it.
_NEEDED = (
    *("uid", "workspace_id", "incident_id", "ticket_id", "policy_id", "why", "reason", "also"),
    *("status", "step", "round", "next_at", "version"),
    *(
        f"incident__{name}"
        for name in ("uid", "workspace_id", "ref", "title", "severity", "status", "summary",
                     "symptoms")
    ),
    *(
        f"ticket__{name}"
        for name in ("uid", "workspace_id", "ref", "subject", "status", "priority", "category",
                     "acknowledged_at", "requester_id", "contact_id", "requester_name",
                     "requester_email")
    ),
)  # fmt: skip


def _claim(most: int, **only: Any) -> list[EscalationRun]:
    rows = _due().filter(**only).select_related("incident", "ticket").only(*_NEEDED)
    rows = rows.annotate(now=Now())
    rows = rows.select_for_update(of=("self",), skip_locked=True, no_key=True)
    return list(rows.order_by("next_at", "pk")[:most])


def _singly() -> int:
    done = 0
    for pk in _due().order_by("next_at", "pk").values_list("pk", flat=True)[: numbers.BATCH.value]:
        try:
            with transaction.atomic():
                done += _step(_claim(1, pk=pk))
        except Exception as error:
            logger.exception("escalation %s could not be stepped", pk)
            EscalationRun.objects.filter(pk=pk, status="running").update(
                next_at=Now() + timedelta(seconds=numbers.TROUBLE_S.value),
                trouble=leases.describe(error)[:300],
                version=F("version") + 1,
            )
    return done


def _step(runs: Sequence[EscalationRun]) -> int:
    if not runs:
        return 0
    now: datetime = runs[0].now  # type: ignore[attr-defined]
    known = ladders_of(run.policy_id for run in runs)
    finder = Finder.of(_asked(runs, known), now)
    already = _called_already([run for run in runs if run.also])
    turns = [take(run, known[run.policy_id], finder, now, already) for run in runs]
    calls.write([call for turn in turns for call in turn.calls], now)
    _say_missing(turns, now)
    _move(turns)
    for turn in turns:
        if turn.status != "running":
            _say_ended(turn)
    return len(turns)


def _asked(runs: Sequence[EscalationRun], known: dict[int, Ladder]) -> set[tuple[int, Target]]:
    """All their targets: a step behind which nobody stands leads to the next at once."""
    places = {(run.workspace_id, run.policy_id, run.step) for run in runs}
    asked = {
        (space, target)
        for space, policy, at in places
        for step in known[policy].steps[at:]
        for target in step.targets
    }
    asked |= {(run.workspace_id, Target.also(each)) for run in runs for each in run.also}
    return asked | {(space, _ADMINS) for space in {run.workspace_id for run in runs}}


def _called_already(runs: Sequence[EscalationRun]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    if runs:
        rows = Page.objects.filter(run__in=[run.pk for run in runs])
        for run_id, target in rows.values_list("run_id", "target"):
            found.setdefault(run_id, set()).add(target)
    return found


def take(
    run: EscalationRun,
    ladder: Ladder,
    finder: Finder,
    now: datetime,
    already: dict[int, set[str]] | None = None,
) -> Turn:
    """What is to be done for this run now, of what it is given. Writes nothing."""
    turn = Turn(run, step=run.step, round=run.round)
    if matters.of(run.matter).is_over(run.matter):
        turn.status, turn.why = "ended", "It is over."
        return turn
    if run.round > ladder.repeats:
        turn.status = "unanswered"
        turn.why = f"Nobody answered in {run.round} {'round' if run.round == 1 else 'rounds'}."
        return turn
    extra = [Target.also(each) for each in run.also]
    while True:
        at, round_ = turn.step, turn.round
        called = _who(turn, at, round_, ladder, extra, finder, already or {})
        extra = []
        turn.step += 1
        if turn.step >= len(ladder.steps):
            turn.step, turn.round = 0, round_ + 1
        if called or turn.round > round_:  # somebody is called, or a whole round found nobody
            break
    wait_s = ladder.steps[at].wait_s
    turn.next_at = next_due(run.next_at or now, wait_s, now)
    return turn


def next_due(due: datetime, wait_s: int, now: datetime) -> datetime:
    least = now + timedelta(seconds=min(wait_s, numbers.CATCH_UP_S.value))
    return max(due + timedelta(seconds=wait_s), least)


def _who(
    turn: Turn,
    at: int,
    round_: int,
    ladder: Ladder,
    extra: Sequence[Target],
    finder: Finder,
    already: dict[int, set[str]],
) -> bool:
    """Add the calls of one step; True where there is anybody."""
    run, space = turn.run, turn.run.workspace_id
    found: dict[str, Any] = {}
    for target in (*ladder.steps[at].targets, *extra):
        people = finder.find(space, target)
        if not people:
            turn.missing.append((at, round_, finder.missing(space, target)))
        for one in people:
            if target in extra and one.key in already.get(run.pk, ()):
                continue
            found.setdefault(one.key, one)
    if not found and at == len(ladder.steps) - 1:
        found = {one.key: one for one in finder.find(space, _ADMINS)}
    names = [one.name for one in found.values()]
    for key, one in found.items():
        others = tuple(name for other, name in zip(found, names, strict=True) if other != key)
        turn.calls.append(Call(run, at, round_, one, others[:10]))
    return bool(found)


def _say_missing(turns: Sequence[Turn], now: datetime) -> None:
    """A row for each target nobody stood behind: that nobody was called is kept like a call."""
    found = [(turn, *each) for turn in turns for each in turn.missing]
    pour(
        Page,
        [
            {
                "uid": uid,
                "workspace_id": turn.run.workspace_id,
                "run_id": turn.run.pk,
                "incident_id": turn.run.incident_id,
                "ticket_id": turn.run.ticket_id,
                "step": step,
                "round": round_,
                "target": f"nobody:{each.target.kind}:{each.target.ref}"[:80],
                "why": each.why[:300],
            }
            for uid, (turn, step, round_, each) in zip(uuid7_texts(len(found)), found, strict=True)
        ],
        same={"status": Page.Status.UNREACHED.value, "created_at": now},
        ignore=True,
    )


_MOVE = """
    UPDATE incidents_escalationrun AS run
    SET step = v.step, round = v.round, next_at = v.next_at, status = v.status,
        ended_at = CASE WHEN v.status = 'running' THEN NULL ELSE statement_timestamp() END,
        ended_why = v.why, also = '{}', trouble = '', version = run.version + 1
    FROM unnest(%(ids)s::bigint[], %(steps)s::smallint[], %(rounds)s::smallint[],
                %(nexts)s::timestamptz[], %(states)s::text[], %(whys)s::text[])
         AS v (id, step, round, next_at, status, why)
    WHERE run.id = v.id
"""


def _move(turns: Sequence[Turn]) -> None:
    prepared.rows(
        _MOVE,
        {
            "ids": [turn.run.pk for turn in turns],
            "steps": [turn.step for turn in turns],
            "rounds": [turn.round for turn in turns],
            "nexts": [turn.next_at if turn.status == "running" else None for turn in turns],
            "states": [turn.status for turn in turns],
            "whys": [turn.why[:300] for turn in turns],
        },
    )


def _say_ended(turn: Turn) -> None:
    """Nobody answered: that stands in the log, and whoever keeps the workspace is told."""
    if turn.status != "unanswered":
        return
    run, row = turn.run, turn.run.matter
    record(PORTAL, "paging.unanswered", row, reason=turn.why, after={"run": str(run.uid)})
    notify(
        workspace_id=run.workspace_id,
        kind=UNANSWERED,
        to=To(roles=[_ADMINS.ref], channels=None),
        key=f"{UNANSWERED}:{run.uid}",
        values={"ref": row.ref, "title": row.title, "why": turn.why},
        urgency=matters.of(row).urgency(row),
        link=links.page_of(row),
        about=subject_ref(row),
    )


engine.module("escalation", work, order=15)
